//! The check of every store that real Calico left: what it finds, line by line. A store without a line is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::affinity::repair::Repaired;
use block_ipam::allocator::Allocator;
use block_ipam::allocator::reports::AsOf;
use block_ipam::assign::{Assign, Wanted};
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::port::MAX_WRITES;
use block_ipam::datastore::{Datastore, Memory, Txn, Write};
use block_ipam::entropy::Entropy;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::report::{CheckReport, Finding, Looks, repairs};
use block_ipam::revision::Revision;
use block_ipam::workload::choose;
use block_ipam_testing::recordings;
use expect_test::{Expect, expect};

/// The day after the stores were recorded.
const NOW: i64 = 1_795_339_800;

#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }

    async fn sleep(&self, _: Duration) {}
}

impl Entropy for Fixed {
    fn bits(&self) -> u64 {
        7
    }
}

async fn put(store: &Memory, records: impl IntoIterator<Item = (String, String)>) {
    let writes = records
        .into_iter()
        .map(|(key, value)| Write::Put(key, value.into_bytes()));
    let writes: Vec<Write> = writes.collect();
    for writes in writes.chunks(MAX_WRITES) {
        let txn = Txn {
            guards: Vec::new(),
            writes: writes.to_vec(),
        };
        store.commit(txn).await.expect("the memory store commits");
    }
}

async fn allocator(records: impl IntoIterator<Item = (String, String)>) -> Allocator {
    let store = Arc::new(Memory::default());
    put(&store, records).await;
    let store = store as Arc<dyn Datastore>;
    Allocator::new(store, Arc::new(Fixed), Arc::new(Fixed))
}

async fn check(records: impl IntoIterator<Item = (String, String)>) -> AsOf<CheckReport> {
    checked(&allocator(records).await).await
}

async fn checked(allocator: &Allocator) -> AsOf<CheckReport> {
    allocator.check().await.expect("the memory store answers")
}

fn told(report: &CheckReport) -> String {
    let findings = report.findings.iter();
    let line =
        |finding: &block_ipam::report::Finding| format!("{finding}; {}\n", finding.kind.remedy());
    findings.map(line).collect()
}

#[tokio::test]
async fn every_recorded_store_has_the_findings_that_are_known() {
    let table: Vec<(&str, Expect)> = vec![
        ("affinities-empty", expect![[""]]),
        (
            "affinity-without-block",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.4/30: is confirmed, and the block does not exist; a repair sets it right when it stays so for some minutes
            warning: handle `net.i`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
            warning: handle `net.i2`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        ("assign-by-address", expect![[""]]),
        (
            "assign-ip-conflict",
            expect![[r#"
            warning: handle `net.h5`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
            warning: handle `net.h6`: counts 2 in 10.85.0.0/30 and holds 1 there; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "assign-lost-reply",
            expect![[r#"
            warning: handle `net.h3`: counts 1 in 10.85.0.4/30 and holds 2 there; a repair sets it right
        "#]],
        ),
        (
            "block-entry-without-handle",
            expect![[r#"
            warning: handle `net.h3`: has no record and holds 1 in 10.85.0.0/30; a repair sets it right
        "#]],
        ),
        (
            "block-without-affinity",
            expect![[r#"
            warning: block 10.85.0.4/30: its owner host:n1 has no affinity to it; a repair sets it right
        "#]],
        ),
        (
            "borrowed",
            expect![[r#"
            note: borrowing of `n3` from 10.23.0.0/30: is not in the index; a repair sets it right
            note: borrowing of `n3` from 10.23.0.4/30: is not in the index; a repair sets it right
        "#]],
        ),
        (
            "calicoctl-base",
            expect![[r#"
            warning: handle `k8s-pod-network.leaked`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
            note: borrowing of `n2` from 10.90.0.224/28: is not in the index; a repair sets it right
        "#]],
        ),
        ("config-all", expect![[""]]),
        ("config-cooldown", expect![[""]]),
        ("config-manual-blocks", expect![[""]]),
        ("config-max-blocks", expect![[""]]),
        ("config-persistence", expect![[""]]),
        ("config-strict", expect![[""]]),
        ("cooldown", expect![[""]]),
        (
            "crash-assign-1",
            expect![[r#"
            warning: handle `net.h2`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "crash-claim-1",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.0/30: is pending, and the block does not exist; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "crash-claim-2",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.0/30: is pending, and the block is the owner's; a repair sets it right
        "#]],
        ),
        (
            "crash-release-1",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.0/30: is pendingDeletion, and the block is the owner's; a repair sets it right
        "#]],
        ),
        (
            "crash-release-2",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.0/30: is pendingDeletion, and the block does not exist; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "crash-release-handle",
            expect![[r#"
            warning: handle `net.h5`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "crash-release-used-2",
            expect![[r#"
            warning: affinity of host:n1 to 10.85.0.0/30: is pendingDeletion, and the block has no owner; a repair sets it right when it stays so for some minutes
            note: borrowing of `n1` from 10.85.0.0/30: is not in the index; a repair sets it right
        "#]],
        ),
        (
            "damaged",
            expect![[r#"
            error: block 10.130.0.4/30: ordinal 2 is more than once in the queue; the next write of the record sets it right
            error: block 10.130.0.8/30: ordinal 0 is allocated and in the queue; the next write of the record sets it right
            error: block 10.130.0.12/30: ordinal 9 is in the queue and out of the block; the next write of the record sets it right
            warning: block 10.130.0.4/30: ordinal 3 is free and not in the queue; the next write of the record sets it right
            warning: block 10.130.0.16/30: ordinal 3 is free and not in the queue; the next write of the record sets it right
            warning: block 10.130.0.20/30: attribute 1 says it was released 2275569000s from now, which suggests clock skew; it ends by itself
            warning: handle `net.6`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
            warning: handle `net.gone`: has no record and holds 1 in 10.130.0.24/30; a repair sets it right
            note: block 10.130.0.0/30: nothing points at attribute 1; the next write of the record sets it right
            note: borrowing of `n2` from 10.130.0.24/30: is not in the index; a repair sets it right
        "#]],
        ),
        ("dual-stack-two-nodes", expect![[""]]),
        ("empty-two-nodes", expect![[""]]),
        (
            "handle-many-blocks",
            expect![[r#"
            warning: handle `big`: counts 8 in 10.22.0.8/30 and holds 4 there; a repair sets it right when it stays so for some minutes
            warning: handle `big`: counts 6 in fd00:22::8/126 and holds 4 there; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "handle-too-high",
            expect![[r#"
            warning: handle `net.h2`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        ("holes", expect![[""]]),
        ("holes-refilled", expect![[""]]),
        (
            "legacy-deleted-true",
            expect![[r#"
            note: block 10.86.0.0/30: nothing points at attribute 1; the next write of the record sets it right
        "#]],
        ),
        ("legacy-spellings", expect![[""]]),
        (
            "loadbalancer",
            expect![[r#"
            note: borrowing of `ghost` from 10.74.2.0/28: is not in the index; a repair sets it right
            note: borrowing of `n2` from 10.74.1.0/28: is not in the index; a repair sets it right
        "#]],
        ),
        ("no-handle-no-attributes", expect![[""]]),
        (
            "node-deleted-in-use",
            expect![[r#"
            note: borrowing of `n1` from 10.25.0.8/30: is not in the index; a repair sets it right
        "#]],
        ),
        (
            "ownerless-empty-block",
            expect![[r#"
            warning: block 10.80.0.0/30: has no owner and holds nothing; a repair sets it right
            warning: handle `net.k4`: counts 1 and holds no address; a repair sets it right when it stays so for some minutes
        "#]],
        ),
        (
            "ownerless-in-use",
            expect![[r#"
            note: borrowing of `n2` from 10.81.0.8/30: is not in the index; a repair sets it right
        "#]],
        ),
        (
            "pool-deleted-in-use",
            expect![[r#"
            warning: block 10.24.0.8/30: no pool contains it; an operator has to decide
            warning: affinity of host:n2 to 10.24.0.12/30: is pending, and the block does not exist; a repair sets it right when it stays so for some minutes
            note: borrowing of `n1` from 10.24.0.8/30: is not in the index; a repair sets it right
        "#]],
        ),
        ("pools-block-sizes", expect![[""]]),
        ("pools-fresh-default-sizes", expect![[""]]),
        ("pools-modes", expect![[""]]),
        ("pools-variants", expect![[""]]),
        ("reservations", expect![[""]]),
        ("single-address-blocks", expect![[""]]),
        ("special-characters", expect![[""]]),
        ("tunnel-address-removed", expect![[""]]),
        ("tunnel-addresses", expect![[""]]),
        (
            "tunnel-node-deleted",
            expect![[r#"
            note: borrowing of `n2` from fd00:27::10/124: is not in the index; a repair sets it right
        "#]],
        ),
        ("vm-migrating", expect![[""]]),
        ("vm-no-owner", expect![[""]]),
        ("windows-reserved", expect![[""]]),
    ];
    let listed: BTreeSet<String> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, recordings::stores().into_keys().collect());
    for (name, expected) in table {
        let checked = check(recordings::store(name)).await;
        expected.assert_eq(&told(&checked.report));
    }
}

const POOLS: &str = "/calico/resources/v3/projectcalico.org/ippools/";
const BLOCKS: &str = "/calico/ipam/v2/assignment/ipv4/block/";

fn pool(name: &str, cidr: &str, length: u8) -> (String, String) {
    let value = format!(
        r#"{{"metadata":{{"name":"{name}"}},"spec":{{"cidr":"{cidr}","blockSize":{length}}}}}"#
    );
    (format!("{POOLS}{name}"), value)
}

/// A block of n1 whose first address is held by the handle.
fn block(cidr: &str, handle: &str) -> (String, String) {
    let (base, length) = cidr.split_once('/').expect("a CIDR");
    let size = 1_usize << (32 - length.parse::<u32>().expect("a length"));
    let allocations = vec!["0"].into_iter().chain(vec!["null"; size - 1]);
    let allocations: Vec<&str> = allocations.collect();
    let free: Vec<String> = (1..size).map(|ordinal| ordinal.to_string()).collect();
    let value = format!(
        r#"{{"cidr":"{cidr}","affinity":"host:n1","allocations":[{}],"unallocated":[{}],"attributes":[{{"handle_id":"{handle}","secondary":{{"node":"n1"}}}}],"sequenceNumber":7,"deleted":false}}"#,
        allocations.join(","),
        free.join(",")
    );
    (format!("{BLOCKS}{base}-{length}"), value)
}

fn affinity(cidr: &str) -> (String, String) {
    let key = format!(
        "/calico/ipam/v2/host/n1/ipv4/block/{}",
        cidr.replace('/', "-")
    );
    (key, r#"{"state":"confirmed","deleted":false}"#.to_owned())
}

fn handle(id: &str, counts: &str) -> (String, String) {
    (
        format!("/calico/ipam/v2/handle/{id}"),
        format!(r#"{{"block":{counts},"deleted":false}}"#),
    )
}

async fn finds(records: Vec<(String, String)>, expected: &Expect) {
    expected.assert_eq(&told(&check(records).await.report));
}

#[tokio::test]
async fn overlapping_blocks_name_each_address_that_is_held_twice() {
    let counts = r#"{"10.0.0.0/30":1,"10.0.0.0/31":1}"#;
    finds(
        vec![
            pool("p", "10.0.0.0/24", 30),
            block("10.0.0.0/30", "a"),
            block("10.0.0.0/31", "a"),
            affinity("10.0.0.0/30"),
            affinity("10.0.0.0/31"),
            handle("a", counts),
        ],
        &expect![[r#"
            error: block 10.0.0.0/31: lies inside block 10.0.0.0/30; an operator has to decide
            error: block 10.0.0.0/31: 10.0.0.0 is held by `a` and in block 10.0.0.0/30 by `a`; an operator has to decide
            warning: block 10.0.0.0/31: pool `p` has blocks of /30; an operator has to decide
        "#]],
    )
    .await;
}

#[tokio::test]
async fn blocks_and_affinities_are_held_against_the_pools() {
    finds(
        vec![
            pool("p", "10.0.0.0/24", 30),
            pool("inside", "10.0.0.128/25", 28),
            pool("written", "10.2.0.9/24", 26),
            block("10.0.0.0/29", "a"),
            block("10.0.0.128/30", "a"),
            block("10.9.0.0/30", "a"),
            affinity("10.0.0.0/29"),
            affinity("10.0.0.64/29"),
            affinity("10.0.0.128/30"),
            affinity("10.9.0.0/30"),
            handle(
                "a",
                r#"{"10.0.0.0/29":1,"10.0.0.128/30":1,"10.9.0.0/30":1}"#,
            ),
        ],
        &expect![[r#"
            error: affinity of host:n1 to 10.0.0.64/29: its block does not exist, and pool `p` has blocks of /30: Calico would make the block over those; a repair sets it right when it stays so for some minutes
            error: pool `p`: overlaps pool `inside`; an operator has to decide
            warning: block 10.0.0.0/29: pool `p` has blocks of /30; an operator has to decide
            warning: block 10.9.0.0/30: no pool contains it; an operator has to decide
            note: pool `written`: its CIDR is written 10.2.0.9/24; an operator has to decide
        "#]],
    )
    .await;
}

#[tokio::test]
async fn records_that_cannot_be_read_are_named_and_explain_nothing_else() {
    let key = |key: &str| key.to_owned();
    let short = r#"{"cidr":"10.0.0.8/30","affinity":"host:n1","allocations":[0],"unallocated":[],"attributes":[{"handle_id":"a"}]}"#;
    finds(
        vec![
            pool("p", "10.0.0.0/24", 30),
            (format!("{POOLS}bad"), key("nonsense")),
            block("10.0.0.0/30", "a"),
            (format!("{BLOCKS}10.0.0.4-30"), key("[]")),
            (format!("{BLOCKS}10.0.0.8-30"), key(short)),
            (format!("{BLOCKS}10.0.0.13-30"), key("{}")),
            affinity("10.0.0.0/30"),
            affinity("10.0.0.4/30"),
            affinity("10.0.0.8/30"),
            handle("a", r#"{"10.0.0.0/30":1,"10.0.0.4/30":2,"10.0.0.8/30":1}"#),
            handle("b", r#"{"10.0.0.4/30":2}"#),
            handle("c", "7"),
            (key("/calico/ipam/v2/host/n1"), key("{}")),
            (key("/block-ipam/v1/borrowed/n2/10.0.0.0-30"), key("{}")),
            (
                key("/calico/resources/v3/projectcalico.org/ipreservations/r"),
                key(r#"{"metadata":{"name":"r"},"spec":{"reservedCIDRs":["10.0.0.9","10.0.0.300"]}}"#),
            ),
        ],
        &expect![[r#"
            error: block 10.0.0.4/30: does not parse: invalid type: sequence, expected an object at line 1 column 2; an operator has to decide
            error: block 10.0.0.8/30: 1 allocations for 4 addresses; an operator has to decide
            error: handle `c`: does not parse: member `block`: invalid type: integer `7`, expected an object at line 1 column 10; an operator has to decide
            error: pool `bad`: does not parse: it is not JSON: expected ident at line 1 column 2; an operator has to decide
            warning: reservation `r`: entry `10.0.0.300` is no CIDR and reserves nothing; an operator has to decide
            warning: borrowing of `n2` from 10.0.0.0/30: is in the index, and the node holds nothing there; a repair sets it right
            note: /calico/ipam/v2/assignment/ipv4/block/10.0.0.13-30: no record has such a key; an operator has to decide
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_node_without_record_is_found_where_calico_runs() {
    let counts = r#"{"10.0.0.0/30":1}"#;
    let mut records = vec![
        pool("p", "10.0.0.0/24", 30),
        block("10.0.0.0/30", "a"),
        affinity("10.0.0.0/30"),
        handle("a", counts),
    ];
    finds(records.clone(), &expect![[""]]).await;
    let resources = "/calico/resources/v3/projectcalico.org/";
    records.push((
        format!("{resources}clusterinformations/default"),
        "{}".to_owned(),
    ));
    finds(
        records.clone(),
        &expect![[r#"
        warning: node `n1`: owns 1 blocks and has no record; an operator has to decide
    "#]],
    )
    .await;
    records.push((
        format!("{resources}nodes/n1"),
        r#"{"metadata":{"name":"n1"}}"#.to_owned(),
    ));
    finds(records, &expect![[""]]).await;
}

#[tokio::test]
async fn entries_that_their_handle_does_not_count_are_no_leaked_handle() {
    finds(
        vec![
            pool("p", "10.0.0.0/24", 30),
            block("10.0.0.0/30", "a"),
            affinity("10.0.0.0/30"),
            handle("a", r#"{"10.0.0.4/30":1}"#),
        ],
        &expect![[r#"
            warning: handle `a`: counts 0 in 10.0.0.0/30 and holds 1 there; a repair sets it right
        "#]],
    )
    .await;
}

const MINUTES: i64 = 60;

fn after(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(NOW + minutes * MINUTES)
}

/// Checks, and repairs what it found in the light of earlier looks; returns what is known now, and what became of each.
async fn repair_all(
    allocator: &Allocator,
    looks: &Looks,
    now: Timestamp,
) -> (Looks, Vec<Repaired>) {
    let findings = checked(allocator).await.report.findings;
    let looks = looks.and(&findings, now);
    let mut became = Vec::new();
    for repair in repairs(&findings, &looks, now) {
        let repaired = allocator.repair(&repair.kind).await;
        became.push(repaired.expect("the store answers"));
    }
    (looks, became)
}

/// What no repair sets right is left to an operator, and is what was found before.
#[tokio::test]
async fn repairs_end_every_finding_that_needs_no_operator() {
    let (mut done, mut young) = (0, 0);
    for (name, records) in recordings::stores() {
        let allocator = allocator(records).await;
        let before = checked(&allocator).await.report.findings;
        let (looks, first) = repair_all(&allocator, &Looks::default(), after(0)).await;
        let (looks, early) = repair_all(&allocator, &looks, after(1)).await;
        assert!(!early.contains(&Repaired::NotNeeded), "{name}: {early:?}");
        let (_, late) = repair_all(&allocator, &looks, after(16)).await;
        assert!(
            late.iter().all(|repaired| *repaired == Repaired::Done),
            "{name}: {late:?}"
        );
        let left = checked(&allocator).await.report.findings;
        assert_eq!(repairs(&left, &Looks::default(), after(16)), [], "{name}");
        for finding in &left {
            assert!(
                before.iter().any(|old| old.kind == finding.kind),
                "{name}: {finding}"
            );
        }
        done += first
            .iter()
            .filter(|repaired| **repaired == Repaired::Done)
            .count();
        young += first
            .iter()
            .filter(|repaired| **repaired == Repaired::TooYoung)
            .count();
    }
    assert!(10 < done && 10 < young, "{done} at once, {young} later");
}

#[tokio::test]
async fn a_record_that_changes_between_two_looks_begins_again() {
    let allocator = allocator(recordings::store("handle-too-high")).await;
    let (looks, _) = repair_all(&allocator, &Looks::default(), after(0)).await;
    let findings = checked(&allocator).await.report.findings;
    let changed: Vec<Finding> = findings
        .iter()
        .cloned()
        .map(|finding| Finding {
            revision: finding.revision.map(|revision| Revision(revision.0 + 1)),
            ..finding
        })
        .collect();
    let looks = looks.and(&changed, after(10));
    let (_, became) = repair_all(&allocator, &looks, after(20)).await;
    assert_eq!(became, [Repaired::TooYoung]);
}

async fn explained(store: &str, node: &str, v4: usize, expected: &Expect) {
    let allocator = allocator(recordings::store(store)).await;
    let node = NodeName::new(node).expect("a name");
    let mut request = Assign::workload(node, HandleId::new("net.new").expect("a handle"));
    request.v4.count = v4;
    let told = allocator.explain(&request).await.expect("an explanation");
    expected.assert_eq(&told.to_string());
}

#[tokio::test]
async fn an_explanation_names_the_rule_for_each_pool_and_what_would_be_done() {
    explained(
        "pools-variants",
        "n1",
        1,
        &expect![[r#"
        IPv4:
          pool b-r1 10.74.1.0/28: may serve
          pool a-off 10.74.0.0/28: is disabled
          pool c-manual 10.74.2.0/28: serves only requests that name it
          pool d-tunnel 10.74.3.0/28: does not allow this use
          pool e-ns 10.74.4.0/28: does not select this namespace (team == 'blue')
          pool f-lb 10.74.5.0/28: does not allow this use
        would get 10.74.1.0, claiming 10.74.1.0/28"#]],
    )
    .await;
    explained("pools-variants", "n2", 1, &expect![[r#"
        IPv4:
          pool a-off 10.74.0.0/28: is disabled
          pool b-r1 10.74.1.0/28: does not select this node (rack == 'r1')
          pool c-manual 10.74.2.0/28: serves only requests that name it
          pool d-tunnel 10.74.3.0/28: does not allow this use
          pool e-ns 10.74.4.0/28: does not select this namespace (team == 'blue')
          pool f-lb 10.74.5.0/28: does not allow this use
        would be refused: no IPv4 pool admits this request: pool a-off (10.74.0.0/28) is disabled; pool b-r1 (10.74.1.0/28) does not select this node (rack == 'r1'); pool c-manual (10.74.2.0/28) serves only requests that name it; pool d-tunnel (10.74.3.0/28) does not allow this use; pool e-ns (10.74.4.0/28) does not select this namespace (team == 'blue'); pool f-lb (10.74.5.0/28) does not allow this use"#]]).await;
    explained(
        "cooldown",
        "n1",
        2,
        &expect![[r#"
            IPv4:
              pool p4 10.80.0.0/30: may serve
              own block 10.80.0.0/30: 4 of 4 free (0 of them reserved), 0 cooling
            would get 10.80.0.3 10.80.0.0"#]],
    )
    .await;
    explained("reservations", "n1", 9, &expect![[r#"
        IPv4:
          pool p4 10.76.0.0/28: may serve
        would be refused: no IPv4 address is left: wanted 9, found 5; pool p4 (10.76.0.0/28) has 2 blocks, 1 reserved"#]]).await;
    explained(
        "borrowed",
        "n3",
        1,
        &expect![[r#"
        IPv4:
          pool v4 10.23.0.0/29: may serve
        would get 10.23.0.7, borrowing from 10.23.0.4/30"#]],
    )
    .await;
    explained("damaged", "unknown", 1, &expect!["would be refused: node `unknown` has no Node record, and Calico's collector frees addresses of nodes without one"]).await;
}

#[tokio::test]
async fn an_explanation_says_which_annotation_named_the_pools() {
    let annotations = BTreeMap::from([
        ("ipam.cilium.io/ip-pool".to_owned(), "c-manual".to_owned()),
        (
            "cni.projectcalico.org/ipv6pools".to_owned(),
            "[]".to_owned(),
        ),
    ]);
    let allocator = allocator(recordings::store("pools-variants")).await;
    let node = NodeName::new("n1").expect("a name");
    let one = Wanted {
        count: 1,
        ..Wanted::default()
    };
    let choice = choose(&annotations, one.clone(), one).expect("a choice");
    let request = Assign {
        v4: choice.v4,
        v6: choice.v6,
        ..Assign::workload(node, HandleId::new("net.new").expect("a handle"))
    };
    let told = allocator.explain(&request).await.expect("an explanation");
    expect![[r#"
        IPv4:
          annotation ipam.cilium.io/ip-pool names c-manual
          pool c-manual 10.74.2.0/28: may serve
          pool a-off 10.74.0.0/28: is disabled
          pool b-r1 10.74.1.0/28: is not among the requested pools
          pool d-tunnel 10.74.3.0/28: is not among the requested pools
          pool e-ns 10.74.4.0/28: is not among the requested pools
          pool f-lb 10.74.5.0/28: is not among the requested pools
        IPv6:
          annotation cni.projectcalico.org/ipv6pools names no pool: selectors decide
          pool v6 fd00:74::/124: may serve
        would get 10.74.2.0 fd00:74::, claiming 10.74.2.0/28, claiming fd00:74::/124"#]]
    .assert_eq(&told.to_string());
}
