//! Setting the counts of a handle to the truth.
//!
//! **Invariant:** only for a handle that stood for [`MIN_COUNT_AGE`] (X24), and where a count goes down the block is
//! rewritten (X23): between Calico's two writes a count is one too high by right.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::affinity::repair::{Repaired, Standing};
use crate::assign::Handle;
use crate::blocks::{Block, BlockCidr};
use crate::ids::HandleId;
use crate::plan::{
    Change, Context, Guard, MOST_WANTS, Plan, RecordId, Seen, Step, Stop, View, Want,
};
use crate::refusal::Refusal;

/// How long a handle stands unchanged before its counts are lowered: longer than a request of Calico can live (90 s
/// and 30 s of clean-up), with a margin for clocks.
pub const MIN_COUNT_AGE: Duration = Duration::from_secs(15 * 60);
/// Most blocks that one repair sets right; the rest waits until the handle has stood again.
const BLOCKS_PER_TXN: usize = 32;

/// A request to set the counts of a handle right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairCounts {
    /// The handle.
    pub handle: HandleId,
    /// What the caller saw of it before; `None` where it did not exist.
    pub standing: Option<Standing>,
    /// Blocks that are known to have entries of it, whether or not it names them.
    pub blocks: BTreeSet<BlockCidr>,
}

/// Decides about the counts of a handle:
///
/// 1. each block that the handle names, and each of the request, is looked at;
/// 2. a count below the entries is raised at any age, for a release by handle would miss them;
/// 3. a count above them is lowered at [`MIN_COUNT_AGE`], and its block rewritten;
/// 4. a handle that counts nothing any more is deleted.
pub fn decide_repair_counts(view: &View, request: &RepairCounts, _: Context) -> Step<Repaired> {
    Step::from(decide(view, request))
}

fn decide(view: &View, request: &RepairCounts) -> Result<Step<Repaired>, Stop> {
    let id = &request.handle;
    let seen = view.handle(id)?;
    if let Seen::Corrupt(record) = seen {
        return Err(Refusal::Corrupt(vec![record.clone()]).into());
    }
    let mut repair = Repair::new(view, request, seen);
    for block in named(view, request, seen)? {
        repair.count(block)?;
    }
    Ok(repair.step(seen))
}

/// Returns the blocks to look at.
fn named(
    view: &View,
    request: &RepairCounts,
    seen: &Seen<Handle>,
) -> Result<BTreeSet<BlockCidr>, Stop> {
    let mut unread: BTreeSet<BlockCidr> = view.unseen_of(seen).collect();
    let given = request.blocks.iter().copied();
    unread.extend(given.filter(|block| !view.blocks.contains_key(block)));
    if !unread.is_empty() {
        let wants = unread.into_iter().take(MOST_WANTS);
        let wants = wants.map(|block| Want::Record(RecordId::Block(block)));
        return Err(Stop::Read(wants.collect()));
    }
    let mut blocks = request.blocks.clone();
    blocks.extend(
        seen.present()
            .iter()
            .flat_map(|record| record.value.blocks()),
    );
    Ok(blocks)
}

/// A repair that is being put together.
struct Repair<'a> {
    view: &'a View,
    id: &'a HandleId,
    before: Handle,
    handle: Handle,
    has_stood: bool,
    is_too_young: bool,
    guards: Vec<Guard>,
    rewritten: Vec<Change>,
}

impl<'a> Repair<'a> {
    fn new(view: &'a View, request: &'a RepairCounts, seen: &Seen<Handle>) -> Repair<'a> {
        let record = seen.present();
        let standing = request.standing;
        let before = record.map_or_else(Handle::default, |record| record.value.clone());
        Repair {
            view,
            id: &request.handle,
            handle: before.clone(),
            before,
            has_stood: record
                .zip(standing)
                .is_some_and(|(record, seen)| seen.has_stood(record.revision, MIN_COUNT_AGE)),
            is_too_young: false,
            guards: Vec::new(),
            rewritten: Vec::new(),
        }
    }

    fn count(&mut self, block: BlockCidr) -> Result<(), Stop> {
        let seen = self.view.block(block)?;
        let entries = match seen {
            Seen::Corrupt(record) => return Err(Refusal::Corrupt(vec![record.clone()]).into()),
            Seen::Absent => 0,
            Seen::Present(record) => record.value.entries_of(self.id).count() as u64,
        };
        let count = self.before.count(block);
        if count == entries {
            return Ok(());
        }
        if entries < count && !self.has_stood {
            self.is_too_young = true;
            return Ok(());
        }
        if BLOCKS_PER_TXN <= self.guards.len() {
            return Ok(());
        }
        self.guards.push(RecordId::Block(block).unchanged(seen));
        if count < entries {
            self.handle.raise(block, entries, 0);
        } else {
            self.handle.lower(block, count - entries);
            self.rewrite(seen);
        }
        Ok(())
    }

    fn rewrite(&mut self, seen: &Seen<Block>) {
        if let Some(record) = seen.present() {
            let mut same = record.value.clone();
            same.bump();
            self.rewritten.push(Change::PutBlock(same));
        }
    }

    fn step(mut self, seen: &Seen<Handle>) -> Step<Repaired> {
        let is_idle = self.has_stood && self.handle.counts.is_empty();
        if self.handle == self.before && !is_idle {
            return Step::Done(if self.is_too_young {
                Repaired::TooYoung
            } else {
                Repaired::NotNeeded
            });
        }
        let handle = RecordId::Handle(self.id.clone());
        self.guards.push(handle.unchanged(seen));
        let change = if self.handle.counts.is_empty() {
            Change::DeleteHandle(self.id.clone())
        } else {
            Change::PutHandle(self.id.clone(), self.handle)
        };
        self.rewritten.insert(0, change);
        Step::Commit(Plan {
            guards: self.guards,
            changes: self.rewritten,
            outcome: Repaired::Done,
            more: false,
        })
    }
}
