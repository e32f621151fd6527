//! A store in memory and calls of the plugin on it, inside this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, SystemClock, Timestamp};
use block_ipam::cni::config::NetworkConfig;
use block_ipam::cni::store::{OpenStore, Use};
use block_ipam::cni::{self, CniError, Context, Environment, Machine, Reply};
use block_ipam::datastore::observe::Counting;
use block_ipam::datastore::settings::StoreSettings;
use block_ipam::datastore::{Commit, Datastore, Entry, Memory, Range, Read, Txn, Write};
use block_ipam::entropy::SystemEntropy;
use block_ipam::node::{Host, MachineFiles};
use block_ipam::revision::Revision;
use serde_json::Value;

/// A node with a store of its own.
pub(crate) struct World {
    pub(crate) store: Arc<Memory>,
    pub(crate) directory: tempfile::TempDir,
    requests: Arc<Counting>,
    clock: Arc<ShiftedClock>,
}

/// The time of the machine, shifted by some seconds.
#[derive(Debug, Default)]
struct ShiftedClock(AtomicI64);

#[async_trait]
impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let shift = self.0.load(Ordering::Relaxed) * 1_000_000_000;
        Timestamp::from_nanos(SystemClock.now().nanos() + shift)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

#[derive(Debug)]
struct Opens(Arc<Counting>);

impl OpenStore for Opens {
    fn select(&self, _: &NetworkConfig, _: &Environment) -> Result<StoreSettings, CniError> {
        Ok(StoreSettings::Sqlite("memory".into()))
    }

    fn open(&self, _: &StoreSettings, _: Use<'_>) -> Result<Arc<dyn Datastore>, CniError> {
        Ok(self.0.clone())
    }
}

impl World {
    /// Makes a store with these records.
    pub(crate) async fn new(records: &[(String, String)]) -> World {
        let store = Arc::new(Memory::new(7));
        let world = World {
            requests: Arc::new(Counting::new(store.clone())),
            store,
            clock: Arc::default(),
            directory: tempfile::tempdir().expect("a directory"),
        };
        world.become_machine('a', '1');
        world.put(records).await;
        world
    }

    /// Shifts the time by some seconds, in either direction.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Returns the revision of the store.
    pub(crate) async fn revision(&self) -> block_ipam::revision::Revision {
        let read = Read::latest(vec![Range::key("/none")]);
        self.store.read(read).await.expect("read").revision
    }

    /// Writes records.
    pub(crate) async fn put(&self, records: &[(String, String)]) {
        let put =
            |(key, value): &(String, String)| Write::Put(key.clone(), value.clone().into_bytes());
        let txn = Txn {
            guards: Vec::new(),
            writes: records.iter().map(put).collect(),
        };
        if !txn.writes.is_empty() {
            let done = self.store.commit(txn).await.expect("committed");
            assert!(matches!(done, Commit::Applied(_)));
        }
    }

    /// Returns how many requests the calls made since the last look.
    pub(crate) fn spent(&self) -> usize {
        let counts = self.requests.take();
        counts.reads + counts.commits
    }

    /// Makes the store anew with these records. The node keeps its files.
    pub(crate) async fn lose_store(&mut self, records: &[(String, String)]) {
        self.store = Arc::new(Memory::new(8));
        self.requests = Arc::new(Counting::new(self.store.clone()));
        self.put(records).await;
    }

    /// Returns where the ids of the machine stand.
    pub(crate) fn machine_files(&self) -> MachineFiles {
        MachineFiles {
            system: vec![self.directory.path().join("machine-id")],
            own: self.directory.path().join("own-machine-id"),
            boot: self.directory.path().join("boot-id"),
        }
    }

    /// Says which machine the calls come from, in which boot.
    pub(crate) fn become_machine(&self, machine: char, boot: char) {
        let files = self.machine_files();
        let id = |c: char| c.to_string().repeat(32);
        std::fs::write(&files.system[0], id(machine)).expect("written");
        std::fs::write(&files.boot, id(boot)).expect("written");
    }

    /// Returns an allocator on the store.
    pub(crate) fn allocator(&self) -> Allocator {
        Allocator::new(
            self.store.clone(),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        )
    }

    /// Returns the record of a key.
    pub(crate) async fn value(&self, key: &str) -> Value {
        let read = self
            .store
            .read(Read::latest(vec![Range::key(key)]))
            .await
            .expect("read");
        let entry = read.found[0].entries.first().expect("a record");
        serde_json::from_slice(&entry.value).expect("JSON")
    }

    /// Returns the revision of a record.
    pub(crate) async fn modified(&self, key: &str) -> block_ipam::revision::Revision {
        let read = Read::latest(vec![Range::key(key)]);
        let read = self.store.read(read).await.expect("read");
        read.found[0].entries.first().expect("a record").modified
    }

    /// Returns the keys of Calico's records of addresses, without their common prefix, and when each was last written.
    pub(crate) async fn written(&self) -> BTreeMap<String, Revision> {
        const PREFIX: &str = "/calico/ipam/v2/";
        let range = Range::prefix(PREFIX).keys_only();
        let read = self.store.read(Read::latest(vec![range])).await;
        let entries = read.expect("read").found.remove(0).entries;
        let short = |entry: Entry| (entry.key[PREFIX.len()..].to_owned(), entry.modified);
        entries.into_iter().map(short).collect()
    }

    /// Returns all records.
    pub(crate) async fn all(&self) -> Vec<(String, String)> {
        let read = Read::latest(vec![Range::prefix("/")]);
        let entries = self
            .store
            .read(read)
            .await
            .expect("read")
            .found
            .remove(0)
            .entries;
        let text = |value: Vec<u8>| String::from_utf8(value).expect("records are text");
        let pair = |entry: Entry| (entry.key, text(entry.value));
        entries.into_iter().map(pair).collect()
    }

    /// Calls the plugin.
    pub(crate) async fn call(&self, variables: &[(&str, &str)], stdin: &[u8]) -> Reply {
        self.call_from("/absent", variables, stdin).await
    }

    /// Calls the plugin as a process of this network namespace.
    pub(crate) async fn call_from(
        &self,
        namespace: &str,
        variables: &[(&str, &str)],
        stdin: &[u8],
    ) -> Reply {
        let environment: Environment = variables.iter().copied().collect();
        let context = Context {
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            stores: Arc::new(Opens(self.requests.clone())),
            machine: Machine {
                host: Host {
                    hostname: Some("host-name".to_owned()),
                    ..Host::default()
                },
                files: self.machine_files(),
                namespace: namespace.into(),
                run_dir: self.directory.path().join("run"),
            },
        };
        cni::run(&environment, stdin, &context).await
    }
}

/// A pool as calicoctl stores it. `more` goes into its spec.
pub(crate) fn pool(name: &str, cidr: &str, block_size: u8, more: &str) -> (String, String) {
    record(
        "IPPool",
        "ippools",
        name,
        &format!(r#""cidr":"{cidr}","blockSize":{block_size},"nodeSelector":"all()"{more}"#),
    )
}

/// A resource as calicoctl stores it.
pub(crate) fn record(kind: &str, collection: &str, name: &str, spec: &str) -> (String, String) {
    (
        format!("/calico/resources/v3/projectcalico.org/{collection}/{name}"),
        format!(
            r#"{{"kind":"{kind}","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}"}},"spec":{{{spec}}}}}"#
        ),
    )
}
