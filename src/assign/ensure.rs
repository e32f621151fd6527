//! Making sure that a node has a block, without taking an address: Calico's `EnsureBlock`.
//!
//! What Windows nodes do before their first container. The limit of blocks does not apply, as for Calico.

use crate::affinity::{own, reclaim};
use crate::assign::decide::without_repetition;
use crate::assign::gather::{Gathered, Gatherer, Pick, at};
use crate::assign::shortage::{Limit, shortage};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Shortage, Wanted};
use crate::blocks::{Block, BlockCidr};
use crate::ids::NodeName;
use crate::plan::{Change, Context, Guard, Plan, RecordId, Recorded, Step, Stop, View};
use crate::resources::Use;

/// A request that a node has a block of a family. Counts of what is wanted have no meaning here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsureBlock {
    /// The node.
    pub node: NodeName,
    /// From which pools, and with which reserved slots, a block of IPv4 comes; `None` for no block.
    pub v4: Option<Wanted>,
    /// The same for IPv6.
    pub v6: Option<Wanted>,
}

impl EnsureBlock {
    fn as_request(&self) -> Assign {
        let wanted = |wanted: &Option<Wanted>| {
            wanted
                .as_ref()
                .map_or_else(Wanted::default, |wanted| Wanted {
                    count: 1,
                    ..wanted.clone()
                })
        };
        Assign {
            handle: None,
            interface: None,
            node: self.node.clone(),
            attributes: std::collections::BTreeMap::new(),
            v4: wanted(&self.v4),
            v6: wanted(&self.v6),
            purpose: Use::Workload,
            namespace: None,
            shortage: Shortage::Refuse,
            max_blocks: usize::MAX,
            max_per_handle: 0,
        }
    }
}

/// The blocks that a node has, IPv4 first.
pub type Ensured = Vec<BlockCidr>;

/// Decides about a block for a node, for each family that is asked for:
///
/// 1. the first own block in an admitted pool that is not reserved as a whole, full or not; where its affinity is not
///    confirmed, it is confirmed and the block rewritten (X22);
/// 2. else a block is claimed, else an empty one of another node is taken over, with the guards of an assignment.
pub fn decide_ensure_block(view: &View, request: &EnsureBlock, context: Context) -> Step<Ensured> {
    Step::from(decide(view, &request.as_request(), context))
}

fn decide(view: &View, request: &Assign, context: Context) -> Result<Step<Ensured>, Stop> {
    if request.families().next().is_none() {
        return Ok(Step::Done(Ensured::new()));
    }
    let surroundings = Surroundings::see(view, request)?;
    let mut plan = Plan {
        guards: Vec::new(),
        changes: Vec::new(),
        outcome: Ensured::new(),
        more: false,
    };
    for family in request.families() {
        let admission = surroundings.admit(request, family)?;
        let gatherer = Gatherer {
            surroundings: &surroundings,
            request,
            family,
            admission: &admission,
            wanted: 1,
            pick: Pick::Next,
            known: &[],
            context,
        };
        let block = match gatherer.own_block(&mut plan)? {
            Some(block) => block,
            None => gatherer.another_block(&mut plan)?,
        };
        plan.outcome.push(block);
    }
    if plan.changes.is_empty() {
        return Ok(Step::Done(plan.outcome));
    }
    plan.guards = without_repetition(plan.guards);
    Ok(Step::Commit(plan))
}

impl Gatherer<'_> {
    fn own_block(&self, plan: &mut Plan<Ensured>) -> Result<Option<BlockCidr>, Stop> {
        let surroundings = self.surroundings;
        let (view, owner) = (surroundings.view, &surroundings.owner);
        let mut blocks = own::usable_blocks(view, owner, self.family, &self.admission.pools)?;
        blocks.retain(|block| !surroundings.reserved.covers(block.cidr()));
        for cidr in &blocks {
            let Some(seen) = view.blocks.get(cidr) else {
                return Err(Stop::Read(own::next_to_read(view, &blocks)));
            };
            if let Some(record) = own::owned(seen, owner) {
                let (affinity, confirm) = own::confirmed(view, owner, *cidr)?;
                if let Some(confirm) = confirm {
                    let mut same = record.value.clone();
                    same.bump();
                    plan.guards.extend([at(record), affinity]);
                    plan.changes.extend([confirm, Change::PutBlock(same)]);
                }
                return Ok(Some(*cidr));
            }
        }
        Ok(None)
    }

    fn another_block(&self, plan: &mut Plan<Ensured>) -> Result<BlockCidr, Stop> {
        let surroundings = self.surroundings;
        let limit = if surroundings.config.auto_allocate_blocks {
            Limit::None
        } else {
            Limit::NoAutoAllocation
        };
        let mut gathered = Gathered::default();
        let new = match self.candidate(&gathered, limit)? {
            Some(candidate) => {
                self.guard_new(&mut gathered, candidate)?;
                Some(self.new_block(candidate.block))
            }
            None if limit == Limit::None => self.empty_block(&mut gathered)?,
            None => None,
        };
        let Some(block) = new else {
            return Err(shortage(self, &gathered, limit).into());
        };
        let cidr = block.cidr();
        self.own(&mut gathered, cidr)?;
        let pool = own::pool_of(&self.admission.pools, cidr).expect("the block is in a pool");
        let pool = Guard::At(RecordId::Pool(pool.name.clone()), pool.revision);
        plan.guards.push(pool);
        plan.guards.extend(gathered.guards);
        plan.changes.extend(gathered.changes);
        plan.changes.push(Change::PutBlock(block));
        Ok(cidr)
    }

    fn empty_block(&self, gathered: &mut Gathered) -> Result<Option<Block>, Stop> {
        let owner = &self.surroundings.owner;
        let cooldown = self.surroundings.cooldown();
        let take = |record: &Recorded<Block>| {
            let mut block = reclaim::taken_over(&record.value, owner, self.context, cooldown)?;
            if let Some(slots) = &self.request.wanted(self.family).reserved_slots {
                block.reserve(slots);
            }
            block.bump();
            Some(block)
        };
        let found = self
            .foreign(gathered)
            .find_map(|record| Some((record.clone(), take(record)?)));
        let Some((record, block)) = found else {
            return self.next_page().map_or(Ok(None), Err);
        };
        let former = reclaim::without_former_owner(self.surroundings.view, &record.value)?;
        gathered.guards.push(at(&record));
        if let Some((guard, delete)) = former {
            gathered.guards.push(guard);
            gathered.changes.extend(delete);
        }
        Ok(Some(block))
    }
}
