//! Stores that are sick in every way we know: each call of the built program ends with one clear CNI error within its
//! deadline. And an etcd that was restored from a snapshot.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use block_ipam_testing::etcd::{BlackHole, EtcdOptions, EtcdServer, Refusing, make_certificates};
use serde_json::Value;

use super::world::pool;

/// Far above the `timeout` of 2 s that the calls have, far below what a call without one would take.
const PROMPTLY: Duration = Duration::from_secs(10);

/// The files of one node.
struct Node {
    directory: tempfile::TempDir,
}

impl Node {
    fn new() -> Node {
        Node {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Calls a verb on the endpoints; returns the exit status and what was printed. It must end promptly.
    fn call(&self, verb: &str, container: &str, store: &str) -> (i32, String) {
        let config = format!(
            r#"{{"cniVersion":"1.1.0","name":"net","ipam":{{"type":"block-ipam","nodename":"n1","timeout":2,{store}}}}}"#
        );
        let begin = tokio::time::Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_block-ipam"))
            .env_clear()
            .env("BLOCK_IPAM_RUN_DIR", self.directory.path().join("run"))
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", container)
            .env("CNI_NETNS", "/absent")
            .env("CNI_IFNAME", "eth0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(config.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        assert!(begin.elapsed() < PROMPTLY, "{verb}: {:?}", begin.elapsed());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code().expect("a status"), text)
    }

    #[track_caller]
    fn fails(&self, verb: &str, container: &str, store: &str, code: u64, says: &[&str]) {
        let (status, text) = self.call(verb, container, store);
        assert_eq!(status, 1, "{verb}: {text}");
        let reply: Value = serde_json::from_str(&text).expect("one JSON object");
        assert_eq!(reply["code"].as_u64(), Some(code), "{verb}: {text}");
        assert_eq!(reply["cniVersion"], "1.1.0");
        for said in says {
            assert!(text.contains(said), "{verb}: {said} is not in {text}");
        }
    }

    #[track_caller]
    fn succeeds(&self, verb: &str, container: &str, store: &str) {
        let (status, text) = self.call(verb, container, store);
        assert_eq!(status, 0, "{verb}: {text}");
    }
}

fn plain(url: &str) -> String {
    format!(r#""etcd_endpoints":"{url}""#)
}

fn put_pool(server: &EtcdServer) {
    let (key, value) = pool("v4", "10.64.0.0/24", 26, "");
    server.etcdctl(&["put", &key, &value]);
}

#[test]
fn a_store_that_does_not_answer_is_told_within_the_deadline() {
    let stopped = EtcdServer::start();
    put_pool(&stopped);
    let node = Node::new();
    node.succeeds("ADD", "c1", &plain(&stopped.url()));
    stopped.pause();
    let refusing = Refusing::open();
    let hole = BlackHole::open();
    let table = [
        ("stopped", stopped.url(), "no answer"),
        ("refused", refusing.url(), "Connection refused"),
        ("black hole", hole.url(), "no answer"),
    ];
    for (what, url, says) in table {
        for verb in ["ADD", "DEL", "CHECK"] {
            node.fails(verb, "c1", &plain(&url), 11, &[&url, says]);
        }
        node.fails("STATUS", "", &plain(&url), 50, &[&url, "code 11"]);
        let _ = what;
    }
    stopped.resume();
    node.succeeds("DEL", "c1", &plain(&stopped.url()));
}

#[test]
fn an_endpoint_may_have_a_name_and_one_that_no_resolver_knows_is_told() {
    let server = EtcdServer::start();
    put_pool(&server);
    let node = Node::new();
    let named = server.url().replace("127.0.0.1", "localhost");
    assert!(named.contains("localhost"));
    node.succeeds("ADD", "c1", &plain(&named));
    let unknown = "http://etcd.invalid:2379";
    node.fails("ADD", "c2", &plain(unknown), 11, &[unknown]);
    let both = format!("{unknown},{named}");
    node.succeeds("DEL", "c1", &plain(&both));
}

#[test]
fn an_endpoint_that_answered_is_asked_first_by_the_next_process() {
    let server = EtcdServer::start();
    put_pool(&server);
    let holes = [BlackHole::open(), BlackHole::open()];
    let node = Node::new();
    let urls = [holes[0].url(), server.url(), holes[1].url()];
    let store = plain(&urls.join(","));
    node.succeeds("ADD", "c1", &store);
    for hole in &holes {
        while hole.was_tried() {}
    }
    for (verb, container) in [("ADD", "c2"), ("DEL", "c1"), ("ADD", "c3")] {
        node.succeeds(verb, container, &store);
        let tried = holes.iter().any(BlackHole::was_tried);
        assert!(!tried, "{verb} {container}");
    }
}

#[test]
fn certificates_that_do_not_fit_are_told() {
    let folder = tempfile::tempdir().expect("a directory");
    make_certificates(folder.path());
    let other = tempfile::tempdir().expect("a directory");
    make_certificates(other.path());
    let server = EtcdServer::start_with(EtcdOptions {
        certificates: Some(folder.path().to_owned()),
        ..EtcdOptions::default()
    });
    put_pool(&server);
    let with = |authority: &std::path::Path, client: &std::path::Path| {
        let file = |folder: &std::path::Path, name: &str| folder.join(name).display().to_string();
        format!(
            r#"{},"etcd_ca_cert_file":"{}","etcd_cert_file":"{}","etcd_key_file":"{}""#,
            plain(&server.url()),
            file(authority, "ca.crt"),
            file(client, "client.crt"),
            file(client, "client.key")
        )
    };
    let node = Node::new();
    let url = server.url();
    node.succeeds("ADD", "c1", &with(folder.path(), folder.path()));
    let unknown = with(other.path(), folder.path());
    let stranger = with(folder.path(), other.path());
    let unencrypted = plain(&url.replace("https", "http"));
    for verb in ["ADD", "DEL"] {
        node.fails(
            verb,
            "c1",
            &unknown,
            11,
            &[&url, "invalid peer certificate"],
        );
        node.fails(verb, "c1", &stranger, 11, &[&url]);
        node.fails(
            verb,
            "c1",
            &unencrypted,
            11,
            &[&url.replace("https", "http")],
        );
    }
    let absent = with(std::path::Path::new("/absent"), folder.path());
    node.fails("ADD", "c1", &absent, 7, &["/absent/ca.crt"]);
}

#[test]
fn a_login_that_is_wrong_is_told() {
    let server = EtcdServer::start_with(EtcdOptions {
        arguments: vec!["--bcrypt-cost=4".to_owned()],
        ..EtcdOptions::default()
    });
    put_pool(&server);
    server.etcdctl(&["user", "add", "root:secret"]);
    server.etcdctl(&["user", "grant-role", "root", "root"]);
    server.etcdctl(&["auth", "enable"]);
    let node = Node::new();
    let with = |login: &str| format!("{}{login}", plain(&server.url()));
    let login = |password: &str| {
        with(&format!(
            r#","etcd_username":"root","etcd_password":"{password}""#
        ))
    };
    node.succeeds("ADD", "c1", &login("secret"));
    for verb in ["ADD", "DEL"] {
        node.fails(verb, "c1", &login("wrong"), 5, &["authentication failed"]);
        node.fails(verb, "c1", &with(""), 5, &[]);
    }
    node.succeeds("DEL", "c1", &login("secret"));
}

#[test]
fn a_store_without_space_is_told_and_serves_again_when_it_has_some() {
    let server = EtcdServer::start_with(EtcdOptions {
        arguments: vec!["--quota-backend-bytes=1048576".to_owned()],
        ..EtcdOptions::default()
    });
    put_pool(&server);
    let node = Node::new();
    let store = plain(&server.url());
    node.succeeds("ADD", "c1", &store);
    let much = "x".repeat(100_000);
    while server.try_etcdctl(&["put", "fill", &much]).status.success() {}
    for (verb, container) in [("ADD", "c2"), ("DEL", "c1")] {
        node.fails(verb, container, &store, 5, &["database space exceeded"]);
    }
    node.succeeds("CHECK", "c1", &store);
    server.etcdctl(&["del", "fill"]);
    let status = server.etcdctl(&["get", "none", "-w", "json"]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let revision = status["header"]["revision"].to_string();
    server.etcdctl(&["compact", &revision]);
    server.etcdctl(&["defrag"]);
    server.etcdctl(&["alarm", "disarm"]);
    node.succeeds("DEL", "c1", &store);
    node.succeeds("ADD", "c2", &store);
}

#[test]
fn an_etcd_restored_from_a_snapshot_gives_nothing_until_an_operator_says_so() {
    let folder = tempfile::tempdir().expect("a directory");
    for (token, same_cluster) in [("etcd-cluster", true), ("another", false)] {
        let mut server = EtcdServer::start();
        put_pool(&server);
        let node = Node::new();
        let store = plain(&server.url());
        node.succeeds("ADD", "before", &store);
        let snapshot = folder.path().join(token);
        server.etcdctl(&["snapshot", "save", &snapshot.display().to_string()]);
        for container in ["c1", "c2", "c3"] {
            node.succeeds("ADD", container, &store);
        }
        server.restore(&snapshot, token);
        if !same_cluster {
            // Its revision passes what the node has seen before the node looks: the identity tells.
            for _ in 0..20 {
                server.etcdctl(&["put", "other", "x"]);
            }
        }
        let says = if same_cluster { "revision" } else { "cluster" };
        let run = node.directory.path().join("run").display().to_string();
        let refused = |what: &str| {
            node.fails(
                "ADD",
                "c4",
                &store,
                106,
                &["went back", what, &run, "ipamctl ipam check"],
            );
        };
        refused(says);
        node.fails("STATUS", "", &store, 50, &["code 106"]);
        node.succeeds("DEL", "c1", &store);
        node.succeeds("DEL", "before", &store);
        for _ in 0..20 {
            server.etcdctl(&["put", "other", "x"]);
        }
        refused(says);
        std::fs::remove_dir_all(node.directory.path().join("run")).expect("removed");
        node.succeeds("ADD", "c4", &store);
    }
}
