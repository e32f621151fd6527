//! What each verb asks of the store, in one table: on a store of 3 pools, 5 blocks and 2 nodes.

use expect_test::expect;

use crate::reference::VERBS;
use crate::support::{Bench, show};

const POOL: &str = "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: new}\nspec: {cidr: 10.99.0.0/24}\n";
const SPARE: &str = "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: spare}\nspec: {cidr: 10.91.0.0/26, blockSize: 26, disabled: false, nodeSelector: all()}\n";
const HOST_LOCAL: &str = r#"{"cniVersion":"1.0.0","name":"n","type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}]]}}"#;

/// Each verb with arguments that make it do its work. Only the groups of verbs are not among them.
const COMMANDS: &[&[&str]] = &[
    &["create", "-f", "pool.yaml"],
    &["apply", "-f", "pool.yaml"],
    &["replace", "-f", "spare.yaml"],
    &["get", "ippool"],
    &["get", "blockaffinity"],
    &["delete", "ippool", "spare", "--force"],
    &["delete", "node", "n2"],
    &[
        "patch",
        "ippool",
        "six",
        "-p",
        "{\"spec\":{\"disabled\":true}}",
    ],
    &["label", "node", "n1", "zone=a"],
    &["validate", "-f", "pool.yaml"],
    &["ipam", "show"],
    &["ipam", "show", "--show-blocks"],
    &["ipam", "show", "--show-borrowed"],
    &["ipam", "show", "--show-configuration"],
    &["ipam", "show", "--ip=10.90.0.224"],
    &["ipam", "check"],
    &["ipam", "repair", "--yes"],
    &["ipam", "explain", "n1", "--family", "4"],
    &["ipam", "release", "--ip=10.90.0.224"],
    &[
        "ipam",
        "gc",
        "--node=n1",
        "--exec=true",
        "--interval=0",
        "--yes",
    ],
    &["ipam", "configure", "--strictaffinity=true"],
    &["ipam", "split", "2", "--name=six"],
    &["ipam", "reserve", "10.90.0.0/30"],
    &["ipam", "unreserve", "10.90.0.0/30"],
    &["status", "--node=n1"],
    &["store", "doctor"],
    &["store", "adopt"],
    &["store", "print-role", "plugin"],
    &["node", "list"],
    &["node", "show", "n1"],
    &["node", "register", "n9"],
    &["node", "release", "n1", "--yes"],
    &["node", "resync", "n1"],
    &["convert", "-f", "host-local.json"],
    &["version"],
    &["version", "--client"],
    &["completion", "bash"],
];

#[test]
fn every_verb_asks_as_much_as_is_written_here() {
    let mut table = String::new();
    for command in COMMANDS {
        let bench = Bench::golden("calicoctl-base");
        bench.file("pool.yaml", POOL);
        bench.file("spare.yaml", SPARE);
        bench.file("host-local.json", HOST_LOCAL);
        let identity = format!(
            r#"{{"machine":"{}","since":"2026-11-21T08:00:00Z"}}"#,
            "a".repeat(32)
        );
        bench.put(&[("/block-ipam/v1/nodes/n1".to_owned(), identity)]);
        if command.contains(&"unreserve") {
            bench.run(&["ipam", "reserve", "10.90.0.0/30"], "");
        }
        let output = bench.run(&[&["-v"], *command].concat(), "");
        let told = show(&output);
        let found = matches!(output.status.code(), Some(0 | 3));
        assert!(found, "{command:?} does its work: {told}");
        let requests = told
            .lines()
            .find_map(|line| line.strip_prefix("Requests: "));
        let requests = requests.map_or("no store", |line| line.trim_end_matches(" conflicts=0"));
        table += &format!("{}: {requests}\n", command.join(" "));
    }
    expect![[r#"
        create -f pool.yaml: reads=2 commits=1
        apply -f pool.yaml: reads=2 commits=1
        replace -f spare.yaml: reads=2 commits=1
        get ippool: reads=1 commits=0
        get blockaffinity: reads=1 commits=0
        delete ippool spare --force: reads=6 commits=2
        delete node n2: reads=9 commits=2
        patch ippool six -p {"spec":{"disabled":true}}: reads=2 commits=1
        label node n1 zone=a: reads=2 commits=1
        validate -f pool.yaml: no store
        ipam show: reads=3 commits=0
        ipam show --show-blocks: reads=3 commits=0
        ipam show --show-borrowed: reads=1 commits=0
        ipam show --show-configuration: reads=1 commits=0
        ipam show --ip=10.90.0.224: reads=1 commits=0
        ipam check: reads=15 commits=0
        ipam repair --yes: reads=13 commits=1
        ipam explain n1 --family 4: reads=2 commits=0
        ipam release --ip=10.90.0.224: reads=3 commits=1
        ipam gc --node=n1 --exec=true --interval=0 --yes: reads=6 commits=1
        ipam configure --strictaffinity=true: reads=1 commits=1
        ipam split 2 --name=six: reads=1 commits=1
        ipam reserve 10.90.0.0/30: reads=1 commits=1
        ipam unreserve 10.90.0.0/30: reads=3 commits=2
        status --node=n1: reads=2 commits=0
        store doctor: reads=5 commits=0
        store adopt: reads=15 commits=0
        store print-role plugin: no store
        node list: reads=5 commits=0
        node show n1: reads=2 commits=0
        node register n9: reads=1 commits=1
        node release n1 --yes: reads=15 commits=4
        node resync n1: reads=1 commits=1
        convert -f host-local.json: no store
        version: reads=1 commits=0
        version --client: no store
        completion bash: no store
    "#]]
    .assert_eq(&table);
}

#[test]
fn every_verb_is_counted() {
    let groups: [&[&str]; 4] = [&[], &["ipam"], &["node"], &["store"]];
    for verb in VERBS.iter().filter(|verb| !groups.contains(verb)) {
        let counted = COMMANDS.iter().any(|command| command.starts_with(verb));
        assert!(counted, "{verb:?}");
    }
}
