//! The check of a whole store: a fold over its records, each looked at once and dropped.
//!
//! **Invariant:** facts come in this order: pools, reservations and nodes; blocks; then the rest. Blocks come a second time
//! where [`Check::wants_blocks_again`]. What is kept is about 100 bytes for a block and 60 for each handle in a block, and
//! no names of handles, so that a million addresses in blocks of 64 need less than 100 MB.

mod blocks;
mod handles;
mod owners;
mod pools;

use std::cmp::Reverse;

use crate::affinity::AffinityState;
use crate::assign::Handle;
use crate::blocks::{BlockCidr, BlockParts};
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner};
use crate::plan::{CorruptRecord, RecordId};
use crate::report::finding::{Finding, FindingKind, Subject};
use crate::resources::{Pool, Reservation};
use crate::revision::Revision;
use blocks::Blocks;
use handles::Claims;
use owners::Owners;
use pools::PoolMap;

/// Most findings that a report tells; the rest is counted.
const MOST_FINDINGS: usize = 100_000;

/// One record, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A pool, and its CIDR as written.
    Pool(Box<Pool>, String),
    /// A reservation.
    Reservation(Reservation),
    /// A node has a record.
    Node(NodeName),
    /// Calico runs on this store.
    ClusterInformation,
    /// A block, right or wrong.
    Block(Box<BlockParts>),
    /// An affinity.
    Affinity(Owner, BlockCidr, AffinityState),
    /// A handle.
    Handle(HandleId, Handle),
    /// An entry of our index.
    Borrowed(NodeName, BlockCidr),
    /// A record with nothing to check.
    Sound,
    /// A record that does not parse.
    Corrupt(RecordId, CorruptRecord),
    /// A key that is none of a record.
    UnreadableKey(String),
}

/// How many records a check looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Pools.
    pub pools: usize,
    /// Blocks.
    pub blocks: usize,
    /// Addresses that are held.
    pub addresses: usize,
    /// Affinities.
    pub affinities: usize,
    /// Handles.
    pub handles: usize,
    /// Nodes.
    pub nodes: usize,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The findings: errors first, then by record.
    pub findings: Vec<Finding>,
    /// Findings beyond the first 100 000.
    pub left_out: usize,
    /// What was looked at.
    pub looked: Looked,
}

/// A check under way.
#[derive(Debug)]
pub struct Check {
    now: Timestamp,
    /// The revision of the record that is being looked at.
    at: Option<Revision>,
    pools: PoolMap,
    blocks: Blocks,
    claims: Claims,
    owners: Owners,
    looked: Looked,
    found: Vec<Finding>,
    left_out: usize,
}

impl Check {
    /// Begins a check at this time.
    pub fn new(now: Timestamp) -> Check {
        Check {
            now,
            at: None,
            pools: PoolMap::default(),
            blocks: Blocks::default(),
            claims: Claims::default(),
            owners: Owners::default(),
            looked: Looked::default(),
            found: Vec::new(),
            left_out: 0,
        }
    }

    /// Takes a record that was last written at the revision.
    pub fn see(&mut self, fact: Fact, revision: Revision) {
        self.at = Some(revision);
        self.take(fact);
        self.at = None;
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Pool(pool, written) => self.see_pool(&pool, written),
            Fact::Reservation(reservation) => self.see_reservation(&reservation),
            Fact::Node(node) => {
                self.looked.nodes += 1;
                self.owners.nodes.insert(node);
            }
            Fact::ClusterInformation => self.owners.is_calicos = true,
            Fact::Block(parts) => self.see_block(&parts),
            Fact::Affinity(owner, block, state) => self.see_affinity(&owner, block, Some(state)),
            Fact::Handle(id, handle) => self.see_handle(id, &handle),
            Fact::Borrowed(node, block) => self.see_borrowed(node, block),
            Fact::Sound => {}
            Fact::Corrupt(id, record) => self.see_corrupt(id, record),
            Fact::UnreadableKey(key) => self.find(Finding {
                subject: Subject::Key(key),
                kind: FindingKind::UnreadableKey,
                revision: None,
            }),
        }
    }

    /// Returns whether all blocks have to come again, by [`Check::see_block_again`], to name what is wrong.
    pub fn wants_blocks_again(&mut self) -> bool {
        self.see_overlaps();
        !self.claims.are_settled() || self.blocks.has_overlaps()
    }

    /// Ends the check.
    pub fn finish(mut self) -> CheckReport {
        self.finish_owners();
        for finding in self.claims.holding_nothing() {
            self.find(finding);
        }
        let key = |finding: &Finding| (Reverse(finding.severity()), finding.subject.clone());
        self.found.sort_by_cached_key(key);
        CheckReport {
            findings: self.found,
            left_out: self.left_out,
            looked: self.looked,
        }
    }

    /// A record that cannot be read says nothing about others: what it may explain is no finding.
    fn see_corrupt(&mut self, id: RecordId, record: CorruptRecord) {
        match &id {
            RecordId::Block(block) => {
                self.looked.blocks += 1;
                self.blocks.insert_unreadable(*block);
            }
            RecordId::Affinity(owner, block) => self.see_affinity(owner, *block, None),
            RecordId::Handle(handle) => {
                self.looked.handles += 1;
                self.claims.insert_unreadable(handle);
            }
            RecordId::Node(node) => {
                self.owners.nodes.insert(node.clone());
            }
            RecordId::Pool(_)
            | RecordId::Reservation(_)
            | RecordId::Config
            | RecordId::LegacyHost(_)
            | RecordId::Borrowed(..)
            | RecordId::Identity(_)
            | RecordId::ClusterInformation => {}
        }
        let kind = FindingKind::Corrupt(record);
        self.find(Finding::of(id, kind));
    }

    fn find(&mut self, mut finding: Finding) {
        finding.revision = finding.revision.or(self.at);
        if self.found.len() < MOST_FINDINGS {
            self.found.push(finding);
        } else {
            self.left_out += 1;
        }
    }
}
