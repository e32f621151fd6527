//! A block as a value: which ordinals are held by whom, and the queue of the free ones.
//!
//! Keeps the invariants of a block record by construction (p12): one slot for each address, every index valid, the queue
//! holds exactly the free ordinals. Reading what others wrote goes through [`BlockParts`].

use std::collections::{BTreeMap, VecDeque};

use crate::blocks::cidr::BlockCidr;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::Owner;
use crate::unknown::Unknown;

/// Who holds an address, and what the holder said about itself. Shared by equal assignments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribute {
    /// The handle, as stored; compare with [`crate::ids::comparable_handle`].
    pub handle: Option<String>,
    /// The attributes of the active owner: Calico's `secondary`.
    pub secondary: BTreeMap<String, String>,
    /// The attributes of the other owner during a live migration: Calico's `alternateOwnerAttrs`.
    pub alternate: BTreeMap<String, String>,
    /// When the address was released, if it is cooling. Nothing else is set then.
    pub released_at: Option<Timestamp>,
    /// Members that we do not know.
    pub unknown: Unknown,
}

/// A block as a record tells it, before anything is checked: what the codec reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockParts {
    /// The CIDR.
    pub cidr: BlockCidr,
    /// The owner.
    pub owner: Option<Owner>,
    /// When the owner claimed it; absent means long ago.
    pub claimed_at: Option<Timestamp>,
    /// Index into `attributes` by ordinal; `None` is free.
    pub allocations: Vec<Option<usize>>,
    /// The queue of free ordinals, head first.
    pub unallocated: VecDeque<usize>,
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// The generation of the block.
    pub sequence: u64,
    /// The generation at which an ordinal was assigned, by ordinal. May name free ordinals (old writers).
    pub sequence_of: BTreeMap<usize, u64>,
    /// Calico's `deleted`: kept, never looked at.
    pub deleted: bool,
    /// Members that we do not know.
    pub unknown: Unknown,
}

/// A well-formed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    cidr: BlockCidr,
    owner: Option<Owner>,
    claimed_at: Option<Timestamp>,
    slots: Vec<Option<usize>>,
    free: VecDeque<Ordinal>,
    attributes: Vec<Attribute>,
    sequence: u64,
    sequence_of: BTreeMap<Ordinal, u64>,
    deleted: bool,
    unknown: Unknown,
}
