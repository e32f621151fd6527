//! `node list|register|resync|release`.

use expect_test::expect;

use crate::support::{Bench, show};

/// The recorded store, with the machines that two nodes are bound to.
fn bound() -> Bench {
    let bench = Bench::golden("calicoctl-base");
    let machine = |letter: &str| letter.repeat(32);
    let identity = |letter: &str| {
        format!(
            r#"{{"machine":"{}","since":"2026-11-21T08:00:00Z"}}"#,
            machine(letter)
        )
    };
    bench.put(&[
        ("/block-ipam/v1/nodes/n1".to_owned(), identity("a")),
        ("/block-ipam/v1/nodes/gone".to_owned(), identity("b")),
    ]);
    bench
}

#[test]
fn all_nodes_are_told_with_what_they_have() {
    let bench = bound();
    bench.check(&["-v", "node", "list"], &expect![[r#"
        NODE  REGISTERED  BLOCKS  IPS  BORROWED  MACHINE                           SINCE
        gone  no               0    0         0  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  2026-11-21T08:00:00Z
        n1    yes              3    7         0  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  2026-11-21T08:00:00Z
        n2    yes              2    3         1  -                                 -
        --- stderr
        Requests: reads=5 commits=0 conflicts=0
    "#]]);
    bench.check(
        &["node", "list", "-o", "json"],
        &expect![[r#"
        [
          {
            "node": "gone",
            "registered": false,
            "blocks": 0,
            "addresses": 0,
            "borrowed": 0,
            "machine": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "since": "2026-11-21T08:00:00Z"
          },
          {
            "node": "n1",
            "registered": true,
            "blocks": 3,
            "addresses": 7,
            "borrowed": 0,
            "machine": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "since": "2026-11-21T08:00:00Z"
          },
          {
            "node": "n2",
            "registered": true,
            "blocks": 2,
            "addresses": 3,
            "borrowed": 1,
            "machine": null,
            "since": null
          }
        ]
    "#]],
    );
    bench.put(&[("/block-ipam/v1/nodes/n2".to_owned(), "{".to_owned())]);
    let output = bench.run(&["node", "list"], "");
    assert_eq!(output.status.code(), Some(1), "{}", show(&output));
    let text = show(&output);
    assert!(text.contains("\nn2 "), "the rest is shown: {text}");
    assert!(text.contains("/block-ipam/v1/nodes/n2: "), "{text}");
}

#[test]
fn a_node_is_registered_once_and_as_often_as_one_likes() {
    let bench = Bench::golden("calicoctl-base");
    let register = ["node", "register", "rack1-n07", "--label", "rack=r1"];
    bench.check(
        &[&register[..], &["--dry-run"]].concat(),
        &expect![[r#"
        would create node `rack1-n07`
    "#]],
    );
    bench.check(
        &[&["-v"], &register[..]].concat(),
        &expect![[r#"
        --- stderr
        Registered node rack1-n07
        Requests: reads=1 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &register,
        &expect![[r#"
        --- stderr
        Error: node `rack1-n07` is registered already
        Hint: `ipamctl label node rack1-n07 KEY=VALUE` sets its labels
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["node", "register", "rack1-n07"],
        &expect![[r#"
        --- stderr
        Registered already: rack1-n07
    "#]],
    );
    bench.check(
        &["get", "node", "rack1-n07", "-o", "yaml", "--export"],
        &expect![[r#"
            apiVersion: projectcalico.org/v3
            kind: Node
            metadata:
              labels:
                rack: r1
              name: rack1-n07
            spec: {}
            status: {}
        "#]],
    );
    bench.check(&["node", "register", "Rack_1"], &expect![[r#"
        --- stderr
        Error: metadata.name = 'Rack_1': name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)
        [exit status: 2]
    "#]]);
    bench.check(
        &["node", "register", "a", "--label", "rack"],
        &expect![[r#"
            --- stderr
            error: invalid value 'rack' for '--label <KEY=VALUE>': a label is KEY=VALUE

            For more information, try '--help'.
            [exit status: 2]
        "#]],
    );
}

#[test]
fn the_node_that_it_runs_on_is_registered_where_none_is_named() {
    let bench = Bench::golden("calicoctl-base");
    let mut command = bench.command(&["--datastore", "sqlite:ipam.db", "node", "register"]);
    command.env("NODENAME", "here");
    let output = command.output().expect("it runs");
    assert_eq!(show(&output), "--- stderr\nRegistered node here\n");
}

#[test]
fn a_name_is_free_again_after_resync() {
    let bench = bound();
    bench.check(
        &["node", "resync", "n1", "--dry-run"],
        &expect![[r#"
        would delete identity of node `n1`
    "#]],
    );
    bench.check(
        &["-v", "node", "resync", "n1"],
        &expect![[r#"
        --- stderr
        Forgotten which machine n1 is: the next that assigns under this name is bound to it
        Requests: reads=1 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &["node", "resync", "n1"],
        &expect![[r#"
        --- stderr
        Error: no machine is bound to node `n1`
        Hint: `ipamctl node list` tells which are bound
        [exit status: 1]
    "#]],
    );
}

#[test]
fn a_dead_node_gives_all_back() {
    let bench = bound();
    bench.check(
        &["node", "release", "n1", "--dry-run"],
        &expect![[r#"
        would change block 10.90.0.224/28
        would change block 10.91.0.0/26
        would change block fd00:90::e0/124
        would delete handle `k8s-pod-network.aaa`
        would delete handle `k8s-pod-network.ddd`
        would delete handle `vxlan-tunnel-addr-n1`
        would delete node `n1`
        would create borrowing of `n1` from 10.90.0.224/28
        would change block 10.90.0.224/28
        would delete affinity of host:n1 to 10.90.0.224/28
        would change block 10.91.0.0/26
        would delete affinity of host:n1 to 10.91.0.0/26
        would change block fd00:90::e0/124
        would delete affinity of host:n1 to fd00:90::e0/124
        would delete identity of node `n1`
        --- stderr
        Left, for a second owner stands beside the node's: 10.90.0.227
    "#]],
    );
    bench.check(
        &["node", "release", "n1"],
        &expect![[r#"
        --- stderr
        Error: nothing was done: nobody can be asked here
        Hint: `--yes` does it, `--dry-run` shows what would be done
        [exit status: 1]
    "#]],
    );
    bench.check(&["-v", "node", "release", "n1", "--yes"], &expect![[r#"
        --- stderr
        Released of node n1: 5 addresses, 0 blocks, and its Node record
        Left as blocks of nobody, for addresses in them cool, or do not name the node: 10.90.0.224/28, 10.91.0.0/26, fd00:90::e0/124
        Left, for a second owner stands beside the node's: 10.90.0.227
        Requests: reads=15 commits=4 conflicts=0
    "#]]);
    bench.check(&["node", "list"], &expect![[r#"
        NODE  REGISTERED  BLOCKS  IPS  BORROWED  MACHINE                           SINCE
        gone  no               0    0         0  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  2026-11-21T08:00:00Z
        n1    no               0    1         1  -                                 -
        n2    yes              2    3         1  -                                 -
    "#]]);
    bench.check(
        &["node", "release", "n1", "--yes"],
        &expect![[r#"
        --- stderr
        Released of node n1: 0 addresses, 0 blocks
        Left, for a second owner stands beside the node's: 10.90.0.227
    "#]],
    );
    bench.check(
        &["node", "release", "n2", "--yes", "-o", "json"],
        &expect![[r#"
            {
              "node": "n2",
              "hadRecord": true,
              "released": [
                "10.90.0.64",
                "10.90.0.233",
                "fd00:90::40"
              ],
              "deletedBlocks": [],
              "leftBlocks": [
                "10.90.0.64/28",
                "fd00:90::40/124"
              ]
            }
        "#]],
    );
    bench.check(&["ipam", "check"], &expect![[r#"
        Looked at 3 pools, 5 blocks, 2 addresses, 0 affinities, 2 handles and 0 nodes at revision 38.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        SEVERITY  RECORD                           FINDING                        WHAT ENDS IT
        warning   handle `k8s-pod-network.leaked`  counts 1 and holds no address  a repair sets it right when it stays so for some minutes
        Check complete; found 1 problems.
        [exit status: 3]
    "#]]);
}

#[test]
fn what_calicos_plugin_borrowed_is_found_without_an_index() {
    let bench = Bench::golden("calicoctl-base");
    // An address in the block of n1 that names n3, which nothing else in the store knows.
    let get = bench.run(&["ipam", "show", "--ip=10.90.0.224"], "");
    assert!(show(&get).contains("node: n1"), "{}", show(&get));
    let key = "/calico/ipam/v2/assignment/ipv4/block/10.90.0.224-28";
    let text = bench.value(key);
    bench.put(&[(
        key.to_owned(),
        text.replacen(r#""node":"n1""#, r#""node":"n3""#, 1),
    )]);
    bench.check(
        &["node", "release", "n3", "--yes"],
        &expect![[r#"
        --- stderr
        Released of node n3: 2 addresses, 0 blocks
    "#]],
    );
}
