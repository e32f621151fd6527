//! From symptom to cause: what `docs/cli.md` says about a workload without address is so.

use std::sync::Arc;

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::{Assign, ReleaseHandle, Wanted};
use block_ipam::clock::SystemClock;
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{HandleId, NodeName};

use crate::support::{Bench, show};

const DOCS: &str = include_str!("../../../docs/cli.md");
const HEADER: &str = "| cause | command | says | way out |";

/// A line of the table.
struct Row {
    cause: &'static str,
    command: &'static str,
    says: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = DOCS.lines().skip_while(|line| *line != HEADER).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let code = |cell: &'static str| {
            let inner = cell
                .strip_prefix('`')
                .and_then(|cell| cell.strip_suffix('`'));
            inner.expect("a cell of code")
        };
        Row {
            cause: cells[0],
            command: code(cells[1]),
            says: code(cells[2]),
        }
    });
    rows.collect()
}

/// What a store needs for its trouble.
type Trouble = fn(&Bench);

/// Each cause, and the store that has it; `None` for those that need a real etcd (`tests/real_etcd`).
const TROUBLES: [(&str, Option<Trouble>); 15] = [
    ("nobody answers", Some(|_| ())),
    ("etcd is full", None),
    ("etcd was restored from an old snapshot (error 106)", None),
    (
        "there is no pool of the family",
        Some(|bench| configured(bench, "--strictaffinity=false")),
    ),
    (
        "the pool is disabled",
        Some(|bench| pool(bench, "disabled: true")),
    ),
    (
        "the pool selects other nodes",
        Some(|bench| pool(bench, "nodeSelector: rack == 'r1'")),
    ),
    (
        "the pool serves only those who name it",
        Some(|bench| pool(bench, "assignmentMode: Manual")),
    ),
    (
        "every address is held",
        Some(|bench| {
            pool(bench, "");
            assign(bench, "n2", 4);
        }),
    ),
    (
        "every address is reserved",
        Some(|bench| {
            pool(bench, "");
            done(bench, &["ipam", "reserve", "10.0.0.0/30"]);
        }),
    ),
    (
        "released addresses still cool",
        Some(|bench| {
            pool(bench, "");
            configured(bench, "--ip-cooldown-seconds=600");
            assign(bench, "n1", 4);
            release(bench, "n1");
        }),
    ),
    (
        "the node owns as many blocks as it may",
        Some(|bench| {
            pool(bench, "");
            configured(bench, "--strictaffinity=true");
            configured(bench, "--max-blocks-per-host=1");
            assign(bench, "n1", 4);
        }),
    ),
    (
        "strict affinity, and all blocks are of others",
        Some(|bench| {
            pool(bench, "");
            configured(bench, "--strictaffinity=true");
            assign(bench, "n2", 1);
        }),
    ),
    (
        "the plugin's name of the node has no Node record, beside Calico",
        Some(|bench| {
            pool(bench, "");
            let key = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
            bench.put(&[(key.to_owned(), "{}".to_owned())]);
        }),
    ),
    (
        "two machines use the name of the node (error 105)",
        Some(|bench| {
            let machine = "a".repeat(32);
            let identity = format!(r#"{{"machine":"{machine}","since":"2026-11-21T08:00:00Z"}}"#);
            bench.put(&[("/block-ipam/v1/nodes/n1".to_owned(), identity)]);
        }),
    ),
    (
        "a block's record does not parse",
        Some(|bench| {
            let key = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30";
            bench.put(&[(key.to_owned(), "{".to_owned())]);
        }),
    ),
];

#[test]
fn each_cause_is_told_by_the_command_that_is_documented() {
    let rows = rows();
    let causes: Vec<&str> = rows.iter().map(|row| row.cause).collect();
    let known: Vec<&str> = TROUBLES.iter().map(|(cause, _)| *cause).collect();
    assert_eq!(causes, known, "every cause has its store, in order");
    for (row, (_, trouble)) in rows.iter().zip(TROUBLES) {
        let Some(trouble) = trouble else { continue };
        let bench = Bench::new();
        trouble(&bench);
        let words: Vec<&str> = row.command.split(' ').skip(1).collect();
        let mut command = bench.command(&words);
        if bench.path("ipam.db").exists() {
            command.args(["--datastore", "sqlite:ipam.db"]);
        } else {
            // Nobody listens on port 1.
            command.env("ETCD_ENDPOINTS", "http://127.0.0.1:1");
        }
        let told = show(&command.output().expect("it runs"));
        assert!(told.contains(row.says), "{}: {told}", row.cause);
    }
}

#[track_caller]
fn done(bench: &Bench, arguments: &[&str]) {
    let output = bench.run(arguments, "");
    assert!(output.status.success(), "{arguments:?}: {}", show(&output));
}

fn configured(bench: &Bench, setting: &str) {
    done(bench, &["ipam", "configure", setting]);
}

/// A pool of one block of four addresses, and what else its specification says.
fn pool(bench: &Bench, line: &str) {
    let text = format!(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {{name: p}}\nspec:\n  cidr: 10.0.0.0/30\n  blockSize: 30\n  {line}\n"
    );
    bench.file("pool.yaml", &text);
    done(bench, &["create", "-f", "pool.yaml"]);
}

fn handle(node: &str) -> HandleId {
    HandleId::new(&format!("net.{node}")).expect("a handle")
}

fn with_allocator<T>(bench: &Bench, act: impl AsyncFnOnce(Allocator) -> T) -> T {
    let allocator = Allocator::new(
        Arc::new(bench.open()),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(act(allocator))
}

fn assign(bench: &Bench, node: &str, count: usize) {
    let request = Assign {
        v4: Wanted {
            count,
            ..Wanted::default()
        },
        ..Assign::workload(NodeName::new(node).expect("a name"), handle(node))
    };
    let grant = with_allocator(bench, async |allocator| {
        allocator.assign(&request, &Hint::default()).await
    });
    assert_eq!(grant.expect("a grant").addresses.len(), count);
}

fn release(bench: &Bench, node: &str) {
    let request = ReleaseHandle {
        handle: handle(node),
        interface: None,
        aliases: Vec::new(),
    };
    let released = with_allocator(bench, async |allocator| {
        allocator
            .release_by_handle(&request, &Hint::default())
            .await
    });
    assert!(!released.expect("a release").released.is_empty());
}
