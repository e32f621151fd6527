//! The built `ipamctl` on a real etcd: with the roles that it prints and no more, with certificates, with a member down.

mod compaction;
mod doctor;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::{Assign, ReleaseHandle, Wanted};
use block_ipam::clock::SystemClock;
use block_ipam::datastore::settings::{EtcdSettings, Login, Secret, StoreSettings, TlsSettings};
use block_ipam::datastore::{OnAbsent, OpenOptions, open};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam_testing::cluster::EtcdCluster;
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, make_certificates};

const POOL: &str = r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/24","blockSize":28}}"#;

/// `ipamctl` with these settings in an otherwise empty environment.
fn ipamctl(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipamctl"));
    command.env_clear().envs(settings.iter().copied());
    command.args(arguments).output().expect("ipamctl starts")
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    format!("{} {}", output.status, String::from_utf8_lossy(&both))
}

#[track_caller]
fn done(settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = ipamctl(settings, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Does what `store print-role` says, and makes a user of it. The password is the user's name.
fn make_user(server: &EtcdServer, user: &str) {
    for line in done(&[], &["store", "print-role", user]).lines() {
        let words = line.strip_prefix("etcdctl ").expect("a command of etcdctl");
        server.etcdctl(&words.split(' ').collect::<Vec<_>>());
    }
    server.etcdctl(&["user", "add", &format!("{user}:{user}")]);
    server.etcdctl(&["user", "grant-role", user, &format!("block-ipam-{user}")]);
}

/// An etcd that lets in users with the printed roles, and nobody else.
fn with_roles() -> EtcdServer {
    let server = EtcdServer::start();
    for user in ["plugin", "ipamctl", "reader"] {
        make_user(&server, user);
    }
    server.etcdctl(&["user", "add", "root:root"]);
    server.etcdctl(&["user", "grant-role", "root", "root"]);
    server.etcdctl(&["auth", "enable"]);
    server
}

fn login<'a>(url: &'a str, user: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("ETCD_ENDPOINTS", url),
        ("ETCD_USERNAME", user),
        ("ETCD_PASSWORD", user),
    ]
}

async fn assign_and_release(url: &str) {
    let settings = StoreSettings::Etcd(EtcdSettings {
        endpoints: vec![url.to_owned()],
        tls: TlsSettings::default(),
        login: Some(Login {
            user: "plugin".to_owned(),
            password: Secret("plugin".to_owned()),
        }),
    });
    let options = OpenOptions {
        on_absent: OnAbsent::Refuse,
        timeout: Duration::from_secs(10),
        prefer: None,
        entropy: &SystemEntropy,
    };
    let store = open(&settings, &options).expect("a store");
    let allocator = Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy));
    for (node, count) in [("n1", 1), ("n2", 20)] {
        let handle = HandleId::new(&format!("net.{node}")).expect("a handle");
        let request = Assign {
            v4: Wanted {
                count,
                ..Wanted::default()
            },
            ..Assign::workload(NodeName::new(node).expect("a name"), handle.clone())
        };
        let grant = allocator
            .assign(&request, &Hint::default())
            .await
            .expect("a grant");
        assert_eq!(grant.addresses.len(), count);
        let request = ReleaseHandle {
            handle,
            interface: None,
            aliases: Vec::new(),
        };
        let released = allocator
            .release_by_handle(&request, &Hint::default())
            .await;
        assert_eq!(released.expect("a release").released.len(), count);
    }
}

#[tokio::test]
async fn each_program_does_its_work_with_the_role_that_is_printed_and_no_more() {
    let server = with_roles();
    let url = server.url();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pool.json");
    std::fs::write(&file, POOL).expect("a file");
    let file = file.to_str().expect("a path of text");

    let reader = login(&url, "reader");
    let refused = ipamctl(&reader, &["create", "-f", file]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(
        text(&refused).contains("permission denied"),
        "{}",
        text(&refused)
    );

    let operator = login(&url, "ipamctl");
    done(&operator, &["create", "-f", file]);
    done(&operator, &["ipam", "configure", "--ip-cooldown-seconds=0"]);
    assign_and_release(&url).await;
    done(&operator, &["ipam", "reserve", "10.0.0.0/30"]);
    done(&operator, &["ipam", "split", "2", "--name=p"]);
    done(&operator, &["ipam", "check"]);
    done(&operator, &["ipam", "repair", "--yes"]);
    done(&operator, &["ipam", "show", "--show-borrowed"]);
    done(&operator, &["ipam", "explain", "n1"]);

    for arguments in [
        &["get", "ippool"][..],
        &["get", "blockaffinity"],
        &["ipam", "show", "--show-blocks"],
        &["ipam", "show", "--ip=10.0.0.7"],
        &["ipam", "check"],
        &["status", "--node", "n1"],
        &["delete", "ippool", "split-p-0", "--dry-run"],
    ] {
        done(&reader, arguments);
    }
    let refused = ipamctl(&login(&url, "plugin"), &["delete", "ippool", "split-p-0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    done(&operator, &["delete", "ippool", "split-p-0"]);
    done(&operator, &["delete", "node", "n1", "--skip-not-exists"]);
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
    done(&[], &["--config", config, "get", "ippool"]);
    done(&[], &["ipam", "check", "--config", config]);
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
