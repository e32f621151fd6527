//! Every store that Calico left, and everything in it given back: it ends as Calico's releases would leave it, but for
//! what `deviations.toml` tells; what Calico never gets rid of is found by the check, and is gone after its repairs.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::allocator::Allocator;
use block_ipam::clock::{self, Clock};
use block_ipam::datastore::{Datastore, Memory};
use block_ipam::entropy::SystemEntropy;
use block_ipam::plan::RecordId;
use block_ipam::report::{Looks, Subject, repairs};
use block_ipam_testing::recordings::stores;
use block_ipam_testing::state::State;
use expect_test::expect;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::block::Block;
use crate::calicos::{Calicos, blocks};
use crate::compare::differences_between;
use crate::deviations::{self, Deviations, Verdict};
use crate::load::{Recordings, Records, Transition};
use crate::run::{Ended, run_all};

/// The day after the stores were recorded.
const NOW: i64 = 1_795_339_800;
const HANDLES: &str = "/calico/ipam/v2/handle/";
/// What a release may change.
const CHANGING: [&str; 4] = [
    "/calico/ipam/v2/assignment/",
    "/calico/ipam/v2/host/",
    "/calico/ipam/v2/virtual/",
    HANDLES,
];

#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Clock for Fixed {
    fn now(&self) -> clock::Timestamp {
        clock::Timestamp::from_seconds(NOW)
    }

    async fn sleep(&self, _: Duration) {}
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("a time")
}

/// What is given back of a store, and what Calico leaves then.
struct Releases {
    handles: Vec<String>,
    /// What no handle's record leads to.
    addresses: Vec<IpAddr>,
    calicos: Records,
}

impl Releases {
    /// All handles in the order of their names, then the addresses that are still held.
    fn of(before: &Records) -> Releases {
        let mut calicos = Calicos {
            records: before.clone(),
            now: now(),
        };
        let handles = names_of_handles(before);
        for handle in &handles {
            calicos.release_by_handle(handle);
        }
        let addresses: Vec<IpAddr> = blocks(&calicos.records).values().flat_map(held).collect();
        calicos.release_addresses(&addresses);
        Releases {
            handles,
            addresses,
            calicos: calicos.records,
        }
    }

    fn operations(&self) -> Vec<Value> {
        let by_handle = self.handles.iter();
        let by_handle =
            by_handle.map(|handle| json!({ "type": "releaseByHandle", "handle": handle }));
        let addresses = self
            .addresses
            .iter()
            .map(|address| json!({ "ip": address }));
        let addresses: Vec<Value> = addresses.collect();
        let by_address = json!({ "type": "releaseIPs", "addresses": addresses });
        let by_address = (!addresses.is_empty()).then_some(by_address);
        let operations = by_handle.chain(by_address).map(|mut operation| {
            operation["now"] = json!(now().to_string());
            operation
        });
        operations.collect()
    }

    /// How what we left differs from what Calico leaves.
    fn differences(&self, name: &str, before: &Records, ours: &Records) -> Vec<String> {
        let transition = Transition {
            name: name.to_owned(),
            now: now(),
            choice: "none".to_owned(),
            operation: json!({ "type": "releaseByHandle" }),
            result: json!({}),
            before: before.clone(),
            after: self.calicos.clone(),
            ..Transition::default()
        };
        let ended = Ended {
            answer: Ok(json!({})),
            after: ours.clone(),
            requests: 0,
        };
        differences_between(&transition, &ended)
    }
}

impl fmt::Display for Releases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (handles, addresses) = (self.handles.len(), self.addresses.len());
        let (blocks, left) = (blocks(&self.calicos).len(), names_of_handles(&self.calicos));
        write!(
            f,
            "{handles} handles, {addresses} other addresses; Calico leaves {blocks} blocks, handles {left:?}"
        )
    }
}

fn names_of_handles(records: &Records) -> Vec<String> {
    let keys = records.keys();
    keys.filter_map(|key| key.strip_prefix(HANDLES))
        .map(str::to_owned)
        .collect()
}

/// Slots of Windows nodes are nobody's to give back.
fn held(block: &Block) -> Vec<IpAddr> {
    let held = block.held();
    held.filter(|(_, holder)| !holder.is_windows_slot())
        .map(|(ordinal, _)| block.address(ordinal))
        .collect()
}

#[tokio::test]
async fn everything_given_back_leaves_each_recorded_store_as_calico_would_or_as_decided() {
    let mut found = BTreeMap::new();
    let mut told = String::new();
    for (name, before) in stores() {
        let releases = Releases::of(&before);
        let _ = writeln!(told, "{name}: {releases}");
        found.insert(name.clone(), give_back(&name, &before, &releases).await);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        deviations::update("stores", &found);
    }
    let table = Deviations::read();
    let mut wrong = Vec::new();
    for (name, lines) in &found {
        if let Verdict::Wrong(text) = table.judge_store(name, lines) {
            wrong.push(format!("{name}: {text}"));
        }
    }
    let gone = table
        .stores
        .keys()
        .filter(|name| !found.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name}: no such store")));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
    expect![[r#"
        affinities-empty: 0 handles, 0 other addresses; Calico leaves 4 blocks, handles []
        affinity-without-block: 2 handles, 0 other addresses; Calico leaves 0 blocks, handles ["net.i", "net.i2"]
        assign-by-address: 2 handles, 1 other addresses; Calico leaves 2 blocks, handles []
        assign-ip-conflict: 3 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.h5", "net.h6"]
        assign-lost-reply: 2 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.h3"]
        block-entry-without-handle: 1 handles, 1 other addresses; Calico leaves 1 blocks, handles []
        block-without-affinity: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        borrowed: 3 handles, 2 other addresses; Calico leaves 2 blocks, handles []
        calicoctl-base: 7 handles, 1 other addresses; Calico leaves 5 blocks, handles ["k8s-pod-network.leaked"]
        config-all: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        config-cooldown: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        config-manual-blocks: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        config-max-blocks: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        config-persistence: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        config-strict: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        cooldown: 0 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        crash-assign-1: 2 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.h2"]
        crash-claim-1: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        crash-claim-2: 0 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        crash-release-1: 0 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        crash-release-2: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        crash-release-handle: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.h5"]
        crash-release-used-2: 1 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        damaged: 7 handles, 1 other addresses; Calico leaves 6 blocks, handles ["net.6"]
        dual-stack-two-nodes: 6 handles, 0 other addresses; Calico leaves 4 blocks, handles []
        empty-two-nodes: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        handle-many-blocks: 2 handles, 0 other addresses; Calico leaves 5 blocks, handles ["big"]
        handle-too-high: 2 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.h2"]
        holes: 4 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        holes-refilled: 5 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        legacy-deleted-true: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        legacy-spellings: 1 handles, 1 other addresses; Calico leaves 1 blocks, handles []
        loadbalancer: 10 handles, 0 other addresses; Calico leaves 5 blocks, handles []
        no-handle-no-attributes: 1 handles, 4 other addresses; Calico leaves 1 blocks, handles []
        node-deleted-in-use: 1 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        ownerless-empty-block: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles ["net.k4"]
        ownerless-in-use: 1 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        pool-deleted-in-use: 1 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        pools-block-sizes: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        pools-fresh-default-sizes: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        pools-modes: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        pools-variants: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        reservations: 0 handles, 0 other addresses; Calico leaves 0 blocks, handles []
        single-address-blocks: 2 handles, 0 other addresses; Calico leaves 2 blocks, handles []
        special-characters: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        tunnel-address-removed: 5 handles, 0 other addresses; Calico leaves 6 blocks, handles []
        tunnel-addresses: 6 handles, 0 other addresses; Calico leaves 6 blocks, handles []
        tunnel-node-deleted: 3 handles, 0 other addresses; Calico leaves 3 blocks, handles []
        vm-migrating: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        vm-no-owner: 1 handles, 0 other addresses; Calico leaves 1 blocks, handles []
        windows-reserved: 1 handles, 0 other addresses; Calico leaves 2 blocks, handles []
    "#]].assert_eq(&told);
}

/// Gives back, and returns how what we left differs from what Calico leaves.
async fn give_back(name: &str, before: &Records, releases: &Releases) -> Vec<String> {
    let memory = Arc::new(Memory::default());
    let store: Arc<dyn Datastore> = Arc::<Memory>::clone(&memory);
    run_all(&store, before, releases.operations()).await;
    let ours = records(&memory);
    assert_eq!(untouched(before), untouched(&ours), "{name}");
    if releases.operations().is_empty() {
        assert_eq!(*before, ours, "{name}");
    }
    assert_eq!(blocks(&ours).values().flat_map(held).count(), 0, "{name}");
    State::of(&ours).check_blocks();
    what_calico_never_gets_rid_of_goes(name, &memory).await;
    releases.differences(name, before, &ours)
}

fn records(memory: &Memory) -> Records {
    let text = |value: Vec<u8>| String::from_utf8(value).expect("records are text");
    let entries = memory.entries().into_iter();
    entries
        .map(|entry| (entry.key, text(entry.value)))
        .collect()
}

/// What no release may change.
fn untouched(records: &Records) -> Records {
    let is_changing = |key: &str| CHANGING.iter().any(|prefix| key.starts_with(prefix));
    let records = records.iter().filter(|(key, _)| !is_changing(key));
    records
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect()
}

/// Handles that nobody holds anything by are findings, and after two looks the store is sound and nobody's.
async fn what_calico_never_gets_rid_of_goes(name: &str, memory: &Arc<Memory>) {
    let store: Arc<dyn Datastore> = Arc::<Memory>::clone(memory);
    let allocator = Allocator::new(store, Arc::new(Fixed), Arc::new(SystemEntropy));
    let first = clock::Timestamp::from_seconds(NOW);
    let mut looks = Looks::default();
    for now in [first, first.plus(Duration::from_mins(16))] {
        let findings = allocator.check().await.expect("an answer").report.findings;
        for handle in names_of_handles(&records(memory)) {
            let is_told = findings.iter().any(|finding| {
                matches!(&finding.subject, Subject::Record(RecordId::Handle(id)) if id.as_str() == handle)
            });
            assert!(is_told, "{name}: nothing is said of handle {handle}");
        }
        looks = looks.and(&findings, now);
        for repair in repairs(&findings, &looks, now) {
            let repaired = allocator.repair(&repair.kind).await;
            repaired.expect("the store answers");
        }
    }
    let ended = records(memory);
    assert_eq!(names_of_handles(&ended), [""; 0], "{name}");
    State::of(&ended).check();
}

/// The recorded releases that end well prove the rules by which the stores are judged.
#[test]
fn the_rules_of_calicos_releases_are_those_of_its_recordings() {
    let mut compared = 0;
    for transition in Recordings::golden().read() {
        let mut calicos = Calicos {
            records: transition.before.clone(),
            now: transition.now,
        };
        match transition.kind() {
            _ if transition.result["error"].is_string() => continue,
            "releaseByHandle" => calicos.release_by_handle(transition.text("handle")),
            "releaseIPs" => {
                let list = transition.operation["addresses"]
                    .as_array()
                    .expect("a list");
                let named = list
                    .iter()
                    .filter_map(|named| named["ip"].as_str()?.parse().ok());
                calicos.release_addresses(&named.collect::<Vec<IpAddr>>());
            }
            _ => continue,
        }
        let ended = Ended {
            answer: crate::answer::calicos(&transition),
            after: calicos.records,
            requests: 0,
        };
        assert_eq!(
            differences_between(&transition, &ended),
            [""; 0],
            "{transition}"
        );
        compared += 1;
    }
    assert_eq!(compared, 41);
}
