//! A pool: the addresses that an operator gives, and who may have them.

use std::fmt;

use crate::blocks::Cidr;
use crate::resources::metadata::Metadata;
use crate::unknown::Unknown;

/// The label that makes a pool part of a pool group.
pub const GROUP_LABEL: &str = "block-ipam/pool-group";

/// Whether pods behind a pool are reached through a tunnel. IPAM only keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encapsulation {
    /// Never.
    #[default]
    Never,
    /// Always.
    Always,
    /// Between subnets.
    CrossSubnet,
}

impl Encapsulation {
    /// All of them, the one that is meant where none is named first.
    pub const ALL: [Encapsulation; 3] = [
        Encapsulation::Never,
        Encapsulation::Always,
        Encapsulation::CrossSubnet,
    ];

    /// Returns the word in records and manifests.
    pub const fn word(self) -> &'static str {
        match self {
            Encapsulation::Never => "Never",
            Encapsulation::Always => "Always",
            Encapsulation::CrossSubnet => "CrossSubnet",
        }
    }
}

/// Whether a pool serves requests that do not name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AssignmentMode {
    /// Yes.
    #[default]
    Automatic,
    /// Only requests that name it.
    Manual,
}

impl AssignmentMode {
    /// Both, the one that is meant where none is named first.
    pub const ALL: [AssignmentMode; 2] = [AssignmentMode::Automatic, AssignmentMode::Manual];

    /// Returns the word in records and manifests.
    pub const fn word(self) -> &'static str {
        match self {
            AssignmentMode::Automatic => "Automatic",
            AssignmentMode::Manual => "Manual",
        }
    }
}

/// What an address is for (`allowedUses` of an IPPool).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// A container.
    Workload,
    /// A tunnel device of a node.
    Tunnel,
    /// A Service of type LoadBalancer; its blocks belong to a virtual owner.
    LoadBalancer,
}

impl Use {
    /// All of them.
    pub const ALL: [Use; 3] = [Use::Workload, Use::Tunnel, Use::LoadBalancer];

    /// Returns the word in records and configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Use::Workload => "Workload",
            Use::Tunnel => "Tunnel",
            Use::LoadBalancer => "LoadBalancer",
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A pool as a value, defaults applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Name, identity, labels.
    pub metadata: Metadata,
    /// The addresses.
    pub cidr: Cidr,
    /// The prefix length of its blocks.
    pub block_length: u8,
    /// Which nodes it serves; empty for all.
    pub node_selector: String,
    /// Which namespaces it serves; empty for all.
    pub namespace_selector: String,
    /// What its addresses are for.
    pub allowed_uses: Vec<Use>,
    /// Whether it serves requests that do not name it.
    pub assignment: AssignmentMode,
    /// Whether it gives out nothing.
    pub disabled: bool,
    /// IP-in-IP.
    pub ipip: Encapsulation,
    /// VXLAN.
    pub vxlan: Encapsulation,
    /// Whether traffic out of the pool is masqueraded.
    pub nat_outgoing: bool,
    /// Whether its routes are not exported by BGP.
    pub disable_bgp_export: bool,
    /// Whether a controller took it out of allocation (`Allocatable` condition with status False).
    pub not_allocatable: bool,
    /// Members of `spec` that we do not know.
    pub unknown_spec: Unknown,
    /// Members beside `spec` that we do not know, `status` included.
    pub unknown: Unknown,
}
