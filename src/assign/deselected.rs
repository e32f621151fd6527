//! Empty blocks in pools that no longer select their node: they go with the node's next claim.
//!
//! Calico looks for them at each assignment. Here they cost a request nothing that finds room in a block of its node.

use crate::affinity::admit::is_deselected;
use crate::affinity::own;
use crate::assign::decide::Part;
use crate::assign::gather::at;
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Grant};
use crate::blocks::BlockCidr;
use crate::ids::OwnerKind;
use crate::plan::{Change, Context, Plan, RecordId, Recorded, Seen, Stop};
use crate::refusal::Refusal;

/// Most blocks that one transaction gives up. Each brings two guards.
const MOST: usize = 45;

/// Returns whether a request takes a block for its node, or would if it might.
pub(super) fn wants_a_block(parts: &Result<Vec<Part>, Stop>) -> bool {
    let is_new = |change: &Change| matches!(change, Change::PutAffinity(..));
    match parts {
        Ok(parts) => parts.iter().any(|part| {
            part.gathered.shortage.is_some() || part.gathered.changes.iter().any(is_new)
        }),
        Err(Stop::Refuse(Refusal::BlockLimit { .. } | Refusal::Exhausted { .. })) => true,
        Err(Stop::Refuse(_) | Stop::Read(_)) => false,
    }
}

/// Returns the transaction that gives up the node's empty blocks in pools that no longer select it; `None` if there are
/// none. It is legal by itself, and the request goes on after it, with so many blocks less to its limit.
///
/// # Errors
/// [`Stop::Read`] where none of these blocks was read yet. They are looked at once, as many as a read brings.
pub(super) fn given_up(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    context: Context,
) -> Result<Option<Plan<Grant>>, Stop> {
    let view = surroundings.view;
    let blocks = deselected(surroundings, request)?;
    if !blocks.is_empty() && !blocks.iter().any(|block| view.blocks.contains_key(block)) {
        return Err(Stop::Read(own::next_to_read(view, &blocks)));
    }
    let mut plan = Plan {
        guards: Vec::new(),
        changes: Vec::new(),
        outcome: Grant::default(),
        more: true,
    };
    let read = blocks.iter().filter_map(|block| view.blocks.get(block));
    let own = read.filter_map(|seen| own::owned(seen, &surroundings.owner));
    let empty = own.filter(|record| is_empty(surroundings, record, context));
    for record in empty.take(MOST) {
        let cidr = record.value.cidr();
        let affinity = view.affinity(&surroundings.owner, cidr)?;
        let id = RecordId::Affinity(surroundings.owner.clone(), cidr);
        plan.guards.extend([at(record), id.unchanged(&affinity)]);
        plan.changes.push(Change::DeleteBlock(cidr));
        let delete = Change::DeleteAffinity(surroundings.owner.clone(), cidr);
        plan.changes.push(delete);
    }
    Ok((!plan.changes.is_empty()).then_some(plan))
}

/// A node whose record does not parse keeps what it has.
fn deselected(surroundings: &Surroundings<'_>, request: &Assign) -> Result<Vec<BlockCidr>, Stop> {
    let labels = match surroundings.node {
        Seen::Present(node) => node.value.metadata.labels.clone(),
        Seen::Absent => std::collections::BTreeMap::new(),
        Seen::Corrupt(_) => return Ok(Vec::new()),
    };
    if surroundings.owner.kind != OwnerKind::Host {
        return Ok(Vec::new());
    }
    let mut blocks = Vec::new();
    for family in request.families() {
        let affinities = surroundings.view.affinities(&surroundings.owner, family)?;
        let own = affinities.records.keys().copied();
        blocks.extend(own.filter(|block| {
            let pools = surroundings.pools.records.values().map(|pool| &pool.value);
            is_deselected(pools, *block, &labels)
        }));
    }
    Ok(blocks)
}

fn is_empty(
    surroundings: &Surroundings<'_>,
    record: &Recorded<crate::blocks::Block>,
    context: Context,
) -> bool {
    let mut block = record.value.clone();
    block.normalise(context.now, surroundings.cooldown());
    block.is_empty()
}
