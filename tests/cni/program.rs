//! The built program on a file of its own: what it prints, and how it ends.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use block_ipam::datastore::settings::StoreSettings;
use block_ipam::datastore::{OnAbsent, OpenOptions, Txn, Write as Change, open};
use block_ipam::entropy::SystemEntropy;
use expect_test::{Expect, expect};

use super::world::pool;

/// A folder with a store and a node's files.
struct Machine {
    directory: tempfile::TempDir,
}

/// What the program left behind, with the folder written as `DIR`.
struct Ended {
    stdout: String,
    stderr: String,
    status: Option<i32>,
}

impl Ended {
    fn shown(&self) -> String {
        let status = self.status.unwrap_or(-1);
        format!(
            "[exit {status}]\n{}\n[stderr]\n{}",
            self.stdout, self.stderr
        )
    }

    #[track_caller]
    fn stdout_is(&self, status: i32, expected: &Expect) {
        assert_eq!(self.status, Some(status), "{}", self.shown());
        expected.assert_eq(&self.stdout);
    }
}

impl Machine {
    fn new() -> Machine {
        Machine {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// A machine whose store has these records.
    async fn with(records: &[(String, String)]) -> Machine {
        let machine = Machine::new();
        machine.put(records).await;
        machine
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// A configuration on the file of this machine; `ipam` is put into its section.
    fn config(&self, ipam: &str) -> String {
        let store = self.path("ipam.db");
        format!(
            r#"{{"cniVersion":"1.0.0","name":"net","ipam":{{"type":"block-ipam","datastore":"sqlite:{store}","nodename":"n1"{ipam}}}}}"#
        )
    }

    async fn put(&self, records: &[(String, String)]) {
        let settings = StoreSettings::Sqlite(self.directory.path().join("ipam.db"));
        let options = OpenOptions {
            on_absent: OnAbsent::Create,
            timeout: Duration::from_secs(10),
            prefer: None,
            entropy: &SystemEntropy,
        };
        let store = open(&settings, &options).expect("opened");
        let put =
            |(key, value): &(String, String)| Change::Put(key.clone(), value.clone().into_bytes());
        let txn = Txn {
            guards: Vec::new(),
            writes: records.iter().map(put).collect(),
        };
        store.commit(txn).await.expect("committed");
    }

    fn run(&self, variables: &[(&str, &str)], stdin: &[u8]) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_block-ipam"))
            .env_clear()
            .env("BLOCK_IPAM_RUN_DIR", self.path("run"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // The program may end before it has read everything.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin);
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            text.replace(&self.directory.path().display().to_string(), "DIR")
        };
        Ended {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            status: output.status.code(),
        }
    }

    /// Calls a verb for the interface `eth0` of a container.
    fn call(&self, verb: &str, container: &str, stdin: &str) -> Ended {
        self.run(&variables(verb, container), stdin.as_bytes())
    }
}

const fn variables<'a>(verb: &'a str, container: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
    ]
}

fn pools() -> [(String, String); 2] {
    [
        pool("v4", "10.64.0.0/30", 30, ""),
        pool("v6", "fd00:64::/127", 127, ""),
    ]
}

#[tokio::test]
async fn an_address_comes_and_goes() {
    let machine = Machine::with(&pools()).await;
    let config = machine.config(r#","assign_ipv6":true"#);
    machine.call("ADD", "c1", &config).stdout_is(
        0,
        &expect![[r#"
            {
                "cniVersion": "1.0.0",
                "ips": [
                    {
                        "address": "10.64.0.0/30"
                    },
                    {
                        "address": "fd00:64::/127"
                    }
                ],
                "routes": [
                    {
                        "dst": "10.64.0.0/30"
                    },
                    {
                        "dst": "fd00:64::/127"
                    }
                ]
            }"#]],
    );
    for verb in ["CHECK", "DEL", "DEL"] {
        let ended = machine.call(verb, "c1", &config);
        assert_eq!(ended.shown(), "[exit 0]\n\n[stderr]\n");
    }
}

#[test]
fn version_needs_nothing() {
    let machine = Machine::new();
    machine.run(&[("CNI_COMMAND", "VERSION")], b"").stdout_is(
        0,
        &expect![[r#"
            {"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}
        "#]],
    );
}

#[test]
fn who_starts_it_by_hand_is_told_what_it_is() {
    let ended = Machine::new().run(&[], b"");
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.contains("ipamctl"), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("required env variables [CNI_COMMAND] missing"),
        "{}",
        ended.stdout
    );
}

/// What came in, the code, and part of the message or details.
#[tokio::test]
async fn bad_input_is_an_error_by_the_specification() {
    let machine = Machine::with(&pools()).await;
    let good = machine.config("");
    let bare = r#"{"cniVersion":"1.0.0","name":"net","ipam":{"nodename":"n1"}}"#.to_owned();
    let absent = bare.replace("}}", r#","datastore":"sqlite:/absent/ipam.db"}}"#);
    let add = |container| variables("ADD", container).to_vec();
    let without = |name: &str| {
        let all = add("c1").into_iter();
        all.filter(|(own, _)| *own != name).collect::<Vec<_>>()
    };
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, String, u64, &'a str);
    let table: Vec<Case<'_>> = vec![
        ("no stdin", add("c1"), String::new(), 6, "unmarshall"),
        ("bad JSON", add("c1"), "{".to_owned(), 6, "unmarshall"),
        ("a list", add("c1"), "[]".to_owned(), 6, "no JSON object"),
        (
            "no container",
            without("CNI_CONTAINERID"),
            good.clone(),
            4,
            "[CNI_CONTAINERID]",
        ),
        (
            "no namespace",
            without("CNI_NETNS"),
            good.clone(),
            4,
            "[CNI_NETNS]",
        ),
        (
            "no interface",
            without("CNI_IFNAME"),
            good.clone(),
            4,
            "[CNI_IFNAME]",
        ),
        (
            "unknown command",
            variables("FROB", "c1").to_vec(),
            good.clone(),
            4,
            "unknown CNI_COMMAND: FROB",
        ),
        (
            "bad container id",
            add("c/1"),
            good.clone(),
            4,
            "CNI_CONTAINERID",
        ),
        (
            "container id with a blank",
            add("c 1"),
            good.clone(),
            4,
            "CNI_CONTAINERID",
        ),
        (
            "no network name",
            add("c1"),
            good.replace("\"net\"", "\"\""),
            7,
            "missing network name",
        ),
        (
            "bad network name",
            add("c1"),
            good.replace("\"net\"", "\"bad name\""),
            7,
            "bad name",
        ),
        (
            "no ipam section",
            add("c1"),
            r#"{"cniVersion":"1.0.0","name":"net"}"#.to_owned(),
            7,
            "`ipam`",
        ),
        (
            "unknown version",
            add("c1"),
            good.replace("1.0.0", "9.9.9"),
            1,
            "incompatible CNI versions",
        ),
        (
            "CHECK before 0.4.0",
            variables("CHECK", "c1").to_vec(),
            good.replace("1.0.0", "0.3.1"),
            1,
            "CHECK",
        ),
        (
            "no store",
            add("c1"),
            bare.clone(),
            7,
            "sqlite:/var/lib/block-ipam/ipam.db",
        ),
        (
            "a store that is not there",
            add("c1"),
            absent,
            7,
            "/absent/ipam.db",
        ),
        (
            "an unknown kind of store",
            add("c1"),
            bare.replace("}}", r#","datastore":"redis:x"}}"#),
            7,
            "sqlite:PATH",
        ),
        (
            "Kubernetes as store",
            add("c1"),
            bare.replace("}}", r#","datastore_type":"kubernetes"}}"#),
            7,
            "Kubernetes",
        ),
    ];
    for (what, variables, stdin, code, says) in table {
        let ended = machine.run(&variables, stdin.as_bytes());
        let reply: serde_json::Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{what}: {error}: {}", ended.shown()));
        assert_eq!(
            (ended.status, reply["code"].as_u64()),
            (Some(1), Some(code)),
            "{what}: {}",
            ended.shown()
        );
        assert!(reply["cniVersion"].is_string(), "{what}");
        assert!(ended.stdout.contains(says), "{what}: {}", ended.shown());
    }
}

#[test]
fn an_unreachable_store_is_named_within_the_deadline() {
    let machine = Machine::new();
    let config = r#"{"cniVersion":"1.0.0","name":"net","etcd_endpoints":"http://127.0.0.1:1,http://127.0.0.1:2",
        "ipam":{"type":"calico-ipam","nodename":"n1","timeout":2}}"#;
    for verb in ["ADD", "DEL"] {
        let begin = tokio::time::Instant::now();
        let ended = machine.call(verb, "c1", config);
        assert!(begin.elapsed() < Duration::from_secs(10), "{verb}");
        let reply: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(
            (ended.status, reply["code"].as_u64()),
            (Some(1), Some(11)),
            "{}",
            ended.shown()
        );
        for endpoint in ["http://127.0.0.1:1", "http://127.0.0.1:2"] {
            assert!(ended.stdout.contains(endpoint), "{verb}: {}", ended.shown());
        }
    }
}

#[tokio::test]
async fn each_call_is_one_line_of_the_log() {
    let machine = Machine::with(&pools()).await;
    let log = machine.path("log/cni.log");
    let config = machine.config(&format!(r#","log_file_path":"{log}""#));
    for (verb, container) in [("ADD", "c1"), ("ADD", "c2"), ("DEL", "c1"), ("ADD", "c/3")] {
        let ended = machine.call(verb, container, &config);
        let failed = usize::from(ended.status != Some(0));
        assert_eq!(ended.stderr.lines().count(), failed, "{}", ended.stderr);
    }
    let text = std::fs::read_to_string(log).expect("a log");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[3].contains("code=4"), "{text}");
    for said in [
        "verb=\"ADD\"",
        "handle=\"net.c1\"",
        "interface=\"eth0\"",
        "node=\"n1\"",
        "10.64.0.0",
        "requests=",
        "milliseconds=",
    ] {
        assert!(lines[0].contains(said), "{said}: {}", lines[0]);
    }
}

#[tokio::test]
async fn every_line_of_a_call_carries_the_trace_of_the_runtime() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let other = format!(
        r#"{{"machine":"{}","since":"2026-01-01T00:00:00Z"}}"#,
        "0".repeat(32)
    );
    let machine = Machine::with(&pools()).await;
    let log = machine.path("cni.log");
    let config = machine.config(&format!(r#","log_file_path":"{log}""#));
    let identity = "/block-ipam/v1/nodes/n1".to_owned();
    machine.put(&[(identity, other)]).await;
    let mut variables = variables("ADD", "c2").to_vec();
    variables.push(("TRACEPARENT", TRACE));
    let ended = machine.run(&variables, config.as_bytes());
    assert_eq!(ended.status, Some(0), "{}", ended.shown());
    let text = std::fs::read_to_string(log).expect("a log");
    assert_eq!(text.lines().count(), 2, "the machine, and the call: {text}");
    for line in text.lines() {
        assert_eq!(line.matches(TRACE).count(), 1, "{line}");
    }
}

/// With four open files there is none left for the runtime's timers: a bug of ours as good as any.
#[test]
fn a_bug_is_a_reply_too() {
    let machine = Machine::new();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 4; exec \"$0\"",
            env!("CARGO_BIN_EXE_block-ipam"),
        ])
        .env_clear()
        .envs(variables("ADD", "c1"))
        .env("BLOCK_IPAM_RUN_DIR", machine.path("run"))
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let reply: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        (output.status.code(), reply["code"].as_u64()),
        (Some(1), Some(999))
    );
    assert!(reply["cniVersion"].is_string());
    let msg = reply["msg"].as_str().expect("a text");
    assert!(msg.starts_with("bug in block-ipam: panicked at"), "{msg}");
}

#[tokio::test]
async fn a_failed_call_is_one_line_on_standard_error() {
    let machine = Machine::with(&[pool("v4", "10.64.0.0/30", 30, r#","disabled":true"#)]).await;
    let ended = machine.call("ADD", "c1", &machine.config(""));
    assert_eq!(ended.status, Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("code=100"), "{}", ended.stderr);
}

#[tokio::test]
async fn processes_at_once_get_an_address_each() {
    let machine = Machine::with(&[pool("v4", "10.64.0.0/27", 28, "")]).await;
    let config = machine.config("");
    let ended: Vec<Ended> = std::thread::scope(|scope| {
        let call = |number: usize| {
            let (machine, config) = (&machine, &config);
            scope.spawn(move || machine.call("ADD", &format!("c{number}"), config))
        };
        let running: Vec<_> = (0..24).map(call).collect();
        running
            .into_iter()
            .map(|call| call.join().expect("joined"))
            .collect()
    });
    let mut addresses: Vec<String> = Vec::new();
    for ended in &ended {
        assert_eq!(ended.status, Some(0), "{}", ended.shown());
        let reply: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        addresses.push(reply["ips"][0]["address"].to_string());
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 24);
}
