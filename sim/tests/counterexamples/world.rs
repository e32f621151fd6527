//! Processes that go on request by request, as a scenario says, and whose commits may lose guards or writes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Entry, Guard, Memory, Read, Snapshot, Txn, Write,
};
use block_ipam_sim::calico::{Calico, HashedStarts};
use block_ipam_sim::dice::Dice;
use block_ipam_sim::time::Pause;

/// What the commits of one process lack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropped {
    pub(crate) guard: fn(&Guard) -> bool,
    pub(crate) write: fn(&Write) -> bool,
}

/// Everything stands.
pub(crate) const NOTHING: Dropped = Dropped {
    guard: |_| false,
    write: |_| false,
};

/// Drops the guards on which this holds.
pub(crate) const fn guards(guard: fn(&Guard) -> bool) -> Dropped {
    Dropped { guard, ..NOTHING }
}

/// A store and a clock.
#[derive(Debug, Clone)]
pub(crate) struct World {
    store: Arc<Memory>,
    clock: Arc<Manual>,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            store: Arc::new(Memory::default()),
            clock: Arc::new(Manual(AtomicI64::new(1_800_000_000_000_000_000))),
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
    }

    /// Writes a record past everybody.
    pub(crate) fn put(&self, key: &str, value: &str) {
        self.write(Write::Put(key.to_owned(), value.as_bytes().to_vec()));
    }

    /// Deletes a record past everybody.
    pub(crate) fn delete(&self, key: &str) {
        self.write(Write::Delete(key.to_owned()));
    }

    fn write(&self, write: Write) {
        let txn = Txn {
            guards: Vec::new(),
            writes: vec![write],
        };
        let mut commit = Box::pin(self.store.commit(txn));
        let done = commit.as_mut().poll(&mut context());
        assert!(matches!(done, Poll::Ready(Ok(Commit::Applied(_)))));
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.store.entries()
    }

    /// Begins a process of ours.
    pub(crate) fn ours<T, F>(
        &self,
        dropped: Dropped,
        work: impl FnOnce(Allocator) -> F,
    ) -> Process<T>
    where
        F: Future<Output = T> + 'static,
    {
        let gate = self.gate(dropped);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let allocator = Allocator::new(gate.clone(), clock, Arc::new(Dice::new(7)));
        Process::begin(gate, work(allocator))
    }

    /// Begins a process of Calico's.
    pub(crate) fn calico<T, F>(&self, work: impl FnOnce(Calico) -> F) -> Process<T>
    where
        F: Future<Output = T> + 'static,
    {
        let gate = self.gate(NOTHING);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let calico = Calico::new(gate.clone(), clock, Arc::new(HashedStarts));
        Process::begin(gate, work(calico))
    }

    fn gate(&self, dropped: Dropped) -> Arc<Gate> {
        Arc::new(Gate {
            store: Arc::clone(&self.store),
            dropped,
            waiting: Mutex::new(None),
        })
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// What a process is about to do.
#[derive(Debug, Clone)]
enum Request {
    Read,
    Commit(Txn),
}

/// A process that stands before its next request.
pub(crate) struct Process<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    gate: Arc<Gate>,
    ended: Option<T>,
}

impl<T> Process<T> {
    fn begin(gate: Arc<Gate>, future: impl Future<Output = T> + 'static) -> Process<T> {
        let mut process = Process {
            future: Box::pin(future),
            gate,
            ended: None,
        };
        process.step();
        process
    }

    /// Does the request it stands before, and goes on to the next.
    fn step(&mut self) {
        assert!(self.ended.is_none(), "it ended before");
        if let Poll::Ready(ended) = self.future.as_mut().poll(&mut context()) {
            self.ended = Some(ended);
        }
    }

    /// Goes on until it stands before a commit that writes such a record, and returns what it would write.
    #[track_caller]
    pub(crate) fn until(&mut self, writes: impl Fn(&Write) -> bool) -> Vec<Write> {
        while self.ended.is_none() {
            match self.gate.waiting() {
                Some(Request::Commit(txn)) if txn.writes.iter().any(&writes) => return txn.writes,
                _ => self.step(),
            }
        }
        panic!("it ended without such a commit");
    }

    /// Goes on until it stands before its first commit.
    #[track_caller]
    pub(crate) fn until_commit(&mut self) -> Vec<Write> {
        self.until(|_| true)
    }

    /// Does the request it stands before.
    #[track_caller]
    pub(crate) fn one_more(&mut self) {
        self.step();
    }

    /// Goes on to its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> T {
        for _ in 0..10_000 {
            if let Some(ended) = self.ended.take() {
                return ended;
            }
            self.step();
        }
        panic!("it does not end");
    }
}

/// The store as one process has it: each request waits for a step.
#[derive(Debug)]
struct Gate {
    store: Arc<Memory>,
    dropped: Dropped,
    waiting: Mutex<Option<Request>>,
}

impl Gate {
    fn waiting(&self) -> Option<Request> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, request: Request) {
        *self.lock() = Some(request);
        Pause::default().await;
        *self.lock() = None;
    }
}

#[async_trait]
impl Datastore for Gate {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.wait(Request::Read).await;
        self.store.read(read).await
    }

    async fn commit(&self, mut txn: Txn) -> Result<Commit, DatastoreError> {
        txn.guards.retain(|guard| !(self.dropped.guard)(guard));
        txn.writes.retain(|write| !(self.dropped.write)(write));
        self.wait(Request::Commit(txn.clone())).await;
        self.store.commit(txn).await
    }
}

/// A clock that goes when it is told to. Nobody waits on it.
#[derive(Debug)]
struct Manual(AtomicI64);

impl Manual {
    fn pass(&self, duration: Duration) {
        let nanos = i64::try_from(duration.as_nanos()).expect("a short time");
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Manual {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}
