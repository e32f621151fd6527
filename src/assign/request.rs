//! What callers ask of the allocator, and what they get.

use std::collections::BTreeMap;
use std::fmt;

use crate::blocks::block::ReservedSlots;
use crate::blocks::{Address, BlockCidr, Cidr, Family};
use crate::ids::{HandleId, NodeName, Owner, OwnerKind, ResourceName};
use crate::refusal::Refusal;
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

/// Who said from which pools addresses are taken. Nothing is decided by it: explanations and errors tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NamedBy {
    /// The request, or the configuration behind it.
    #[default]
    Request,
    /// This annotation of the workload.
    Annotation(&'static str),
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamedBy::Request => f.write_str("the request"),
            NamedBy::Annotation(name) => write!(f, "annotation {name}"),
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
    /// Who named these pools.
    pub named_by: NamedBy,
    /// Slots that are set aside in each block claimed for this request (Windows).
    pub reserved_slots: Option<ReservedSlots>,
}

/// What becomes of a request that can be served in part only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shortage {
    /// It is refused and nothing is taken.
    #[default]
    Refuse,
    /// It gets what there is, with the reasons for the rest.
    Accept,
}

/// A request for addresses. Unless a shortage is accepted, all of it is granted or nothing is: in one transaction (p13),
/// or for more blocks than one carries in several, begun where all of it is there. What others take between these leaves
/// the handle with a part, which the same request goes on from and a release gives back.
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
    /// What becomes of it when there are too few addresses.
    pub shortage: Shortage,
    /// Most blocks of a family that the node may own for this request; 0 for the configured limit.
    pub max_blocks: usize,
    /// Most addresses of a family that the handle may hold; 0 for no limit.
    pub max_per_handle: usize,
}

impl Assign {
    /// Returns a request of a node for addresses for a workload, which wants nothing yet.
    pub fn workload(node: NodeName, handle: HandleId) -> Assign {
        Assign {
            handle: Some(handle),
            interface: None,
            node,
            attributes: BTreeMap::new(),
            v4: Wanted::default(),
            v6: Wanted::default(),
            purpose: Use::Workload,
            namespace: None,
            shortage: Shortage::Refuse,
            max_blocks: 0,
            max_per_handle: 0,
        }
    }

    /// Returns who will own the blocks that are claimed: the node, or for load balancers a virtual owner.
    pub fn owner(&self) -> Owner {
        match self.purpose {
            Use::Workload | Use::Tunnel => Owner::host(&self.node),
            Use::LoadBalancer => Owner {
                kind: OwnerKind::Virtual,
                name: self.node.as_str().to_owned(),
            },
        }
    }

    /// Returns the families of which addresses are wanted.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        let wanted = |family: &Family| 0 < self.wanted(*family).count;
        Family::BOTH.into_iter().filter(wanted)
    }

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
    /// Why there are fewer than wanted, where a shortage is accepted: one refusal for each family.
    pub shortages: Vec<Refusal>,
}

impl Grant {
    /// Returns the blocks that the addresses come from, each once.
    pub fn blocks(&self) -> Vec<BlockCidr> {
        let mut blocks: Vec<BlockCidr> =
            self.addresses.iter().map(|granted| granted.block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// Returns what several transactions of one request brought together. With a handle the last one tells all.
    pub fn all(mut grants: Vec<Grant>, request: &Assign) -> Grant {
        let Some(last) = grants.pop() else {
            return Grant::default();
        };
        if request.handle.is_some() {
            let repeated = last.repeated && grants.is_empty();
            return Grant { repeated, ..last };
        }
        let earlier = grants.into_iter().flat_map(|grant| grant.addresses);
        let mut addresses: Vec<Granted> = earlier.chain(last.addresses).collect();
        addresses.sort_by_key(|granted| granted.address.family());
        Grant {
            addresses,
            repeated: false,
            ..last
        }
    }
}

/// A request for addresses that are named, at most one of each family: all of them, or nothing (p13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignAddresses {
    /// The addresses. What the handle and interface hold already is granted again (p7).
    pub addresses: Vec<Address>,
    /// Who will hold them.
    pub handle: Option<HandleId>,
    /// The interface in the container; recorded as the attribute `interface`.
    pub interface: Option<String>,
    /// The node that asks.
    pub node: NodeName,
    /// What is recorded with the addresses, without `interface`.
    pub attributes: BTreeMap<String, String>,
    /// What the addresses are for; `None` for whatever their pools allow.
    pub purpose: Option<Use>,
    /// Slots that are set aside in each block claimed for this request (Windows).
    pub reserved_slots: Option<ReservedSlots>,
    /// Most addresses of a family that the handle may hold; 0 for no limit.
    pub max_per_handle: usize,
}

impl AssignAddresses {
    /// Returns a request of a node for addresses for a workload.
    pub fn workload(node: NodeName, handle: HandleId, addresses: Vec<Address>) -> AssignAddresses {
        AssignAddresses {
            addresses,
            handle: Some(handle),
            interface: None,
            node,
            attributes: BTreeMap::new(),
            purpose: Some(Use::Workload),
            reserved_slots: None,
            max_per_handle: 0,
        }
    }

    /// Returns the request that wants as many addresses of each family.
    pub(super) fn counted(&self) -> Assign {
        let wanted = |family: Family| Wanted {
            count: self.of(family).count(),
            reserved_slots: self.reserved_slots.clone(),
            ..Wanted::default()
        };
        Assign {
            handle: self.handle.clone(),
            interface: self.interface.clone(),
            node: self.node.clone(),
            attributes: self.attributes.clone(),
            v4: wanted(Family::V4),
            v6: wanted(Family::V6),
            purpose: self.purpose.unwrap_or(Use::Workload),
            namespace: None,
            shortage: Shortage::Refuse,
            max_blocks: 0,
            max_per_handle: self.max_per_handle,
        }
    }

    /// Returns the addresses of a family.
    pub(super) fn of(&self, family: Family) -> impl Iterator<Item = Address> + '_ {
        let addresses = self.addresses.iter().copied();
        addresses.filter(move |address| address.family() == family)
    }
}

/// A request to give back what a handle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHandle {
    /// The holder.
    pub handle: HandleId,
    /// Only addresses of this interface, and those with no interface recorded; all if `None`.
    pub interface: Option<String>,
    /// Other names of the same holder, such as those of older versions: all that they hold is given back too.
    pub aliases: Vec<HandleId>,
}

impl ReleaseHandle {
    /// Returns each handle with the interface that it is looked through for.
    pub fn handles(&self) -> impl Iterator<Item = (&HandleId, Option<&str>)> {
        let own = (&self.handle, self.interface.as_deref());
        std::iter::once(own).chain(self.aliases.iter().map(|alias| (alias, None)))
    }
}

/// An address to give back, and what the caller knows of its assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAddress {
    /// The address.
    pub address: Address,
    /// Who must hold it; not compared if `None`.
    pub handle: Option<HandleId>,
    /// The sequence number that its assignment must have; not compared if `None`.
    pub sequence: Option<u64>,
}

/// What a release did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released {
    /// The addresses that were given back.
    pub released: Vec<Address>,
    /// Those that were free or cooling.
    pub not_assigned: Vec<Address>,
    /// Those that are held otherwise than the caller said.
    pub refused: Vec<(Address, Refusal)>,
}

impl Released {
    /// Returns what several transactions of one request did. Only the last one tells what was not released.
    pub fn all(parts: Vec<Released>) -> Released {
        let mut all = Released::default();
        for part in parts {
            all.released.extend(part.released);
            all.not_assigned = part.not_assigned;
            all.refused = part.refused;
        }
        all
    }
}
