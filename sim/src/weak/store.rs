//! The port as a weaker program uses it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Guard, Read, Snapshot, Txn};
use block_ipam::revision::Revision;
use serde_json::Value;

use crate::operation::Operation;
use crate::weak::mutants;
use crate::weak::rows::{Of, Row, kind, rows};
use crate::weak::weakness::{Weakness, What};

impl Weakness {
    /// Returns a store through which a program that is asked for this operation is so much weaker than it is.
    pub fn before(
        &'static self,
        store: Arc<dyn Datastore>,
        operation: Operation,
    ) -> Arc<dyn Datastore> {
        Arc::new(WeakStore::new(store, self, operation))
    }
}

/// A store through which a program is weaker than it is.
#[derive(Debug)]
struct WeakStore {
    inner: Arc<dyn Datastore>,
    weakness: &'static Weakness,
    operation: Operation,
    known: Mutex<BTreeMap<String, Value>>,
    lost: Mutex<Option<Txn>>,
}

impl WeakStore {
    fn new(
        inner: Arc<dyn Datastore>,
        weakness: &'static Weakness,
        operation: Operation,
    ) -> WeakStore {
        WeakStore {
            inner,
            weakness,
            operation,
            known: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    fn note(&self, snapshot: &Snapshot) {
        let mut known = lock(&self.known);
        let entries = snapshot.found.iter().flat_map(|found| &found.entries);
        for entry in entries.filter(|entry| entry.key.contains("/assignment/")) {
            if let Ok(value) = serde_json::from_slice(&entry.value) {
                known.insert(entry.key.clone(), value);
            }
        }
    }

    fn is(&self, what: What) -> bool {
        self.weakness.what == what
    }

    /// Returns the transaction without the guard that is left out.
    fn without_guard(&self, txn: &Txn, row: Row, of: Of) -> Txn {
        let known = lock(&self.known);
        let rows = rows(&self.operation, txn, |key| known.get(key).cloned());
        let meant: Vec<Option<&str>> = rows
            .iter()
            .filter(|(own, _)| *own == row)
            .map(|(_, key)| *key)
            .collect();
        if meant.is_empty() {
            return txn.clone();
        }
        let keeps = |guard: &&Guard| {
            let own = kind(guard);
            let is_of_block = own == Of::Block || own == Of::Neighbours;
            if of == Of::Block && is_of_block {
                let of_row = |key: &String| {
                    let mut blocks = meant.iter();
                    blocks.any(|block| block.is_none_or(|block| block == key))
                };
                return match guard {
                    // Blocks of other rows of the same transaction keep theirs.
                    Guard::Absent(key) => row != Row::Claim && !of_row(key),
                    Guard::At(key, _) => !of_row(key),
                    _ => false,
                };
            }
            own != of
        };
        Txn {
            guards: txn.guards.iter().filter(keeps).cloned().collect(),
            writes: txn.writes.clone(),
        }
    }

    fn altered(&self, txn: &Txn) -> Txn {
        let known = lock(&self.known).clone();
        let of = |row: Row| {
            let rows = rows(&self.operation, txn, |key| known.get(key).cloned());
            rows.iter().any(|(own, _)| *own == row)
        };
        match self.weakness.what {
            What::NoGuard(row, of) => self.without_guard(txn, row, of),
            What::ForgetsItsOwn => mutants::with_own_name(txn, &self.operation),
            What::CountsWhatWasAsked => mutants::counting_what_was_asked(txn, &self.operation),
            What::ReusesSequences => mutants::with_old_sequences(txn, &known),
            What::KeepsFormerAffinity if of(Row::Reclaim) => {
                mutants::without(txn, |write| mutants::is_delete(write, "/ipam/v2/host/"))
            }
            What::ConfirmsWithoutRewrite if of(Row::Confirm) => {
                mutants::without(txn, |write| write.key().contains("/assignment/"))
            }
            What::CountsWithoutRewrite if of(Row::Count) => {
                mutants::without(txn, |write| write.key().contains("/assignment/"))
            }
            What::CountsTheTruth => mutants::counting_the_truth(txn, &self.operation),
            _ => txn.clone(),
        }
    }

    /// Says that a transaction was done, or refused, without sending it.
    fn is_swallowed(&self, txn: &Txn) -> Option<Swallowed> {
        let no_fence = matches!(self.weakness.what, What::NoFence | What::NothingAfterLoss);
        let rows = rows(&self.operation, txn, |_| None);
        if no_fence && rows.iter().any(|(row, _)| *row == Row::Fence) {
            return Some(Swallowed::Done);
        }
        let again = lock(&self.lost).as_ref() == Some(txn);
        (self.is(What::NothingAfterLoss) && again).then_some(Swallowed::Refused)
    }

    async fn commit_altered(&self, txn: &Txn) -> Result<Commit, DatastoreError> {
        let altered = self.altered(txn);
        let split = mutants::by_family(&altered);
        if let Some((first, second)) = split.filter(|_| self.is(What::SplitsFamilies)) {
            let done = self.inner.commit(first).await?;
            if let Commit::Conflict(_) = done {
                return Ok(done);
            }
            return self.inner.commit(second).await;
        }
        let guards = altered.guards.len();
        let done = self.inner.commit(altered).await?;
        if matches!(done, Commit::Conflict(_)) && guards != txn.guards.len() {
            return self.current(txn).await;
        }
        Ok(done)
    }

    /// A refusal brings the values of all guards, those included that were left out.
    async fn current(&self, txn: &Txn) -> Result<Commit, DatastoreError> {
        let ranges = txn.guards.iter().map(Guard::range).collect();
        let snapshot = self.inner.read(Read::latest(ranges)).await?;
        Ok(Commit::Conflict(snapshot))
    }
}

enum Swallowed {
    Done,
    Refused,
}

#[async_trait]
impl Datastore for WeakStore {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let mut snapshot = self.inner.read(read).await?;
        self.note(&snapshot);
        match self.weakness.what {
            What::ForgetsItsOwn => mutants::forget_own(&mut snapshot, &self.operation),
            What::IgnoresCooling => mutants::warm_up(&mut snapshot),
            What::IgnoresSequences => mutants::as_expected(&mut snapshot, &self.operation),
            _ => {}
        }
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        match self.is_swallowed(&txn) {
            Some(Swallowed::Done) => return Ok(Commit::Applied(Revision(1))),
            Some(Swallowed::Refused) => return self.current(&txn).await,
            None => {}
        }
        let mut done = self.commit_altered(&txn).await;
        if let Ok(Commit::Conflict(snapshot)) = &mut done {
            self.note(snapshot);
            match self.weakness.what {
                What::ForgetsItsOwn => mutants::forget_own(snapshot, &self.operation),
                What::IgnoresCooling => mutants::warm_up(snapshot),
                What::IgnoresSequences => mutants::as_expected(snapshot, &self.operation),
                _ => {}
            }
        }
        if let Err(DatastoreError::Indeterminate { detail, .. }) = &done {
            *lock(&self.lost) = Some(txn);
            if self.is(What::TakesLossForFailure) {
                return Err(DatastoreError::unavailable(detail.clone()));
            }
            if self.is(What::TakesLossForSuccess) {
                return Ok(Commit::Applied(Revision(1)));
            }
        }
        done
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
