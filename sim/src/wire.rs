//! What lies between the processes and the store: every request parks here until the scheduler lets it go, with or
//! without a fault.
//!
//! **Invariant:** what a process is told is true: `Unavailable` was not done, `Indeterminate` may have been, and a commit
//! that comes late is judged by its guards when it comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Memory, Range, Read, Snapshot, Txn, Write,
};
use block_ipam::revision::Revision;
use futures::FutureExt;
use serde::{Deserialize, Serialize};

use crate::time::Pause;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It surely is not sent, and the process knows.
    Refuse,
    /// It is lost on its way. A process cannot tell that from a lost reply.
    LoseRequest,
    /// It is done, and the reply is lost.
    LoseReply,
    /// A commit gets no reply and arrives later; a read is lost.
    ApplyLate,
    /// Before a commit another one writes the first record that it guards, as it was.
    Touch,
    /// A read sees the store of so many revisions ago, as a slow cache would show it.
    OldView(u64),
}

/// One process, by the order of beginning.
pub type Task = u32;

/// A commit that the store did.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Whose.
    pub task: Task,
    /// What it was guarded by and what it wrote.
    pub txn: Txn,
    /// Its revision.
    pub revision: Revision,
}

/// The network with the store behind it.
#[derive(Debug)]
pub struct Exchange {
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    late: Vec<(Task, Txn)>,
    applied: Vec<Applied>,
    /// The same once more, if anybody wants to know.
    watched: Option<Vec<Applied>>,
    /// What happened in words, if anybody wants to know.
    said: Option<Vec<String>>,
}

impl Exchange {
    /// Puts a network before an empty store.
    pub fn new() -> Arc<Exchange> {
        Arc::new(Exchange {
            memory: Memory::default(),
            state: Mutex::default(),
        })
    }

    /// Connects a process.
    pub fn connect(self: &Arc<Exchange>, task: Task) -> Arc<dyn Datastore> {
        Arc::new(Wire {
            task,
            exchange: Arc::clone(self),
        })
    }

    /// Returns the store itself.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Says what happens to the next request that goes.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Returns what was done since the last call.
    pub fn take_applied(&self) -> Vec<Applied> {
        std::mem::take(&mut self.state().applied)
    }

    /// Keeps from now on what was done.
    pub fn watch(&self) {
        self.state().watched.get_or_insert_default();
    }

    /// Returns what was kept since the last call.
    pub fn take_watched(&self) -> Vec<Applied> {
        let mut state = self.state();
        state
            .watched
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Tells from now on what happens to requests, in words.
    pub fn speak(&self) {
        self.state().said.get_or_insert_default();
    }

    /// Returns what happened to requests since the last call, in words.
    pub fn take_said(&self) -> Vec<String> {
        let mut state = self.state();
        state.said.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns how many commits are still on their way.
    pub fn late(&self) -> usize {
        self.state().late.len()
    }

    /// Loses every commit that is still on its way.
    pub fn lose_late(&self) {
        self.state().late.clear();
    }

    /// Lets one commit arrive that was held back; nothing if there is none at this place.
    pub fn arrive(&self, place: usize) {
        let late = {
            let mut state = self.state();
            (place < state.late.len()).then(|| state.late.remove(place))
        };
        if let Some((task, txn)) = late {
            // Nobody waits for its outcome any more.
            let _ = self.apply(task, txn);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, text: impl FnOnce() -> String) {
        if let Some(said) = &mut self.state().said {
            said.push(text());
        }
    }

    fn read(&self, read: Read, fault: Option<Fault>) -> Result<Snapshot, DatastoreError> {
        match fault {
            None | Some(Fault::Touch) => at_once(self.memory.read(read)),
            Some(Fault::OldView(ago)) => self.old_view(read, ago),
            Some(
                fault @ (Fault::Refuse | Fault::LoseRequest | Fault::LoseReply | Fault::ApplyLate),
            ) => Err(DatastoreError::unavailable(format!("{fault:?}"))),
        }
    }

    fn old_view(&self, read: Read, ago: u64) -> Result<Snapshot, DatastoreError> {
        let now = at_once(self.memory.read(read.clone()))?;
        if read.at.is_some() {
            return Ok(now);
        }
        let past = Revision(now.revision.0.saturating_sub(ago).max(1));
        let then = Read {
            at: Some(past),
            ..read
        };
        match at_once(self.memory.read(then)) {
            Ok(then) => Ok(Snapshot {
                revision: past,
                ..then
            }),
            Err(_) => Ok(now),
        }
    }

    fn commit(&self, task: Task, txn: Txn, fault: Option<Fault>) -> Result<Commit, DatastoreError> {
        match fault {
            None | Some(Fault::OldView(_)) => self.apply(task, txn),
            Some(Fault::Touch) => {
                self.touch(&txn.guards)?;
                self.apply(task, txn)
            }
            Some(Fault::Refuse) => Err(DatastoreError::unavailable("Refuse")),
            Some(fault @ Fault::LoseRequest) => Err(lost(fault)),
            Some(fault @ Fault::LoseReply) => {
                self.apply(task, txn)?;
                Err(lost(fault))
            }
            Some(fault @ Fault::ApplyLate) => {
                txn.check()?;
                self.state().late.push((task, txn));
                Err(lost(fault))
            }
        }
    }

    fn apply(&self, task: Task, txn: Txn) -> Result<Commit, DatastoreError> {
        let done = at_once(self.memory.commit(txn.clone()))?;
        match &done {
            Commit::Applied(revision) => {
                let revision = *revision;
                self.say(|| format!("done at {revision}: {}", written(&txn)));
                let applied = Applied {
                    task,
                    txn,
                    revision,
                };
                let mut state = self.state();
                if let Some(watched) = &mut state.watched {
                    watched.push(applied.clone());
                }
                state.applied.push(applied);
            }
            Commit::Conflict(_) => self.say(|| format!("conflict: {}", written(&txn))),
        }
        Ok(done)
    }

    /// Writes the first guarded record that exists, as another writer would that changes nothing.
    fn touch(&self, guards: &[Guard]) -> Result<(), DatastoreError> {
        let key = guards.iter().find_map(|guard| match guard {
            Guard::At(key, _) | Guard::Same(key, _) => Some(key.as_str()),
            Guard::Absent(_) | Guard::NoneCreated(..) | Guard::NoneChanged(..) => None,
        });
        let Some(key) = key else {
            return Ok(());
        };
        let seen = at_once(self.memory.read(Read::latest(vec![Range::key(key)])))?;
        let entry = seen
            .found
            .into_iter()
            .flat_map(|found| found.entries)
            .next();
        if let Some(entry) = entry {
            let txn = Txn {
                guards: Vec::new(),
                writes: vec![Write::Put(entry.key, entry.value)],
            };
            at_once(self.memory.commit(txn))?;
        }
        Ok(())
    }
}

/// The store as one process sees it.
#[derive(Debug)]
struct Wire {
    task: Task,
    exchange: Arc<Exchange>,
}

#[async_trait]
impl Datastore for Wire {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        Pause::default().await;
        let fault = self.exchange.state().fault.take();
        self.exchange.say(|| {
            let ranges = read.ranges.len();
            format!("read of {ranges} ranges: {:?}", read.ranges[0].span)
        });
        self.exchange.read(read, fault)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        Pause::default().await;
        let fault = self.exchange.state().fault.take();
        self.exchange.commit(self.task, txn, fault)
    }
}

fn lost(fault: Fault) -> DatastoreError {
    DatastoreError::Indeterminate {
        detail: format!("{fault:?}"),
        source: None,
    }
}

fn written(txn: &Txn) -> String {
    let words = txn.writes.iter().map(|write| match write {
        Write::Put(key, value) => format!("{key} = {}", String::from_utf8_lossy(value)),
        Write::Delete(key) => format!("{key} deleted"),
    });
    words.collect::<Vec<String>>().join(" ; ")
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    let done = future.now_or_never();
    done.expect("the store in memory answers at once")
}
