//! What can be wrong with the record of a block.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use thiserror::Error;

use crate::blocks::block::BlockParts;
use crate::clock::Timestamp;

/// One thing wrong with the record of a block.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockFault {
    /// The number of allocations is not that of the addresses. Crashes every reader of Calico if it is short.
    #[error("{found} allocations for {expected} addresses")]
    Length {
        /// The number of addresses.
        expected: u16,
        /// The number of allocations.
        found: usize,
    },
    /// An allocation points at an attribute that does not exist. Crashes readers of Calico.
    #[error("ordinal {ordinal} points at attribute {attribute}, which does not exist")]
    NoSuchAttribute {
        /// The ordinal.
        ordinal: usize,
        /// The index.
        attribute: usize,
    },
    /// No allocation points at an attribute.
    #[error("nothing points at attribute {0}")]
    UnusedAttribute(usize),
    /// An attribute tells of a release to come: the clocks of the writers differ.
    #[error(
        "attribute {attribute} says it was released {ahead:?} from now, which suggests clock skew"
    )]
    ReleasedInFuture {
        /// The index of the attribute.
        attribute: usize,
        /// How long from now.
        ahead: Duration,
    },
    /// The queue holds an ordinal that the block does not have.
    #[error("ordinal {0} is in the queue and out of the block")]
    QueuedOutside(usize),
    /// The queue holds an ordinal more than once.
    #[error("ordinal {0} is more than once in the queue")]
    QueuedTwice(usize),
    /// The queue holds an ordinal that is allocated. Calico gives it away a second time.
    #[error("ordinal {0} is allocated and in the queue")]
    QueuedAllocated(usize),
    /// A free ordinal is not in the queue. Calico never gives it out.
    #[error("ordinal {0} is free and not in the queue")]
    NotQueued(usize),
    /// A sequence number stands for an ordinal that the block does not have.
    #[error("a sequence number stands for ordinal {0}, which is out of the block")]
    SequenceOutside(usize),
}

impl BlockParts {
    /// Returns everything that is wrong, whatever the time: fatal faults first, each kind ascending.
    pub fn faults(&self) -> Vec<BlockFault> {
        self.fatal_faults()
            .chain(self.repairable_faults())
            .chain(self.unused_attributes())
            .collect()
    }

    /// Returns everything that is wrong at this time, releases to come included.
    pub fn faults_at(&self, now: Timestamp) -> Vec<BlockFault> {
        let mut faults = self.faults();
        faults.extend(self.released_in_future(now));
        faults
    }

    /// Returns the faults that reading sets right.
    pub(super) fn repairable_faults(&self) -> impl Iterator<Item = BlockFault> {
        self.queue_faults()
            .chain(self.not_queued())
            .chain(self.sequences_outside())
    }

    /// Returns the faults that make the record unusable: nobody could tell who holds what.
    pub(super) fn fatal_faults(&self) -> impl Iterator<Item = BlockFault> {
        let (expected, found) = (self.cidr.size(), self.allocations.len());
        let length =
            (usize::from(expected) != found).then_some(BlockFault::Length { expected, found });
        let dangling = self
            .allocations
            .iter()
            .enumerate()
            .filter_map(|(ordinal, index)| {
                index
                    .filter(|&attribute| self.attributes.len() <= attribute)
                    .map(|attribute| BlockFault::NoSuchAttribute { ordinal, attribute })
            });
        length.into_iter().chain(dangling)
    }

    fn unused_attributes(&self) -> impl Iterator<Item = BlockFault> {
        let mut used = vec![false; self.attributes.len()];
        for &index in self.allocations.iter().flatten() {
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
        }
        let unused =
            |(index, used): (usize, bool)| (!used).then_some(BlockFault::UnusedAttribute(index));
        used.into_iter().enumerate().filter_map(unused)
    }

    fn released_in_future(&self, now: Timestamp) -> impl Iterator<Item = BlockFault> {
        self.attributes
            .iter()
            .enumerate()
            .filter_map(|(index, attribute)| Some((index, attribute.released_at?)))
            .filter(move |&(_, released_at)| now < released_at)
            .map(
                move |(attribute, released_at)| BlockFault::ReleasedInFuture {
                    attribute,
                    ahead: released_at.since(now),
                },
            )
    }

    fn queue_faults(&self) -> impl Iterator<Item = BlockFault> {
        let size = usize::from(self.cidr.size());
        let mut queued = BTreeMap::<usize, usize>::new();
        for &ordinal in &self.unallocated {
            *queued.entry(ordinal).or_default() += 1;
        }
        queued.into_iter().flat_map(move |(ordinal, times)| {
            let allocated = self.allocations.get(ordinal).is_some_and(Option::is_some);
            let outside = (size <= ordinal).then_some(BlockFault::QueuedOutside(ordinal));
            let allocated = allocated.then_some(BlockFault::QueuedAllocated(ordinal));
            let twice = (1 < times).then_some(BlockFault::QueuedTwice(ordinal));
            outside.into_iter().chain(allocated).chain(twice)
        })
    }

    fn not_queued(&self) -> impl Iterator<Item = BlockFault> {
        let queued: BTreeSet<usize> = self.unallocated.iter().copied().collect();
        (0..usize::from(self.cidr.size()))
            .filter(|&ordinal| matches!(self.allocations.get(ordinal), Some(None)))
            .filter(move |ordinal| !queued.contains(ordinal))
            .map(BlockFault::NotQueued)
    }

    fn sequences_outside(&self) -> impl Iterator<Item = BlockFault> {
        let size = usize::from(self.cidr.size());
        self.sequence_of
            .keys()
            .filter(move |&&ordinal| size <= ordinal)
            .map(|&ordinal| BlockFault::SequenceOutside(ordinal))
    }
}
