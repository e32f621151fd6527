//! The printed roles let each program do its work, and no more: on an etcd with passwords, and on one that also wants
//! certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::{Assign, ReleaseHandle, Wanted};
use block_ipam::clock::SystemClock;
use block_ipam::datastore::settings::{
    EtcdSettings, Login, Pem, Secret, StoreSettings, TlsSettings,
};
use block_ipam::datastore::{OnAbsent, OpenOptions, open};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, make_certificates};

use super::{NOTHING, done, ipamctl, text};

const POOL: &str = r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/24","blockSize":28}}"#;

/// Does what `store print-role` says, and makes a user of it. The password is the user's name.
fn make_user(server: &EtcdServer, user: &str) {
    for line in done(&NOTHING, &["store", "print-role", user]).lines() {
        let words = line.strip_prefix("etcdctl ").expect("a command of etcdctl");
        server.etcdctl(&words.split(' ').collect::<Vec<_>>());
    }
    server.etcdctl(&["user", "add", &format!("{user}:{user}")]);
    server.etcdctl(&["user", "grant-role", user, &format!("block-ipam-{user}")]);
}

/// An etcd that lets in users with the printed roles, and nobody else; with certificates only over these.
pub(crate) fn with_roles(certificates: Option<&Path>) -> EtcdServer {
    let server = EtcdServer::start_with(EtcdOptions {
        certificates: certificates.map(Path::to_owned),
        ..EtcdOptions::default()
    });
    for user in ["plugin", "ipamctl", "reader"] {
        make_user(&server, user);
    }
    server.etcdctl(&["user", "add", "root:root"]);
    server.etcdctl(&["user", "grant-role", "root", "root"]);
    server.etcdctl(&["auth", "enable"]);
    server
}

/// How to reach an etcd.
pub(crate) struct Place<'a> {
    url: String,
    certificates: Option<&'a Path>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(server: &EtcdServer, certificates: Option<&'a Path>) -> Place<'a> {
        Place {
            url: server.url(),
            certificates,
        }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.certificates?.join(name))
    }

    /// The environment of a user, whose password is its name.
    pub(crate) fn login(&self, user: &str) -> Vec<(&'static str, String)> {
        let files = [
            ("ETCD_CA_CERT_FILE", "ca.crt"),
            ("ETCD_CERT_FILE", "client.crt"),
            ("ETCD_KEY_FILE", "client.key"),
        ];
        let path = |(variable, name)| Some((variable, self.file(name)?.display().to_string()));
        let who = [
            ("ETCD_ENDPOINTS", self.url.clone()),
            ("ETCD_USERNAME", user.to_owned()),
            ("ETCD_PASSWORD", user.to_owned()),
        ];
        who.into_iter()
            .chain(files.into_iter().filter_map(path))
            .collect()
    }

    fn tls(&self) -> TlsSettings {
        let pem = |name| self.file(name).map(Pem::File);
        TlsSettings {
            ca: pem("ca.crt"),
            cert: pem("client.crt"),
            key: pem("client.key"),
        }
    }
}

async fn assign_and_release(place: &Place<'_>) {
    let settings = StoreSettings::Etcd(EtcdSettings {
        endpoints: vec![place.url.clone()],
        tls: place.tls(),
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
    works_as_its_role(None).await;
}

#[tokio::test]
async fn the_same_holds_where_certificates_are_wanted_too() {
    let folder = tempfile::tempdir().expect("a folder");
    make_certificates(folder.path());
    works_as_its_role(Some(folder.path())).await;
}

async fn works_as_its_role(certificates: Option<&Path>) {
    let server = with_roles(certificates);
    let place = Place::of(&server, certificates);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pool.json");
    std::fs::write(&file, POOL).expect("a file");
    let file = file.to_str().expect("a path of text");

    let reader = place.login("reader");
    let refused = ipamctl(&reader, &["create", "-f", file]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(
        text(&refused).contains("permission denied"),
        "{}",
        text(&refused)
    );

    let operator = place.login("ipamctl");
    done(&operator, &["create", "-f", file]);
    done(&operator, &["node", "register", "n1"]);
    done(&operator, &["ipam", "configure", "--ip-cooldown-seconds=0"]);
    assign_and_release(&place).await;
    server.etcdctl(&["--user", "root:root", "put", IDENTITY.0, IDENTITY.1]);
    for arguments in OF_AN_OPERATOR {
        done(&operator, arguments);
    }
    for arguments in OF_A_READER {
        done(&reader, arguments);
    }
    let plugin = place.login("plugin");
    let refused = ipamctl(&plugin, &["delete", "ippool", "split-p-0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    done(&operator, &["delete", "ippool", "split-p-0"]);
    done(&operator, &["delete", "node", "n1"]);
}

/// Which machine n1 is.
const IDENTITY: (&str, &str) = (
    "/block-ipam/v1/nodes/n1",
    r#"{"machine":"4c4c4544004b3510804db7c04f393732","since":"2026-03-02T09:14:55Z"}"#,
);

const OF_AN_OPERATOR: [&[&str]; 11] = [
    &["ipam", "reserve", "10.0.0.0/30"],
    &["ipam", "split", "2", "--name=p"],
    &["ipam", "check"],
    &["ipam", "repair", "--yes"],
    &["ipam", "show", "--show-borrowed"],
    &["ipam", "explain", "n1"],
    &["label", "nodes", "n1", "rack=r1"],
    &["node", "list"],
    &["node", "resync", "n1"],
    &["node", "release", "n2", "--yes"],
    &["ipam", "unreserve", "10.0.0.0/30"],
];

const OF_A_READER: [&[&str]; 8] = [
    &["get", "ippool"],
    &["get", "blockaffinity"],
    &["ipam", "show", "--show-blocks"],
    &["ipam", "show", "--ip=10.0.0.7"],
    &["ipam", "check"],
    &["status", "--node", "n1"],
    &["node", "list"],
    &["delete", "ippool", "split-p-0", "--dry-run"],
];
