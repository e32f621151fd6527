//! What a check found wrong, as data. The words stand in `words`, apart.
//!
//! **Invariant:** each kind of finding has one severity and one remedy, whatever the record.

mod words;

use crate::affinity::AffinityState;
use crate::blocks::{Address, BlockCidr, BlockFault, Cidr};
use crate::ids::{HandleId, NodeName, Owner, ResourceName};
use crate::plan::{CorruptRecord, RecordId};
use crate::revision::Revision;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is lost by it.
    Note,
    /// Addresses or blocks are lost to others until it is repaired, or it may become an error.
    Warning,
    /// An address is held twice or may be given out twice, or readers of the record fail.
    Error,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A record that was read.
    Record(RecordId),
    /// A key whose value, or whose text, cannot be read.
    Key(String),
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The record at fault.
    pub subject: Subject,
    /// What is wrong with it.
    pub kind: FindingKind,
    /// When the record was last written, where it was at hand: what a later look compares with.
    pub revision: Option<Revision>,
}

/// What can be wrong in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// A record does not parse.
    Corrupt(CorruptRecord),
    /// A key stands among the records of a kind and is not spelled as their keys are.
    UnreadableKey,
    /// The record of a block contradicts itself.
    Structure(BlockFault),
    /// A block overlaps a larger one.
    BlocksOverlap(BlockCidr),
    /// An address of a block is held in another block too.
    HeldTwice {
        /// The address.
        address: Address,
        /// Who holds it in this block.
        holder: Option<HandleId>,
        /// The other block.
        other: BlockCidr,
        /// Who holds it there.
        other_holder: Option<HandleId>,
    },
    /// A block does not have the size of its pool's blocks.
    BlockOfOtherSize {
        /// The pool.
        pool: ResourceName,
        /// The prefix length of its blocks.
        length: u8,
    },
    /// No pool contains a block.
    BlockInNoPool,
    /// A block has no owner and holds nothing.
    OwnerlessEmpty,
    /// The owner of a block has no affinity to it.
    OwnerWithoutAffinity(Owner),
    /// An affinity stands for a block that does not exist.
    AffinityWithoutBlock(AffinityState),
    /// An affinity without block does not have the size of its pool's blocks: Calico would make the block anew, over those
    /// of the pool's size.
    AffinityOfOtherSize {
        /// The pool.
        pool: ResourceName,
        /// The prefix length of its blocks.
        length: u8,
    },
    /// An affinity stands for a block of another owner, or of none.
    AffinityOfOther {
        /// What the affinity says.
        state: AffinityState,
        /// The owner of the block.
        owner: Option<Owner>,
    },
    /// The affinity of a block's owner is half claimed or half released.
    AffinityHalfDone(AffinityState),
    /// A handle names blocks, and holds nothing in any.
    HandleHoldsNothing {
        /// How many addresses it counts.
        count: u64,
    },
    /// A handle counts more addresses in a block than it holds there.
    CountTooHigh {
        /// The block.
        block: Cidr,
        /// What it counts.
        count: u64,
        /// What it holds.
        entries: u64,
    },
    /// A handle counts fewer addresses in a block than it holds there.
    CountTooLow {
        /// The block.
        block: BlockCidr,
        /// What it counts.
        count: u64,
        /// What it holds.
        entries: u64,
    },
    /// Addresses are held by a handle that has no record.
    EntriesWithoutHandle {
        /// The block.
        block: BlockCidr,
        /// How many.
        entries: u64,
    },
    /// A node borrows from a block, and our index does not say so. Calico's borrowing is never indexed.
    BorrowingNotIndexed,
    /// Our index says that a node borrows from a block in which it holds nothing.
    BorrowingStale,
    /// Two pools overlap.
    PoolsOverlap(ResourceName),
    /// The CIDR of a pool is written with host bits.
    PoolHostBits(String),
    /// An entry of a reservation is neither CIDR nor address, and reserves nothing.
    ReservesNothing(String),
    /// A node owns blocks and has no record, where Calico's collector frees the addresses of nodes that it does not know.
    NodeWithoutRecord {
        /// The node.
        node: NodeName,
        /// How many blocks it owns.
        blocks: usize,
    },
}

/// What sets a finding right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// A repair, at once.
    Repair,
    /// A repair, when two looks some time apart found the record unchanged: it may be the half step of a request under way.
    AgedRepair,
    /// The next request that writes the record, or a repair.
    NextWrite,
    /// Nothing has to be done.
    Nothing,
    /// An operator: nobody else can tell what was meant.
    Operator,
}

impl Finding {
    /// Returns the finding about a record.
    pub const fn of(record: RecordId, kind: FindingKind) -> Finding {
        Finding {
            subject: Subject::Record(record),
            kind,
            revision: None,
        }
    }

    /// Returns how bad it is.
    pub const fn severity(&self) -> Severity {
        self.kind.severity()
    }
}

impl FindingKind {
    /// Returns how bad it is.
    pub const fn severity(&self) -> Severity {
        match self {
            FindingKind::Corrupt(_)
            | FindingKind::BlocksOverlap(_)
            | FindingKind::HeldTwice { .. }
            | FindingKind::AffinityOfOtherSize { .. }
            | FindingKind::PoolsOverlap(_) => Severity::Error,
            FindingKind::Structure(fault) => severity_of(fault),
            FindingKind::UnreadableKey
            | FindingKind::BorrowingNotIndexed
            | FindingKind::PoolHostBits(_) => Severity::Note,
            FindingKind::BlockOfOtherSize { .. }
            | FindingKind::BlockInNoPool
            | FindingKind::OwnerlessEmpty
            | FindingKind::OwnerWithoutAffinity(_)
            | FindingKind::AffinityWithoutBlock(_)
            | FindingKind::AffinityOfOther { .. }
            | FindingKind::AffinityHalfDone(_)
            | FindingKind::HandleHoldsNothing { .. }
            | FindingKind::CountTooHigh { .. }
            | FindingKind::CountTooLow { .. }
            | FindingKind::EntriesWithoutHandle { .. }
            | FindingKind::BorrowingStale
            | FindingKind::ReservesNothing(_)
            | FindingKind::NodeWithoutRecord { .. } => Severity::Warning,
        }
    }

    /// Returns what sets it right.
    pub const fn remedy(&self) -> Remedy {
        match self {
            FindingKind::Structure(
                BlockFault::Length { .. } | BlockFault::NoSuchAttribute { .. },
            )
            | FindingKind::Corrupt(_)
            | FindingKind::UnreadableKey
            | FindingKind::BlocksOverlap(_)
            | FindingKind::HeldTwice { .. }
            | FindingKind::BlockOfOtherSize { .. }
            | FindingKind::BlockInNoPool
            | FindingKind::PoolsOverlap(_)
            | FindingKind::PoolHostBits(_)
            | FindingKind::ReservesNothing(_)
            | FindingKind::NodeWithoutRecord { .. } => Remedy::Operator,
            FindingKind::Structure(BlockFault::ReleasedInFuture { .. }) => Remedy::Nothing,
            FindingKind::Structure(_) => Remedy::NextWrite,
            FindingKind::OwnerlessEmpty
            | FindingKind::OwnerWithoutAffinity(_)
            | FindingKind::AffinityHalfDone(_)
            | FindingKind::CountTooLow { .. }
            | FindingKind::EntriesWithoutHandle { .. }
            | FindingKind::BorrowingNotIndexed
            | FindingKind::BorrowingStale => Remedy::Repair,
            FindingKind::AffinityWithoutBlock(_)
            | FindingKind::AffinityOfOtherSize { .. }
            | FindingKind::AffinityOfOther { .. }
            | FindingKind::HandleHoldsNothing { .. }
            | FindingKind::CountTooHigh { .. } => Remedy::AgedRepair,
        }
    }
}

/// Calico's readers crash on some faults, and give an address away twice by others.
const fn severity_of(fault: &BlockFault) -> Severity {
    match fault {
        BlockFault::Length { .. }
        | BlockFault::NoSuchAttribute { .. }
        | BlockFault::QueuedOutside(_)
        | BlockFault::QueuedTwice(_)
        | BlockFault::QueuedAllocated(_) => Severity::Error,
        BlockFault::ReleasedInFuture { .. } | BlockFault::NotQueued(_) => Severity::Warning,
        BlockFault::UnusedAttribute(_) | BlockFault::SequenceOutside(_) => Severity::Note,
    }
}
