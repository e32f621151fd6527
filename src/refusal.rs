//! A planned "no", with the numbers that an operator needs. Words for people; codes are given at the edges.

use std::fmt;

use thiserror::Error;

use crate::affinity::RangeRefusal;
use crate::assign::{Role, SharedName};
use crate::blocks::{Address, BlockCidr, Cidr, Family, SlotTaken};
use crate::ids::{HandleId, NodeName, Owner, ResourceName};
use crate::plan::CorruptRecord;
use crate::resources::ChangeRefusal;

/// Why a pool could not serve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolReason {
    /// It is disabled, or being deleted.
    Disabled,
    /// A controller took it out of allocation.
    NotAllocatable,
    /// Its node selector does not match the node.
    NodeSelector(String),
    /// Its namespace selector does not match, or the namespace is unknown.
    NamespaceSelector(String),
    /// A selector does not parse.
    BadSelector(String),
    /// It serves only requests that name it.
    Manual,
    /// The request names other pools.
    NotRequested,
    /// It is not for this use.
    NotForUse,
    /// Its blocks are too small for the slots that the request reserves.
    BlocksTooSmall,
    /// It admits the request, and gave nothing: what stands in the way.
    Used(PoolUse),
}

/// What was found in a pool that admits a request and gave nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Blocks that the pool can hold.
    pub blocks: u128,
    /// Of these, blocks that are reserved as a whole.
    pub reserved: u128,
    /// Blocks of this node that were looked at.
    pub own: usize,
    /// Free addresses in them that are reserved.
    pub own_reserved: usize,
    /// Addresses in them that are cooling.
    pub cooling: usize,
    /// Blocks of others that were looked at.
    pub foreign: usize,
    /// Keys of blocks that do not parse.
    pub corrupt: Vec<String>,
}

/// A pool and why it could not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolVerdict {
    /// Its name.
    pub name: ResourceName,
    /// Its CIDR.
    pub cidr: Cidr,
    /// Why not.
    pub reason: PoolReason,
}

/// A planned "no".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no pool of this family at all.
    #[error("no {0} pool exists")]
    NoPool(Family),
    /// Pools exist, and none admits the request.
    #[error("no {family} pool admits this request: {}", list(.pools))]
    NoAdmissiblePool {
        /// The family.
        family: Family,
        /// Each pool of the family with its reason.
        pools: Vec<PoolVerdict>,
    },
    /// A requested pool does not exist or is of the other family.
    #[error("requested {family} pool `{name}` {why}")]
    BadPool {
        /// The family of the request.
        family: Family,
        /// The pool as requested.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Pools admit the request, and none has an address left for it.
    #[error("no {family} address is left: wanted {wanted}, found {found}; {}", list(.pools))]
    Exhausted {
        /// The family.
        family: Family,
        /// How many addresses the request wants.
        wanted: usize,
        /// How many it has, and how many more there are.
        found: usize,
        /// Each pool of the family with its reason.
        pools: Vec<PoolVerdict>,
    },
    /// The node owns as many blocks as it may, and cannot borrow.
    #[error("node owns {owned} {family} blocks and may own {limit}; {}", list(.pools))]
    BlockLimit {
        /// The family.
        family: Family,
        /// Blocks owned.
        owned: usize,
        /// Blocks allowed.
        limit: usize,
        /// Each pool of the family with its reason.
        pools: Vec<PoolVerdict>,
    },
    /// The node's blocks are full, and blocks are claimed by hand only.
    #[error("no {family} address is left in blocks of this node, and blocks are not claimed automatically; {}", list(.pools))]
    NoAutoAllocation {
        /// The family.
        family: Family,
        /// Each pool of the family with its reason.
        pools: Vec<PoolVerdict>,
    },
    /// The address asked for is held by somebody.
    #[error("{}", taken(*.address, .holder.as_ref()))]
    AddressTaken {
        /// The address.
        address: Address,
        /// By whom; `None` if by nobody named, or cooling.
        holder: Option<HandleId>,
    },
    /// The address was released and assigned again since the caller looked.
    #[error(
        "address {address} has sequence number {found}, not {given}: it was assigned anew since"
    )]
    OtherAssignment {
        /// The address.
        address: Address,
        /// The sequence number that the caller knows.
        given: u64,
        /// That of the present assignment.
        found: u64,
    },
    /// The address is held by nobody.
    #[error("address {0} is not assigned")]
    NotAssigned(Address),
    /// The handle holds as many addresses as it may.
    #[error(
        "handle {handle} holds {held} {family} addresses and may hold {cap}; {wanted} more are wanted"
    )]
    HandleFull {
        /// The handle.
        handle: HandleId,
        /// The family.
        family: Family,
        /// Addresses that it holds, over all interfaces.
        held: usize,
        /// Addresses that it would take besides.
        wanted: usize,
        /// Addresses that it may hold.
        cap: usize,
    },
    /// The handle holds nothing.
    #[error("handle {0} holds no address")]
    HoldsNothing(HandleId),
    /// The address lies in a block that is not the node's, and nothing is borrowed.
    #[error("address {address} is in block {block} of {}, and strict affinity forbids to borrow it", owner_text(.owner.as_ref()))]
    StrictAffinity {
        /// The address.
        address: Address,
        /// Its block.
        block: BlockCidr,
        /// The owner of the block.
        owner: Option<Owner>,
    },
    /// The address lies in a block, or would lie in one over others, whose size is not its pool's.
    #[error("address {address} is in the way of block {block}, whose size is not that of its pool")]
    OtherBlockSize {
        /// The address.
        address: Address,
        /// The block that stands there.
        block: BlockCidr,
    },
    /// An owner of an address during a live migration is not who the caller says.
    #[error("the {role} owner of address {address} is {found}, not {expected}")]
    OtherOwner {
        /// The address.
        address: Address,
        /// Which owner.
        role: Role,
        /// Who it should be.
        expected: String,
        /// Who it is.
        found: String,
    },
    /// No other owner is there to be promoted.
    #[error("address {0} has no alternate owner")]
    NoAlternateOwner(Address),
    /// The address lies in no enabled pool.
    #[error("address {0} is in no enabled pool")]
    OutsidePools(Address),
    /// Calico runs on this store and has no Node record of this name.
    #[error(
        "node `{0}` has no Node record, and Calico's collector frees addresses of nodes without one"
    )]
    UnknownNode(NodeName),
    /// Another machine uses the node's name too.
    #[error(transparent)]
    SharedName(#[from] Box<SharedName>),
    /// A gateway could be given to a workload.
    #[error("gateway {gateway} lies in pool {pool} and no reservation keeps it from workloads")]
    OpenGateway {
        /// The gateway.
        gateway: Address,
        /// The pool.
        pool: Cidr,
    },
    /// Records stand in the way that do not parse.
    #[error("{}", corrupt(.0))]
    Corrupt(Vec<CorruptRecord>),
    /// A resource is not changed.
    #[error(transparent)]
    Change(#[from] ChangeRefusal),
    /// A range names no blocks.
    #[error(transparent)]
    Range(#[from] RangeRefusal),
    /// The rule of the operation says no.
    #[error("{0}")]
    Rule(String),
}

fn owner_text(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "nobody".to_owned(), ToString::to_string)
}

fn list(pools: &[PoolVerdict]) -> String {
    let texts: Vec<String> = pools.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn taken(address: Address, holder: Option<&HandleId>) -> SlotTaken {
    let holder = holder.cloned();
    SlotTaken { address, holder }
}

fn corrupt(records: &[CorruptRecord]) -> String {
    let texts: Vec<String> = records
        .iter()
        .map(|record| format!("record {} is corrupt: {}", record.key, record.detail))
        .collect();
    texts.join("; ")
}

impl fmt::Display for PoolVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool {} ({}) {}", self.name, self.cidr, self.reason)
    }
}

impl fmt::Display for PoolReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolReason::Disabled => f.write_str("is disabled"),
            PoolReason::NotAllocatable => f.write_str("is marked as not allocatable"),
            PoolReason::NodeSelector(selector) => {
                write!(f, "does not select this node ({selector})")
            }
            PoolReason::NamespaceSelector(selector) => {
                write!(f, "does not select this namespace ({selector})")
            }
            PoolReason::BadSelector(error) => {
                write!(f, "has a selector that does not parse: {error}")
            }
            PoolReason::Manual => f.write_str("serves only requests that name it"),
            PoolReason::NotRequested => f.write_str("is not among the requested pools"),
            PoolReason::NotForUse => f.write_str("does not allow this use"),
            PoolReason::BlocksTooSmall => {
                f.write_str("has blocks too small for the reserved slots")
            }
            PoolReason::Used(used) => used.fmt(f),
        }
    }
}

impl fmt::Display for PoolUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has {} blocks", self.blocks)?;
        let details = [
            (self.reserved, "reserved"),
            (self.own as u128, "of this node without a usable address"),
            (self.foreign as u128, "of others or without an owner"),
            (self.own_reserved as u128, "free addresses reserved"),
            (self.cooling as u128, "addresses cooling"),
        ];
        for (count, what) in details.iter().filter(|(count, _)| 0 < *count) {
            write!(f, ", {count} {what}")?;
        }
        for key in &self.corrupt {
            write!(f, ", record {key} is corrupt")?;
        }
        Ok(())
    }
}
