//! The built `ipamctl` on a real etcd: with the roles that it prints and no more, with certificates, with a member down.

mod compaction;
mod doctor;
mod roles;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use block_ipam_testing::cluster::EtcdCluster;
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, make_certificates};

/// No settings.
const NOTHING: [(&str, &str); 0] = [];

/// `ipamctl` with these settings in an otherwise empty environment.
fn ipamctl<V: AsRef<OsStr>>(settings: &[(&str, V)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipamctl"));
    command
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)));
    command.args(arguments).output().expect("ipamctl starts")
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    format!("{} {}", output.status, String::from_utf8_lossy(&both))
}

#[track_caller]
fn done<V: AsRef<OsStr>>(settings: &[(&str, V)], arguments: &[&str]) -> String {
    let output = ipamctl(settings, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn calicoctls_file_of_settings_lets_in_by_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    make_certificates(folder.path());
    let server = EtcdServer::start_with(EtcdOptions {
        certificates: Some(folder.path().to_owned()),
        ..EtcdOptions::default()
    });
    let file = |name: &str| folder.path().join(name).display().to_string();
    let config = folder.path().join("calicoctl.cfg");
    let settings = format!(
        "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  datastoreType: etcdv3\n  etcdEndpoints: {}\n  etcdKeyFile: {}\n  etcdCertFile: {}\n  etcdCACertFile: {}\n",
        server.url(),
        file("client.key"),
        file("client.crt"),
        file("ca.crt")
    );
    std::fs::write(&config, settings).expect("a file");
    let config = config.to_str().expect("a path of text");
    done(&NOTHING, &["--config", config, "get", "ippool"]);
    done(&NOTHING, &["ipam", "check", "--config", config]);
    let without = ipamctl(&[("ETCD_ENDPOINTS", &server.url())], &["get", "ippool"]);
    assert_eq!(without.status.code(), Some(4), "{}", text(&without));
    assert!(Path::new(config).exists());
}

#[test]
fn one_member_of_three_may_be_down() {
    let cluster = EtcdCluster::start();
    let urls = cluster.urls();
    let all = urls.join(",");
    let settings = [("ETCD_ENDPOINTS", all.as_str())];
    done(&settings, &["ipam", "configure", "--strictaffinity=true"]);
    cluster.pause(&urls[0]);
    // Where it led, nobody answers until the others have chosen a leader: each try waits for its own deadline.
    let chosen = (0..10).any(|_| {
        let tried = ipamctl(&settings, &["ipam", "show", "--show-configuration"]);
        tried.status.success()
    });
    assert!(chosen, "two members of three choose a leader");
    let shown = done(&settings, &["ipam", "show", "--show-configuration"]);
    assert!(
        shown.contains("| StrictAffinity               | true"),
        "{shown}"
    );
    done(&settings, &["ipam", "check"]);
    done(&settings, &["ipam", "configure", "--strictaffinity=false"]);
    cluster.resume(&urls[0]);
}
