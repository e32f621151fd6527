//! `store doctor` on real stores with one trouble each.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Output;

use block_ipam::allocator::Hint;
use block_ipam::allocator::hint_file::NodeFiles;
use block_ipam::ids::NodeName;
use block_ipam::revision::Revision;
use block_ipam_testing::cluster::EtcdCluster;
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, make_certificates, make_certificates_for};

use crate::roles::{Place, with_roles};
use crate::{done, ipamctl, text};

/// The checks that found something or could not be looked at, by name, and what they say. How fast the machine is does not count.
#[track_caller]
fn found(output: &Output) -> BTreeMap<String, (String, String)> {
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(output)));
    let checks = json["checks"].as_array().expect("a list");
    let word =
        |check: &serde_json::Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let bad = |check: &&serde_json::Value| ["warn", "fail"].contains(&&*word(check, "status"));
    let expected = if checks.iter().any(|check| bad(&check)) {
        3
    } else {
        0
    };
    assert_eq!(output.status.code(), Some(expected), "{}", text(output));
    for check in checks.iter().filter(bad) {
        assert!(check["act"].is_string(), "the way out is told: {check}");
    }
    let told = checks.iter().filter(|check| {
        word(check, "status") != "ok" && !word(check, "what").starts_with("half of the reads")
    });
    told.map(|check| {
        (
            word(check, "check"),
            (word(check, "status"), word(check, "what")),
        )
    })
    .collect()
}

fn doctor<V: AsRef<OsStr>>(settings: &[(&str, V)]) -> BTreeMap<String, (String, String)> {
    found(&ipamctl(settings, &["store", "doctor", "-o", "json"]))
}

#[track_caller]
fn told(found: &BTreeMap<String, (String, String)>, check: &str, status: &str, words: &str) {
    let (own, what) = found
        .get(check)
        .unwrap_or_else(|| panic!("{check}: {found:?}"));
    assert_eq!(own, status, "{check}: {what}");
    assert!(what.contains(words), "{check}: {what}");
}

fn with_certificates(days: u32) -> (tempfile::TempDir, EtcdServer) {
    let folder = tempfile::tempdir().expect("a folder");
    if days == 30 {
        make_certificates(folder.path());
    } else {
        make_certificates_for(folder.path(), days);
    }
    let server = EtcdServer::start_with(EtcdOptions {
        certificates: Some(folder.path().to_owned()),
        ..EtcdOptions::default()
    });
    (folder, server)
}

/// The doctor with the certificates of a folder, and memories kept nowhere.
fn by_certificates(folder: &tempfile::TempDir, server: &EtcdServer) -> Output {
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, cert, key) = (file("ca.crt"), file("client.crt"), file("client.key"));
    let settings = [
        ("ETCD_ENDPOINTS", server.url()),
        ("ETCD_CA_CERT_FILE", ca),
        ("ETCD_CERT_FILE", cert),
        ("ETCD_KEY_FILE", key),
        ("BLOCK_IPAM_RUN_DIR", file("run")),
    ];
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    ipamctl(&settings, &["store", "doctor", "-o", "json"])
}

#[test]
fn nothing_ails_a_store_that_is_well() {
    let (folder, server) = with_certificates(30);
    let output = by_certificates(&folder, &server);
    let found = found(&output);
    told(&found, "revision", "skip", "remembers this store");
    assert_eq!(found.len(), 1, "{}", text(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = json["checks"].as_array().expect("a list").iter();
    let of = |name: &str| {
        let own = checks.clone().filter(|check| check["check"] == name);
        own.map(|check| check["what"].as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("certificate").len(), 3, "client, authority and server");
    assert!(
        of("space")[0].contains(" MB of "),
        "the quota is told: {:?}",
        of("space")
    );
    assert!(
        of("clock")[0].starts_with("at most 0 s"),
        "{:?}",
        of("clock")
    );
    assert!(
        of("compaction")[0].contains("which are few"),
        "{:?}",
        of("compaction")
    );
}

#[test]
fn certificates_that_end_soon_are_told() {
    let (folder, server) = with_certificates(2);
    let output = by_certificates(&folder, &server);
    told(&found(&output), "certificate", "warn", "ends in 1 day ");
    let text = text(&output);
    for whose in [
        "that of the client ends in",
        &format!("that of {} ends in", server.url()),
    ] {
        assert!(text.contains(whose), "{whose}: {text}");
    }
}

#[test]
fn who_is_not_let_in_and_who_may_do_too_little_is_told() {
    let server = with_roles(None);
    let url = server.url();
    let place = Place::of(&server, None);
    for user in ["plugin", "reader", "ipamctl"] {
        let found = doctor(&place.login(user));
        assert!(!found.contains_key("rights"), "{user}: {found:?}");
        assert!(!found.contains_key("login"), "{user}: {found:?}");
    }
    let wrong = [
        ("ETCD_ENDPOINTS", url.as_str()),
        ("ETCD_USERNAME", "reader"),
        ("ETCD_PASSWORD", "guess"),
    ];
    told(&doctor(&wrong), "login", "fail", "authentication failed");
    let root = ["--user", "root:root"];
    server.etcdctl(&[&root[..], &["user", "add", "none:none"]].concat());
    let found = doctor(&place.login("none"));
    told(
        &found,
        "rights",
        "warn",
        "user `none` is not permitted to read ",
    );
    told(&found, "latency", "skip", "not permitted");
    told(&found, "compaction", "skip", "not permitted");
    let nobody = doctor(&[("ETCD_ENDPOINTS", url.as_str())]);
    told(&nobody, "latency", "fail", "user name is empty");
}

#[test]
fn the_alarm_of_a_full_store_is_told_with_the_way_out() {
    let server = EtcdServer::start_with(EtcdOptions {
        arguments: vec!["--quota-backend-bytes=1048576".to_owned()],
        ..EtcdOptions::default()
    });
    let filler = "x".repeat(100_000);
    while server
        .try_etcdctl(&["put", "fill", &filler])
        .status
        .success()
    {}
    let output = ipamctl(
        &[("ETCD_ENDPOINTS", server.url().as_str())],
        &["store", "doctor", "-o", "json"],
    );
    told(
        &found(&output),
        "space",
        "fail",
        "the alarm NOSPACE is raised",
    );
    assert!(
        text(&output).contains("etcdctl alarm disarm"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_member_of_three_that_is_down_is_named() {
    let cluster = EtcdCluster::start();
    let urls = cluster.urls();
    cluster.pause(&urls[0]);
    let all = urls.join(",");
    let settings = [("ETCD_ENDPOINTS", all.as_str())];
    // Until the others have chosen a leader, that is what ails them.
    let last = (0..10)
        .map(|_| doctor(&settings))
        .find(|found| !found.contains_key("leader"));
    cluster.resume(&urls[0]);
    let found = last.expect("two members of three choose a leader");
    told(
        &found,
        "endpoints",
        "warn",
        &format!("2 of 3 answer; {}: no answer", urls[0]),
    );
}

#[test]
fn a_store_that_nobody_reaches_is_told_and_never_a_crash() {
    let found = doctor(&[("ETCD_ENDPOINTS", "http://127.0.0.1:1")]);
    told(
        &found,
        "endpoints",
        "fail",
        "0 of 1 answer; http://127.0.0.1:1: ",
    );
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn an_etcd_that_was_restored_from_an_old_snapshot_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut server = EtcdServer::start();
    let url = server.url();
    let run = path("run");
    let settings = [
        ("ETCD_ENDPOINTS", url.as_str()),
        ("BLOCK_IPAM_RUN_DIR", run.as_str()),
    ];
    let snapshot = folder.path().join("snapshot");
    server.etcdctl(&["snapshot", "save", &snapshot.display().to_string()]);
    for value in ["true", "false", "true", "false"] {
        let argument = format!("--strictaffinity={value}");
        done(&settings, &["ipam", "configure", &argument]);
    }
    // What the plugin remembers: the revision and the identity of the store.
    let status: serde_json::Value =
        serde_json::from_str(&server.etcdctl(&["endpoint", "status", "-w", "json"])).expect("JSON");
    let header = &status[0]["Status"]["header"];
    let number = |name: &str| header[name].as_u64().expect("a number");
    let hint = Hint {
        revision: Revision(number("revision")),
        cluster: number("cluster_id"),
        ..Hint::default()
    };
    let node = NodeName::new("n1").expect("a name");
    let files = NodeFiles::new((*run).as_ref(), "etcd:spelled otherwise", &node);
    files.save(&hint).expect("a file");
    assert!(
        !doctor(&settings).contains_key("revision"),
        "it is as it was"
    );

    server.restore(&snapshot, "etcd-cluster");
    let found = doctor(&settings);
    let words = "the store went back: it is at revision 1, and this node has seen 5";
    told(&found, "revision", "fail", words);
}
