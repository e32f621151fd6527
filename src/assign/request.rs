//! What callers ask of the allocator, and what they get.

use std::collections::BTreeMap;
use std::fmt;

use crate::blocks::{Address, BlockCidr, Cidr, Family};
use crate::ids::{HandleId, NodeName, ResourceName};
use crate::resources::Use;

/// A pool that a request asks for: by CIDR or by name (a pool's, else that of a pool group).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolRef {
    /// The pool with exactly this CIDR.
    Cidr(Cidr),
    /// The pool of this name, else the pools labelled `block-ipam/pool-group: NAME`.
    Name(String),
}

impl PoolRef {
    /// Reads a pool reference: a CIDR (host bits are masked, as Calico does) or else a name.
    pub fn parse(text: &str) -> PoolRef {
        Cidr::parse_masking(text).map_or_else(|_| PoolRef::Name(text.to_owned()), PoolRef::Cidr)
    }
}

impl fmt::Display for PoolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolRef::Cidr(cidr) => cidr.fmt(f),
            PoolRef::Name(name) => f.write_str(name),
        }
    }
}

/// What a request wants of one family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many addresses; 0 leaves the family alone.
    pub count: usize,
    /// The pools to take them from, in order; empty for every pool that admits the request.
    pub pools: Vec<PoolRef>,
}

/// A request for addresses. All of it is granted in one transaction, or nothing is (p13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// Who will hold them. Requests of one handle and interface are idempotent (p7).
    pub handle: Option<HandleId>,
    /// The interface in the container; recorded as the attribute `interface`.
    pub interface: Option<String>,
    /// The node that asks.
    pub node: NodeName,
    /// What is recorded with the addresses, without `interface`.
    pub attributes: BTreeMap<String, String>,
    /// What is wanted of IPv4.
    pub v4: Wanted,
    /// What is wanted of IPv6.
    pub v6: Wanted,
    /// What the addresses are for.
    pub purpose: Use,
    /// Labels of the namespace of the workload, where they are known.
    pub namespace: Option<BTreeMap<String, String>>,
}

impl Assign {
    /// Returns what is wanted of a family.
    pub const fn wanted(&self, family: Family) -> &Wanted {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

/// One address of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The address.
    pub address: Address,
    /// The block that it comes from.
    pub block: BlockCidr,
    /// The pool of that block and its CIDR; `None` where it was held already and its pool is gone.
    pub pool: Option<(ResourceName, Cidr)>,
}

/// What a request got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The addresses, IPv4 first.
    pub addresses: Vec<Granted>,
    /// Whether an earlier request of this handle and interface had taken all of them.
    pub repeated: bool,
}

/// A request to give back what a handle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHandle {
    /// The holder.
    pub handle: HandleId,
    /// Only addresses of this interface, and those with no interface recorded; all if `None`.
    pub interface: Option<String>,
}
