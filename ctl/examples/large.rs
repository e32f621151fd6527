//! Measures `ipamctl` on a store of 10 000 nodes, 16 000 blocks and 1 000 000 addresses: time, requests, peak memory.
//!
//! `large [--record]`: `ETCD_ENDPOINTS` names a fresh member; `--record` writes docs/performance.md. Fails where a command
//! needs more than 300 MB.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the time that a process takes is what is measured"
)]

#[path = "../../examples/measured/record.rs"]
mod record;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use block_ipam::datastore::settings::{EtcdSettings, StoreSettings, TlsSettings};
use block_ipam::datastore::{Datastore, OnAbsent, OpenOptions, Txn, Write, open};
use block_ipam::entropy::SystemEntropy;
use futures::{StreamExt, TryStreamExt};

const NODES: u32 = 10_000;
const BLOCKS: u32 = 16_000;
/// Of the 64 of each block.
const HELD: u32 = 63;
const MOST_KIB: u64 = 300 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Commits that are under way together while the store is filled.
const AT_ONCE: usize = 32;
/// Starts of which the median counts.
const STARTS: usize = 51;
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
/// Where the table stands in the document.
const MARKS: [&str; 2] = ["<!-- ipamctl: begin -->", "<!-- ipamctl: end -->"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let is_recorded = std::env::args()
        .nth(1)
        .is_some_and(|flag| flag == "--record");
    let recorded = measured().await.and_then(|text| {
        println!("{text}");
        match is_recorded {
            true => record::between(Path::new(DOCUMENT), MARKS, &text),
            false => Ok(()),
        }
    });
    match recorded {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measured() -> Result<String, String> {
    let mut text = format!("\n{}.\n\n", machine());
    text += "| command | time | peak memory | requests |\n| --- | ---: | ---: | --- |\n";
    text += &started(&["version", "--client"])?;
    text += &started(&["--help"])?;
    let endpoint = std::env::var("ETCD_ENDPOINTS").map_err(|_| "ETCD_ENDPOINTS is not set")?;
    fill(connect(&endpoint)?.as_ref()).await?;
    for arguments in [
        &["ipam", "show"][..],
        &["ipam", "show", "--show-blocks"],
        &["ipam", "show", "--show-borrowed"],
        &["ipam", "check"],
        &["ipam", "check", "-o", "/dev/null"],
        &["ipam", "explain", "n77"],
        &["status", "--node", "n77"],
        &["node", "list"],
        &["store", "doctor"],
    ] {
        text += &run(arguments)?;
    }
    Ok(text + "\n")
}

/// What the machine is, in one line.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or("unknown processor")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, Linux {}, load {load} before the run",
        kernel.trim()
    )
}

/// Returns the row of a command that asks no store: the median of many starts.
fn started(arguments: &[&str]) -> Result<String, String> {
    let program = program()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let output = Command::new(&program).args(arguments).output();
        let output = output.map_err(|error| error.to_string())?;
        times.push(began.elapsed());
        if !output.status.success() {
            return Err(format!("{arguments:?} ends with {}", output.status));
        }
    }
    times.sort();
    let median = times[STARTS / 2].as_secs_f64() * 1000.0;
    let line = arguments.join(" ");
    Ok(format!("| `ipamctl {line}` | {median:.1} ms |  | none |\n"))
}

/// `ipamctl`, built beside this program.
fn program() -> Result<std::path::PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let place = own.parent().and_then(|examples| examples.parent());
    Ok(place.ok_or("no directory")?.join("ipamctl"))
}

fn connect(endpoint: &str) -> Result<Arc<dyn Datastore>, String> {
    let settings = StoreSettings::Etcd(EtcdSettings {
        endpoints: vec![endpoint.to_owned()],
        tls: TlsSettings::default(),
        login: None,
    });
    let options = OpenOptions {
        on_absent: OnAbsent::Refuse,
        timeout: Duration::from_secs(30),
        prefer: None,
        entropy: &SystemEntropy,
    };
    open(&settings, &options).map_err(|error| error.to_string())
}

/// Writes records as Calico does, past every rule.
async fn fill(store: &dyn Datastore) -> Result<(), String> {
    let pool = r#"{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/10","blockSize":26,"nodeSelector":"all()"}}"#;
    let key = "/calico/resources/v3/projectcalico.org/ippools/p";
    let mut writes = vec![Write::Put(key.to_owned(), pool.into())];
    for node in 0..NODES {
        let key = format!("/calico/resources/v3/projectcalico.org/nodes/n{node}");
        let value = format!(
            r#"{{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{{"name":"n{node}"}},"spec":{{}}}}"#
        );
        writes.push(Write::Put(key, value.into_bytes()));
        if writes.len() == 120 {
            commit(store, std::mem::take(&mut writes)).await?;
        }
    }
    commit(store, writes).await?;
    let blocks = (0..BLOCKS).map(|index| commit(store, block(index)));
    let blocks = futures::stream::iter(blocks).buffer_unordered(AT_ONCE);
    blocks.try_collect::<()>().await
}

async fn commit(store: &dyn Datastore, writes: Vec<Write>) -> Result<(), String> {
    let txn = Txn {
        guards: Vec::new(),
        writes,
    };
    let done = store.commit(txn).await;
    done.map(drop).map_err(|error| error.to_string())
}

/// A block with its affinity and the handles of its addresses.
fn block(index: u32) -> Vec<Write> {
    let base = std::net::Ipv4Addr::from_bits((10 << 24) + index * 64);
    let node = format!("n{}", index % NODES);
    let mut writes = vec![Write::Put(
        format!("/calico/ipam/v2/host/{node}/ipv4/block/{base}-26"),
        br#"{"state":"confirmed","deleted":false}"#.to_vec(),
    )];
    let (mut slots, mut attributes) = (String::new(), String::new());
    for ordinal in 0..HELD {
        let comma = if ordinal == 0 { "" } else { "," };
        let handle = format!("k8s-pod-network.{index:032x}{ordinal:032x}");
        let _ = write!(slots, "{comma}{ordinal}");
        let _ = write!(
            attributes,
            r#"{comma}{{"handle_id":"{handle}","secondary":{{"namespace":"shop","node":"{node}","pod":"web-{index}-{ordinal}","timestamp":"2026-01-01 00:00:00.5 +0000 UTC"}}}}"#
        );
        let value = format!(r#"{{"block":{{"{base}/26":1}},"deleted":false}}"#);
        let key = format!("/calico/ipam/v2/handle/{handle}");
        writes.push(Write::Put(key, value.into_bytes()));
    }
    let value = format!(
        r#"{{"cidr":"{base}/26","affinity":"host:{node}","allocations":[{slots},null],"unallocated":[{HELD}],"attributes":[{attributes}],"sequenceNumber":1772442895123456789,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
    );
    let key = format!("/calico/ipam/v2/assignment/ipv4/block/{base}-26");
    writes.push(Write::Put(key, value.into_bytes()));
    writes
}

/// Returns the row of a command. A check may find something.
fn run(arguments: &[&str]) -> Result<String, String> {
    let program = program()?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .arg("-v")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let peak = watched(&mut child)?;
    let took = began.elapsed();
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let requests = errors
        .lines()
        .find_map(|line| line.strip_prefix("Requests: "));
    let row = format!(
        "| `ipamctl {}` | {:.0} ms | {} | {} |\n",
        arguments.join(" "),
        took.as_secs_f64() * 1000.0,
        memory(peak),
        requests.unwrap_or("none")
    );
    if !matches!(output.status.code(), Some(0 | 3)) {
        return Err(format!(
            "{arguments:?} ends with {}: {errors}",
            output.status
        ));
    }
    if MOST_KIB < peak {
        return Err(format!("{arguments:?} needed {} MB", peak / 1024));
    }
    Ok(row)
}

/// Returns the memory in words; what ended before it was looked at has none.
fn memory(peak: u64) -> String {
    if peak == 0 {
        return String::new();
    }
    format!("{} MB", peak.div_ceil(1024))
}

/// Returns the most memory that a process ever had, in KiB. It is looked at until the process ends.
fn watched(child: &mut Child) -> Result<u64, String> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(number.unwrap_or(0));
        if child
            .try_wait()
            .map_err(|error| error.to_string())?
            .is_some()
        {
            return Ok(peak);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
