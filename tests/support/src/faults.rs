//! Faults between a client and a store, as data.
//!
//! **Invariant:** what a client is told is always true of what happened: `Unavailable` was not done, `Indeterminate` may
//! have been, and a commit that comes late is judged by its guards when it comes.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Range, Read, Snapshot, Txn, Write,
};
use block_ipam::revision::Revision;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It surely is not sent, and the client knows.
    Refuse,
    /// It is lost on its way to the store. The client of a commit cannot tell that from a lost reply.
    LoseRequest,
    /// It is done, and the reply is lost.
    LoseReply,
    /// A commit gets no reply, and is done just before so many further requests of any client; a read is lost.
    ApplyLate(u64),
    /// Before a commit another writer writes the first key that it guards, with the value that it has.
    /// Harmless where that key does not exist, and for reads.
    Touch,
    /// A read is answered with the state of so many revisions ago, as a cache would; a commit is not touched.
    OldView(u64),
}

/// Which request of a client meets which fault. Requests are counted from 0, reads and commits together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan(pub BTreeMap<u64, Fault>);

impl FaultPlan {
    /// Returns the plan in which exactly this request meets the fault.
    pub fn once(request: u64, fault: Fault) -> FaultPlan {
        FaultPlan(BTreeMap::from([(request, fault)]))
    }

    /// Returns the plan in which each of these requests meets the fault.
    pub fn storm(requests: std::ops::Range<u64>, fault: Fault) -> FaultPlan {
        FaultPlan(requests.map(|request| (request, fault)).collect())
    }

    /// Draws a plan: `draw` tells of each request in turn whether it meets a fault, and which.
    pub fn drawn(requests: u64, mut draw: impl FnMut() -> Option<Fault>) -> FaultPlan {
        let drawn = (0..requests).filter_map(|request| Some((request, draw()?)));
        FaultPlan(drawn.collect())
    }
}

/// What lies between the store and all its clients: the commits that are still on their way.
#[derive(Debug)]
pub struct Network {
    store: Arc<dyn Datastore>,
    late: Mutex<Vec<Late>>,
}

/// A commit on its way.
#[derive(Debug)]
struct Late {
    /// Requests that come before it.
    before: u64,
    txn: Txn,
}

impl Network {
    /// Puts a network before the store.
    pub fn new(store: Arc<dyn Datastore>) -> Arc<Network> {
        Arc::new(Network {
            store,
            late: Mutex::default(),
        })
    }

    /// Connects a client whose requests meet the faults of the plan.
    pub fn client(self: &Arc<Network>, plan: FaultPlan) -> Faulty {
        Faulty {
            network: Arc::clone(self),
            plan,
            requests: Mutex::new(0),
        }
    }

    /// Lets everything arrive that is still on its way, in the order of its sending.
    ///
    /// # Panics
    /// Where the store fails.
    pub async fn settle(&self) {
        self.deliver(u64::MAX).await;
    }

    /// Lets so much time pass as this many requests take.
    async fn deliver(&self, requests: u64) {
        for txn in self.due(requests) {
            let done = self.store.commit(txn).await;
            assert!(done.is_ok(), "the store behind the faults fails: {done:?}");
        }
    }

    fn due(&self, requests: u64) -> Vec<Txn> {
        let mut late = lock(&self.late);
        let (due, waiting) = late
            .drain(..)
            .partition(|late: &Late| late.before < requests);
        *late = waiting;
        for late in late.iter_mut() {
            late.before -= requests;
        }
        due.into_iter().map(|late: Late| late.txn).collect()
    }
}

/// The store as one client sees it through the faults. It gives way to others before and after every request, so that a
/// scheduler can interleave them in every order.
pub struct Faulty {
    network: Arc<Network>,
    plan: FaultPlan,
    requests: Mutex<u64>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Faulty {
    /// Returns how many requests were made.
    pub fn requests(&self) -> u64 {
        *lock(&self.requests)
    }

    /// Counts a request, and returns its fault.
    fn next_fault(&self) -> Option<Fault> {
        let mut requests = lock(&self.requests);
        let fault = self.plan.0.get(&requests).copied();
        *requests += 1;
        fault
    }

    async fn arrive(&self) -> Option<Fault> {
        give_way().await;
        self.network.deliver(1).await;
        self.next_fault()
    }

    /// Writes the first guarded key that exists, as another writer would.
    async fn touch(&self, guards: &[Guard]) -> Result<(), DatastoreError> {
        let store = &self.network.store;
        let key = guards.iter().find_map(|guard| match guard {
            Guard::At(key, _) | Guard::Same(key, _) => Some(key.as_str()),
            Guard::Absent(_) | Guard::NoneCreated(..) | Guard::NoneChanged(..) => None,
        });
        let Some(key) = key else {
            return Ok(());
        };
        let seen = store.read(Read::latest(vec![Range::key(key)])).await?;
        if let Some(entry) = seen
            .found
            .into_iter()
            .flat_map(|found| found.entries)
            .next()
        {
            let writes = vec![Write::Put(entry.key, entry.value)];
            store
                .commit(Txn {
                    guards: vec![],
                    writes,
                })
                .await?;
        }
        Ok(())
    }

    async fn old_view(&self, read: Read, ago: u64) -> Result<Snapshot, DatastoreError> {
        let now = self.network.store.read(read.clone()).await?;
        let past = Revision(now.revision.0.saturating_sub(ago).max(1));
        let revision = read.at.unwrap_or(past);
        let at = Some(revision);
        let then = self.network.store.read(Read { at, ..read }).await?;
        Ok(Snapshot { revision, ..then })
    }
}

#[async_trait]
impl Datastore for Faulty {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let answer = match self.arrive().await {
            None | Some(Fault::Touch) => self.network.store.read(read).await,
            Some(Fault::OldView(ago)) => self.old_view(read, ago).await,
            Some(
                fault @ (Fault::Refuse
                | Fault::LoseRequest
                | Fault::LoseReply
                | Fault::ApplyLate(_)),
            ) => Err(DatastoreError::unavailable(format!("{fault:?}"))),
        };
        give_way().await;
        answer
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        let fault = self.arrive().await;
        let answer = match fault {
            None | Some(Fault::OldView(_)) => self.network.store.commit(txn).await,
            Some(Fault::Touch) => {
                self.touch(&txn.guards).await?;
                self.network.store.commit(txn).await
            }
            Some(Fault::Refuse) => Err(DatastoreError::unavailable("Refuse")),
            Some(Fault::LoseRequest) => Err(lost(Fault::LoseRequest)),
            Some(Fault::LoseReply) => {
                self.network.store.commit(txn).await?;
                Err(lost(Fault::LoseReply))
            }
            Some(fault @ Fault::ApplyLate(before)) => {
                txn.check()?;
                lock(&self.network.late).push(Late { before, txn });
                Err(lost(fault))
            }
        };
        give_way().await;
        answer
    }
}

fn lost(fault: Fault) -> DatastoreError {
    DatastoreError::Indeterminate {
        detail: format!("{fault:?}"),
        source: None,
    }
}

/// Lets whoever polls this future poll another one first.
async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use block_ipam::datastore::Memory;
    use futures::executor::block_on;

    use super::*;

    fn network() -> (Arc<Memory>, Arc<Network>) {
        let store = Arc::new(Memory::default());
        let network = Network::new(store.clone());
        (store, network)
    }

    fn put(key: &str, guards: Vec<Guard>) -> Txn {
        let writes = vec![Write::Put(key.into(), b"v".to_vec())];
        Txn { guards, writes }
    }

    fn absent(key: &str) -> Txn {
        put(key, vec![Guard::Absent(key.into())])
    }

    fn keys(store: &Memory) -> Vec<String> {
        store.entries().into_iter().map(|entry| entry.key).collect()
    }

    fn read(client: &Faulty) -> Result<Snapshot, DatastoreError> {
        block_on(client.read(Read::latest(vec![Range::prefix("")])))
    }

    #[test]
    fn without_a_plan_nothing_happens() {
        let (store, network) = network();
        let client = network.client(FaultPlan::default());
        block_on(client.commit(absent("a"))).unwrap();
        assert_eq!(read(&client).unwrap().found[0].entries, store.entries());
        assert_eq!(client.requests(), 2);
    }

    #[test]
    fn what_is_refused_or_lost_before_the_store_is_not_done() {
        for (fault, unknown) in [(Fault::Refuse, false), (Fault::LoseRequest, true)] {
            let (store, network) = network();
            let client = network.client(FaultPlan::storm(0..2, fault));
            let error = block_on(client.commit(absent("a"))).unwrap_err();
            assert_eq!(
                matches!(error, DatastoreError::Indeterminate { .. }),
                unknown
            );
            assert!(matches!(
                read(&client),
                Err(DatastoreError::Unavailable { .. })
            ));
            assert!(store.entries().is_empty());
            block_on(client.commit(absent("a"))).unwrap();
        }
    }

    #[test]
    fn a_lost_reply_hides_what_was_done() {
        let (store, network) = network();
        let client = network.client(FaultPlan::once(0, Fault::LoseReply));
        let error = block_on(client.commit(absent("a"))).unwrap_err();
        assert!(matches!(error, DatastoreError::Indeterminate { .. }));
        assert_eq!(keys(&store), ["a"]);
    }

    #[test]
    fn a_late_commit_comes_after_others_and_is_judged_then() {
        let (store, network) = network();
        let slow = network.client(FaultPlan::storm(0..2, Fault::ApplyLate(1)));
        let other = network.client(FaultPlan::default());
        block_on(slow.commit(absent("a"))).unwrap_err();
        assert!(read(&other).unwrap().found[0].entries.is_empty());
        assert_eq!(read(&other).unwrap().found[0].entries.len(), 1);
        block_on(slow.commit(absent("b"))).unwrap_err();
        block_on(other.commit(put("b", vec![]))).unwrap();
        let before = store.entries();
        block_on(network.settle());
        assert_eq!(store.entries(), before, "its guard is false by now");
    }

    #[test]
    fn a_touch_makes_a_commit_conflict_without_changing_a_value() {
        let (store, network) = network();
        let client = network.client(FaultPlan::once(1, Fault::Touch));
        block_on(client.commit(absent("a"))).unwrap();
        let seen = store.entries().remove(0);
        let txn = put("a", vec![Guard::At("a".into(), seen.modified)]);
        let done = block_on(client.commit(txn)).unwrap();
        assert!(matches!(done, Commit::Conflict(_)), "{done:?}");
        assert_eq!(store.entries()[0].value, seen.value);
    }

    #[test]
    fn an_old_view_is_a_whole_state_of_the_past() {
        let (_, network) = network();
        let client = network.client(FaultPlan::once(2, Fault::OldView(1)));
        block_on(client.commit(absent("a"))).unwrap();
        block_on(client.commit(absent("b"))).unwrap();
        let old = read(&client).unwrap();
        assert_eq!((old.revision, old.found[0].entries.len()), (Revision(2), 1));
        let new = read(&client).unwrap();
        assert_eq!((new.revision, new.found[0].entries.len()), (Revision(3), 2));
    }
}
