//! Why a range of blocks is not claimed or given up.

use thiserror::Error;

use crate::blocks::Cidr;
use crate::plan::Stop;
use crate::refusal::Refusal;

/// A range that names no blocks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RangeRefusal {
    /// No enabled pool has its first address.
    #[error("range {0} does not begin in an enabled pool")]
    OutsidePools(Cidr),
    /// It is a part of one block.
    #[error("range {cidr} is smaller than a block: those of its pool are /{block_length}")]
    BelowBlockSize {
        /// The range.
        cidr: Cidr,
        /// The prefix length of the pool's blocks.
        block_length: u8,
    },
    /// It has more blocks than one request claims.
    #[error("range {cidr} has {blocks} blocks; at most {most} are claimed at once")]
    TooManyBlocks {
        /// The range.
        cidr: Cidr,
        /// The number of its blocks.
        blocks: u128,
        /// The most.
        most: u128,
    },
}

impl RangeRefusal {
    pub(super) fn stop(self) -> Stop {
        Stop::Refuse(Refusal::Range(self))
    }
}
