//! The command line itself: help, mistakes, stores that are not there, readers that went away.

use expect_test::expect;

use crate::support::{Bench, show};

#[test]
fn help_tells_the_exit_status() {
    let bench = Bench::new();
    bench.check(
        &["--help"],
        &expect![[r#"
            Manages pools, blocks and addresses. Nouns and verbs are those of calicoctl

            Usage: ipamctl [OPTIONS] <COMMAND>

            Commands:
              create      Create resources that do not exist
              apply       Create resources, or change them to what the file says
              replace     Change resources that exist to what the file says
              get         Show resources
              delete      Delete resources
              patch       Change members of a resource
              label       Set or remove a label of a resource
              validate    Tell everything that is wrong with resources in files
              ipam        Show and release addresses
              status      Show how many addresses a node has, and who holds them
              node        Look at nodes, and take back what dead ones have
              store       Look at the store
              convert     Print what takes the place of a CNI configuration with host-local
              version     Show the version of this program
              completion  Print a script that completes command lines: `source <(ipamctl completion bash)`
              help        Print this message or the help of the given subcommand(s)

            Options:
              -h, --help     Print help
              -V, --version  Print version

            Global options:
                  --datastore <STORE>  The store: sqlite:PATH or etcd:URL[,URL..]
              -c, --config <FILE>      A file with settings of the store: ours, or calicoctl's
              -q, --quiet              Say nothing about what was done
              -v, --verbose            Say what was asked of the store

            Exit status:
              0  done
              1  refused, or failed
              2  the command line makes no sense
              3  a check found something
              4  the store cannot be reached

            Data goes to stdout, sentences go to stderr.
        "#]],
    );
    bench.check(
        &["version", "--client"],
        &expect![[r#"
            Client Version:    v0.1.0
            Calico Records:    v3.22 to v3.34
        "#]],
    );
    bench.check(
        &["version", "--client", "-o", "json"],
        &expect![[r#"
            {
              "clientVersion": "v0.1.0",
              "calicoRecords": "v3.22 to v3.34"
            }
        "#]],
    );
}

#[test]
fn the_version_of_the_cluster_is_told_and_refused_by_nothing() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "version"],
        &expect![[r#"
        Client Version:    v0.1.0
        Calico Records:    v3.22 to v3.34
        Cluster Version:   unknown
        Cluster Type:      unknown
        --- stderr
        Requests: reads=1 commits=0 conflicts=0
    "#]],
    );
    let key = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
    let value = r#"{"kind":"ClusterInformation","metadata":{"name":"default"},"spec":{"calicoVersion":"v9.9.9","clusterType":"k8s,bgp"}}"#;
    bench.put(&[(key.to_owned(), value.to_owned())]);
    bench.check(
        &["version"],
        &expect![[r#"
        Client Version:    v0.1.0
        Calico Records:    v3.22 to v3.34
        Cluster Version:   v9.9.9
        Cluster Type:      k8s,bgp
    "#]],
    );
    bench.check(
        &["version", "-o", "json"],
        &expect![[r#"
        {
          "clientVersion": "v0.1.0",
          "calicoRecords": "v3.22 to v3.34",
          "clusterVersion": "v9.9.9",
          "clusterType": "k8s,bgp"
        }
    "#]],
    );
    let absent = Bench::new();
    absent.check(
        &["version"],
        &expect![[r#"
        Client Version:    v0.1.0
        Calico Records:    v3.22 to v3.34
        Cluster Version:   unknown
        Cluster Type:      unknown
    "#]],
    );
}

#[test]
fn completion_scripts_know_the_verbs() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(&["completion", shell], "");
        let script = String::from_utf8(script.stdout).unwrap();
        for word in ["show-blocks", "replace", "datastore"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let bench = Bench::new();
    for arguments in [
        &["frobnicate"][..],
        &["ipam", "frobnicate"],
        &["ipam", "show", "--colour"],
        &["get"],
        &["create"],
        &["delete", "ippool"],
        &["delete", "ippool", "a", "-f", "x"],
    ] {
        let output = bench.run(arguments, "");
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?} {}",
            show(&output)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let bench = Bench::new();
    bench.check(
        &["create", "-f", "absent.yaml"],
        &expect![[r#"
        --- stderr
        Error: absent.yaml cannot be read
        Caused by: No such file or directory (os error 2)
        [exit status: 1]
    "#]],
    );
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
    let bench = Bench::new();
    bench.check(
        &["get", "ippool"],
        &expect![[r#"
        --- stderr
        Error: no store stands at ipam.db: a first `ipamctl create` makes it
        [exit status: 4]
    "#]],
    );
    assert!(!bench.path("ipam.db").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bench = Bench::golden("calicoctl-base");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["--datastore", "sqlite:ipam.db", "get", "ippool"];
    let mut command = bench.command(&arguments);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(show(&output), "");
}

#[test]
fn the_store_is_named_by_flag_file_or_environment() {
    let bench = Bench::golden("calicoctl-base");
    let names = |mut command: std::process::Command| show(&command.output().unwrap());
    let expected = "node/n1\nnode/n2\n";
    let get = ["get", "node", "-o", "name"];

    bench.file("ours.yaml", "datastore: sqlite:ipam.db\n");
    let by_file = bench.command(&[&["--config", "ours.yaml"][..], &get].concat());
    assert_eq!(names(by_file), expected);

    let mut both = bench.command(&[&["-c", "ours.yaml"][..], &get].concat());
    both.env("ETCD_ENDPOINTS", "http://127.0.0.1:1");
    assert_eq!(names(both), expected);

    bench.file("bad.yaml", "data_store: sqlite:ipam.db\n");
    let bad = bench.command(&[&["-c", "bad.yaml"][..], &get].concat());
    expect![[r#"
        --- stderr
        Error: bad.yaml is not usable: error: line 1 column 1: unknown field `data_store`, expected one of datastore, etcd_endpoints, etcd_ca_cert_file, etcd_cert_file, etcd_key_file, etcd_username, etcd_password
         --> <input>:1:1
          |
        1 | data_store: sqlite:ipam.db
          | ^ unknown field `data_store`, expected one of datastore, etcd_endpoints, etcd_ca_cert_file, etcd_cert_file, etcd_key_file, etcd_username, etcd_password
        [exit status: 1]
    "#]].assert_eq(&names(bad));

    let unknown = bench.command(&[&["--datastore", "mysql:x"][..], &get].concat());
    expect![[r#"
        --- stderr
        Error: --datastore is not usable: it is neither sqlite:PATH nor etcd:URL[,URL..]
        [exit status: 1]
    "#]]
    .assert_eq(&names(unknown));
}

#[test]
fn a_setting_of_etcd_excludes_the_default_store() {
    let bench = Bench::new();
    for (name, value) in [
        ("DATASTORE_TYPE", "etcdv3"),
        ("ETCD_CA_CERT_FILE", "/ca.pem"),
    ] {
        let mut command = bench.command(&["get", "ippool"]);
        command.env(name, value);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let text = show(&output);
        assert!(
            text.contains(name) && text.contains("ETCD_ENDPOINTS"),
            "{text}"
        );
    }
}

#[test]
fn a_store_that_cannot_be_reached_ends_with_4() {
    let bench = Bench::new();
    // Nobody listens on port 1.
    let mut command = bench.command(&["get", "ippool"]);
    command.env("ETCD_ENDPOINTS", "http://127.0.0.1:1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", show(&output));
    assert!(show(&output).contains("127.0.0.1:1"));
}

#[test]
fn the_roles_of_etcd_are_printed() {
    let bench = Bench::new();
    bench.check(&["store", "print-role", "plugin"], &expect![[r#"
        etcdctl role add block-ipam-plugin
        etcdctl role grant-permission --prefix=true block-ipam-plugin read /calico/resources/v3/projectcalico.org/ippools/
        etcdctl role grant-permission --prefix=true block-ipam-plugin read /calico/resources/v3/projectcalico.org/ipreservations/
        etcdctl role grant-permission --prefix=true block-ipam-plugin read /calico/resources/v3/projectcalico.org/nodes/
        etcdctl role grant-permission block-ipam-plugin read /calico/resources/v3/projectcalico.org/clusterinformations/default
        etcdctl role grant-permission block-ipam-plugin read /calico/ipam/v2/config
        etcdctl role grant-permission --prefix=true block-ipam-plugin readwrite /calico/ipam/v2/assignment/
        etcdctl role grant-permission --prefix=true block-ipam-plugin readwrite /calico/ipam/v2/handle/
        etcdctl role grant-permission --prefix=true block-ipam-plugin readwrite /calico/ipam/v2/host/
        etcdctl role grant-permission --prefix=true block-ipam-plugin readwrite /block-ipam/v1/
    "#]]);
    bench.check(
        &["store", "print-role", "ipamctl", "--name", "ops"],
        &expect![[r#"
            etcdctl role add ops
            etcdctl role grant-permission --prefix=true ops readwrite /calico/resources/v3/projectcalico.org/ippools/
            etcdctl role grant-permission --prefix=true ops readwrite /calico/resources/v3/projectcalico.org/ipreservations/
            etcdctl role grant-permission --prefix=true ops readwrite /calico/resources/v3/projectcalico.org/nodes/
            etcdctl role grant-permission --prefix=true ops readwrite /calico/ipam/v2/
            etcdctl role grant-permission --prefix=true ops readwrite /block-ipam/v1/
            etcdctl role grant-permission --prefix=true ops read /calico/resources/v3/projectcalico.org/workloadendpoints/
            etcdctl role grant-permission ops read /calico/resources/v3/projectcalico.org/clusterinformations/default
        "#]],
    );
    bench.check(
        &["store", "print-role", "reader", "--name", "a b"],
        &expect![[r#"
            --- stderr
            Error: role name `a b` has more than letters, digits, `-`, `_` and `.`
            [exit status: 2]
        "#]],
    );
}
