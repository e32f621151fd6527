//! Every recorded invocation of calicoctl, in order, on stores as calicoctl had them: equal in what a script would read
//! and in how it ends, or listed in `docs/calicoctl.md` with the reason.

mod recording;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;

use crate::calicoctl::recording::{Invocation, Recording};
use crate::support::Bench;

/// 3 where something is found, else 0.
const BY_FINDINGS: i32 = -1;

/// Where we differ on purpose: the section, the invocation with its note, how ours ends, and why.
const DIFFERENT: &[(&str, &str, i32, &str)] = &[
    (
        "Empty store (two Node objects, no pool)",
        "`calicoctl ipam show --show-configuration`",
        0,
        PERSISTENCE,
    ),
    (
        "Resources: create, apply, get",
        "`calicoctl get ippool -o go-template={{len .Items}}`",
        2,
        "Templates of Go are not supported, which is said.",
    ),
    (
        "Resources: create, apply, get",
        "`calicoctl get widget`",
        2,
        USAGE,
    ),
    (
        "Resources: create, apply, get",
        "`calicoctl get ipamconfiguration default -o yaml`",
        1,
        "Nothing is printed for what does not exist, instead of null.",
    ),
    (
        "A small store in use (stores/calicoctl-base.json)",
        "`calicoctl ipam show --show-configuration`",
        0,
        PERSISTENCE,
    ),
    (
        "A small store in use (stores/calicoctl-base.json)",
        "`calicoctl ipam show --ip=10.90.0.226` (cooling)",
        0,
        "A cooling address is told about, with the time of its release; to calicoctl it is an error.",
    ),
    (
        "A small store in use (stores/calicoctl-base.json)",
        "`calicoctl ipam show --ip=10.91.0.7` (in a disabled pool, assigned)",
        0,
        "It is told who holds it; calicoctl calls addresses in disabled pools not assigned.",
    ),
    (
        "A small store in use (stores/calicoctl-base.json)",
        "`calicoctl ipam show --ip=10.90.0`",
        2,
        USAGE,
    ),
    (
        "A small store in use (stores/calicoctl-base.json)",
        "`calicoctl ipam show --ip=10.90.0.300`",
        2,
        USAGE,
    ),
    (
        "Release",
        "`calicoctl ipam release --ip=nonsense`",
        2,
        USAGE,
    ),
    (
        "Release",
        "`calicoctl ipam release`",
        2,
        "A command line that makes no sense ends with 2. calicoctl does nothing and calls it done.",
    ),
    (
        "Configuration",
        "`calicoctl ipam show --show-configuration`",
        0,
        PERSISTENCE,
    ),
    ("Check", "`calicoctl ipam check`", BY_FINDINGS, CHECK),
    (
        "Check",
        "`calicoctl ipam check` (no KubeControllersConfiguration)",
        3,
        CHECK,
    ),
    (
        "Check",
        "`calicoctl ipam check` (with KubeControllersConfiguration default)",
        3,
        CHECK,
    ),
    (
        "Check",
        "`calicoctl ipam check --show-problem-ips`",
        3,
        CHECK,
    ),
    ("Check", "`calicoctl ipam check --show-all-ips`", 3, CHECK),
    ("Check", "`calicoctl ipam check -o r1.json`", 3, CHECK),
    (
        "Check",
        "`calicoctl ipam release --from-report=r1.json` (datastore not locked)",
        0,
        LOCK,
    ),
    ("Check", "`calicoctl ipam check -o r2.json`", 3, CHECK),
    (
        "Check",
        "`calicoctl ipam release --from-report=r1.json` (only a report from before the lock)",
        0,
        LOCK,
    ),
    (
        "Check",
        "`calicoctl ipam release --from-report=r1.json --from-report=r2.json`",
        0,
        "The same is released in the same words, but for the key of the dots, and for the lock that was not needed.",
    ),
    (
        "Check",
        "`calicoctl ipam release --from-report=r2.json` (again)",
        1,
        "What was not released is a failure, and every address is named; calicoctl ends with 0 and names one.",
    ),
    (
        "Split (datastore locked)",
        "`calicoctl get ippool -o wide` (pool six is disabled now)",
        0,
        "The split into 3 that was refused before has changed nothing; calicoctl's has left the pool disabled.",
    ),
    (
        "Split (datastore locked)",
        "`calicoctl ipam split 2 --name=six`",
        0,
        "One sentence on each line, and no reference to steps that are left: none are.",
    ),
    (
        "Split (datastore locked)",
        "`calicoctl ipam split 2`",
        2,
        USAGE,
    ),
    (
        "Split (datastore locked)",
        "`calicoctl ipam split two --name=rack1`",
        2,
        USAGE,
    ),
    (
        "Split (datastore locked)",
        "`calicoctl ipam split 2 --name=rack1` (not locked)",
        0,
        LOCK,
    ),
    (
        "Deletion, validation, other errors",
        "`calicoctl get ipamconfig default -o yaml`",
        0,
        "The resource is the configuration that assignments look at, and so has all of its members, and no identity of its own.",
    ),
    (
        "Deletion, validation, other errors",
        "`calicoctl ipam show --show-configuration` (the resource has no effect on the allocator's configuration)",
        0,
        "Here it has.",
    ),
    (
        "Version guard (ClusterInformation names v3.34.0, this binary has no version)",
        "`calicoctl ipam show`",
        0,
        "No version of a cluster is refused: the format of the records counts.",
    ),
    (
        "Version guard (ClusterInformation names v3.34.0, this binary has no version)",
        "`calicoctl version`",
        0,
        "There is one version to tell, and it is told in one line.",
    ),
    (
        "Usage errors",
        "`calicoctl ipam frobnicate`",
        2,
        "A command line that makes no sense ends with 2. calicoctl calls it done.",
    ),
    ("Usage errors", "`calicoctl ipam show --colour`", 2, USAGE),
    ("Usage errors", "`calicoctl frobnicate`", 2, USAGE),
    (
        "Usage errors",
        "`calicoctl version`",
        0,
        "There is one version to tell, and it is told in one line.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam check --show-problem-ips`",
        3,
        "Needs no Kubernetes and no KubeControllersConfiguration; findings stand in a table, the lines that count problems are calicoctl's; 3 says that something was found. Without workload endpoints in the store no address of a workload is called leaked. Each fault of a block is told, not the first alone, and IPv6 tunnels count as used.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam show --show-blocks`",
        0,
        "Blocks are counted by what is held, where their queue of free addresses says otherwise.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam check` (then block 10.130.0.0/30 with allocations [0,9,null,null])",
        3,
        CHECK,
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam show` (same)",
        1,
        "What cannot be read is named, and is a failure after all else is shown.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam check` (then with allocations [0,null])",
        3,
        "A finding; calicoctl crashes.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam show --show-borrowed` (same)",
        0,
        "Addresses of a block that does not parse are not counted.",
    ),
    (
        "A damaged store (stores/damaged.json)",
        "`calicoctl ipam show --ip=10.130.0.3` (same)",
        1,
        "Refused, naming the record; calicoctl crashes.",
    ),
    ("Check", "`calicoctl datastore migrate lock`", 0, UNLOCKED),
    (
        "Split (datastore locked)",
        "`calicoctl datastore migrate unlock`",
        0,
        UNLOCKED,
    ),
];

const USAGE: &str = "A command line that makes no sense ends with 2.";
const PERSISTENCE: &str = "The value is shown, not where it stands in calicoctl's memory.";
const CHECK: &str = "Needs no Kubernetes and no KubeControllersConfiguration; findings stand in a table, the lines that count problems are calicoctl's; 3 says that something was found. Without workload endpoints in the store no address of a workload is called leaked.";
const UNLOCKED: &str =
    "Locks nothing, which is said on stderr: nothing here needs the lock, so that scripts go on.";
const LOCK: &str = "Needs no lock: each assignment is compared with what the report saw, and the pool is split in one transaction. (The test runs it dry.)";

#[test]
fn every_invocation_of_calicoctl_is_repeated_or_its_difference_is_listed() {
    let recording = Recording::read();
    assert_eq!(recording.invocations.len(), 148, "all that was recorded");
    let mut bench = Bench::new();
    let mut section = "";
    let mut problems = String::new();
    let mut seen = BTreeSet::new();
    for invocation in &recording.invocations {
        if invocation.section != section {
            section = &invocation.section;
            bench = begin(&recording, section).unwrap_or(bench);
        }
        let arguments: Vec<&str> = invocation.arguments.iter().map(String::as_str).collect();
        prepare(&bench, &recording, invocation);
        // What calicoctl refuses for want of a lock we would do, and the store would be another one from there on.
        let is_refused = ["not locked", "before the lock"]
            .iter()
            .any(|why| invocation.title.contains(why));
        let dry = if is_refused { &["--dry-run"][..] } else { &[] };
        let output = bench.run(
            &[&arguments, dry].concat(),
            invocation.stdin.as_deref().unwrap_or_default(),
        );
        let stdout = String::from_utf8(output.stdout).expect("text");
        let stderr = String::from_utf8(output.stderr).expect("text");
        let status = output.status.code().expect("a status");
        let is_same = status == invocation.status
            && says(&stdout, &invocation.stdout)
            && (status == 0 || !stderr.is_empty() || !stdout.is_empty());
        let listed = DIFFERENT
            .iter()
            .find(|(place, title, ..)| *place == invocation.section && *title == invocation.title);
        match listed {
            None if is_same => {}
            None => write!(
                problems,
                "{} / {}\n  ours ends with {status}, calicoctl with {}\n{stdout}{stderr}--- calicoctl\n{}\n",
                invocation.section, invocation.title, invocation.status, invocation.stdout
            )
            .expect("a string takes all"),
            Some(_) if is_same => {}
            Some((_, title, expected, _)) if !ends_so(*expected, status) => {
                writeln!(problems, "{title} ends with {status}, not {expected}: {stderr}").expect("text");
            }
            Some((place, title, ..)) => {
                seen.insert((*place, *title));
            }
        }
    }
    for (place, title, ..) in DIFFERENT {
        if !seen.contains(&(*place, *title)) {
            writeln!(problems, "{title} is listed as different and is the same").expect("text");
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn the_differences_are_documented() {
    let mut text = "# calicoctl's invocations\n\nMade from the test that repeats 148 recorded invocations of calicoctl: `UPDATE_EXPECT=1 cargo test -p ipamctl differences`.\nWhere an invocation is not listed, ours ends with the same status and prints each line of calicoctl's stdout, in order; a line may have more behind it, and more lines may follow.\nWhat goes to stderr is in our words.\n\n| calicoctl | ends with | why |\n| --- | --- | --- |\n".to_owned();
    for (_, title, status, why) in DIFFERENT {
        let title = title.replace('|', "\\|");
        let status = if *status == BY_FINDINGS {
            "3 or 0".to_owned()
        } else {
            status.to_string()
        };
        writeln!(text, "| {title} | {status} | {why} |").expect("a string takes all");
    }
    expect_file!["../../../docs/calicoctl.md"].assert_eq(&text);
}

const fn ends_so(expected: i32, status: i32) -> bool {
    expected == status || (expected == BY_FINDINGS && (status == 3 || status == 0))
}

/// The store with which a section begins; `None` where it goes on with that of the one before.
fn begin(recording: &Recording, section: &str) -> Option<Bench> {
    let bench = if section.starts_with("Empty store") {
        let bench = Bench::golden("empty-two-nodes");
        let node = |name: &str| {
            let key = format!("/calico/resources/v3/projectcalico.org/nodes/{name}");
            let value = format!(
                r#"{{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}","uid":"u","creationTimestamp":"2026-11-21T08:21:48Z","labels":{{"rack":"r1"}}}},"spec":{{}},"status":{{}}}}"#
            );
            (key, value)
        };
        bench.put(&[node("n1"), node("n2")]);
        bench
    } else if section.starts_with("A small store") {
        Bench::golden("calicoctl-base")
    } else if section.starts_with("A damaged store") {
        Bench::golden("damaged")
    } else {
        return None;
    };
    for (name, text) in &recording.files {
        bench.file(name, text);
    }
    Some(bench)
}

/// What happened between two invocations.
fn prepare(bench: &Bench, recording: &Recording, invocation: &Invocation) {
    let title = &invocation.title;
    if invocation.section
        == "Version guard (ClusterInformation names v3.34.0, this binary has no version)"
    {
        let key = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
        let value = r#"{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"clusterGUID":"x","calicoVersion":"v3.34.0","clusterType":"k8s,bgp","datastoreReady":true}}"#;
        bench.put(&[(key.to_owned(), value.to_owned())]);
    }
    if title.contains("release --from-report") {
        // Calicoctl's own report, with the revision that the leaked handle has here.
        let report = recording.report.replace("\"16982\"", "\"12\"");
        bench.file("r1.json", &report);
        bench.file("r2.json", &report);
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        for name in ["r1.json", "r2.json"] {
            let file = std::fs::File::options().append(true).open(bench.path(name));
            let touched = file.and_then(|file| file.set_modified(long_ago));
            touched.expect("a file of ours");
        }
    }
    let damage = |allocations: &str| {
        let key = "/calico/ipam/v2/assignment/ipv4/block/10.130.0.0-30";
        let value = format!(
            r#"{{"cidr":"10.130.0.0/30","affinity":"host:n1","allocations":{allocations},"unallocated":[1,2,3],"attributes":[{{"handle_id":"net.0","secondary":{{"node":"n1"}}}}],"sequenceNumber":1,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
        );
        bench.put(&[(key.to_owned(), value)]);
    };
    if title.contains("allocations [0,9,null,null]") {
        damage("[0,9,null,null]");
    } else if title.contains("then with allocations [0,null]") {
        damage("[0,null]");
    }
}

/// Whether ours says what calicoctl says: each of its lines, in order, whatever ours has behind it or besides.
fn says(ours: &str, calicoctls: &str) -> bool {
    let ours = plain(ours);
    let mut ours = ours.lines();
    let calicoctls = plain(calicoctls);
    let mut wanted = calicoctls.lines().filter(|line| !line.trim().is_empty());
    wanted.all(|line| ours.any(|own| own.starts_with(line.trim_end())))
}

/// Hides what is random or of the day, and how many newlines end it.
fn plain(text: &str) -> String {
    let hidden = ["uid", "resourceVersion", "creationTimestamp"];
    let lines = text.lines().map(|line| {
        let name = line
            .trim_start()
            .trim_start_matches('"')
            .split(['"', ':'])
            .next();
        match name.filter(|name| hidden.contains(name)) {
            Some(name) => format!("{name}: .."),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
