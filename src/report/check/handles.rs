//! What handles count against what blocks say: a table of hashes, for the names of a million handles are too many to keep.
//!
//! An entry that no handle counts is left in the table; a second look at the blocks finds its name.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Check;
use crate::assign::Handle;
use crate::blocks::{BlockCidr, Cidr};
use crate::ids::HandleId;
use crate::plan::RecordId;
use crate::report::finding::{Finding, FindingKind};

/// Stands for a handle, or for a handle and a block. Among a million the chance that two are taken for one is below 1 in
/// ten million; a finding would be missed then.
type Mark = u64;

fn mark(value: impl Hash) -> Mark {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn mark_of(handle: &str, block: Cidr) -> Mark {
    mark((handle, block))
}

/// The addresses that handles hold in blocks, and which of them were counted by a record.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By handle and block, until a record counts them.
    entries: HashMap<Mark, u32>,
    /// Handles with a record.
    recorded: HashSet<Mark>,
    /// Handles that seem to hold nothing, by the mark of the handle.
    idle: HashMap<Mark, Finding>,
}

impl Claims {
    pub(super) fn hold(&mut self, handle: &str, block: BlockCidr, entries: u32) {
        self.entries.insert(mark_of(handle, block.cidr()), entries);
    }

    pub(super) fn insert_unreadable(&mut self, handle: &HandleId) {
        self.recorded.insert(mark(handle.comparable()));
    }

    pub(super) fn are_settled(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn holding_nothing(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.idle).into_values().collect()
    }

    /// Returns what is wrong with the entries of a handle in a block that no record counted.
    pub(super) fn uncounted(&mut self, handle: &str, block: BlockCidr) -> Option<Finding> {
        let entries = u64::from(self.entries.remove(&mark_of(handle, block.cidr()))?);
        let own = mark(handle);
        self.idle.remove(&own);
        let kind = if self.recorded.contains(&own) {
            FindingKind::CountTooLow {
                block,
                count: 0,
                entries,
            }
        } else {
            FindingKind::EntriesWithoutHandle { block, entries }
        };
        Some(Finding::of(
            RecordId::Handle(HandleId::stored(handle)),
            kind,
        ))
    }
}

impl Check {
    pub(super) fn see_handle(&mut self, id: HandleId, handle: &Handle) {
        self.looked.handles += 1;
        let own = mark(id.comparable());
        self.claims.recorded.insert(own);
        let mut held = 0;
        let mut wrong = Vec::new();
        for (cidr, count) in &handle.counts {
            let block = BlockCidr::new(*cidr).ok();
            if block.is_some_and(|block| self.blocks.is_unreadable(block)) {
                held += 1;
                continue;
            }
            let entries = self.claims.entries.remove(&mark_of(id.comparable(), *cidr));
            let entries = u64::from(entries.unwrap_or(0));
            held += entries;
            wrong.extend(miscounted(*cidr, *count, entries));
        }
        if held == 0 {
            let count = handle
                .counts
                .values()
                .fold(0, |sum: u64, count| sum.saturating_add(*count));
            let kind = FindingKind::HandleHoldsNothing { count };
            let mut finding = Finding::of(RecordId::Handle(id), kind);
            finding.revision = self.at;
            self.claims.idle.insert(own, finding);
            return;
        }
        for kind in wrong {
            self.find(Finding::of(RecordId::Handle(id.clone()), kind));
        }
    }
}

fn miscounted(cidr: Cidr, count: u64, entries: u64) -> Option<FindingKind> {
    if entries < count {
        return Some(FindingKind::CountTooHigh {
            block: cidr,
            count,
            entries,
        });
    }
    let block = BlockCidr::new(cidr).ok()?;
    (count < entries).then_some(FindingKind::CountTooLow {
        block,
        count,
        entries,
    })
}
