//! Plugins are killed at random moments, some by SIGTERM, and etcd now and then: after one collection nothing is left that nobody holds,
//! and whoever lives holds what he was given.
//!
//! `KILLS` is the number of plugins that are killed while the store is there, `SEED` the first number that moments are drawn from.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::documented::recipe;
use super::host::{Host, Kind, Namespace, said};
use super::main_plugins::handed_over;

const WORKERS: u64 = 4;
/// Of so many killed plugins one takes etcd with it.
const ETCD_ONE_IN: usize = 25;

/// A workload that was added and not deleted.
struct Living {
    container: String,
    namespace: Namespace,
    addresses: Vec<String>,
    result: Value,
}

/// How a call ended.
enum Ended {
    Killed,
    Answered(Output),
}

struct Killing<'a> {
    host: &'a Host,
    config: Value,
    /// Longer than an undisturbed call takes.
    longest: Duration,
    kills: usize,
    killed: AtomicUsize,
    /// Whether etcd is away: who is killed then has written nothing, and does not count.
    is_away: AtomicBool,
    living: Mutex<Vec<Living>>,
}

/// Small and good enough to draw moments.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

impl Killing<'_> {
    fn start(&self, verb: &str, container: &str, namespace: &Namespace, config: &Value) -> Child {
        let mut command = self.host.command(self.host.path("bin/bridge"));
        let child = command
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", container)
            .env("CNI_NETNS", namespace.path())
            .env("CNI_IFNAME", "eth0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = child.expect("the plugin starts");
        let text = config.to_string();
        let _ = child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(text.as_bytes());
        child
    }

    /// Calls a plugin and kills it with all that it started, unless it ends before the moment that is drawn.
    fn disturbed(
        &self,
        draw: &mut Draw,
        verb: &str,
        container: &str,
        namespace: &Namespace,
    ) -> Ended {
        let mut child = self.start(verb, container, namespace, &self.config);
        let most = u64::try_from(self.longest.as_micros()).expect("a short time");
        let moment = Instant::now() + Duration::from_micros(draw.below(most));
        while let Some(rest) = moment.checked_duration_since(Instant::now()) {
            if child.try_wait().expect("a child").is_some() {
                break;
            }
            std::thread::park_timeout(rest.min(Duration::from_millis(1)));
        }
        if child.try_wait().expect("a child").is_some() {
            return Ended::Answered(child.wait_with_output().expect("it has ended"));
        }
        let group = format!("-{}", child.id());
        let signal = if draw.below(4) == 0 { "-TERM" } else { "-KILL" };
        let _ = Command::new("kill")
            .args([signal, "--", &group])
            .stderr(Stdio::null())
            .status();
        let output = child.wait_with_output().expect("it has ended");
        if output.status.code().is_some() {
            return Ended::Answered(output);
        }
        let counts = usize::from(!self.is_away.load(Ordering::Relaxed));
        self.killed.fetch_add(counts, Ordering::Relaxed);
        Ended::Killed
    }

    /// One life: added, perhaps deleted, either of them perhaps killed.
    fn life(&self, draw: &mut Draw, container: &str) {
        let namespace = Namespace::new();
        if let Ended::Answered(output) = self.disturbed(draw, "ADD", container, &namespace)
            && output.status.success()
        {
            let result: Value = serde_json::from_slice(&output.stdout).expect("a result");
            let addresses = namespace.addresses();
            let living = Living {
                container: container.to_owned(),
                namespace,
                addresses,
                result,
            };
            if draw.below(8) == 0 {
                self.living.lock().expect("no panic").push(living);
                return;
            }
            self.disturbed(draw, "DEL", container, &living.namespace);
            return;
        }
        // Some runtimes call DEL for what failed, others die with it.
        if draw.below(2) == 0 {
            self.disturbed(draw, "DEL", container, &namespace);
        }
    }

    fn is_over(&self) -> bool {
        self.kills <= self.killed.load(Ordering::Relaxed)
    }

    fn work(&self, worker: u64, seed: u64) {
        let mut draw = Draw(seed.wrapping_mul(WORKERS).wrapping_add(worker) | 1);
        for number in 0.. {
            if self.is_over() {
                return;
            }
            self.life(&mut draw, &format!("w{worker}-{number}"));
        }
    }

    /// Kills etcd each time that so many plugins were killed, and starts it again.
    fn kill_etcd(&self) {
        let Some(etcd) = &self.host.etcd else { return };
        let mut next = ETCD_ONE_IN;
        while !self.is_over() {
            if next <= self.killed.load(Ordering::Relaxed) {
                self.is_away.store(true, Ordering::Relaxed);
                etcd.lock().expect("no panic").restart();
                self.is_away.store(false, Ordering::Relaxed);
                next += ETCD_ONE_IN;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Calls GC with what is alive: the runtime's list of this machine.
    fn collect(&self, living: &[Living]) {
        let attachments = living
            .iter()
            .map(|living| json!({"containerID": living.container, "ifname": "eth0"}));
        let mut config = self.config.clone();
        config["cniVersion"] = json!("1.1.0");
        config["cni.dev/valid-attachments"] = attachments.collect();
        let bin = self.host.path("bin").display().to_string();
        let variables = [("CNI_COMMAND", "GC"), ("CNI_PATH", bin.as_str())];
        let output = self.host.plugin("block-ipam", &variables, &config);
        said("GC", &output);
    }

    fn check(&self, living: &Living) {
        assert_eq!(
            living.namespace.addresses(),
            living.addresses,
            "{}",
            living.container
        );
        let mut config = self.config.clone();
        config["prevResult"] = living.result.clone();
        let child = self.start("CHECK", &living.container, &living.namespace, &config);
        said("CHECK", &child.wait_with_output().expect("it ends"));
    }
}

/// Measures an undisturbed call: moments are drawn from half as much again.
fn longest(host: &Host, config: &Value) -> Duration {
    let killing = killing(host, config.clone(), Duration::ZERO, 0);
    let namespace = Namespace::new();
    let begin = Instant::now();
    let child = killing.start("ADD", "first", &namespace, config);
    said("ADD", &child.wait_with_output().expect("it ends"));
    let spent = begin.elapsed();
    let child = killing.start("DEL", "first", &namespace, config);
    said("DEL", &child.wait_with_output().expect("it ends"));
    spent * 3 / 2
}

const fn killing(host: &Host, config: Value, longest: Duration, kills: usize) -> Killing<'_> {
    Killing {
        host,
        config,
        longest,
        kills,
        killed: AtomicUsize::new(0),
        is_away: AtomicBool::new(false),
        living: Mutex::new(Vec::new()),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[track_caller]
fn nothing_is_leaked(kind: Kind) {
    let kills = usize::try_from(number("KILLS").unwrap_or(250)).expect("a small number");
    let seed = number("SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919);
    let host = Host::new(kind);
    let mut config = recipe("bridge");
    // Rules of the firewall are not ours, and a killed plugin leaves their lock.
    config["plugins"][0]["ipMasq"] = json!(false);
    host.install(config);
    let config = handed_over(&host);
    let killing = killing(&host, config.clone(), longest(&host, &config), kills);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let killing = &killing;
            scope.spawn(move || killing.work(worker, seed));
        }
        killing.kill_etcd();
    });
    let living = std::mem::take(&mut *killing.living.lock().expect("no panic"));
    let before = host.held();
    killing.collect(&living);
    let addresses: BTreeSet<&String> = living.iter().flat_map(|living| &living.addresses).collect();
    let held = u64::try_from(addresses.len()).expect("a small number");
    assert_eq!(
        addresses.len(),
        2 * living.len(),
        "an address has one holder: SEED={seed}"
    );
    assert_eq!(
        host.held(),
        held,
        "what nobody holds is collected: SEED={seed}, before {before}"
    );
    assert!(
        held < before,
        "the kills left something to collect: SEED={seed}"
    );
    for living in &living {
        killing.check(living);
    }
    killing.collect(&[]);
    assert_eq!(host.held(), 0, "SEED={seed}");
    host.ipamctl(&["ipam", "check"]);
}

#[test]
fn killed_plugins_on_a_file_leave_nothing_behind_after_collection() {
    nothing_is_leaked(Kind::Sqlite);
}

#[test]
fn killed_plugins_and_a_killed_etcd_leave_nothing_behind_after_collection() {
    nothing_is_leaked(Kind::Etcd);
}
