//! Which machine uses a node's name. Two machines under one name would give out addresses from the same blocks and
//! collect each other's.
//!
//! **Invariant:** a name is bound in the transaction of an assignment, and only when what is recorded is not so any more;
//! nothing is written while a machine just goes on.

use std::time::Duration;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::ids::NodeName;
use crate::plan::{Change, Plan, RecordId, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;

/// How soon a name that comes back to the machine before tells of two machines. A node is not reinstalled, or booted into
/// another system and back, in less.
pub const FLIP: Duration = Duration::from_secs(10 * 60);

/// A machine in one of its lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMachine {
    /// What stays as long as it is installed.
    pub machine: String,
    /// What changes with every start; `None` where it is not known.
    pub boot: Option<String>,
}

/// Which machine uses a node's name: one record for each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The machine.
    pub machine: NodeMachine,
    /// Since when, by its own clock.
    pub since: Timestamp,
    /// The one before it.
    pub before: Option<NodeMachine>,
}

/// Two machines use the name of a node in turns.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("two machines use the node name `{node}` in turns: this is {}, and {} has it", self.text(.own), self.text(.other))]
pub struct SharedName {
    /// The name.
    pub node: NodeName,
    /// The machine that asks.
    pub own: NodeMachine,
    /// The machine that has the name.
    pub other: NodeMachine,
    /// When the name is free for the machine that asks, unless the other one comes back.
    pub until: Timestamp,
}

impl SharedName {
    /// Clones have one machine id, and are told apart by their boots.
    fn text(&self, machine: &NodeMachine) -> String {
        match &machine.boot {
            Some(boot) if self.own.machine == self.other.machine => {
                format!("{} in boot {boot}", machine.machine)
            }
            _ => machine.machine.clone(),
        }
    }
}

/// What becomes of a node's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It is this machine's, and nothing has to be written.
    Kept,
    /// Nobody had it.
    First(NodeIdentity),
    /// The machine started anew.
    Rebooted(NodeIdentity),
    /// Another machine had it: this one was installed in its place.
    Moved(NodeIdentity),
}

impl Binding {
    /// Returns the record to write.
    pub const fn record(&self) -> Option<&NodeIdentity> {
        match self {
            Binding::Kept => None,
            Binding::First(record) | Binding::Rebooted(record) | Binding::Moved(record) => {
                Some(record)
            }
        }
    }
}

/// Decides what becomes of a node's name when a machine uses it:
///
/// 1. the machine and boot that are recorded go on;
/// 2. a name without a record is bound;
/// 3. a name that comes back within ten minutes to the machine before it, or to a boot before it, is used by two machines:
///    refused, for whichever comes back. A boot never comes back by itself, so that clones with one machine id are told too;
/// 4. another boot of the same machine is recorded;
/// 5. so is another machine: it was installed in place of the one before.
///
/// # Errors
/// [`Refusal::SharedName`].
pub fn bind(
    node: &NodeName,
    recorded: Option<&NodeIdentity>,
    own: &NodeMachine,
    now: Timestamp,
) -> Result<Binding, Refusal> {
    let bound = |before: Option<&NodeMachine>| NodeIdentity {
        machine: own.clone(),
        since: now.whole_seconds(),
        before: before.cloned(),
    };
    let Some(recorded) = recorded else {
        return Ok(Binding::First(bound(None)));
    };
    if recorded.machine == *own {
        return Ok(Binding::Kept);
    }
    if came_back(recorded, own) && now.since(recorded.since) < FLIP {
        let shared = SharedName {
            node: node.clone(),
            own: own.clone(),
            other: recorded.machine.clone(),
            until: recorded.since.plus(FLIP),
        };
        return Err(Box::new(shared).into());
    }
    let record = bound(Some(&recorded.machine));
    Ok(if recorded.machine.machine == own.machine {
        Binding::Rebooted(record)
    } else {
        Binding::Moved(record)
    })
}

fn came_back(recorded: &NodeIdentity, own: &NodeMachine) -> bool {
    recorded.before.as_ref().is_some_and(|before| {
        let same_machine = before.machine == own.machine;
        let same_boot = before.boot.is_some() && before.boot == own.boot;
        same_machine && (recorded.machine.machine != own.machine || same_boot)
    })
}

/// Returns what becomes of a node's name by what was read.
///
/// # Errors
/// [`Stop::Read`] where its record was not read; [`Refusal::SharedName`], and a record that does not parse.
pub fn binding(
    view: &View,
    node: &NodeName,
    own: &NodeMachine,
    now: Timestamp,
) -> Result<Binding, Stop> {
    let recorded = match view.identities.get(node) {
        None => return Err(Stop::Read(vec![want(node)])),
        Some(Seen::Corrupt(record)) => {
            return Err(Refusal::Corrupt(vec![record.clone()]).into());
        }
        Some(Seen::Absent) => None,
        Some(Seen::Present(record)) => Some(&record.value),
    };
    Ok(bind(node, recorded, own, now)?)
}

/// Returns the want of a node's identity.
pub fn want(node: &NodeName) -> Want {
    Want::Record(RecordId::Identity(node.clone()))
}

/// Tells which machine uses a name, where that is known.
pub fn decide_identity_of(view: &View, node: &NodeName) -> Step<Option<NodeIdentity>> {
    match view.identities.get(node) {
        None => Step::Read(vec![want(node)]),
        Some(Seen::Absent) => Step::Done(None),
        Some(Seen::Present(record)) => Step::Done(Some(record.value.clone())),
        Some(Seen::Corrupt(record)) => Step::Refuse(Refusal::Corrupt(vec![record.clone()])),
    }
}

/// Decides about forgetting which machine uses a name, so that the next that comes is bound. Returns whether one was known.
pub fn decide_forget_identity(view: &View, node: &NodeName) -> Step<bool> {
    match view.identities.get(node) {
        None => Step::Read(vec![want(node)]),
        Some(Seen::Absent) => Step::Done(false),
        Some(seen) => Step::Commit(Plan {
            guards: vec![RecordId::Identity(node.clone()).unchanged(seen)],
            changes: vec![Change::DeleteIdentity(node.clone())],
            outcome: true,
            more: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(minutes * 60)
    }

    /// `machine/boot`; without a slash the boot is not known.
    fn machine(text: &str) -> NodeMachine {
        let (machine, boot) = text
            .split_once('/')
            .map_or((text, None), |(m, b)| (m, Some(b)));
        NodeMachine {
            machine: machine.to_owned(),
            boot: boot.map(str::to_owned),
        }
    }

    fn shown(result: &Result<Binding, Refusal>) -> &'static str {
        match result {
            Ok(Binding::Kept) => "kept",
            Ok(Binding::First(_)) => "first",
            Ok(Binding::Rebooted(_)) => "rebooted",
            Ok(Binding::Moved(_)) => "moved",
            Err(Refusal::SharedName(_)) => "shared",
            Err(_) => "otherwise refused",
        }
    }

    #[test]
    fn what_becomes_of_a_name() {
        // Recorded as (machine, before) since minute 100; who comes, in which minute.
        type Case = (
            Option<(&'static str, Option<&'static str>)>,
            &'static str,
            i64,
            &'static str,
        );
        let table: [Case; 18] = [
            (None, "a/1", 0, "first"),
            (Some(("a/1", None)), "a/1", 100, "kept"),
            (Some(("a/1", None)), "a/1", 9999, "kept"),
            (Some(("a/1", None)), "a/2", 101, "rebooted"),
            (Some(("a/2", Some("a/1"))), "a/3", 101, "rebooted"),
            (Some(("a/2", Some("a/1"))), "a/1", 109, "shared"),
            (Some(("a/2", Some("a/1"))), "a/1", 110, "rebooted"),
            (Some(("a/1", None)), "b/1", 101, "moved"),
            (Some(("b/1", Some("a/1"))), "b/1", 101, "kept"),
            (Some(("b/1", Some("a/1"))), "a/1", 100, "shared"),
            (Some(("b/1", Some("a/1"))), "a/9", 109, "shared"),
            (Some(("b/1", Some("a/1"))), "a/1", 110, "moved"),
            (Some(("b/1", Some("a/1"))), "c/1", 101, "moved"),
            (Some(("b/1", Some("a/1"))), "b/2", 101, "rebooted"),
            (Some(("b/1", Some("a/1"))), "a/1", 50, "shared"),
            (Some(("a", None)), "a", 101, "kept"),
            (Some(("a", None)), "a/1", 101, "rebooted"),
            (Some(("a/1", Some("a"))), "a", 101, "rebooted"),
        ];
        for (recorded, own, minute, expected) in table {
            let recorded = recorded.map(|(now, before)| NodeIdentity {
                machine: machine(now),
                since: at(100),
                before: before.map(machine),
            });
            let node = NodeName::stored("n1");
            let result = bind(&node, recorded.as_ref(), &machine(own), at(minute));
            assert_eq!(shown(&result), expected, "{recorded:?} {own} {minute}");
            let Ok(binding) = result else { continue };
            if let Some(record) = binding.record() {
                assert_eq!(record.machine, machine(own));
                assert_eq!(record.since, at(minute));
                assert_eq!(record.before, recorded.map(|recorded| recorded.machine));
            }
        }
    }

    #[test]
    fn two_machines_in_turns_are_told_at_the_first_return() {
        let node = NodeName::stored("n1");
        let (a, b) = (machine("a/1"), machine("b/1"));
        let first = bind(&node, None, &a, at(0)).expect("bound");
        let moved = bind(&node, first.record(), &b, at(1)).expect("bound");
        let record = moved.record();
        for minute in 1..11 {
            let refused = bind(&node, record, &a, at(minute)).expect_err("refused");
            let Refusal::SharedName(shared) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!((shared.until, &shared.other), (at(11), &b));
            assert_eq!(bind(&node, record, &b, at(minute)), Ok(Binding::Kept));
        }
    }
}
