//! `ipam gc`: what is shown, what is released, and what is never guessed.

use std::process::Output;

use expect_test::expect;

use crate::support::{Bench, show};

/// A node with four addresses: of a workload of this boot, of one that is on a list, of one of Calico's plugin, and of one
/// of an earlier boot. Another node has one beside them.
fn bench() -> Bench {
    let bench = Bench::new();
    let entry = |handle: &str, node: &str, more: &str| {
        format!(r#"{{"handle_id":"net.{handle}","secondary":{{"node":"{node}"{more}}}}}"#)
    };
    let ours = |handle: &str, boot: &str| {
        let more = format!(r#","container":"{handle}","interface":"eth0","boot":"{boot}""#);
        entry(handle, "n1", &more)
    };
    let attributes = [
        ours("a", "now"),
        ours("b", "now"),
        entry("calico", "n1", ""),
        ours("old", "then"),
        entry("far", "n2", r#","container":"far""#),
    ];
    let block = format!(
        r#"{{"cidr":"10.0.0.0/29","affinity":"host:n1","allocations":[0,1,2,3,4,null,null,null],"unallocated":[5,6,7],"attributes":[{}],"sequenceNumber":9,"sequenceNumberForAllocation":{{"0":1,"1":2,"2":3,"3":4,"4":5}},"deleted":false}}"#,
        attributes.join(",")
    );
    let mut pairs = vec![
        (
            "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-29".to_owned(),
            block,
        ),
        (
            "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.0-29".to_owned(),
            r#"{"state":"confirmed","deleted":false}"#.to_owned(),
        ),
    ];
    for handle in ["a", "b", "calico", "old", "far"] {
        let value = r#"{"block":{"10.0.0.0/29":1},"deleted":false}"#;
        pairs.push((
            format!("/calico/ipam/v2/handle/net.{handle}"),
            value.to_owned(),
        ));
    }
    bench.put(&pairs);
    bench
}

/// Runs it as on node n1.
fn here(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = bench.command(&["--datastore", "sqlite:ipam.db", "ipam", "gc"]);
    command.args(["--interval", "0"]).args(arguments);
    command.env("NODENAME", "n1").output().expect("it runs")
}

fn holders(bench: &Bench) -> String {
    let shown = show(&bench.run(&["node", "show", "n1", "-o", "json"], ""));
    let handles = ["a", "b", "calico", "old", "far"];
    let held = handles.into_iter().filter(|handle| {
        let handle = format!("\"net.{handle}\"");
        shown.contains(&handle)
    });
    held.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_list_of_what_lives_decides_for_any_node_and_only_yes_releases() {
    let bench = bench();
    bench.file("ids", "a\n\n  net.b \n");
    let arguments = [
        "ipam",
        "gc",
        "--node=n1",
        "--alive-file=ids",
        "--interval=0",
    ];
    bench.check(
        &arguments,
        &expect![[r#"
            IP        HANDLE      REASON
            10.0.0.2  net.calico  it is not on the list of what lives
            10.0.0.3  net.old     it is not on the list of what lives
            --- stderr
            2 addresses would be released with `--yes`.
        "#]],
    );
    assert_eq!(holders(&bench), "a b calico old");
    bench.check(
        &[&arguments[..], &["--yes", "-o", "json"]].concat(),
        &expect![[r#"
            {
              "node": "n1",
              "gone": [
                {
                  "address": "10.0.0.2",
                  "handle": "net.calico",
                  "reason": "it is not on the list of what lives"
                },
                {
                  "address": "10.0.0.3",
                  "handle": "net.old",
                  "reason": "it is not on the list of what lives"
                }
              ],
              "alive": 2,
              "doubted": 0,
              "released": [
                "10.0.0.2",
                "10.0.0.3"
              ]
            }
            --- stderr
            2 of 2 addresses released.
        "#]],
    );
    assert_eq!(holders(&bench), "a b");
    bench.check(
        &arguments,
        &expect![[r#"
            --- stderr
            Nothing is to be released.
        "#]],
    );
}

#[test]
fn a_command_that_fails_has_told_nothing() {
    let bench = bench();
    let run = |command: &str| {
        let arguments = ["--node=n1", "--yes", "--exec", command];
        show(&here(&bench, &arguments))
    };
    let failed = run("echo a; exit 3");
    assert!(
        failed.contains("did not tell what lives") && failed.contains("exit status: 3"),
        "{failed}"
    );
    assert_eq!(holders(&bench), "a b calico old");
    let done = run("printf 'a\nb\nold\n'");
    assert!(done.contains("1 of 1 address released"), "{done}");
    assert_eq!(holders(&bench), "a b old");
}

#[test]
fn on_this_machine_results_boots_and_addresses_tell() {
    let bench = bench();
    std::fs::create_dir(bench.path("results")).expect("made");
    bench.file("results/net-a-eth0", r#"{"netns":"/proc/self/ns/net"}"#);
    let results = bench.path("results").display().to_string();
    let shown = show(&here(&bench, &["--yes", "--results", &results]));
    // The present boot is neither `now` nor `then`; a workload whose namespace is there lives whatever was recorded.
    expect![[r#"
        IP        HANDLE   REASON
        10.0.0.1  net.b    it was assigned before the machine started
        10.0.0.3  net.old  it was assigned before the machine started
        --- stderr
        2 of 2 addresses released.
        1 address in doubt, and kept.
    "#]]
    .assert_eq(&shown);
    assert_eq!(holders(&bench), "a calico");
}

#[test]
fn another_machine_is_not_judged_by_what_this_one_shows() {
    let bench = bench();
    bench.check(
        &["ipam", "gc", "--node=n9", "--interval=0"],
        &expect![[r#"
            --- stderr
            Error: node `n9` is another machine, and nothing here tells what lives on it
            Hint: give `--exec` or `--alive-file`
            [exit status: 2]
        "#]],
    );
    let identity =
        r#"{"machine":"ffffffffffffffffffffffffffffffff","since":"2026-03-02T09:14:55Z"}"#;
    bench.put(&[("/block-ipam/v1/nodes/n1".to_owned(), identity.to_owned())]);
    let refused = show(&here(&bench, &["--yes"]));
    assert!(
        refused.contains("node `n1` is another machine"),
        "{refused}"
    );
    assert_eq!(holders(&bench), "a b calico old");
}
