//! Which store the sources name, and in which words they are refused.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

/// The sources of one case.
#[derive(Default)]
struct Given {
    layers: Vec<Layer>,
    variables: BTreeMap<&'static str, &'static str>,
    own: Option<&'static str>,
    calicoctl: Option<&'static str>,
}

impl Given {
    fn resolve(&self) -> Result<Resolved, SettingsError> {
        resolve(&Sources {
            given: self.layers.clone(),
            variable: &|name| self.variables.get(name).map(|value| (*value).to_owned()),
            file: &|path| Ok(self.file(path).map(str::to_owned)),
        })
    }

    fn file(&self, path: &Path) -> Option<&'static str> {
        match path.to_str() {
            Some(CONFIG_FILE) => self.own,
            Some(CALICOCTL_FILE) => self.calicoctl,
            other => panic!("{other:?} was read"),
        }
    }
}

fn environment(variables: &[(&'static str, &'static str)]) -> Given {
    Given {
        variables: variables.iter().copied().collect(),
        ..Given::default()
    }
}

/// Shows the store, what named it, and how to get in.
#[track_caller]
fn check(given: &Given, expected: &Expect) {
    let text = match given.resolve() {
        Err(error) => format!("error: {error}"),
        Ok(Resolved { settings, named_by }) => match &settings {
            StoreSettings::Sqlite(_) => format!("{settings}, by {named_by}"),
            StoreSettings::Etcd(etcd) => {
                let user = etcd.login.as_ref().map(|login| login.user.as_str());
                format!("{settings}, by {named_by}\n{:?}\nuser {user:?}", etcd.tls)
            }
        },
    };
    expected.assert_eq(&text);
}

#[test]
fn calico_variables_name_an_etcd() {
    let given = environment(&[
        (
            "ETCD_ENDPOINTS",
            "https://10.0.0.1:2379, https://etcd.example.com:2379/",
        ),
        ("ETCD_CA_CERT_FILE", "/ca"),
        ("ETCD_CERT_FILE", "/cert"),
        ("ETCD_KEY_FILE", "/key"),
        ("ETCD_USERNAME", "ipam"),
        ("ETCD_PASSWORD", "secret"),
        ("DATASTORE_TYPE", "etcdv3"),
    ]);
    check(
        &given,
        &expect![[r#"
            etcd:https://10.0.0.1:2379,https://etcd.example.com:2379, by ETCD_ENDPOINTS
            TlsSettings { ca: Some(File("/ca")), cert: Some(File("/cert")), key: Some(File("/key")) }
            user Some("ipam")"#]],
    );
}

#[test]
fn variables_with_the_calico_prefix_come_first_and_empty_ones_do_not_count() {
    let given = environment(&[
        ("ETCD_ENDPOINTS", "http://a:1"),
        ("CALICO_ETCD_ENDPOINTS", "http://b:1"),
        ("CALICO_ETCD_USERNAME", ""),
        ("CALICO_ETCD_CA_CERT_FILE", " "),
    ]);
    check(
        &given,
        &expect![[r#"
            etcd:http://b:1, by CALICO_ETCD_ENDPOINTS
            TlsSettings { ca: None, cert: None, key: None }
            user None"#]],
    );
}

#[test]
fn a_network_configuration_overrides_the_environment_field_by_field() {
    let network = Layer::fields([
        (Field::Endpoints, Some("https://network:2379")),
        (Field::CaCertFile, None),
    ]);
    let given = Given {
        layers: vec![network],
        ..environment(&[
            ("ETCD_ENDPOINTS", "https://environment:2379"),
            ("ETCD_CA_CERT_FILE", "/ca"),
        ])
    };
    check(
        &given,
        &expect![[r#"
            etcd:https://network:2379, by etcd_endpoints
            TlsSettings { ca: Some(File("/ca")), cert: None, key: None }
            user None"#]],
    );
}

#[test]
fn a_flag_decides_against_everything_else() {
    let given = Given {
        layers: vec![Layer::flag("sqlite:/tmp/x.db")],
        ..environment(&[
            ("ETCD_ENDPOINTS", "http://a:1"),
            ("DATASTORE_TYPE", "kubernetes"),
        ])
    };
    check(&given, &expect!["sqlite:/tmp/x.db, by --datastore"]);
    let given = Given {
        layers: vec![Layer::flag("etcd:http://127.0.0.1:2379,http://[::1]:2379")],
        ..Given::default()
    };
    check(
        &given,
        &expect![[r#"
            etcd:http://127.0.0.1:2379,http://[::1]:2379, by --datastore
            TlsSettings { ca: None, cert: None, key: None }
            user None"#]],
    );
}

const CALICOCTL: &str = "
apiVersion: projectcalico.org/v3
kind: CalicoAPIConfig
metadata:
spec:
  datastoreType: etcdv3
  etcdEndpoints: https://calicoctl:2379
  etcdCACert: |
    PEM
  etcdUsername: calico
  etcdPassword: secret
  kubeconfig: /not/ours
";

#[test]
fn our_file_comes_before_calicoctls_and_each_only_if_nothing_stronger_names_a_store() {
    let both = |own, variables: &[(&'static str, &'static str)]| Given {
        own: Some(own),
        calicoctl: Some(CALICOCTL),
        ..environment(variables)
    };
    let given = both("datastore: sqlite:/data/ipam.db\n", &[]);
    check(
        &given,
        &expect!["sqlite:/data/ipam.db, by datastore in /etc/block-ipam/config.yaml"],
    );
    check(
        &both("# nothing yet\n", &[("ETCD_PASSWORD", "other")]),
        &expect![[r#"
            etcd:https://calicoctl:2379, by etcdEndpoints in /etc/calico/calicoctl.cfg
            TlsSettings { ca: Some(Inline(Secret(..))), cert: None, key: None }
            user Some("calico")"#]],
    );
    let given = both("this: [is not read", &[("ETCD_ENDPOINTS", "http://a:1")]);
    check(
        &given,
        &expect![[r#"
            etcd:http://a:1, by ETCD_ENDPOINTS
            TlsSettings { ca: None, cert: None, key: None }
            user None"#]],
    );
}

#[test]
fn a_stronger_password_is_used_with_the_endpoints_of_a_file() {
    let given = Given {
        calicoctl: Some(CALICOCTL),
        ..environment(&[("ETCD_PASSWORD", "stronger")])
    };
    let StoreSettings::Etcd(etcd) = given.resolve().unwrap().settings else {
        panic!("it is an etcd");
    };
    assert_eq!(etcd.login.unwrap().password, Secret("stronger".into()));
}

#[test]
fn our_file_is_read_strictly_and_calicoctls_leniently() {
    let own = |text| Given {
        own: Some(text),
        ..Given::default()
    };
    let error = own("datastore: sqlite:/x\nendpoints: here\n")
        .resolve()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(CONFIG_FILE) && error.contains("endpoints"),
        "{error}"
    );
    let error = own("datastore: [").resolve().unwrap_err();
    assert!(matches!(error, SettingsError::File { .. }), "{error}");
    check(
        &own("datastore: sqlite:/x\netcd_endpoints: http://a:1\n"),
        &expect![
            "error: datastore in /etc/block-ipam/config.yaml is not usable: etcd_endpoints in /etc/block-ipam/config.yaml is set too"
        ],
    );
}

#[test]
fn a_file_named_by_a_flag_is_ours_or_calicoctls() {
    let path = Path::new("/tmp/x");
    let layers = |text| Given {
        layers: vec![Layer::file(path, text).unwrap()],
        ..Given::default()
    };
    check(
        &layers("datastore: sqlite:/y"),
        &expect!["sqlite:/y, by datastore in /tmp/x"],
    );
    check(
        &layers("spec: {etcdEndpoints: 'http://a:1'}"),
        &expect![[r#"
            etcd:http://a:1, by etcdEndpoints in /tmp/x
            TlsSettings { ca: None, cert: None, key: None }
            user None"#]],
    );
    assert!(Layer::file(path, "colour: red").is_err());
}

#[test]
fn without_any_source_there_is_nothing_and_a_default_may_be_used() {
    let error = Given::default().resolve().unwrap_err();
    assert_eq!(error, SettingsError::Nothing);
    expect!["no datastore is configured: give etcd_endpoints, set ETCD_ENDPOINTS, or write datastore into /etc/block-ipam/config.yaml"]
        .assert_eq(&error.to_string());
}

#[test]
fn anything_said_about_etcd_excludes_the_default() {
    for (variable, value) in [
        ("DATASTORE_TYPE", "etcdv3"),
        ("ETCD_CA_CERT_FILE", "/ca"),
        ("CALICO_ETCD_PASSWORD", "secret"),
    ] {
        let error = environment(&[(variable, value)]).resolve().unwrap_err();
        let name = variable.to_owned();
        assert_eq!(error, SettingsError::NoEndpoints { name });
    }
}

#[test]
fn what_we_do_not_have_is_refused_with_words() {
    check(
        &environment(&[
            ("DATASTORE_TYPE", "kubernetes"),
            ("ETCD_ENDPOINTS", "http://a:1"),
        ]),
        &expect![
            "error: DATASTORE_TYPE is not usable: Calico's records are kept in etcd or SQLite here, not in the Kubernetes API"
        ],
    );
    check(
        &environment(&[("CALICO_ETCD_DISCOVERY_SRV", "example.com")]),
        &expect![
            "error: CALICO_ETCD_DISCOVERY_SRV is not usable: endpoints are not looked up in DNS; list them"
        ],
    );
    check(
        &environment(&[("DATASTORE_TYPE", "consul")]),
        &expect!["error: DATASTORE_TYPE is not usable: `consul` is not known; etcdv3 is"],
    );
    check(
        &environment(&[
            ("ETCD_ENDPOINTS", "https://a:1"),
            ("ETCD_CERT_FILE", "/cert"),
        ]),
        &expect!["error: ETCD_CERT_FILE is not usable: a certificate and its key come together"],
    );
    check(
        &environment(&[("ETCD_ENDPOINTS", "http://a:1"), ("ETCD_USERNAME", "ipam")]),
        &expect!["error: ETCD_USERNAME is not usable: a user and a password come together"],
    );
    for text in ["sqlite:", "sqlite", "etcd:", "postgres:x", "/var/lib/x.db"] {
        let given = Given {
            layers: vec![Layer::flag(text)],
            ..Given::default()
        };
        let error = given.resolve().unwrap_err();
        assert!(
            matches!(error, SettingsError::Unusable { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = resolve(&Sources {
        given: Vec::new(),
        variable: &|_| None,
        file: &|_| Err(io::Error::from(io::ErrorKind::PermissionDenied)),
    });
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "/etc/block-ipam/config.yaml is not usable: permission denied"
    );
}

#[test]
fn endpoints_are_checked_one_by_one() {
    let good = [
        ("http://a:1", "http://a:1"),
        ("a.b-c_d:2379", "https://a.b-c_d:2379"),
        (" https://[fd00::1]:2379/ ,,", "https://[fd00::1]:2379"),
        (
            "http://10.0.0.1:2379,https://b:2",
            "http://10.0.0.1:2379,https://b:2",
        ),
    ];
    for (text, expected) in good {
        assert_eq!(
            endpoints::parse(text, "https").unwrap().join(","),
            expected,
            "{text}"
        );
    }
    for text in [
        "",
        " , ",
        "http://",
        "http://a",
        "http://a:",
        "http://a:99999",
        "http://:1",
        "unix:///x:1",
        "http://user@a:1",
        "http://a:1/path",
        "http://a b:1",
        "http://fd00::1:2379",
        "http://[x]:1",
    ] {
        assert!(endpoints::parse(text, "http").is_err(), "{text}");
    }
}

#[test]
fn calicos_old_form_of_an_endpoint_is_read() {
    let network = Layer::fields([
        (Field::Authority, Some("10.0.0.1:2379")),
        (Field::Scheme, Some("https")),
    ]);
    let given = Given {
        layers: vec![network],
        ..Given::default()
    };
    let resolved = given.resolve().unwrap();
    assert_eq!(resolved.settings.to_string(), "etcd:https://10.0.0.1:2379");
}

#[test]
fn no_debug_text_shows_a_secret() {
    let given = environment(&[
        ("ETCD_ENDPOINTS", "http://a:1"),
        ("ETCD_USERNAME", "u"),
        ("ETCD_PASSWORD", "hunter2"),
    ]);
    let layer = Layer::environment(&|name| given.variables.get(name).map(|v| (*v).to_owned()));
    let text = format!("{layer:?} {:?}", given.resolve());
    assert!(!text.contains("hunter2"), "{text}");
}
