//! `status`: one node at a glance.

use expect_test::expect;

use crate::support::{Bench, show};

#[test]
fn a_node_is_told_as_cilium_tells_it() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "status", "--node", "n1"],
        &expect![[r#"
        Node:  n1
        IPv4:  8/80 allocated from 10.90.0.224/28, 10.91.0.0/26
        IPv6:  1/16 allocated from fd00:90::e0/124
        --- stderr
        Requests: reads=2 commits=0 conflicts=0
    "#]],
    );
    bench.check(
        &["status", "--node", "n2", "--all-addresses"],
        &expect![[r#"
            Node:  n2
            IPv4:  1/16 allocated from 10.90.0.64/28
            IPv6:  1/16 allocated from fd00:90::40/124
            Allocated addresses:
              10.90.0.64 (shop/web-2)
              fd00:90::40 (shop/web-2)
        "#]],
    );
    bench.check(
        &["status", "--node", "n9"],
        &expect![[r#"
            --- stderr
            Error: node `n9` is not known: it has no Node record, no block and no borrowed address
            Hint: `ipamctl node list` lists those that are
            [exit status: 1]
        "#]],
    );
}

#[test]
fn the_node_that_it_runs_on_is_named_by_the_environment() {
    let bench = Bench::golden("calicoctl-base");
    let mut command = bench.command(&["--datastore", "sqlite:ipam.db", "status"]);
    command.env("NODENAME", "n2");
    let output = command.output().unwrap();
    // Calico's own file comes before the environment; the machine of a test has none.
    assert!(
        show(&output).starts_with("Node:  n2\n"),
        "{}",
        show(&output)
    );
}
