//! What the checker knows of one process: what it was asked, and what happened since.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use crate::actor::Answer;
use crate::check::state::{Holding, State};
use crate::operation::Operation;
use crate::wire::Fault;

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
    /// The time that its clock showed when it began, in seconds.
    pub began: i64,
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
    /// Those that nobody released since.
    pub has: Vec<IpAddr>,
    /// How it ended.
    pub ended: Option<Answer>,
    /// Whether it was shown an old view, so that its answers without a commit may be wrong.
    pub was_misled: bool,
    /// Which of its last requests got no answer, the newest last.
    lost: VecDeque<bool>,
}

/// So many requests are looked at to say whether a process was cut off: three tries of a read and a commit.
const LAST_REQUESTS: usize = 6;
/// So many of them without an answer are too many for whoever wants to fence something.
const TOO_MANY: usize = 3;

impl Course {
    /// Begins a course.
    pub fn new(operation: &Operation, party: Party, state: &State, now: i64) -> Course {
        let holder = operation.holder();
        let held = holder.map(|(handle, interface)| state.held_by(handle, interface));
        let ever_held = held.into_iter().flatten().map(|(address, _)| address);
        Course {
            operation: operation.clone(),
            party,
            began: now,
            latest: now,
            cool_down: state.config().cool_down,
            at_begin: state.holdings().collect(),
            ever_held: ever_held.collect(),
            took: Vec::new(),
            has: Vec::new(),
            ended: None,
            was_misled: false,
            lost: VecDeque::new(),
        }
    }

    /// Takes note of the fault that a request meets.
    pub fn requests(&mut self, fault: Option<Fault>) {
        self.was_misled |= matches!(fault, Some(Fault::OldView(_)));
        if self.lost.len() == LAST_REQUESTS {
            self.lost.pop_front();
        }
        self.lost.push_back(fault.is_some_and(|fault| match fault {
            Fault::Refuse | Fault::LoseRequest | Fault::LoseReply | Fault::ApplyLate => true,
            Fault::Touch | Fault::OldView(_) => false,
        }));
    }

    /// Returns whether its last requests had so few answers that it could not fence what it gave up.
    pub fn was_cut_off(&self) -> bool {
        TOO_MANY <= self.lost.iter().filter(|lost| **lost).count()
    }

    /// Returns the owner of the blocks that it takes addresses from as its own.
    pub fn owner(&self) -> Option<String> {
        let node = self.operation.node()?;
        let is_virtual =
            matches!(&self.operation, Operation::Assign(assign) if assign.load_balancer);
        let kind = if is_virtual { "virtual" } else { "host" };
        Some(format!("{kind}:{node}"))
    }

    /// Returns whether it may be about this address: a request that names others leaves what its holder has besides.
    pub fn asks_for(&self, address: IpAddr) -> bool {
        match &self.operation {
            Operation::AssignAddresses(named) => named.addresses.contains(&address),
            _ => true,
        }
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
