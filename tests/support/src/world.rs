//! A small world: nodes on one store in memory, a scheduler that polls one of them at random, and faults between them and the store.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::schema::assert_is_calicos;
use async_trait::async_trait;
use block_ipam::allocator::{Allocator, Budget};
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Memory, Read, Snapshot, Txn, Write,
};
use block_ipam::entropy::Entropy;

/// A small generator: the sequence depends on the seed alone.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Returns the generator of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed.wrapping_mul(2).wrapping_add(1)))
    }

    /// Returns a number below the limit.
    pub fn below(&self, limit: u64) -> u64 {
        self.bits() % limit
    }
}

impl Entropy for Dice {
    /// SplitMix64.
    fn bits(&self) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mut bits = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

/// A clock that moves when somebody sleeps.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let nanos = i64::try_from(duration.as_nanos()).expect("a short time");
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.fetch_add(1_000, Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        Pause::default().await;
    }
}

/// Pending once, so that others get their turn.
#[derive(Debug, Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

/// How often each fault happens, in per cent of the calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// The request is lost: a read fails, a commit has no answer.
    pub lose_request: u64,
    /// A commit is applied, and has no answer.
    pub lose_reply: u64,
    /// A commit has no answer and is applied with [`Network::deliver_late`].
    pub apply_late: u64,
}

/// A store behind a bad network. Counts requests.
#[derive(Debug)]
pub struct Network {
    /// The store.
    pub memory: Memory,
    dice: Dice,
    faults: Mutex<Faults>,
    late: Mutex<Vec<Txn>>,
    /// Commits that were applied.
    pub applied: AtomicU64,
    /// Reads that were asked for.
    pub reads: AtomicU64,
    /// Commits that were asked for.
    pub commits: AtomicU64,
}

impl Network {
    async fn apply(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        assert_is_calicos(&self.memory, &txn).await;
        let commit = self.memory.commit(txn).await;
        if matches!(commit, Ok(Commit::Applied(_))) {
            self.applied.fetch_add(1, Ordering::Relaxed);
        }
        commit
    }

    fn is_hit(&self, per_cent: u64) -> bool {
        self.dice.below(100) < per_cent
    }

    /// Chooses the faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().expect("unpoisoned") = faults;
    }

    /// Applies what was held back, now that its sender has given up waiting.
    pub async fn deliver_late(&self) {
        let late = std::mem::take(&mut *self.late.lock().expect("unpoisoned"));
        for txn in late {
            self.memory
                .commit(txn)
                .await
                .expect("the memory store answers");
        }
    }
}

#[async_trait]
impl Datastore for Network {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let faults = *self.faults.lock().expect("unpoisoned");
        Pause::default().await;
        if self.is_hit(faults.lose_request) {
            return Err(DatastoreError::unavailable("lost request"));
        }
        let snapshot = self.memory.read(read).await;
        Pause::default().await;
        snapshot
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let faults = *self.faults.lock().expect("unpoisoned");
        let lost = || DatastoreError::Indeterminate {
            detail: "lost reply".to_owned(),
            source: None,
        };
        Pause::default().await;
        if self.is_hit(faults.lose_request) {
            return Err(lost());
        }
        if self.is_hit(faults.apply_late) {
            self.late.lock().expect("unpoisoned").push(txn);
            return Err(lost());
        }
        let commit = self.apply(txn).await;
        Pause::default().await;
        if self.is_hit(faults.lose_reply) {
            return Err(lost());
        }
        commit
    }
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// The store that all of them share.
    pub network: Arc<Network>,
    /// The clock that all of them share.
    pub clock: Arc<TestClock>,
    /// Where every choice comes from.
    pub dice: Arc<Dice>,
}

impl World {
    /// Returns an empty world; all that happens in it depends on the seed alone.
    pub fn new(seed: u64) -> World {
        let dice = Arc::new(Dice::new(seed));
        let network = Network {
            memory: Memory::new(1),
            dice: Dice::new(dice.bits()),
            faults: Mutex::default(),
            late: Mutex::default(),
            applied: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        };
        World {
            network: Arc::new(network),
            clock: Arc::new(TestClock(AtomicI64::new(1_795_000_000_000_000_000))),
            dice,
        }
    }

    /// An allocator of its own, as another process would have.
    pub fn allocator(&self) -> Allocator {
        self.allocator_on(Arc::clone(&self.network) as Arc<dyn Datastore>)
    }

    /// The same on a store of the test's own.
    pub fn allocator_on(&self, store: Arc<dyn Datastore>) -> Allocator {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let entropy = Arc::new(Dice::new(self.dice.bits()));
        Allocator::new(store, clock, entropy).with_budget(Budget {
            tries: 100,
            deadline: Duration::from_secs(60),
            patience: Duration::from_secs(30),
        })
    }

    /// Writes a record past the allocator.
    pub fn put(&self, key: &str, value: &str) {
        let txn = Txn {
            guards: Vec::new(),
            writes: vec![Write::Put(key.to_owned(), value.as_bytes().to_vec())],
        };
        now(self.network.memory.commit(txn)).expect("the memory store answers");
    }

    /// Deletes a record past the allocator.
    pub fn delete(&self, key: &str) {
        let txn = Txn {
            guards: Vec::new(),
            writes: vec![Write::Delete(key.to_owned())],
        };
        now(self.network.memory.commit(txn)).expect("the memory store answers");
    }

    /// Writes a pool.
    pub fn pool(&self, name: &str, cidr: &str, block_size: u8) {
        self.pool_with(name, cidr, block_size, "");
    }

    /// Writes a pool with more members in its `spec`, each after a comma.
    pub fn pool_with(&self, name: &str, cidr: &str, block_size: u8, more: &str) {
        let key = format!("/calico/resources/v3/projectcalico.org/ippools/{name}");
        let value = format!(
            r#"{{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}"}},"spec":{{"cidr":"{cidr}","blockSize":{block_size}{more}}}}}"#
        );
        self.put(&key, &value);
    }

    /// Writes the configuration.
    pub fn config(&self, value: &str) {
        self.put("/calico/ipam/v2/config", value);
    }

    /// Returns every record, by key.
    pub fn records(&self) -> BTreeMap<String, String> {
        let text = |value: Vec<u8>| String::from_utf8(value).expect("records are text");
        let entries = self.network.memory.entries();
        entries
            .into_iter()
            .map(|entry| (entry.key, text(entry.value)))
            .collect()
    }

    /// Returns whether a record changed since the last call.
    pub fn has_changed(&self) -> bool {
        0 < self.network.applied.swap(0, Ordering::Relaxed)
    }

    /// Returns reads and commits since the last call.
    pub fn requests(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        (take(&self.network.reads), take(&self.network.commits))
    }
}

/// A future of a process.
pub type Process<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls the processes at random until all are done; `after` runs after each step. Each dies with the given chance
/// in per mille at each step.
pub fn run<T>(
    dice: &Dice,
    processes: Vec<Process<'_, T>>,
    death: u64,
    mut after: impl FnMut(),
) -> Vec<Option<T>> {
    let mut context = Context::from_waker(Waker::noop());
    let mut results: Vec<Option<T>> = processes.iter().map(|_| None).collect();
    let mut live: Vec<(usize, Process<'_, T>)> = processes.into_iter().enumerate().collect();
    while !live.is_empty() {
        let at = usize::try_from(dice.below(live.len() as u64)).expect("an index");
        if dice.below(1000) < death {
            drop(live.swap_remove(at));
            continue;
        }
        let (index, process) = &mut live[at];
        if let Poll::Ready(result) = process.as_mut().poll(&mut context) {
            results[*index] = Some(result);
            drop(live.swap_remove(at));
        }
        after();
    }
    results
}

/// Runs one future to its end.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}
