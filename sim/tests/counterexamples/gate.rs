//! The store as one process has it: each request waits for a step, and a commit may lack guards or writes, or get no
//! answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Memory, Read, Snapshot, Txn, Write,
};
use block_ipam::revision::Revision;
use block_ipam_sim::operation::{Assign, Operation, Pool, Which};
use block_ipam_sim::time::Pause;
use block_ipam_sim::weak::Weakness;
use block_ipam_sim::weak::weakness::{Row, What};

/// What the commits of one process lack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropped {
    pub(crate) guard: fn(&Guard) -> bool,
    pub(crate) write: fn(&Write) -> bool,
    /// Commits that are not sent, judged beside those that got no answer: the process is told that they were refused.
    pub(crate) commit: fn(&Txn, &[Txn]) -> bool,
    /// What the process is besides.
    pub(crate) weakness: Option<&'static Weakness>,
}

impl Dropped {
    /// Returns the store as a process has it that is so weak.
    pub(crate) fn before(self, gate: Arc<Gate>) -> Arc<dyn Datastore> {
        match self.weakness {
            Some(weakness) => weakness.before(gate, operation(weakness)),
            None => gate,
        }
    }
}

/// What the process of a schedule is asked for whose weakness this is, as far as that tells one row from another.
fn operation(weakness: &Weakness) -> Operation {
    let What::NoGuard(row, _) = weakness.what else {
        return match weakness.what {
            What::ConfirmsWithoutRewrite | What::CountsWithoutRewrite => Operation::CheckAndRepair,
            _ => asking(),
        };
    };
    let node = "n1".to_owned();
    match row {
        Row::Surrender => Operation::Surrender {
            which: Which::Node(node),
            in_use: false,
        },
        Row::Confirm | Row::Drop | Row::Count | Row::Tidy | Row::Index => Operation::CheckAndRepair,
        Row::PoolCreate | Row::PoolEdit => Operation::PutPool(Pool {
            name: "a".to_owned(),
            cidr: "10.0.0.0/30".to_owned(),
            block_length: 30,
            disabled: false,
            rack: None,
            load_balancer: false,
        }),
        Row::PoolDelete => Operation::DeletePool {
            name: "a".to_owned(),
        },
        Row::Release => Operation::ReleaseHandle {
            handle: "net.h1".to_owned(),
            interface: None,
        },
        Row::Collect => Operation::ReleaseAddresses(Vec::new()),
        _ => asking(),
    }
}

fn asking() -> Operation {
    Operation::Assign(Assign {
        node: "n1".to_owned(),
        ..Assign::default()
    })
}

/// Everything stands.
pub(crate) const NOTHING: Dropped = Dropped {
    guard: |_| false,
    write: |_| false,
    commit: |_, _| false,
    weakness: None,
};

/// Drops the guards on which this holds.
pub(crate) const fn guards(guard: fn(&Guard) -> bool) -> Dropped {
    Dropped { guard, ..NOTHING }
}

/// How a commit tells whether a record still is what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    ByRevision,
    ByValue,
}

/// What a process is about to do.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Read,
    Commit(Txn),
}

/// The store as one process has it.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Arc<Memory>,
    dropped: Dropped,
    judged: Judged,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<Request>,
    loses_next: bool,
    lost: Vec<Txn>,
    /// What was read, by key and revision.
    seen: BTreeMap<(String, Revision), Vec<u8>>,
}

impl Gate {
    pub(crate) fn new(store: Arc<Memory>, dropped: Dropped, judged: Judged) -> Gate {
        Gate {
            store,
            dropped,
            judged,
            state: Mutex::default(),
        }
    }

    /// Returns the request that the process stands before.
    pub(crate) fn waiting(&self) -> Option<Request> {
        self.state().waiting.clone()
    }

    /// The commit that waits gets no answer.
    pub(crate) fn lose_next(&self) {
        self.state().loses_next = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, request: Request) {
        self.state().waiting = Some(request);
        Pause::default().await;
        self.state().waiting = None;
    }

    fn remember(&self, snapshot: &Snapshot) {
        let entries = snapshot.found.iter().flat_map(|found| &found.entries);
        // Keys alone were read where the value is empty.
        let whole = entries.filter(|entry| !entry.value.is_empty());
        let seen = whole.map(|entry| ((entry.key.clone(), entry.modified), entry.value.clone()));
        self.state().seen.extend(seen);
    }

    /// Returns the transaction as this process sends it.
    fn sent(&self, mut txn: Txn) -> Txn {
        txn.guards.retain(|guard| !(self.dropped.guard)(guard));
        txn.writes.retain(|write| !(self.dropped.write)(write));
        if self.judged == Judged::ByValue {
            let state = self.state();
            for guard in &mut txn.guards {
                let Guard::At(key, revision) = guard else {
                    continue;
                };
                if let Some(value) = state.seen.get(&(key.clone(), *revision)) {
                    *guard = Guard::Same(key.clone(), value.clone());
                }
            }
        }
        txn
    }

    fn is_lost(&self, txn: &Txn) -> bool {
        let mut state = self.state();
        let lost = std::mem::take(&mut state.loses_next);
        if lost {
            state.lost.push(txn.clone());
        }
        lost
    }

    /// Returns what a process is told of a commit that was refused.
    async fn refuse(&self, txn: &Txn) -> Result<Commit, DatastoreError> {
        let ranges = txn.guards.iter().map(Guard::range).collect();
        let values = self.store.read(Read::latest(ranges)).await?;
        Ok(Commit::Conflict(values))
    }
}

#[async_trait]
impl Datastore for Gate {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.wait(Request::Read).await;
        let snapshot = self.store.read(read).await?;
        self.remember(&snapshot);
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        let txn = self.sent(txn);
        self.wait(Request::Commit(txn.clone())).await;
        if self.is_lost(&txn) {
            return Err(DatastoreError::Indeterminate {
                detail: "no answer".to_owned(),
                source: None,
            });
        }
        let is_dropped = (self.dropped.commit)(&txn, &self.state().lost);
        if is_dropped {
            return self.refuse(&txn).await;
        }
        let done = self.store.commit(txn).await?;
        if let Commit::Conflict(values) = &done {
            self.remember(values);
        }
        Ok(done)
    }
}
