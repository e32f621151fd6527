//! What records say, as far as the checker needs it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::net::Net;

/// What slots that Windows nodes keep stand under.
pub const WINDOWS_SLOTS: &str = "windows-reserved-ipam-handle";

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A block.
    Block(Block),
    /// An affinity: its owner (`host:n1`), its block, its state.
    Affinity(String, Net, String),
    /// A handle and its counts.
    Handle(String, BTreeMap<Net, i64>),
    /// A pool.
    Pool(Pool),
    /// A reservation, by name.
    Reservation(String, Vec<Net>),
    /// A node and its rack.
    Node(String, String),
    /// The configuration.
    Config(Config),
    /// A node that borrows from a block.
    Borrowed(String, Net),
}

/// What identifies a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A block.
    Block(Net),
    /// An affinity.
    Affinity(String, Net),
    /// A handle.
    Handle(String),
    /// A pool.
    Pool(String),
    /// A reservation.
    Reservation(String),
    /// A node.
    Node(String),
    /// The configuration.
    Config,
    /// The index of borrowing.
    Borrowed(String, Net),
}

/// A block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its CIDR by its key.
    pub net: Net,
    /// Its owner, `host:n1`.
    pub owner: Option<String>,
    /// One for each address, in order.
    pub slots: Vec<Slot>,
    /// When its owner claimed it, in seconds; 0 if that is not known.
    pub claimed: i64,
    /// Its sequence number.
    pub sequence: u64,
    /// Members that nobody knows.
    pub unknown: BTreeMap<String, Value>,
}

/// What an address of a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// Free.
    Free,
    /// Not to be used until it has cooled since then (seconds since 1970).
    Cooling(i64),
    /// Held.
    Held(Entry),
}

/// Who holds an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The handle.
    pub handle: Option<String>,
    /// The interface.
    pub interface: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The sequence of its assignment.
    pub sequence: Option<u64>,
}

/// A pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub net: Net,
    /// The prefix length of its blocks.
    pub block_length: u8,
    /// Whether it gives out nothing.
    pub disabled: bool,
    /// The only rack that it serves.
    pub rack: Option<String>,
    /// Whether it serves load balancers, and nobody else.
    pub load_balancer: bool,
}

/// The configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether nobody borrows.
    pub strict: bool,
    /// Whether nodes claim blocks by themselves.
    pub auto: bool,
    /// Most blocks of a node in a family.
    pub max_blocks: usize,
    /// Seconds of cool-down.
    pub cool_down: i64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            strict: false,
            auto: true,
            max_blocks: BUILT_IN_LIMIT,
            cool_down: 0,
        }
    }
}

/// Blocks of a node in a family where nothing else is said.
pub(super) const BUILT_IN_LIMIT: usize = 20;

impl Block {
    /// Returns each held address with its entry; the slots of Windows nodes are none.
    pub fn entries(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| match slot {
            Slot::Held(entry) if !entry.is_windows_slot() => Some((self.net.at(place), entry)),
            Slot::Held(_) | Slot::Free | Slot::Cooling(_) => None,
        })
    }
}

impl Entry {
    /// Returns whether a Windows node keeps the address for itself.
    pub fn is_windows_slot(&self) -> bool {
        self.handle.as_deref() == Some(WINDOWS_SLOTS)
    }

    /// Returns whether it is of this handle and interface. An entry without interface is of each.
    pub fn is_of(&self, handle: &str, interface: Option<&str>) -> bool {
        let any = interface.is_none() || self.interface.is_none();
        self.handle.as_deref() == Some(handle) && (any || self.interface.as_deref() == interface)
    }
}
