//! A machine: a network namespace with a store, a folder of plugins and one of configurations.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use block_ipam_testing::etcd::{EtcdOptions, EtcdServer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

/// Where the reference library keeps results, and podman.
const RESULTS: [&str; 2] = ["/var/lib/cni/results", "/var/lib/cni/cache/results"];

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network namespace. It ends with its value.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new() -> Namespace {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("bi-{}-{number}", std::process::id());
        done(Command::new("ip").args(["netns", "add", &name]));
        done(Command::new("ip").args(["-n", &name, "link", "set", "lo", "up"]));
        Namespace { name }
    }

    pub(crate) fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// Returns a command that runs in it.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path()));
        command.arg("--").arg(program);
        command
    }

    /// Waits until an address answers.
    #[track_caller]
    pub(crate) fn reaches(&self, address: IpAddr) {
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        let text = address.to_string();
        until(&format!("{} reaches {address}", self.name), || {
            let mut ping = self.command("busybox");
            let ping = ping.args(["ping", family, "-c1", "-W1", &text]);
            ping.stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .expect("ping starts")
                .success()
        });
    }

    /// Returns the global addresses of `eth0` with their prefix lengths, as text in order of families.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let mut command = self.command("ip");
        let text = done(command.args(["-j", "address", "show", "dev", "eth0", "scope", "global"]));
        let links: Value = serde_json::from_str(&text).expect("JSON");
        let listed = links.as_array().into_iter().flatten();
        let infos =
            listed.flat_map(|link| link["addr_info"].as_array().cloned().unwrap_or_default());
        // What is filtered out is listed as an empty object.
        let text = |info: Value| Some(format!("{}/{}", info["local"].as_str()?, info["prefixlen"]));
        infos.filter_map(text).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A namespace that cannot be removed has been removed.
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// Where the machine's store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Etcd,
}

/// A machine with a store that has the pools of the documentation.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    pub(crate) etcd: Option<Mutex<EtcdServer>>,
    /// The store as settings name it.
    pub(crate) store: String,
    /// Its files: plugins in `bin`, configurations in `net.d`.
    pub(crate) directory: TempDir,
    /// What its networks are called, for no other machine's are.
    pub(crate) network: String,
}

impl Host {
    pub(crate) fn new(kind: Kind) -> Host {
        let namespace = Namespace::new();
        let etcd = (kind == Kind::Etcd).then(|| {
            EtcdServer::start_with(EtcdOptions {
                namespace: Some(namespace.path().into()),
                ..EtcdOptions::default()
            })
        });
        let directory = tempfile::tempdir().expect("a directory");
        let store = match &etcd {
            Some(etcd) => format!("etcd:{}", etcd.url()),
            None => format!("sqlite:{}", directory.path().join("ipam.db").display()),
        };
        let network = format!("net-{}", namespace.name);
        let host = Host {
            namespace,
            etcd: etcd.map(Mutex::new),
            store,
            directory,
            network,
        };
        host.fill_folders();
        let pools = host.write("pools.yaml", &super::documented::pools());
        host.ipamctl(&["apply", "-f", &pools]);
        host
    }

    /// Links the plugins; ours under Calico's name too.
    fn fill_folders(&self) {
        for folder in ["bin", "net.d"] {
            std::fs::create_dir(self.path(folder)).expect("a folder");
        }
        let link = |target: PathBuf, name: &str| {
            let link = self.path("bin").join(name);
            std::os::unix::fs::symlink(target, link).expect("a link");
        };
        for name in ["bridge", "ptp", "loopback", "portmap"] {
            link(tool(name), name);
        }
        for name in ["block-ipam", "calico-ipam"] {
            link(env!("CARGO_BIN_EXE_block-ipam").into(), name);
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Installs a configuration of the documentation under the name of this machine's network, on its store.
    pub(crate) fn install(&self, mut config: Value) {
        config["name"] = json!(self.network);
        for plugin in config["plugins"].as_array_mut().expect("a list of plugins") {
            if plugin["ipam"].is_object() && plugin["etcd_endpoints"].is_null() {
                plugin["ipam"]["datastore"] = json!(self.store);
                plugin["ipam"]["nodename"] = json!("node-a");
            }
            if let (Some(url), true) = (
                self.store.strip_prefix("etcd:"),
                plugin["etcd_endpoints"].is_string(),
            ) {
                plugin["etcd_endpoints"] = json!(url);
            }
            if plugin["ipam"].is_object() {
                plugin["ipam"]["run_dir"] = json!(self.path("run").display().to_string());
                plugin["log_file_path"] = json!(self.path("cni.log").display().to_string());
            }
        }
        self.write("net.d/10-network.conflist", &config.to_string());
    }

    /// Returns a command that runs on this machine.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.namespace.command(program);
        command
            .env("CNI_PATH", self.path("bin"))
            .env("NETCONFPATH", self.path("net.d"))
            .env("BLOCK_IPAM_RUN_DIR", self.path("run"));
        command
    }

    /// Runs `ipamctl` on the store.
    #[track_caller]
    pub(crate) fn ipamctl(&self, arguments: &[&str]) -> String {
        let plugin = Path::new(env!("CARGO_BIN_EXE_block-ipam"));
        let mut command = self.command(built(&plugin.with_file_name("ipamctl")));
        done(command.args(["--datastore", &self.store]).args(arguments))
    }

    /// Returns how many addresses of all pools are held.
    #[track_caller]
    pub(crate) fn held(&self) -> u64 {
        let shown: Value =
            serde_json::from_str(&self.ipamctl(&["ipam", "show", "-o", "json"])).expect("JSON");
        let pools = shown["pools"].as_array().expect("pools");
        pools
            .iter()
            .map(|pool| pool["inUse"].as_u64().expect("a number"))
            .sum()
    }

    /// Calls a plugin by hand, with a configuration on standard input.
    pub(crate) fn plugin(&self, name: &str, variables: &[(&str, &str)], config: &Value) -> Output {
        let mut command = self.command(self.path("bin").join(name));
        command.envs(variables.iter().copied());
        fed(&mut command, &config.to_string())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What the reference library keeps of attachments that a failed test left would look like theirs for ever.
        let ours = format!("{}-", self.network);
        for folder in RESULTS {
            let kept = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for file in kept {
                let name = file.file_name();
                if name.to_string_lossy().starts_with(&ours) {
                    let _ = std::fs::remove_file(file.path());
                }
            }
        }
    }
}

/// Returns one of the programs that `make test-runtime` builds.
pub(crate) fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("BLOCK_IPAM_RUNTIME_TOOLS")
        .expect("BLOCK_IPAM_RUNTIME_TOOLS names no folder: `make test-runtime` builds what is needed and sets it");
    built(&Path::new(&folder).join(name))
}

fn built(path: &Path) -> PathBuf {
    assert!(
        path.exists(),
        "{} is not there: `make test-runtime` builds it",
        path.display()
    );
    path.to_owned()
}

/// Runs a program to its end, feeds it, and returns what it said.
pub(crate) fn fed(command: &mut Command, stdin: &str) -> Output {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // It may end before it has read everything.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// Runs a program that has to succeed, and returns its standard output.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `make test-runtime` installs what is needed")
    });
    said(&format!("{command:?}"), &output)
}

/// Returns the standard output of what has to have succeeded.
#[track_caller]
pub(crate) fn said(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{what}: {}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// Returns the address of `ADDRESS/LENGTH`.
#[track_caller]
pub(crate) fn bare(cidr: &str) -> IpAddr {
    let (address, _) = cidr.split_once('/').expect("a prefix length");
    address.parse().expect("an address")
}
