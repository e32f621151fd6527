//! Repairs: what sets a finding right, and the decisions about it, made again from a fresh look.
//!
//! **Invariant:** a repair changes nothing that a request relies on without its guard failing, and takes nothing from
//! anybody: what it deletes holds nothing.

use std::collections::BTreeSet;

use crate::assign::held::NODE;
use crate::assign::surroundings::config_of;
use crate::blocks::{Block, BlockCidr, BlockFault, Cooldown};
use crate::ids::{NodeName, Owner, OwnerKind};
use crate::plan::{Change, Context, Guard, Plan, RecordId, Recorded, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::report::finding::{Finding, FindingKind, Subject};

/// Something to set right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The finding that asks for it.
    pub why: Finding,
    /// What to do.
    pub kind: RepairKind,
}

/// What a repair does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairKind {
    /// Deletes a block that has no owner and holds nothing.
    DeleteBlock(BlockCidr),
    /// Writes a block anew as it was understood: its queue by its allocations, without what nothing points at.
    RewriteBlock(BlockCidr),
    /// Makes our index say whether a node borrows from a block.
    IndexBorrowing(NodeName, BlockCidr),
}

/// What became of a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The records are set right.
    Done,
    /// There was nothing to set right any more.
    NotNeeded,
}

/// Returns the repairs that these findings ask for, each once.
pub fn repairs<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Repair> {
    let mut kinds = BTreeSet::new();
    let asked = findings
        .into_iter()
        .filter_map(|finding| Some((finding, repair_of(finding)?)));
    asked
        .filter(|(_, kind)| kinds.insert(kind.clone()))
        .map(|(finding, kind)| Repair {
            why: finding.clone(),
            kind,
        })
        .collect()
}

fn repair_of(finding: &Finding) -> Option<RepairKind> {
    let Subject::Record(record) = &finding.subject else {
        return None;
    };
    match (&finding.kind, record) {
        (FindingKind::OwnerlessEmpty, RecordId::Block(block)) => {
            Some(RepairKind::DeleteBlock(*block))
        }
        (FindingKind::Structure(fault), RecordId::Block(block)) if is_set_right(fault) => {
            Some(RepairKind::RewriteBlock(*block))
        }
        (
            FindingKind::BorrowingNotIndexed | FindingKind::BorrowingStale,
            RecordId::Borrowed(node, block),
        ) => Some(RepairKind::IndexBorrowing(node.clone(), *block)),
        _ => None,
    }
}

/// Returns whether a write of the block ends the fault.
const fn is_set_right(fault: &BlockFault) -> bool {
    !matches!(
        fault,
        BlockFault::Length { .. }
            | BlockFault::NoSuchAttribute { .. }
            | BlockFault::ReleasedInFuture { .. }
    )
}

/// Decides about a repair.
pub fn decide_repair(view: &View, repair: &RepairKind, context: Context) -> Step<Outcome> {
    Step::from(match repair {
        RepairKind::DeleteBlock(block) => delete_block(view, *block, context),
        RepairKind::RewriteBlock(block) => rewrite_block(view, *block, context),
        RepairKind::IndexBorrowing(node, block) => index_borrowing(view, node, *block),
    })
}

/// Cooling addresses keep a block until they have cooled.
fn delete_block(view: &View, cidr: BlockCidr, context: Context) -> Result<Step<Outcome>, Stop> {
    let Some((record, block)) = normalised(view, cidr, context)? else {
        return Ok(Step::Done(Outcome::NotNeeded));
    };
    if block.owner().is_some() || !block.is_empty() {
        return Ok(Step::Done(Outcome::NotNeeded));
    }
    let at = Guard::At(RecordId::Block(cidr), record.revision);
    Ok(commit(vec![at], Change::DeleteBlock(cidr)))
}

fn rewrite_block(view: &View, cidr: BlockCidr, context: Context) -> Result<Step<Outcome>, Stop> {
    let Some((record, mut block)) = normalised(view, cidr, context)? else {
        return Ok(Step::Done(Outcome::NotNeeded));
    };
    if !record.value.faults_at(context.now).iter().any(is_set_right) {
        return Ok(Step::Done(Outcome::NotNeeded));
    }
    block.bump();
    let at = Guard::At(RecordId::Block(cidr), record.revision);
    Ok(commit(vec![at], Change::PutBlock(block)))
}

fn normalised(
    view: &View,
    cidr: BlockCidr,
    context: Context,
) -> Result<Option<(&Recorded<Block>, Block)>, Stop> {
    let config = RecordId::Config;
    let (Ok(seen), Ok(configured)) = (view.block(cidr), view.config()) else {
        let records = [RecordId::Block(cidr), config];
        return Err(Stop::Read(records.map(Want::Record).to_vec()));
    };
    let Some(record) = readable(seen)? else {
        return Ok(None);
    };
    let mut block = record.value.clone();
    let cooldown = Cooldown::from_seconds(config_of(configured).cooldown_seconds);
    block.normalise(context.now, cooldown);
    Ok(Some((record, block)))
}

fn index_borrowing(view: &View, node: &NodeName, cidr: BlockCidr) -> Result<Step<Outcome>, Stop> {
    let id = RecordId::Borrowed(node.clone(), cidr);
    let indexed = view.borrowed.get(&(node.clone(), cidr));
    let (Ok(seen), Some(indexed)) = (view.block(cidr), indexed) else {
        let records = [RecordId::Block(cidr), id];
        return Err(Stop::Read(records.map(Want::Record).to_vec()));
    };
    let held = readable(seen)?.map_or(Held::Nothing, |record| held(&record.value, node));
    let change = match (held, indexed) {
        (Held::Something, Seen::Absent) => Change::PutBorrowed(node.clone(), cidr),
        (Held::Nothing, Seen::Present(_) | Seen::Corrupt(_)) => {
            Change::DeleteBorrowed(node.clone(), cidr)
        }
        _ => return Ok(Step::Done(Outcome::NotNeeded)),
    };
    let block = RecordId::Block(cidr).unchanged(seen);
    Ok(commit(vec![block, id.unchanged(indexed)], change))
}

/// What a node has in a block that is not its own.
enum Held {
    Nothing,
    Something,
    /// Somebody who does not say on which node holds an address: it may be this one.
    Unknown,
}

fn held(block: &Block, node: &NodeName) -> Held {
    let is_own = block.owner() == Some(&Owner::host(node));
    let is_virtual = block
        .owner()
        .is_some_and(|owner| owner.kind == OwnerKind::Virtual);
    if is_own || is_virtual {
        return Held::Nothing;
    }
    let entries = block
        .entries()
        .filter(|entry| !entry.attribute.is_reserved_slot());
    let nodes: Vec<Option<&String>> = entries
        .map(|entry| entry.attribute.secondary.get(NODE))
        .collect();
    if nodes.iter().flatten().any(|own| *own == node.as_str()) {
        Held::Something
    } else if nodes.iter().any(Option::is_none) {
        Held::Unknown
    } else {
        Held::Nothing
    }
}

fn readable(seen: &Seen<Block>) -> Result<Option<&Recorded<Block>>, Stop> {
    match seen {
        Seen::Corrupt(record) => Err(Refusal::Corrupt(vec![record.clone()]).into()),
        Seen::Present(record) => Ok(Some(record)),
        Seen::Absent => Ok(None),
    }
}

fn commit(guards: Vec<Guard>, change: Change) -> Step<Outcome> {
    Step::Commit(Plan {
        guards,
        changes: vec![change],
        outcome: Outcome::Done,
        more: false,
    })
}
