//! The built plugin as processes on a real store, each of which may be killed at any moment.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, SystemClock};
use block_ipam::datastore::settings::{Layer, Sources, resolve};
use block_ipam::datastore::{Datastore, OnAbsent, OpenOptions, Range, Read, Txn, Write, open};
use block_ipam::entropy::SystemEntropy;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::history::{Answer, Asked, Call};

/// A store, and folders for what the nodes remember.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) store: String,
    directory: PathBuf,
    /// Seconds that the plugin may take.
    pub(crate) deadline: u64,
}

impl Cluster {
    /// Writes a pool and a cool-down into the store.
    pub(crate) async fn new(
        store: String,
        directory: &Path,
        pool: &str,
        cool_down: u64,
    ) -> Cluster {
        let cluster = Cluster {
            store,
            directory: directory.to_owned(),
            deadline: 120,
        };
        let pool = json!({
            "kind": "IPPool",
            "apiVersion": "projectcalico.org/v3",
            "metadata": { "name": "pool" },
            "spec": { "cidr": pool, "blockSize": 29, "nodeSelector": "all()" },
        });
        let config = json!({ "auto_allocate_blocks": true, "ipCooldownSeconds": cool_down });
        let put =
            |key: &str, value: &Value| Write::Put(key.to_owned(), value.to_string().into_bytes());
        let txn = Txn {
            guards: Vec::new(),
            writes: vec![
                put("/calico/resources/v3/projectcalico.org/ippools/pool", &pool),
                put("/calico/ipam/v2/config", &config),
            ],
        };
        cluster.open().commit(txn).await.expect("committed");
        cluster
    }

    fn open(&self) -> Arc<dyn Datastore> {
        let nothing = |_: &str| None;
        let file = |_: &Path| Ok(None);
        let sources = Sources {
            given: vec![Layer::flag(&self.store)],
            variable: &nothing,
            file: &file,
        };
        let options = OpenOptions {
            on_absent: OnAbsent::Create,
            timeout: Duration::from_secs(30),
            prefer: None,
            entropy: &SystemEntropy,
        };
        open(&resolve(&sources).expect("settings").settings, &options).expect("opened")
    }

    /// Returns an allocator of this process on the store.
    pub(crate) fn allocator(&self) -> Allocator {
        Allocator::new(self.open(), Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// Returns the keys of the store with this prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let read = Read::latest(vec![Range::prefix(prefix).keys_only()]);
        let snapshot = self.open().read(read).await.expect("read");
        let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
        entries.map(|entry| entry.key).collect()
    }

    /// Returns where a node keeps its files.
    pub(crate) fn run_dir(&self, node: &str) -> PathBuf {
        self.directory.join(node)
    }

    /// Calls the plugin, and kills it if it is not done by then.
    pub(crate) async fn call(
        &self,
        asked: Asked,
        node: &str,
        container: &str,
        kill_after: Option<Duration>,
    ) -> Call {
        let began = SystemClock.now();
        let answer = self.answer(asked, node, container, kill_after).await;
        Call {
            container: container.to_owned(),
            asked,
            began,
            ended: SystemClock.now(),
            answer,
        }
    }

    async fn answer(
        &self,
        asked: Asked,
        node: &str,
        container: &str,
        kill_after: Option<Duration>,
    ) -> Answer {
        let verb = match asked {
            Asked::Add => "ADD",
            Asked::Del => "DEL",
        };
        let config = json!({
            "cniVersion": "1.0.0",
            "name": "net",
            "ipam": {
                "type": "block-ipam",
                "datastore": self.store,
                "nodename": node,
                "timeout": self.deadline,
            },
        });
        let mut child = Command::new(env!("CARGO_BIN_EXE_block-ipam"))
            .env_clear()
            .env("BLOCK_IPAM_RUN_DIR", self.run_dir(node))
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", container)
            .env("CNI_NETNS", "/absent")
            .env("CNI_IFNAME", "eth0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(config.to_string().as_bytes())
            .await
            .expect("it reads");
        drop(stdin);
        // Whoever is dropped before it ended is killed.
        let output = child.wait_with_output();
        let output = match kill_after {
            None => output.await,
            Some(after) => match tokio::time::timeout(after, output).await {
                Ok(output) => output,
                Err(_) => return Answer::Killed,
            },
        };
        let output = output.expect("the program ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match (output.status.success(), asked) {
            (false, _) => Answer::Failed(text),
            (true, Asked::Del) => Answer::Released,
            (true, Asked::Add) => Answer::Granted(addresses(&text)),
        }
    }
}

fn addresses(result: &str) -> Vec<String> {
    let result: Value = serde_json::from_str(result).expect("JSON");
    let ips = result["ips"].as_array().expect("an array").iter();
    ips.map(|ip| ip["address"].as_str().expect("a text").to_owned())
        .collect()
}
