//! The example `ops` as a program: lines in, lines out, on each store.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use block_ipam_testing::etcd::EtcdServer;
use block_ipam_testing::ops::OPERATIONS;
use serde_json::{Value, json};

/// The example, built by the cargo that runs this test: it builds examples only where all tests are asked for.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("a test is a file");
    let profile = test.ancestors().nth(2).expect("tests stand in deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--quiet", "--example", "ops", "--target-dir"]);
    cargo.arg(
        profile
            .parent()
            .expect("a profile stands in the target folder"),
    );
    // What cargo tells the test about its package would make build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|told| name.starts_with(told))
        {
            cargo.env_remove(name);
        }
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let done = cargo.status().expect("cargo runs");
    assert!(done.success(), "the example does not build");
    profile.join("examples/ops")
});

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(&*PROGRAM);
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes
        .args(arguments)
        .spawn()
        .expect("the example is built with the tests");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // It may have ended without reading.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn answers(store: &str, lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    answers_to_text(store, lines.join("\n").as_bytes())
}

#[track_caller]
fn answers_to_text(store: &str, input: &[u8]) -> Vec<Value> {
    let output = run(&["--datastore", store], input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

const SECOND_0: &str = "2026-03-02T09:00:00Z";

/// A pool of two blocks, one workload with an address, and what became of it.
fn story() -> Vec<Value> {
    vec![
        json!({"type": "createPool", "now": SECOND_0, "name": "p", "spec": {"cidr": "10.65.0.0/29", "blockSize": 30}}),
        json!({"type": "autoAssign", "now": "2026-03-02T09:00:01Z", "host": "n1", "use": "Workload", "num4": 1, "handle": "net.c1"}),
        json!({"type": "autoAssign", "now": "2026-03-02T09:00:02Z", "host": "n1", "use": "Workload", "num4": 9, "handle": "net.c2"}),
        json!({"type": "ipsByHandle", "now": "2026-03-02T09:00:03Z", "handle": "net.c1"}),
        json!({"type": "releaseByHandle", "now": "2026-03-02T09:00:04Z", "handle": "net.c1"}),
        json!({"type": "dumpRecords"}),
    ]
}

#[track_caller]
fn check_story(store: &str) {
    let told = answers(store, &story());
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(told[0], json!({"requests": {"reads": 1, "writes": 1}}));
    assert_eq!(told[1]["requests"], json!({"reads": 2, "writes": 1}));
    let first = told[1]["v4"]["ips"][0].as_str().expect("an address");
    assert!(first.ends_with("/30"), "{first}");
    assert_eq!(told[1]["v6"], Value::Null);
    let second = &told[2]["v4"];
    assert_eq!(second["ips"].as_array().map(Vec::len), Some(7));
    assert_eq!(
        (&second["requested"], &second["refusal"]),
        (&json!(9), &json!("exhausted"))
    );
    assert!(told[2].get("error").is_none(), "{}", told[2]);
    assert_eq!(told[3]["ips"], json!([first.trim_end_matches("/30")]));
    assert!(told[4].get("error").is_none(), "{}", told[4]);
    let records = told[5]["records"].as_array().expect("records");
    let keys: Vec<&str> = records
        .iter()
        .filter_map(|record| record["key"].as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-30",
            "/calico/ipam/v2/assignment/ipv4/block/10.65.0.4-30",
            "/calico/ipam/v2/handle/net.c2",
            "/calico/ipam/v2/host/n1/ipv4/block/10.65.0.0-30",
            "/calico/ipam/v2/host/n1/ipv4/block/10.65.0.4-30",
            "/calico/resources/v3/projectcalico.org/ippools/p",
        ]
    );
    let pool = records[5]["value"].as_str().expect("text");
    assert!(
        pool.contains(&format!("\"creationTimestamp\":\"{SECOND_0}\"")),
        "{pool}"
    );
    let claimed = "\"affinity_claim_time\":\"2026-03-02T09:00:0";
    assert!(
        records[0]["value"]
            .as_str()
            .expect("text")
            .contains(claimed)
    );
}

#[test]
fn a_workload_comes_and_goes_in_memory() {
    check_story("memory:");
}

#[test]
fn a_workload_comes_and_goes_on_sqlite_and_the_next_process_finds_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("ipam.db").display());
    check_story(&store);
    let told = answers(
        &store,
        &[json!({"type": "ipsByHandle", "handle": "net.c2"})],
    );
    assert_eq!(told[0]["ips"].as_array().map(Vec::len), Some(7));
}

#[test]
fn a_workload_comes_and_goes_on_etcd() {
    let server = EtcdServer::start();
    check_story(&format!("etcd:{}", server.url()));
}

#[test]
fn records_are_laid_and_told_as_they_are_and_replaced_only_when_asked() {
    let handle = |name: &str| format!("/calico/ipam/v2/handle/{name}");
    let a = json!({"key": handle("a"), "value": "not JSON <&>\u{2028}"});
    let b = json!({"key": handle("b"), "value": ""});
    let ours = json!({"key": "/block-ipam/v1/nodes/n", "value": "{}"});
    let gone = json!({"key": handle("a"), "value": null});
    let put = |records: Value| json!({"type": "putRecords", "records": records});
    let dump = json!({"type": "dumpRecords"});
    let all = json!({"type": "dumpRecords", "prefixes": [""]});
    let told = answers(
        "memory:",
        &[
            put(json!([b, a, ours])),
            dump.clone(),
            all.clone(),
            put(json!([gone])),
            dump,
            json!({"type": "putRecords", "records": [a], "replace": true}),
            all,
        ],
    );
    let records: Vec<&Value> = told
        .iter()
        .filter_map(|answer| answer.get("records"))
        .collect();
    assert_eq!(
        records,
        [
            &json!([a, b]),
            &json!([ours, a, b]),
            &json!([b]),
            &json!([a])
        ]
    );
}

#[test]
fn a_bad_line_is_answered_with_what_is_wrong_and_the_next_one_is_read() {
    let cases: [(&[u8], &str); 14] = [
        (b"nonsense", "not JSON: expected ident at line 1 column 2"),
        (b"\xff\xfe", "not JSON: expected value at line 1 column 1"),
        (b"[1]", "an operation is an object, not [1]"),
        (b"{}", "missing field `type`"),
        (b"{\"type\":7}", "type: 7 is not text"),
        (
            b"{\"type\":\"upgradeHost\",\"now\":\"noon\"}",
            "now: \"noon\" is not a time such as 2026-03-02T09:14:55Z",
        ),
        (b"{\"type\":\"upgradeHost\"}", "missing field `host`"),
        (
            b"{\"type\":\"upgradeHost\",\"host\":\"a/b\"}",
            "node name \"a/b\" is not usable: it contains `/`, which separates the segments of a key",
        ),
        (
            b"{\"type\":\"upgradeHost\",\"hots\":\"n1\"}",
            "hots: unknown field `hots`, expected `host`",
        ),
        (
            b"{\"type\":\"autoAssign\",\"host\":\"n1\",\"num4\":-1}",
            "num4: invalid value: integer `-1`, expected usize",
        ),
        (
            b"{\"type\":\"autoAssign\",\"host\":\"n1\",\"reserved4\":{\"start\":\"x\"}}",
            "reserved4.start: invalid type: string \"x\", expected u16",
        ),
        (
            b"{\"type\":\"autoAssign\",\"host\":\"n1\"}",
            "use `` is none of Workload, Tunnel, LoadBalancer",
        ),
        (
            b"{\"type\":\"releaseIPs\",\"addresses\":[{\"ip\":\"nonsense\"}]}",
            "`nonsense` is not an IP address",
        ),
        (
            b"{\"type\":\"putRecords\",\"records\":[{\"key\":\"\",\"value\":\"\"}]}",
            "datastore refused: an empty key",
        ),
    ];
    let mut input: Vec<u8> = cases
        .iter()
        .flat_map(|(line, _)| [line, &b"\n\n"[..]].concat())
        .collect();
    input.extend_from_slice(b"{\"type\":\"getIPAMConfig\"}");
    let told = answers_to_text("memory:", &input);
    assert_eq!(told.len(), cases.len() + 1);
    for ((_, error), answer) in cases.iter().zip(&told) {
        assert_eq!(answer["error"], *error, "{answer}");
        assert_eq!(answer["errorKind"], "other", "{answer}");
        assert!(answer["requests"]["reads"].is_u64(), "{answer}");
    }
    assert_eq!(told[cases.len()]["config"]["autoAllocateBlocks"], true);
}

#[test]
fn an_unknown_operation_is_answered_with_the_known_ones_and_each_of_them_stands_in_the_document() {
    let told = answers("memory:", &[json!({"type": "assignIp"})]);
    let error = told[0]["error"].as_str().expect("an error");
    let document = include_str!("../docs/ops.md");
    for operation in OPERATIONS {
        assert!(error.contains(operation), "{error}");
        assert!(
            document.contains(&format!("| `{operation}` |")),
            "{operation}"
        );
    }
}

#[test]
fn without_a_store_or_with_a_wrong_one_nothing_is_read() {
    for (arguments, said) in [
        (&[][..], "usage: ops --datastore STORE"),
        (&["--datastore"], "usage: ops --datastore STORE"),
        (&["--datastore", "redis:x"], "ops: --datastore"),
    ] {
        let output = run(arguments, b"{\"type\":\"getIPAMConfig\"}\n");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.starts_with(said) && output.stdout.is_empty(),
            "{errors}"
        );
    }
}
