//! What the checker knows of one process: what it was asked, and what happened since.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::actor::Answer;
use crate::check::state::{Holding, State};
use crate::operation::Operation;

/// Whose program a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Ours: everything holds.
    Ours,
    /// One that writes as Calico does: it has weaker promises.
    Calico,
}

/// One process.
#[derive(Debug, Clone)]
pub struct Course {
    /// What it was asked.
    pub operation: Operation,
    /// Whose program it runs.
    pub party: Party,
    /// The latest time that its clock showed, in seconds.
    pub latest: i64,
    /// The shortest cool-down that was configured since it began.
    pub cool_down: i64,
    /// What everybody held when it began.
    pub at_begin: BTreeSet<Holding>,
    /// What its holder held at any time since.
    pub ever_held: BTreeSet<IpAddr>,
    /// Addresses that its commits took.
    pub took: Vec<IpAddr>,
    /// How it ended.
    pub ended: Option<Answer>,
    /// Whether it was shown an old view, so that its answers without a commit may be wrong.
    pub was_misled: bool,
    /// Whether it was cut off from the store after a commit of which it knows no outcome.
    pub was_cut_off: bool,
}

impl Course {
    /// Begins a course.
    pub fn new(operation: &Operation, party: Party, state: &State, now: i64) -> Course {
        let holder = operation.holder();
        let held = holder.map(|(handle, interface)| state.held_by(handle, interface));
        let ever_held = held.into_iter().flatten().map(|(address, _)| address);
        Course {
            operation: operation.clone(),
            party,
            latest: now,
            cool_down: state.config().cool_down,
            at_begin: state.holdings().collect(),
            ever_held: ever_held.collect(),
            took: Vec::new(),
            ended: None,
            was_misled: false,
            was_cut_off: false,
        }
    }

    /// Returns the owner of the blocks that it takes addresses from as its own.
    pub fn owner(&self) -> Option<String> {
        let node = self.operation.node()?;
        let is_virtual =
            matches!(&self.operation, Operation::Assign(assign) if assign.load_balancer);
        let kind = if is_virtual { "virtual" } else { "host" };
        Some(format!("{kind}:{node}"))
    }

    /// Returns how many addresses it may take at most: of IPv4 and of IPv6.
    pub fn wanted(&self) -> (usize, usize) {
        match &self.operation {
            Operation::Assign(assign) => (assign.v4, assign.v6),
            Operation::AssignAddresses(named) => count(&named.addresses),
            _ => (0, 0),
        }
    }
}

/// Counts addresses of IPv4 and of IPv6.
pub(crate) fn count<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> (usize, usize) {
    let mut counts = (0, 0);
    for address in addresses {
        if address.is_ipv6() {
            counts.1 += 1;
        } else {
            counts.0 += 1;
        }
    }
    counts
}
