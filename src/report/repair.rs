//! Repairs: what sets a finding right, and the decisions about it, made again from a fresh look.
//!
//! What may be the half step of a request under way is set right only where it stood unchanged for a time: two looks tell.
//!
//! **Invariant:** a repair changes nothing that a request relies on without its guard failing, and takes nothing from
//! anybody: what it deletes holds nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::affinity::repair::{Repaired, Standing, decide_confirm, decide_drop};
use crate::assign::held::NODE;
use crate::assign::repair_handle::{RepairCounts, decide_repair_counts};
use crate::assign::surroundings::cooldown_of;
use crate::blocks::{Block, BlockCidr, BlockFault};
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner, OwnerKind};
use crate::plan::{Change, Context, Guard, Plan, RecordId, Recorded, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::report::finding::{Finding, FindingKind, Subject};
use crate::revision::Revision;

/// Something to set right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The finding that asks for it.
    pub why: Finding,
    /// What to do.
    pub kind: RepairKind,
}

/// What a repair does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairKind {
    /// Confirms the affinity of a block to its owner.
    ConfirmAffinity(Owner, BlockCidr),
    /// Drops an affinity whose block is absent or another's.
    DropAffinity(Owner, BlockCidr, Option<Standing>),
    /// Sets the counts of a handle to what it holds, and deletes one that holds nothing.
    SetCounts(RepairCounts),
    /// Deletes a block that has no owner and holds nothing.
    DeleteBlock(BlockCidr),
    /// Writes a block anew as it was understood: its queue by its allocations, without what nothing points at.
    RewriteBlock(BlockCidr),
    /// Makes our index say whether a node borrows from a block.
    IndexBorrowing(NodeName, BlockCidr),
}

/// What earlier looks saw, and when for the first time. One that is lost costs time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looks(BTreeMap<Subject, (Revision, Timestamp)>);

impl Looks {
    /// Returns what is known after a look that found this: of each record that was found before, and did not change since,
    /// when it was found first.
    #[must_use]
    pub fn and(&self, findings: &[Finding], now: Timestamp) -> Looks {
        let seen = findings.iter().filter_map(|finding| {
            let revision = finding.revision?;
            let before = self.0.get(&finding.subject);
            let since = before
                .filter(|(before, _)| *before == revision)
                .map_or(now, |(_, since)| *since);
            Some((finding.subject.clone(), (revision, since)))
        });
        Looks(seen.collect())
    }

    fn standing(&self, subject: &Subject, now: Timestamp) -> Option<Standing> {
        let (revision, since) = self.0.get(subject)?;
        Some(Standing {
            revision: *revision,
            unchanged_for: now.since(*since),
        })
    }
}

/// Returns the repairs that these findings ask for, given what earlier looks saw. Each record is set right by one.
pub fn repairs(findings: &[Finding], looks: &Looks, now: Timestamp) -> Vec<Repair> {
    let mut repairs: Vec<Repair> = Vec::new();
    let mut places: BTreeMap<&Subject, usize> = BTreeMap::new();
    for finding in findings {
        let standing = looks.standing(&finding.subject, now);
        let Some(kind) = repair_of(finding, standing) else {
            continue;
        };
        match places.get(&finding.subject) {
            Some(place) => join(&mut repairs[*place].kind, kind),
            None => {
                places.insert(&finding.subject, repairs.len());
                let why = finding.clone();
                repairs.push(Repair { why, kind });
            }
        }
    }
    repairs
}

/// The counts of a handle are set right in all its blocks at once; other repairs of one record come one by one.
fn join(repair: &mut RepairKind, other: RepairKind) {
    if let (RepairKind::SetCounts(own), RepairKind::SetCounts(other)) = (repair, other) {
        own.blocks.extend(other.blocks);
    }
}

fn repair_of(finding: &Finding, standing: Option<Standing>) -> Option<RepairKind> {
    let Subject::Record(record) = &finding.subject else {
        return None;
    };
    match (&finding.kind, record) {
        (FindingKind::OwnerlessEmpty, RecordId::Block(block)) => {
            Some(RepairKind::DeleteBlock(*block))
        }
        (FindingKind::OwnerWithoutAffinity(owner), RecordId::Block(block)) => {
            Some(RepairKind::ConfirmAffinity(owner.clone(), *block))
        }
        (FindingKind::Structure(fault), RecordId::Block(block)) if is_set_right(fault) => {
            Some(RepairKind::RewriteBlock(*block))
        }
        (kind, RecordId::Affinity(owner, block)) => of_affinity(kind, owner, *block, standing),
        (kind, RecordId::Handle(handle)) => of_handle(kind, handle, standing),
        (
            FindingKind::BorrowingNotIndexed | FindingKind::BorrowingStale,
            RecordId::Borrowed(node, block),
        ) => Some(RepairKind::IndexBorrowing(node.clone(), *block)),
        _ => None,
    }
}

fn of_affinity(
    kind: &FindingKind,
    owner: &Owner,
    block: BlockCidr,
    standing: Option<Standing>,
) -> Option<RepairKind> {
    match kind {
        FindingKind::AffinityHalfDone(_) => Some(RepairKind::ConfirmAffinity(owner.clone(), block)),
        FindingKind::AffinityWithoutBlock(_)
        | FindingKind::AffinityOfOtherSize { .. }
        | FindingKind::AffinityOfOther { .. } => {
            Some(RepairKind::DropAffinity(owner.clone(), block, standing))
        }
        _ => None,
    }
}

fn of_handle(
    kind: &FindingKind,
    handle: &HandleId,
    standing: Option<Standing>,
) -> Option<RepairKind> {
    let blocks = match kind {
        FindingKind::CountTooLow { block, .. }
        | FindingKind::EntriesWithoutHandle { block, .. } => BTreeSet::from([*block]),
        FindingKind::CountTooHigh { .. } | FindingKind::HandleHoldsNothing { .. } => {
            BTreeSet::new()
        }
        _ => return None,
    };
    Some(RepairKind::SetCounts(RepairCounts {
        handle: handle.clone(),
        standing,
        blocks,
    }))
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
pub fn decide_repair(view: &View, repair: &RepairKind, context: Context) -> Step<Repaired> {
    Step::from(match repair {
        RepairKind::ConfirmAffinity(owner, block) => return decide_confirm(view, owner, *block),
        RepairKind::DropAffinity(owner, block, standing) => {
            return decide_drop(view, owner, *block, *standing);
        }
        RepairKind::SetCounts(request) => return decide_repair_counts(view, request, context),
        RepairKind::DeleteBlock(block) => delete_block(view, *block, context),
        RepairKind::RewriteBlock(block) => rewrite_block(view, *block, context),
        RepairKind::IndexBorrowing(node, block) => index_borrowing(view, node, *block),
    })
}

/// Cooling addresses keep a block until they have cooled.
fn delete_block(view: &View, cidr: BlockCidr, context: Context) -> Result<Step<Repaired>, Stop> {
    let Some((record, block)) = normalised(view, cidr, context)? else {
        return Ok(Step::Done(Repaired::NotNeeded));
    };
    if block.owner().is_some() || !block.is_empty() {
        return Ok(Step::Done(Repaired::NotNeeded));
    }
    let at = Guard::At(RecordId::Block(cidr), record.revision);
    Ok(commit(vec![at], Change::DeleteBlock(cidr)))
}

fn rewrite_block(view: &View, cidr: BlockCidr, context: Context) -> Result<Step<Repaired>, Stop> {
    let Some((record, mut block)) = normalised(view, cidr, context)? else {
        return Ok(Step::Done(Repaired::NotNeeded));
    };
    if !record.value.faults_at(context.now).iter().any(is_set_right) {
        return Ok(Step::Done(Repaired::NotNeeded));
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
    block.normalise(context.now, cooldown_of(configured));
    Ok(Some((record, block)))
}

fn index_borrowing(view: &View, node: &NodeName, cidr: BlockCidr) -> Result<Step<Repaired>, Stop> {
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
        _ => return Ok(Step::Done(Repaired::NotNeeded)),
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

fn commit(guards: Vec<Guard>, change: Change) -> Step<Repaired> {
    Step::Commit(Plan {
        guards,
        changes: vec![change],
        outcome: Repaired::Done,
        more: false,
    })
}
