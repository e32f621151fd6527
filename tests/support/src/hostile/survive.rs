//! All operations on a store that the bytes make, each watched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::allocator::{Allocator, AllocatorError};
use block_ipam::assign::{Assign, Wanted};
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::{Datastore, DatastoreError, keys};
use block_ipam::ids::{HandleId, NodeName, ResourceName};
use block_ipam::plan::RecordId;
use block_ipam::report::collect::Memory;
use block_ipam::report::{Finding, Grace, Looks, Severity, Subject, repairs};
use serde_json::{Value, json};

use super::bytes::{Bytes, records_of};
use super::operations::operations;
use super::watched::Watched;
use crate::ops::Interpreter;
use crate::world::{Dice, World};

/// When the operations happen: after the recorded stores.
const NOW: &str = "2026-11-22T09:30:00Z";

/// What no operation on a store of its own ends with: it would mean a guard that never holds, a transaction that no
/// store takes, or a loop.
const FAULTS: [&str; 7] = [
    "bad line",
    "contention",
    "deadline",
    "rejected",
    "unavailable",
    "unknown outcome",
    "not done",
];

/// What was met, so that a test can tell that it met something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survived {
    /// Records that could not be read, before the operations.
    pub unreadable: usize,
    /// Operations that were done.
    pub done: usize,
    /// Operations that were refused.
    pub refused: usize,
}

/// Does every operation on a store that the bytes make.
///
/// # Panics
/// Where something panics, does not end, hides what cannot be read, replaces it, or writes what cannot be read.
pub async fn survive(bytes: &[u8]) -> Survived {
    let mut bytes = Bytes(bytes);
    let turn = usize::from(bytes.byte());
    let records = records_of(&mut bytes);
    let store = Arc::new(Watched::default());
    store.lay(&records).await;
    let mut survived = Survived {
        unreadable: store.unreadable().len(),
        ..Survived::default()
    };

    let shared: Arc<dyn Datastore> = Arc::<Watched>::clone(&store);
    let world = World::new(7);
    let allocator = world.allocator_on(Arc::clone(&shared));
    report(&store, &allocator).await;

    let interpreter = Interpreter::new(shared, Arc::new(Dice::new(7)));
    let mut operations = operations(&records);
    let first = turn % operations.len();
    operations.rotate_left(first);
    for mut operation in operations {
        operation["now"] = json!(NOW);
        store.begin_on(asked(&operation));
        let answer = interpreter.answer(operation.clone()).await;
        let refusals = [&answer, &answer["v4"], &answer["v6"]].map(|part| part["refusal"].as_str());
        for refusal in refusals.into_iter().flatten() {
            assert!(!FAULTS.contains(&refusal), "{operation}: {answer}");
        }
        match answer.get("error") {
            None => survived.done += 1,
            Some(_) => survived.refused += 1,
        }
    }

    let mut looks = Looks::default();
    for minutes in [0, 16] {
        world.clock.advance(Duration::from_secs(60 * minutes));
        looks = repaired(&store, &allocator, &looks, world.clock.now()).await;
    }
    report(&store, &allocator).await;
    survived
}

/// Returns the key of the record that an operator asks to have deleted by its name, or written as a whole.
fn asked(operation: &Value) -> Option<String> {
    let name = operation["name"].as_str().unwrap_or_default();
    let record = match operation["type"].as_str()? {
        "setIPAMConfig" => RecordId::Config,
        "deleteNode" => RecordId::Node(NodeName::stored(name)),
        "deletePool" => RecordId::Pool(ResourceName::stored(name)),
        "deleteReservation" => RecordId::Reservation(ResourceName::stored(name)),
        _ => return None,
    };
    Some(keys::key_of(&record))
}

/// Checks that each record that cannot be read is told, and that the other reports end.
async fn report(store: &Watched, allocator: &Allocator) {
    let findings = checked(store, allocator).await;
    let errors = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error);
    let told: BTreeSet<String> = errors
        .map(|finding| match &finding.subject {
            Subject::Record(id) => keys::key_of(id),
            Subject::Key(key) => key.clone(),
        })
        .collect();
    for key in store.unreadable() {
        assert!(told.contains(&key), "{key} is not told: {findings:?}");
    }

    store.begin();
    ended(allocator.usage().await);
    let alive: BTreeSet<HandleId> = BTreeSet::new();
    store.begin();
    ended(
        allocator
            .look(&alive, &Memory::default(), Grace::default())
            .await,
    );
    for node in ["n1", "n2"] {
        let node = NodeName::new(node).expect("a node name");
        let handle = HandleId::new("net.explained").expect("a handle");
        let one = Wanted {
            count: 1,
            ..Wanted::default()
        };
        let request = Assign {
            v4: one.clone(),
            v6: one,
            ..Assign::workload(node, handle)
        };
        store.begin();
        ended(allocator.explain(&request).await);
    }
}

async fn checked(store: &Watched, allocator: &Allocator) -> Vec<Finding> {
    store.begin();
    let checked = allocator.check().await;
    checked
        .expect("a check reads whatever there is")
        .report
        .findings
}

async fn repaired(store: &Watched, allocator: &Allocator, looks: &Looks, now: Timestamp) -> Looks {
    let findings = checked(store, allocator).await;
    let looks = looks.and(&findings, now);
    for repair in repairs(&findings, &looks, now) {
        store.begin();
        ended(allocator.repair(&repair.kind).await);
    }
    looks
}

/// A refusal is an end; so is a record that cannot be read.
#[track_caller]
fn ended<T>(result: Result<T, AllocatorError>) {
    match result {
        Ok(_)
        | Err(AllocatorError::Refused(_) | AllocatorError::Store(DatastoreError::Corrupt { .. })) =>
            {}
        Err(error) => panic!("{error}"),
    }
}
