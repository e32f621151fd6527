//! Random sequences of reads and commits, on a store and on the one in memory: all answers are equal.
//!
//! The two count revisions from different starts, and one of them has its keys below a root: what is compared is
//! relative to both.

use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Entry, Guard, Memory, Order, Range, Read, Snapshot, Span,
    Txn, Write,
};
use block_ipam::revision::Revision;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use tokio::runtime::Runtime;

use super::History;

/// Compares random sequences on the store with those in memory. Nobody else may write to the store meanwhile.
///
/// # Panics
/// With the shortest sequence found whose answers differ.
pub fn compare_with_memory(
    store: &dyn Datastore,
    history: History,
    sequences: u32,
    runtime: &Runtime,
) {
    let config = Config {
        cases: sequences,
        failure_persistence: None,
        ..Config::default()
    };
    let run = std::cell::Cell::new(0);
    let steps = prop::collection::vec(step(), 1..40);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        run.set(run.get() + 1);
        let root = format!("/random/{}/", run.get());
        runtime
            .block_on(compare(store, history, root, &steps))
            .map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!("{reason}\nafter {steps:#?}"),
        Err(TestError::Abort(reason)) => panic!("aborted: {reason}"),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Read(Read),
    Commit(Txn),
}

async fn compare(
    store: &dyn Datastore,
    history: History,
    root: String,
    steps: &[Step],
) -> Result<(), String> {
    let memory = Memory::default();
    let probe = Read::latest(vec![Range::key(format!("{root}x"))]);
    let start = store.read(probe).await.map_err(|error| error.to_string())?;
    let there = Place {
        root,
        offset: start.revision.0 - 1,
    };
    for (number, step) in steps.iter().enumerate() {
        let (here, other) = match step {
            Step::Read(read) => {
                let other = store.read(there.read(read)).await;
                let other = other.map(|snapshot| there.snapshot_back(snapshot));
                let here = memory.read(read.clone()).await;
                let comparable = |snapshot| any_newest(&read.ranges, snapshot);
                (
                    of_read(here.map(comparable)),
                    of_read(other.map(comparable)),
                )
            }
            Step::Commit(txn) => {
                let other = store.commit(there.txn(txn)).await;
                let other = other.map(|done| there.commit_back(done));
                (
                    of_commit(memory.commit(txn.clone()).await),
                    of_commit(other),
                )
            }
        };
        let too_old = other == Answer::Compacted && history == History::NewestOnly;
        if here != other && !too_old {
            return Err(format!(
                "step {number}: in memory {here:?}, in the store {other:?}"
            ));
        }
    }
    Ok(())
}

/// Of several keys that were written at once any one is the newest: what is compared is when.
fn any_newest(ranges: &[Range], mut snapshot: Snapshot) -> Snapshot {
    for (range, found) in ranges.iter().zip(&mut snapshot.found) {
        for entry in &mut found.entries {
            if range.order == Order::Newest {
                entry.key.clear();
                entry.created = Revision(0);
            }
        }
    }
    snapshot
}

/// What is compared of an answer: errors by their kind.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Found(Vec<block_ipam::datastore::Found>, Revision),
    Applied(Revision),
    Rejected,
    Compacted,
    Other(String),
}

fn of_read(answer: Result<Snapshot, DatastoreError>) -> Answer {
    match answer {
        Ok(snapshot) => Answer::Found(snapshot.found, snapshot.revision),
        Err(error) => of_error(&error),
    }
}

fn of_commit(answer: Result<Commit, DatastoreError>) -> Answer {
    match answer {
        Ok(Commit::Applied(revision)) => Answer::Applied(revision),
        Ok(Commit::Conflict(snapshot)) => of_read(Ok(snapshot)),
        Err(error) => of_error(&error),
    }
}

fn of_error(error: &DatastoreError) -> Answer {
    match error {
        DatastoreError::Rejected { .. } => Answer::Rejected,
        DatastoreError::Compacted(_) => Answer::Compacted,
        other => Answer::Other(other.to_string()),
    }
}

/// Where a sequence stands in the store: its root, and how far its revisions are ahead.
struct Place {
    root: String,
    offset: u64,
}

impl Place {
    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    /// Zero is before everything in every store.
    fn revision(&self, revision: Revision) -> Revision {
        match revision {
            Revision(0) => revision,
            Revision(own) => Revision(own.saturating_add(self.offset)),
        }
    }

    fn span(&self, span: &Span) -> Span {
        match span {
            Span::Key(key) => Span::Key(self.key(key)),
            Span::Prefix(prefix) => Span::Prefix(self.key(prefix)),
            Span::Between(from, to) => Span::Between(self.key(from), self.key(to)),
        }
    }

    fn read(&self, read: &Read) -> Read {
        let ranges = read.ranges.iter().map(|range| Range {
            span: self.span(&range.span),
            ..range.clone()
        });
        Read {
            ranges: ranges.collect(),
            at: read.at.map(|at| self.revision(at)),
        }
    }

    fn txn(&self, txn: &Txn) -> Txn {
        Txn {
            guards: txn.guards.iter().map(|guard| self.guard(guard)).collect(),
            writes: txn.writes.iter().map(|write| self.write(write)).collect(),
        }
    }

    fn guard(&self, guard: &Guard) -> Guard {
        match guard {
            Guard::Absent(key) => Guard::Absent(self.key(key)),
            Guard::At(key, at) => Guard::At(self.key(key), self.revision(*at)),
            Guard::Same(key, value) => Guard::Same(self.key(key), value.clone()),
            Guard::NoneCreated(span, after) => {
                Guard::NoneCreated(self.span(span), self.revision(*after))
            }
            Guard::NoneChanged(span, after) => {
                Guard::NoneChanged(self.span(span), self.revision(*after))
            }
        }
    }

    fn write(&self, write: &Write) -> Write {
        match write {
            Write::Put(key, value) => Write::Put(self.key(key), value.clone()),
            Write::Delete(key) => Write::Delete(self.key(key)),
        }
    }

    fn commit_back(&self, done: Commit) -> Commit {
        match done {
            Commit::Applied(revision) => Commit::Applied(self.back(revision)),
            Commit::Conflict(snapshot) => Commit::Conflict(self.snapshot_back(snapshot)),
        }
    }

    fn snapshot_back(&self, mut snapshot: Snapshot) -> Snapshot {
        snapshot.revision = self.back(snapshot.revision);
        for found in &mut snapshot.found {
            found
                .entries
                .iter_mut()
                .for_each(|entry| self.entry_back(entry));
        }
        snapshot
    }

    fn entry_back(&self, entry: &mut Entry) {
        entry.key = entry
            .key
            .strip_prefix(&self.root)
            .unwrap_or(&entry.key)
            .to_owned();
        entry.created = self.back(entry.created);
        entry.modified = self.back(entry.modified);
    }

    const fn back(&self, revision: Revision) -> Revision {
        Revision(revision.0.saturating_sub(self.offset))
    }
}

/// Few keys, so that they meet often; their order and their prefixes have edges.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "a-",
        "a.",
        "a/",
        "a/b",
        "a0",
        "b",
        "\u{e9}",
        "\u{10ffff}",
    ])
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![&b""[..], b"1", b"2", b"a\0b", b"\xff"]).prop_map(<[u8]>::to_vec)
}

/// Within and around what a sequence reaches.
fn revision() -> impl Strategy<Value = Revision> {
    (0..24_u64).prop_map(Revision)
}

fn span() -> impl Strategy<Value = Span> {
    let prefix = prop::sample::select(vec!["", "a", "a/", "b", "\u{10ffff}", "none"]);
    prop_oneof![
        key().prop_map(Span::Key),
        prefix.prop_map(|prefix| Span::Prefix(prefix.to_owned())),
        (key(), key()).prop_map(|(from, to)| Span::Between(from, to)),
    ]
}

fn range() -> impl Strategy<Value = Range> {
    let newest = span().prop_map(Range::newest);
    let by_key = (span(), any::<bool>(), 0..4_u32).prop_map(|(span, keys_only, limit)| Range {
        span,
        keys_only,
        limit,
        order: Order::Key,
    });
    prop_oneof![3 => by_key, 1 => newest]
}

fn guard() -> impl Strategy<Value = Guard> {
    prop_oneof![
        key().prop_map(Guard::Absent),
        (key(), revision()).prop_map(|(key, at)| Guard::At(key, at)),
        (key(), value()).prop_map(|(key, value)| Guard::Same(key, value)),
        (span(), revision()).prop_map(|(span, after)| Guard::NoneCreated(span, after)),
        (span(), revision()).prop_map(|(span, after)| Guard::NoneChanged(span, after)),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        2 => (key(), value()).prop_map(|(key, value)| Write::Put(key, value)),
        1 => key().prop_map(Write::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let read = (
        prop::collection::vec(range(), 1..4),
        prop::option::weighted(0.3, 1..24_u64),
    );
    let guards = prop::collection::vec(guard(), 0..3);
    let txn = (guards, prop::collection::vec(write(), 1..4));
    prop_oneof![
        1 => read.prop_map(|(ranges, at)| Step::Read(Read { ranges, at: at.map(Revision) })),
        2 => txn.prop_map(|(guards, writes)| Step::Commit(Txn { guards, writes })),
    ]
}
