//! Changes of resources by two operators at once, on a store: of two that are legal alone and not together, one is refused.
//!
//! The second is done between the read and the commit of the first, which then decides again.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use block_ipam::affinity::AffinityState;
use block_ipam::allocator::{Allocator, AllocatorError};
use block_ipam::clock::SystemClock;
use block_ipam::datastore::codec::encode_affinity;
use block_ipam::datastore::keys::key_of;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Memory, Read, Snapshot, Txn, Write,
};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{NodeName, Owner, ResourceName};
use block_ipam::plan::{Context, RecordId, Step, View};
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{Mode, Put, Written, delete_pool, put_config, put_pool};
use block_ipam::resources::{Config, Metadata, Pool, PoolSpec};
use expect_test::expect;

/// Does something in the store before its first commit.
#[derive(Debug)]
struct Interrupted {
    store: Arc<Memory>,
    first: Mutex<Option<Txn>>,
}

#[async_trait]
impl Datastore for Interrupted {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.store.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        let first = self.first.lock().expect("nobody panicked").take();
        if let Some(first) = first {
            let done = self.store.commit(first).await?;
            assert!(
                matches!(done, Commit::Applied(_)),
                "the interruption is done"
            );
        }
        self.store.commit(txn).await
    }
}

/// Remembers what would be committed, and commits nothing.
#[derive(Debug)]
struct Recorder {
    store: Arc<Memory>,
    txn: Mutex<Option<Txn>>,
}

#[async_trait]
impl Datastore for Recorder {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.store.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        *self.txn.lock().expect("nobody panicked") = Some(txn);
        Err(DatastoreError::rejected("recorded"))
    }
}

fn allocator(store: Arc<dyn Datastore>) -> Allocator {
    Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy))
}

/// Returns the transaction by which the decision would be carried out.
async fn transaction<T>(store: &Arc<Memory>, decide: impl FnMut(&View, Context) -> Step<T>) -> Txn {
    let recorder = Arc::new(Recorder {
        store: Arc::clone(store),
        txn: Mutex::new(None),
    });
    let on_recorder = Arc::clone(&recorder) as Arc<dyn Datastore>;
    let _ = allocator(on_recorder).run(decide).await;
    let txn = recorder.txn.lock().expect("nobody panicked").take();
    txn.expect("the decision is to commit")
}

/// Carries out a decision while another is carried out between its read and its commit.
async fn run_around<T>(
    store: &Arc<Memory>,
    first: Txn,
    decide: impl FnMut(&View, Context) -> Step<T>,
) -> Result<T, AllocatorError> {
    let interrupted = Interrupted {
        store: Arc::clone(store),
        first: Mutex::new(Some(first)),
    };
    allocator(Arc::new(interrupted)).run(decide).await
}

fn pool(name: &str, cidr: &str, size: i64) -> Put<Pool> {
    let spec = PoolSpec {
        metadata: Metadata {
            name: name.to_owned(),
            uid: Some(format!("uid of {name} {cidr}")),
            ..Metadata::default()
        },
        cidr: Some(cidr.to_owned()),
        block_size: Some(size),
        ..PoolSpec::default()
    };
    Put {
        value: spec.pool().expect("a legal pool"),
        mode: Mode::Create,
        expected: None,
    }
}

async fn created(store: &Arc<Memory>, put: &Put<Pool>) {
    let store = Arc::clone(store) as Arc<dyn Datastore>;
    let written = allocator(store)
        .run(|view, now| put_pool(view, put, now))
        .await;
    assert_eq!(written.expect("a creation"), Written::Created);
}

/// The first step of Calico's claim: an affinity whose block does not exist yet.
fn claim_begun(block: &str) -> Txn {
    let owner = Owner::host(&NodeName::stored("n1"));
    let id = RecordId::Affinity(owner, block.parse().expect("a block"));
    let write = Write::Put(key_of(&id), encode_affinity(AffinityState::Pending));
    Txn {
        guards: vec![],
        writes: vec![write],
    }
}

/// A block as another one's plan would write it.
fn block_created(block: &str) -> Txn {
    let id = RecordId::Block(block.parse().expect("a block"));
    let text = format!(
        r#"{{"cidr":"{block}","affinity":null,"allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],"sequenceNumber":1,"deleted":false}}"#
    );
    Txn {
        guards: vec![],
        writes: vec![Write::Put(key_of(&id), text.into_bytes())],
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, AllocatorError>) -> String {
    result.expect_err("a refusal").to_string()
}

#[tokio::test]
async fn x25_of_two_pools_created_at_once_over_one_cidr_one_is_refused() {
    for (first, second) in [
        (pool("a", "10.0.0.0/24", 26), pool("b", "10.0.0.0/24", 26)),
        (pool("a", "10.0.0.0/24", 26), pool("b", "10.0.0.0/16", 26)),
        (pool("a", "fd00::/112", 122), pool("b", "fd00::/120", 124)),
        (pool("a", "10.0.0.0/24", 26), pool("a", "10.9.0.0/24", 26)),
    ] {
        let store = Arc::new(Memory::default());
        let earlier = transaction(&store, |view, now| put_pool(view, &first, now)).await;
        let later = run_around(&store, earlier, |view, now| put_pool(view, &second, now)).await;
        assert!(
            matches!(later, Err(AllocatorError::Refused(_))),
            "{second:?}: {later:?}"
        );
        assert_eq!(store.entries().len(), 1, "{second:?}");
    }
}

#[tokio::test]
async fn pools_created_at_once_over_other_cidrs_both_stand() {
    let store = Arc::new(Memory::default());
    let first = pool("a", "10.0.0.0/24", 26);
    let second = pool("b", "10.1.0.0/24", 26);
    let earlier = transaction(&store, |view, now| put_pool(view, &first, now)).await;
    let later = run_around(&store, earlier, |view, now| put_pool(view, &second, now)).await;
    assert_eq!(later.expect("no conflict"), Written::Created);
    assert_eq!(store.entries().len(), 2);
}

#[tokio::test]
async fn x26_a_claim_begun_beside_the_creation_of_a_pool_of_another_size_refuses_it() {
    let store = Arc::new(Memory::default());
    let put = pool("p", "10.0.0.0/24", 26);
    let claim = claim_begun("10.0.0.0/30");
    let created = run_around(&store, claim, |view, now| put_pool(view, &put, now)).await;
    expect!["IPPool `p` (10.0.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 affinity without a block (10.0.0.0/30)"].assert_eq(&refusal(created));

    let store = Arc::new(Memory::default());
    let block = block_created("10.0.0.4/30");
    let created = run_around(&store, block, |view, now| put_pool(view, &put, now)).await;
    expect!["IPPool `p` (10.0.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 block (10.0.0.4/30)"].assert_eq(&refusal(created));
}

#[tokio::test]
async fn a_claim_of_the_pools_own_size_does_not_refuse_its_creation() {
    let store = Arc::new(Memory::default());
    let put = pool("p", "10.0.0.0/24", 30);
    let claim = claim_begun("10.0.0.0/30");
    let created = run_around(&store, claim, |view, now| put_pool(view, &put, now)).await;
    assert_eq!(created.expect("the same size"), Written::Created);
}

#[tokio::test]
async fn x27_a_pool_edited_beside_its_deletion_goes_as_it_is_now() {
    let store = Arc::new(Memory::default());
    let mut put = pool("p", "10.0.0.0/24", 26);
    created(&store, &put).await;
    let revision = store.entries()[0].modified;
    put.mode = Mode::Apply;
    put.value.nat_outgoing = true;
    let edit = transaction(&store, |view, now| put_pool(view, &put, now)).await;
    let request = Delete {
        name: ResourceName::stored("p"),
        expected: Some(revision),
    };
    let deleted = run_around(&store, edit, |view, now| delete_pool(view, &request, now)).await;
    expect!["IPPool `p` was changed by somebody else: resourceVersion 2 was given, it is 3"]
        .assert_eq(&refusal(deleted));
    assert_eq!(store.entries().len(), 1);
}

#[tokio::test]
async fn x28_a_block_that_comes_beside_the_deletion_of_its_pool_refuses_it() {
    let store = Arc::new(Memory::default());
    created(&store, &pool("p", "10.0.0.0/24", 30)).await;
    let request = Delete {
        name: ResourceName::stored("p"),
        expected: None,
    };
    let block = block_created("10.0.0.0/30");
    let deleted = run_around(&store, block, |view, now| delete_pool(view, &request, now)).await;
    expect!["IPPool `p` (10.0.0.0/24) is not empty: 1 block (10.0.0.0/30)"]
        .assert_eq(&refusal(deleted));
}

#[tokio::test]
async fn of_two_edits_of_one_pool_the_later_is_decided_on_the_earlier() {
    let store = Arc::new(Memory::default());
    let mut put = pool("p", "10.0.0.0/24", 26);
    created(&store, &put).await;
    let revision = store.entries()[0].modified;
    put.mode = Mode::Replace;
    put.value.nat_outgoing = true;
    let earlier = transaction(&store, |view, now| put_pool(view, &put, now)).await;
    put.value.nat_outgoing = false;
    put.value.disabled = true;
    put.expected = Some(revision);
    let later = run_around(&store, earlier, |view, now| put_pool(view, &put, now)).await;
    expect!["IPPool `p` was changed by somebody else: resourceVersion 2 was given, it is 3"]
        .assert_eq(&refusal(later));
}

#[tokio::test]
async fn of_two_configurations_written_at_once_the_later_knows_the_earlier() {
    let store = Arc::new(Memory::default());
    let config = |limit: i64| Put {
        value: Config {
            strict_affinity: true,
            max_blocks_per_host: limit,
            ..Config::default()
        },
        mode: Mode::Create,
        expected: None,
    };
    let (first, second) = (config(1), config(2));
    let earlier = transaction(&store, |view, now| put_config(view, &first, now)).await;
    let later = run_around(&store, earlier, |view, now| put_config(view, &second, now)).await;
    expect!["IPAMConfiguration `default` exists already"].assert_eq(&refusal(later));
}
