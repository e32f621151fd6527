//! What actors are asked to do, as data: a trace of a run holds these.
//!
//! Names and addresses are text, so that a trace reads like what an operator would type.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One operation of one actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Addresses for a workload.
    Assign(Assign),
    /// Named addresses for a workload.
    AssignAddresses(Named),
    /// What a workload holds is given back.
    ReleaseHandle {
        /// The handle.
        handle: String,
        /// Only what this interface holds.
        interface: Option<String>,
    },
    /// Addresses are given back one by one.
    ReleaseAddresses(Vec<Held>),
    /// A node claims every block of a range by hand.
    ClaimRange {
        /// The node.
        node: String,
        /// The range.
        cidr: String,
    },
    /// Blocks are given up.
    Surrender {
        /// Whose, or where.
        which: Which,
        /// Whether blocks in use become nobody's; else they are kept.
        in_use: bool,
    },
    /// A node makes sure that it has a block of the family.
    EnsureBlock {
        /// The node.
        node: String,
        /// The pool to take it from.
        pool: String,
    },
    /// A node is deleted.
    DeleteNode {
        /// The node.
        node: String,
    },
    /// A node's record is written.
    PutNode {
        /// The node.
        node: String,
        /// Its one label, `rack`.
        rack: String,
    },
    /// A pool is created, edited, enabled or disabled.
    PutPool(Pool),
    /// A pool is drained and deleted.
    DeletePool {
        /// Its name.
        name: String,
    },
    /// A reservation is written.
    PutReservation {
        /// Its name.
        name: String,
        /// What it reserves.
        cidrs: Vec<String>,
    },
    /// A reservation is deleted.
    DeleteReservation {
        /// Its name.
        name: String,
    },
    /// The configuration is written.
    PutConfig(Config),
    /// The owners of an address change, as in the live migration of a virtual machine.
    SetOwners {
        /// The address.
        address: IpAddr,
        /// Its handle.
        handle: String,
        /// What the other side is called.
        other: String,
        /// The node that the other side is on.
        node: String,
    },
    /// The other owner becomes the active one.
    PromoteOwner {
        /// The handle.
        handle: String,
        /// What the other side is called.
        other: String,
    },
    /// What has cooled in a block is freed.
    CollectCold {
        /// The block.
        block: String,
    },
    /// Everything is checked, and all that can be repaired is.
    CheckAndRepair,
    /// What nobody uses is looked for and taken: the handles that live are given.
    Collect {
        /// Handles of living workloads.
        alive: Vec<String>,
    },
}

/// Addresses for a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assign {
    /// The node that it runs on.
    pub node: String,
    /// Who holds them.
    pub handle: Option<String>,
    /// Which interface of it.
    pub interface: Option<String>,
    /// Addresses of IPv4.
    pub v4: usize,
    /// Addresses of IPv6.
    pub v6: usize,
    /// Blocks that are read at once, right or wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hint: Vec<String>,
    /// The pools to take them from; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<String>,
    /// Whether the node keeps the first and last slots of its blocks, as Windows nodes do.
    #[serde(default)]
    pub windows: bool,
    /// Whether it is for a load balancer, whose blocks are virtual.
    #[serde(default)]
    pub load_balancer: bool,
}

/// Named addresses for a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The node that it runs on.
    pub node: String,
    /// Who holds them.
    pub handle: Option<String>,
    /// Which interface of it.
    pub interface: Option<String>,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

/// One allocation as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The address.
    pub address: IpAddr,
    /// Who held it; not compared if `None`.
    pub handle: Option<String>,
    /// The sequence that it was assigned with; not compared if `None`.
    pub sequence: Option<u64>,
}

/// Whose blocks, or which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// All of a node.
    Node(String),
    /// One block of a node.
    Block {
        /// The node.
        node: String,
        /// The block.
        block: String,
    },
    /// All inside a CIDR.
    Inside(String),
    /// All of a node in pools that do not select it any more.
    Deselected(String),
}

/// What an operator writes into a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its CIDR.
    pub cidr: String,
    /// The prefix length of its blocks.
    pub block_length: u8,
    /// Whether it gives out nothing.
    pub disabled: bool,
    /// Which nodes it serves: those of this rack; all if `None`.
    pub rack: Option<String>,
    /// Whether it serves load balancers, and nobody else.
    #[serde(default)]
    pub load_balancer: bool,
}

/// What an operator writes into the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Whether nobody borrows.
    pub strict: bool,
    /// Most blocks of a node in a family; no limit of its own if 0.
    pub max_blocks: u32,
    /// Seconds for which a released address stays unusable.
    pub cool_down: u32,
}

impl Operation {
    /// Returns the node on whose behalf addresses or blocks are taken.
    pub fn node(&self) -> Option<&str> {
        match self {
            Operation::Assign(assign) => Some(&assign.node),
            Operation::AssignAddresses(named) => Some(&named.node),
            Operation::ClaimRange { node, .. } | Operation::EnsureBlock { node, .. } => Some(node),
            _ => None,
        }
    }

    /// Returns the handle and interface that addresses are for.
    pub fn holder(&self) -> Option<(&str, Option<&str>)> {
        let (handle, interface) = match self {
            Operation::Assign(assign) => (assign.handle.as_deref()?, &assign.interface),
            Operation::AssignAddresses(named) => (named.handle.as_deref()?, &named.interface),
            _ => return None,
        };
        Some((handle, interface.as_deref()))
    }
}
