//! Processes that go on request by request, as a scenario says, and whose commits may lose guards or writes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::{Commit, Datastore, Entry, Memory, Txn, Write};
use block_ipam::revision::Revision;
use block_ipam_sim::calico::{Calico, HashedStarts};
use block_ipam_sim::dice::Dice;

use crate::gate::{Dropped, Gate, Judged, NOTHING, Request};

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
        assert!(self.arrive(txn), "a write without guards is never refused");
    }

    /// Lets a commit arrive at the store, and returns whether it was applied.
    pub(crate) fn arrive(&self, txn: Txn) -> bool {
        let mut commit = Box::pin(self.store.commit(txn));
        let done = commit.as_mut().poll(&mut context());
        matches!(done, Poll::Ready(Ok(Commit::Applied(_))))
    }

    /// Returns the revision of the newest record.
    pub(crate) fn revision(&self) -> Revision {
        let revisions = self.entries().into_iter().map(|entry| entry.modified);
        revisions.max().expect("a record")
    }

    /// Goes back to a snapshot, as a restored etcd does.
    pub(crate) fn restore(&self, snapshot: Revision) {
        self.store.restore(snapshot).expect("a revision that was");
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
        self.ours_judged(dropped, Judged::ByRevision, work)
    }

    /// Begins a process of ours whose commits judge the blocks they read so.
    pub(crate) fn ours_judged<T, F>(
        &self,
        dropped: Dropped,
        judged: Judged,
        work: impl FnOnce(Allocator) -> F,
    ) -> Process<T>
    where
        F: Future<Output = T> + 'static,
    {
        let gate = self.gate(dropped, judged);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let store = dropped.before(Arc::clone(&gate));
        let allocator = Allocator::new(store, clock, Arc::new(Dice::new(7)));
        Process::begin(gate, work(allocator))
    }

    /// Begins a process of Calico's.
    pub(crate) fn calico<T, F>(&self, work: impl FnOnce(Calico) -> F) -> Process<T>
    where
        F: Future<Output = T> + 'static,
    {
        let gate = self.gate(NOTHING, Judged::ByRevision);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let calico = Calico::new(gate.clone(), clock, Arc::new(HashedStarts));
        Process::begin(gate, work(calico))
    }

    fn gate(&self, dropped: Dropped, judged: Judged) -> Arc<Gate> {
        Arc::new(Gate::new(Arc::clone(&self.store), dropped, judged))
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
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

    /// Takes the commit it stands before out of its way: it gets no answer, and arrives when somebody lets it.
    #[track_caller]
    pub(crate) fn delay(&mut self) -> Txn {
        let Some(Request::Commit(txn)) = self.gate.waiting() else {
            panic!("it does not stand before a commit");
        };
        self.gate.lose_next();
        self.step();
        txn
    }

    /// Returns whether it has ended.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended.is_some()
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
