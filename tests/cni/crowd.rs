//! Many processes of the built program at once, on both stores of production; and its requests as etcd counts them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use block_ipam::allocator::hint_file::NodeFiles;
use block_ipam::datastore::settings::{
    EtcdSettings, Layer, Sources, StoreSettings, TlsSettings, resolve,
};
use block_ipam::datastore::{
    Datastore, OnAbsent, OpenOptions, Range, Read, Txn, Write as Change, open,
};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::NodeName;
use block_ipam::node_queue;
use block_ipam_testing::etcd::EtcdServer;
use serde_json::Value;

use super::world::pool;

const NODES: usize = 3;
const WORKLOADS: usize = 40;

/// A store, and a folder for what the nodes remember.
struct Cluster {
    store: String,
    directory: tempfile::TempDir,
}

impl Cluster {
    async fn new(store: String, directory: tempfile::TempDir) -> Cluster {
        let pools = [
            pool("v4", "10.64.0.0/20", 28, ""),
            pool("v6", "fd00:64::/64", 124, ""),
        ];
        Cluster::with(store, directory, &pools).await
    }

    async fn with(
        store: String,
        directory: tempfile::TempDir,
        pools: &[(String, String)],
    ) -> Cluster {
        let cluster = Cluster { store, directory };
        let put =
            |(key, value): &(String, String)| Change::Put(key.clone(), value.clone().into_bytes());
        let txn = Txn {
            guards: Vec::new(),
            writes: pools.iter().map(put).collect(),
        };
        cluster.open().commit(txn).await.expect("committed");
        cluster
    }

    fn open(&self) -> std::sync::Arc<dyn Datastore> {
        let layer = Layer::flag(&self.store);
        let nothing = |_: &str| None;
        let file = |_: &std::path::Path| Ok(None);
        let sources = Sources {
            given: vec![layer],
            variable: &nothing,
            file: &file,
        };
        let options = OpenOptions {
            on_absent: OnAbsent::Create,
            timeout: Duration::from_secs(10),
            prefer: None,
            entropy: &SystemEntropy,
        };
        open(&resolve(&sources).expect("settings").settings, &options).expect("opened")
    }

    fn start(&self, verb: &str, workload: usize) -> Child {
        let node = workload % NODES;
        let config = format!(
            r#"{{"cniVersion":"1.0.0","name":"net","ipam":{{"type":"block-ipam","datastore":"{}","nodename":"n{node}","assign_ipv6":true,"timeout":60}}}}"#,
            self.store
        );
        let run = self.directory.path().join(format!("run{node}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_block-ipam"))
            .env_clear()
            .env("BLOCK_IPAM_RUN_DIR", run)
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", format!("c{workload}"))
            .env("CNI_NETNS", "/absent")
            .env("CNI_IFNAME", "eth0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(config.as_bytes()).expect("it reads");
        child
    }

    /// Runs the verb for every workload, all at once, and returns what was printed.
    fn all(&self, verb: &str) -> Vec<String> {
        let children: Vec<Child> = (0..NODES * WORKLOADS)
            .map(|workload| self.start(verb, workload))
            .collect();
        children.into_iter().map(ended).collect()
    }

    fn one(&self, verb: &str, workload: usize) -> String {
        ended(self.start(verb, workload))
    }

    /// Calls ADD for a workload that gets nothing; returns the code.
    fn refused(&self, workload: usize) -> u64 {
        let child = self.start("ADD", workload);
        let output = child.wait_with_output().expect("the program ends");
        assert!(!output.status.success(), "{output:?}");
        let reply: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        reply["code"].as_u64().expect("a code")
    }

    /// Returns the file of the hint of node 0.
    fn hint(&self) -> PathBuf {
        let stores = std::fs::read_dir(self.directory.path().join("run0")).expect("a folder");
        let store = stores.last().expect("one store").expect("listed");
        store.path().join("n0.json")
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let read = Read::latest(vec![Range::prefix(prefix)]);
        let snapshot = self.open().read(read).await.expect("read");
        let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
        entries.map(|entry| entry.key).collect()
    }
}

fn ended(child: Child) -> String {
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

fn addresses(result: &str) -> Vec<String> {
    let result: Value = serde_json::from_str(result).expect("JSON");
    let ips = result["ips"].as_array().expect("an array").iter();
    let texts = ips.map(|ip| ip["address"].as_str().expect("a text").to_owned());
    texts.collect()
}

async fn a_crowd_comes_and_goes(cluster: &Cluster) {
    let results = cluster.all("ADD");
    let given: Vec<String> = results
        .iter()
        .flat_map(|result| addresses(result))
        .collect();
    let distinct: BTreeSet<&String> = given.iter().collect();
    assert_eq!(
        given.len(),
        NODES * WORKLOADS * 2,
        "one of each family for each"
    );
    assert_eq!(distinct.len(), given.len(), "none twice");
    let handles = cluster.keys("/calico/ipam/v2/handle/").await;
    assert_eq!(handles.len(), NODES * WORKLOADS);
    let again = cluster.all("ADD");
    assert_eq!(again, results, "p7: repeated ADDs");
    cluster.all("DEL");
    assert_eq!(
        cluster.keys("/calico/ipam/v2/handle/").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_crowd_on_the_embedded_store_gets_an_address_each() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("sqlite:{}", directory.path().join("ipam.db").display());
    a_crowd_comes_and_goes(&Cluster::new(store, directory).await).await;
}

#[tokio::test]
async fn a_crowd_on_etcd_gets_an_address_each() {
    let etcd = EtcdServer::start();
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("etcd:{}", etcd.url());
    a_crowd_comes_and_goes(&Cluster::new(store, directory).await).await;
}

/// The store is a listener that answers nobody: what counts is that somebody came before its turn.
#[tokio::test]
async fn a_process_connects_while_it_waits_for_its_turn() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let cluster = Cluster {
        store: format!("etcd:http://{address}"),
        directory: tempfile::tempdir().expect("a directory"),
    };
    let run_dir = cluster.directory.path().join("run0");
    let settings = StoreSettings::Etcd(EtcdSettings {
        endpoints: vec![format!("http://{address}")],
        tls: TlsSettings::default(),
        login: None,
    });
    let files = NodeFiles::new(&run_dir, &settings.to_string(), &NodeName::stored("n0"));
    let turn = node_queue::wait(&files.lock(), Duration::from_secs(10)).await;
    let turn = turn.expect("nobody is before it");
    let mut process = cluster.start("ADD", 0);
    // Much less than the half of its 60 s after which it would go on without its turn.
    let came = tokio::time::timeout(Duration::from_secs(10), listener.accept()).await;
    came.expect("it connects").expect("a connection");
    process.kill().expect("it waits for its turn");
    process.wait().expect("it ends");
    drop(turn);
}

/// Every unary request that etcd was sent, whatever its kind.
fn requests(etcd: &EtcdServer) -> u64 {
    let kinds = ["Range", "Txn", "Put", "DeleteRange", "Compact"];
    let metric = |kind: &str| {
        etcd.metric(&format!(
            "grpc_server_started_total{{grpc_method=\"{kind}\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}}"
        ))
    };
    kinds.iter().map(|kind| metric(kind)).sum()
}

#[tokio::test]
async fn etcd_counts_no_request_that_we_do_not() {
    let etcd = EtcdServer::start();
    let directory = tempfile::tempdir().expect("a directory");
    let cluster = Cluster::new(format!("etcd:{}", etcd.url()), directory).await;
    let mut before = requests(&etcd);
    let mut spent = || {
        let now = requests(&etcd);
        now - std::mem::replace(&mut before, now)
    };
    cluster.one("ADD", 0);
    assert_eq!(spent(), 3, "cold: two reads, one commit");
    cluster.one("ADD", NODES);
    assert_eq!(spent(), 2, "warm, on the same node: one read, one commit");
    cluster.one("ADD", NODES);
    assert_eq!(spent(), 1, "repeated: one read");
    cluster.one("DEL", NODES);
    assert_eq!(spent(), 2, "released: one read, one commit");
    cluster.one("DEL", NODES);
    assert_eq!(spent(), 1, "nothing held: one read");
}

#[tokio::test]
async fn a_refusal_is_remembered_by_the_next_process_until_something_changes() {
    let etcd = EtcdServer::start();
    let directory = tempfile::tempdir().expect("a directory");
    let pools = [
        pool("v4", "10.64.0.0/30", 30, ""),
        pool("v6", "fd00:64::/126", 126, ""),
    ];
    let store = format!("etcd:{}", etcd.url());
    let cluster = Cluster::with(store, directory, &pools).await;
    let on_node_0 = |number: usize| number * NODES;
    for number in 0..4 {
        cluster.one("ADD", on_node_0(number));
    }
    let mut before = requests(&etcd);
    let mut spent = || {
        let now = requests(&etcd);
        now - std::mem::replace(&mut before, now)
    };
    assert_eq!(cluster.refused(on_node_0(4)), 101);
    let search = spent();
    assert!(1 < search, "{search}");
    for number in [4, 5] {
        assert_eq!(cluster.refused(on_node_0(number)), 101);
        assert_eq!(spent(), 1, "remembered, whoever asks");
    }
    cluster.one("DEL", on_node_0(0));
    cluster.one("ADD", on_node_0(5));
    spent();
    assert_eq!(cluster.refused(on_node_0(4)), 101);
    assert_eq!(spent(), search, "what was remembered is of another state");
    assert_eq!(cluster.refused(on_node_0(4)), 101);
    assert_eq!(spent(), 1);
    remember_from_the_future(&cluster.hint());
    assert_eq!(cluster.refused(on_node_0(4)), 101);
    assert_eq!(spent(), search, "a clock that went back tells nothing");
    assert_eq!(cluster.refused(on_node_0(4)), 101);
    assert_eq!(spent(), 1, "learnt anew, by the clock as it is");
    remember_from_the_future(&cluster.hint());
    cluster.one("DEL", on_node_0(1));
    cluster.one("ADD", on_node_0(4));
}

/// Makes what a hint remembers of a refusal that of a clock that was a day ahead.
fn remember_from_the_future(hint: &Path) {
    const DAY: i64 = 86_400_000_000_000;
    let bytes = std::fs::read(hint).expect("a hint");
    let mut value: Value = serde_json::from_slice(&bytes).expect("JSON");
    let members = value.as_object_mut().expect("an object").values_mut();
    let mut shifted = 0;
    for one in members.filter_map(Value::as_array_mut).flatten() {
        for name in ["since", "until"] {
            if let Some(time) = one.get(name).and_then(Value::as_i64) {
                one[name] = Value::from(time + DAY);
                shifted += 1;
            }
        }
    }
    assert_eq!(shifted, 2, "one refusal: {value}");
    std::fs::write(hint, value.to_string()).expect("written");
}
