//! How blocks are given up: by range, by owner, by pool, one by one.
//!
//! **Invariant:** a block goes together with its owner's affinity (p4), guarded by both (X19, X20), and what the
//! former owner still holds in it is indexed in the same transaction.

mod batch;
mod targets;

use crate::blocks::{BlockCidr, Cidr};
use crate::ids::{NodeName, Owner};
use crate::plan::{Context, CorruptRecord, MOST_WANTS, Plan, Step, Stop, View};
use batch::Batch;

/// Which affinities are given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of an owner inside a CIDR: Calico's `ReleaseAffinity`.
    Range(Cidr, Owner),
    /// That of a block's owner, whoever it is: Calico's `ReleaseBlockAffinity`.
    Block(BlockCidr),
    /// All of an owner: Calico's `ReleaseHostAffinities`.
    Owner(Owner),
    /// Those of all nodes inside a CIDR, never of virtual owners: Calico's `ReleasePoolAffinities`.
    Nodes(Cidr),
    /// Everything inside a CIDR, also of virtual owners and blocks of nobody: what deleting a pool needs.
    Inside(Cidr),
    /// Those of a node in enabled pools of which none selects it any more.
    Deselected(NodeName),
    /// These, where they still are as they were seen.
    Surplus(Vec<Surplus>),
}

/// An empty block that its owner can do without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Surplus {
    /// The owner.
    pub owner: Owner,
    /// The block.
    pub block: BlockCidr,
    /// Its generation: a block that was written since is not given up.
    pub sequence: u64,
}

/// What becomes of a block in which addresses are held or cooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// It stays as it is, and is reported.
    Keep,
    /// It becomes a block of nobody. Its addresses stay held.
    Disown,
}

/// A request to give up blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surrender {
    /// Which.
    pub which: Which,
    /// What becomes of those in use.
    pub in_use: InUse,
}

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surrendered {
    /// Empty blocks, which are gone.
    pub deleted: Vec<BlockCidr>,
    /// Blocks in use, which are nobody's now.
    pub disowned: Vec<BlockCidr>,
    /// Affinities whose block was absent or another's.
    pub dropped: Vec<(Owner, BlockCidr)>,
    /// Blocks in use that were kept.
    pub kept: Vec<BlockCidr>,
    /// Records that do not parse, and were left.
    pub corrupt: Vec<CorruptRecord>,
}

impl Surrendered {
    /// Returns what several transactions of one request did. Only the last one tells what was left.
    pub fn all(parts: Vec<Surrendered>) -> Surrendered {
        let mut all = Surrendered::default();
        for part in parts {
            all.deleted.extend(part.deleted);
            all.disowned.extend(part.disowned);
            all.dropped.extend(part.dropped);
            all.kept = part.kept;
            all.corrupt = part.corrupt;
        }
        all
    }

    /// Returns whether nothing was given up.
    pub const fn is_nothing(&self) -> bool {
        self.deleted.is_empty() && self.disowned.is_empty() && self.dropped.is_empty()
    }
}

/// Decides about giving up blocks, as many as one transaction takes:
///
/// 1. an empty block is deleted; Windows slots do not count, cooling addresses do;
/// 2. a block in use becomes nobody's, or is kept and reported, as the request says;
/// 3. the affinity goes with it; one whose block is absent, another's or nobody's is dropped alone;
/// 4. where the former owner holds addresses in it, they are indexed as borrowed.
///
/// A record that does not parse is left and reported, and never hides the others.
pub fn decide_surrender(view: &View, request: &Surrender, context: Context) -> Step<Surrendered> {
    Step::from(decide(view, request, context))
}

fn decide(view: &View, request: &Surrender, context: Context) -> Result<Step<Surrendered>, Stop> {
    let targets = targets::targets(view, &request.which)?;
    let mut batch = Batch::new(view, request, context)?;
    batch.outcome.corrupt = targets.corrupt;
    let mut unread = Vec::new();
    let mut more = false;
    for (block, owners) in targets.blocks {
        if batch.is_full() {
            more = true;
            break;
        }
        if MOST_WANTS <= unread.len() {
            break;
        }
        match batch.add(block, &owners) {
            Ok(()) => {}
            Err(Stop::Read(wants)) => unread.extend(wants),
            Err(refused @ Stop::Refuse(_)) => return Err(refused),
        }
    }
    if !unread.is_empty() && !more {
        unread.truncate(MOST_WANTS);
        return Err(Stop::Read(unread));
    }
    Ok(if batch.changes.is_empty() {
        Step::Done(batch.outcome)
    } else {
        Step::Commit(Plan {
            guards: batch.guards,
            changes: batch.changes,
            outcome: batch.outcome,
            more,
        })
    })
}

#[cfg(test)]
mod tests;
