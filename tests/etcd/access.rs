//! Getting in: certificates, passwords, tokens that end, permissions.

use std::fs;
use std::path::Path;

use block_ipam::datastore::settings::{EtcdSettings, Login, Pem, Secret, TlsSettings};
use block_ipam::datastore::{DatastoreError, OpenError};
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, make_certificates};
use tempfile::TempDir;

use crate::{applied, create, open, put, read, settings, store};

fn secure(folder: &Path) -> EtcdServer {
    make_certificates(folder);
    EtcdServer::start_with(EtcdOptions {
        certificates: Some(folder.to_owned()),
        ..EtcdOptions::default()
    })
}

fn with_files(server: &EtcdServer, folder: &Path) -> EtcdSettings {
    let file = |name: &str| Some(Pem::File(folder.join(name)));
    EtcdSettings {
        tls: TlsSettings {
            ca: file("ca.crt"),
            cert: file("client.crt"),
            key: file("client.key"),
        },
        ..settings(&[server.url()])
    }
}

fn with_login(server: &EtcdServer, user: &str, password: &str) -> EtcdSettings {
    EtcdSettings {
        login: Some(Login {
            user: user.into(),
            password: Secret(password.into()),
        }),
        ..settings(&[server.url()])
    }
}

#[tokio::test]
async fn certificates_from_files_or_inline_let_in_and_their_absence_does_not() {
    let folder = TempDir::new().unwrap();
    let server = secure(folder.path());
    let files = with_files(&server, folder.path());
    applied(&open(&files), create("a", "1")).await;

    let text = |name: &str| {
        Some(Pem::Inline(Secret(
            fs::read_to_string(folder.path().join(name)).unwrap(),
        )))
    };
    let inline = EtcdSettings {
        tls: TlsSettings {
            ca: text("ca.crt"),
            cert: text("client.crt"),
            key: text("client.key"),
        },
        ..settings(&[server.url()])
    };
    applied(&open(&inline), put("a", "2")).await;

    let mut nobody = files.clone();
    (nobody.tls.cert, nobody.tls.key) = (None, None);
    let error = read(&open(&nobody), "a").await.unwrap_err();
    assert!(
        matches!(error, DatastoreError::Unavailable { .. }),
        "{error}"
    );

    let other = TempDir::new().unwrap();
    make_certificates(other.path());
    let mut stranger = files.clone();
    stranger.tls.ca = Some(Pem::File(other.path().join("ca.crt")));
    let error = read(&open(&stranger), "a").await.unwrap_err();
    assert!(
        error.to_string().contains("invalid peer certificate"),
        "{error}"
    );
}

#[test]
fn certificates_that_cannot_be_used_are_named_when_the_store_is_opened() {
    let missing = Some(Pem::File("/nonexistent/ca.crt".into()));
    let mut wrong = settings(&["https://127.0.0.1:1".to_owned()]);
    wrong.tls.ca = missing.clone();
    let open = |settings: &EtcdSettings| {
        block_ipam::datastore::etcd::Etcd::new(
            settings,
            std::time::Duration::from_secs(1),
            &crate::First,
        )
    };
    let error = open(&wrong).unwrap_err();
    assert!(matches!(&error, OpenError::File { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent/ca.crt"), "{error}");
    let mut plain = settings(&["http://127.0.0.1:1".to_owned()]);
    plain.tls.ca = missing;
    assert!(open(&plain).is_ok(), "nobody needs them with http");
    assert!(open(&settings(&[])).is_err());
}

/// A cluster with the users `root` and `ipam`, who may use keys below `/ipam/`.
fn with_passwords() -> EtcdServer {
    let server = EtcdServer::start_with(EtcdOptions {
        arguments: vec![
            "--bcrypt-cost=4".to_owned(),
            "--auth-token-ttl=1".to_owned(),
        ],
        ..EtcdOptions::default()
    });
    for command in [
        "user add root:root",
        "user grant-role root root",
        "user add ipam:secret",
        "role add ipam",
        "role grant-permission ipam --prefix=true readwrite /ipam/",
        "user grant-role ipam ipam",
        "auth enable",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        // `role root` exists once authentication is enabled.
        let output = server.try_etcdctl(&words);
        let optional = command == "user grant-role root root";
        assert!(optional || output.status.success(), "{command}: {output:?}");
    }
    server
}

#[tokio::test]
async fn a_password_lets_in_and_only_where_the_role_allows() {
    let server = with_passwords();
    let ipam = open(&with_login(&server, "ipam", "secret"));
    applied(&ipam, create("/ipam/a", "1")).await;
    assert_eq!(
        read(&ipam, "/ipam/a").await.unwrap().found[0].entries.len(),
        1
    );

    let error = read(&ipam, "/other/a").await.unwrap_err();
    assert!(matches!(error, DatastoreError::Rejected { .. }), "{error}");
    assert!(error.to_string().contains("permission denied"), "{error}");

    let wrong = open(&with_login(&server, "ipam", "guessed"));
    let error = read(&wrong, "/ipam/a").await.unwrap_err();
    assert!(matches!(error, DatastoreError::Rejected { .. }), "{error}");
    assert!(
        error.to_string().contains("authentication failed"),
        "{error}"
    );

    let nobody = store(&[server.url()]);
    let error = read(&nobody, "/ipam/a").await.unwrap_err();
    assert!(matches!(error, DatastoreError::Rejected { .. }), "{error}");
}

#[tokio::test]
async fn a_token_that_is_of_no_use_any_more_is_replaced() {
    let server = with_passwords();
    let ipam = open(&with_login(&server, "ipam", "secret"));
    applied(&ipam, create("/ipam/a", "1")).await;
    // Every change of users or roles makes all tokens of the servers' newer kind useless.
    let root = ["--user", "root:root"];
    server.etcdctl(&[&root[..], &["user", "add", "other:other"]].concat());
    applied(&ipam, put("/ipam/a", "2")).await;
    server.etcdctl(&[&root[..], &["role", "add", "other"]].concat());
    read(&ipam, "/ipam/a").await.unwrap();
    server.etcdctl(&[&root[..], &["auth", "disable"]].concat());
    applied(&ipam, put("/ipam/a", "3")).await;
}

#[tokio::test]
async fn a_login_to_a_cluster_that_asks_for_none_is_no_error_also_once_it_asks() {
    let server = EtcdServer::start();
    let root = open(&with_login(&server, "root", "root"));
    applied(&root, create("a", "1")).await;
    server.etcdctl(&["user", "add", "root:root"]);
    server.etcdctl(&["auth", "enable"]);
    applied(&root, put("a", "2")).await;
}
