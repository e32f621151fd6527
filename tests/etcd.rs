//! The etcd store against a real etcd that each test starts for itself.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "etcd/access.rs"]
mod access;
#[path = "etcd/failover.rs"]
mod failover;
#[path = "etcd/outcomes.rs"]
mod outcomes;

use std::time::Duration;

use block_ipam::datastore::etcd::Etcd;
use block_ipam::datastore::settings::{EtcdSettings, TlsSettings};
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Range, Read, Snapshot, Txn, Write,
};
use block_ipam::entropy::Entropy;
use block_ipam_testing::conformance::{self, History};
use block_ipam_testing::etcd::EtcdServer;
use tokio::runtime::Runtime;

/// Draws zero for ever: the first endpoint is asked first.
#[derive(Debug)]
struct First;

impl Entropy for First {
    fn bits(&self) -> u64 {
        0
    }
}

fn settings(urls: &[String]) -> EtcdSettings {
    EtcdSettings {
        endpoints: urls.to_vec(),
        tls: TlsSettings::default(),
        login: None,
    }
}

fn open(settings: &EtcdSettings) -> Etcd {
    Etcd::new(settings, Duration::from_secs(5), &First).unwrap()
}

fn store(urls: &[String]) -> Etcd {
    open(&settings(urls))
}

fn put(key: &str, value: &str) -> Txn {
    Txn {
        guards: vec![],
        writes: vec![Write::Put(key.into(), value.into())],
    }
}

fn create(key: &str, value: &str) -> Txn {
    Txn {
        guards: vec![Guard::Absent(key.into())],
        ..put(key, value)
    }
}

async fn read(store: &dyn Datastore, key: &str) -> Result<Snapshot, DatastoreError> {
    store.read(Read::latest(vec![Range::key(key)])).await
}

async fn applied(store: &dyn Datastore, txn: Txn) {
    let done = store.commit(txn).await;
    assert!(matches!(done, Ok(Commit::Applied(_))), "{done:?}");
}

/// As the plugin's: one thread.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn etcd_conforms() {
    let server = EtcdServer::start();
    runtime().block_on(conformance::run(&store(&[server.url()]), History::Kept));
}

#[test]
fn etcd_answers_random_sequences_as_memory() {
    let server = EtcdServer::start();
    let store = store(&[server.url()]);
    conformance::compare_with_memory(&store, History::Kept, 60, &runtime());
}

#[tokio::test]
async fn each_call_is_one_request() {
    let server = EtcdServer::start();
    let store = store(&[server.url()]);
    let requests = |method: &str| {
        server.metric(&format!(
            "grpc_server_started_total{{grpc_method=\"{method}\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}}"
        ))
    };
    read(&store, "a").await.unwrap();
    assert_eq!((requests("Range"), requests("Txn")), (1, 0));
    let both = Read::latest(vec![Range::key("a"), Range::prefix("b")]);
    store.read(both).await.unwrap();
    assert_eq!((requests("Range"), requests("Txn")), (1, 1));
    applied(&store, create("a", "1")).await;
    assert!(matches!(
        store.commit(create("a", "2")).await,
        Ok(Commit::Conflict(_))
    ));
    assert_eq!((requests("Range"), requests("Txn")), (1, 3));
    assert_eq!(store.answered_by(), Some(server.url()));
}
