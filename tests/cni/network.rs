//! The verbs about a whole network, STATUS and GC: what they cost, what they touch, and what they never do.

use std::collections::BTreeMap;

use block_ipam::cni::Reply;
use block_ipam::datastore::{Datastore, Range, Read};
use serde_json::Value;

use super::world::{World, pool};

/// Calls a verb of a network on a node.
async fn call(world: &World, verb: &str, place: Place<'_>, more: &str) -> Reply {
    let Place {
        network,
        node,
        container,
    } = place;
    let stdin = format!(
        r#"{{"cniVersion":"1.1.0","name":"{network}","ipam":{{"type":"block-ipam","nodename":"{node}","assign_ipv6":true}}{more}}}"#
    );
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
    ];
    world.call(&variables, stdin.as_bytes()).await
}

/// Where a call is made, and for whom.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    network: &'a str,
    node: &'a str,
    container: &'a str,
}

const fn place<'a>(network: &'a str, node: &'a str, container: &'a str) -> Place<'a> {
    Place {
        network,
        node,
        container,
    }
}

async fn add(world: &World, network: &str, node: &str, container: &str) {
    let reply = call(world, "ADD", place(network, node, container), "").await;
    assert_eq!(reply.exit, 0, "{}", reply.stdout);
}

async fn gc(world: &World, more: &str) -> Reply {
    call(world, "GC", place("net", "n1", ""), more).await
}

async fn status(world: &World) -> Reply {
    call(world, "STATUS", place("net", "n1", ""), "").await
}

/// Returns the containers that hold something, with how many addresses.
async fn holders(world: &World) -> BTreeMap<String, u64> {
    let prefix = "/calico/ipam/v2/handle/";
    let read = Read::latest(vec![Range::prefix(prefix)]);
    let snapshot = world.store.read(read).await.expect("read");
    let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
    let holder = |entry: block_ipam::datastore::Entry| {
        let value: Value = serde_json::from_slice(&entry.value).expect("JSON");
        let blocks = value["block"].as_object().expect("blocks").values();
        let count = blocks.map(|count| count.as_u64().expect("a count")).sum();
        (entry.key[prefix.len()..].to_owned(), count)
    };
    entries.map(holder).collect()
}

async fn names(world: &World) -> Vec<String> {
    holders(world).await.into_keys().collect()
}

#[track_caller]
fn code(reply: &Reply) -> u64 {
    assert_eq!(reply.exit, 1, "{}", reply.stdout);
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    value["code"].as_u64().expect("a code")
}

#[track_caller]
fn is_done(reply: &Reply) {
    assert_eq!((reply.exit, reply.stdout.as_str()), (0, ""));
}

fn pools() -> [(String, String); 2] {
    [
        pool("v4", "10.64.0.0/28", 30, ""),
        pool("v6", "fd00:64::/124", 126, ""),
    ]
}

/// Two networks on two nodes; node n2 owns nothing of its own left and borrows from n1.
async fn two_networks() -> World {
    let world = World::new(&pools()).await;
    for container in ["a", "b", "c"] {
        add(&world, "net", "n1", container).await;
    }
    add(&world, "net.two", "n1", "a").await;
    add(&world, "net", "n2", "z").await;
    world.spent();
    world
}

#[tokio::test]
async fn gc_frees_what_is_not_listed_of_this_network_on_this_node_alone() {
    let world = two_networks().await;
    let list = r#","cni.dev/valid-attachments":[{"containerID":"b","ifname":"eth0"}],"cni.dev/attachments":[]"#;
    is_done(&gc(&world, list).await);
    assert_eq!(world.spent(), 3, "two reads and one commit");
    assert_eq!(names(&world).await, ["net.b", "net.two.a", "net.z"]);
    is_done(&gc(&world, list).await);
    assert_eq!(world.spent(), 1, "nothing to free: one read");
    is_done(&gc(&world, r#","cni.dev/attachments":[]"#).await);
    assert_eq!(names(&world).await, ["net.two.a", "net.z"]);
}

#[tokio::test]
async fn gc_without_a_list_frees_nothing_and_asks_nobody() {
    let world = two_networks().await;
    for silent in ["", r#","cni.dev/valid-attachments":null"#] {
        is_done(&gc(&world, silent).await);
        assert_eq!((names(&world).await.len(), world.spent()), (5, 0));
    }
    let half = r#","cni.dev/valid-attachments":[{"containerID":"b"},7]"#;
    assert_eq!(code(&gc(&world, half).await), 7);
    assert_eq!(names(&world).await.len(), 5);
}

#[tokio::test]
async fn gc_frees_borrowed_addresses_and_those_of_a_node_that_lost_its_hint() {
    let world = World::new(&[
        pool("v4", "10.64.0.0/30", 30, ""),
        pool("v6", "fd00:64::/126", 126, ""),
    ])
    .await;
    add(&world, "net", "n1", "a").await;
    add(&world, "net", "n2", "borrows").await;
    let index = "/block-ipam/v1/borrowed/n2/10.64.0.0-30";
    assert_eq!(world.value(index).await, serde_json::json!({}));
    std::fs::remove_dir_all(world.directory.path().join("run")).expect("removed");
    world.spent();
    let empty = r#","cni.dev/valid-attachments":[]"#;
    is_done(&call(&world, "GC", place("net", "n2", ""), empty).await);
    assert_eq!(world.spent(), 4, "without a hint one read more");
    assert_eq!(names(&world).await, ["net.a"]);
    let left = Read::latest(vec![Range::prefix("/block-ipam/v1/borrowed/")]);
    let left = world.store.read(left).await.expect("read");
    assert!(left.found[0].entries.is_empty(), "the index follows");
}

#[tokio::test]
async fn gc_keeps_what_was_assigned_since_it_began() {
    let world = two_networks().await;
    world.advance(-3600);
    is_done(&gc(&world, r#","cni.dev/valid-attachments":[]"#).await);
    assert_eq!(
        names(&world).await.len(),
        5,
        "all are younger than an hour ago"
    );
    world.advance(3600);
    is_done(&gc(&world, r#","cni.dev/valid-attachments":[]"#).await);
    assert_eq!(names(&world).await, ["net.two.a", "net.z"]);
}

#[tokio::test]
async fn gc_goes_on_after_a_record_that_does_not_parse_and_names_it() {
    let world = World::new(&[pool("v4", "10.64.0.0/28", 30, "")]).await;
    for number in 0..8 {
        let stdin = r#"{"cniVersion":"1.1.0","name":"net","ipam":{"nodename":"n1"}}"#;
        let container = format!("c{number}");
        let variables = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", container.as_str()),
            ("CNI_NETNS", "/absent"),
            ("CNI_IFNAME", "eth0"),
        ];
        let reply = world.call(&variables, stdin.as_bytes()).await;
        assert_eq!(reply.exit, 0, "{}", reply.stdout);
    }
    let mut blocks: Vec<String> = holders_of_blocks(&world).await;
    blocks.sort();
    blocks.dedup();
    assert_eq!(blocks.len(), 2, "two full blocks");
    world
        .put(&[(blocks[0].clone(), "rubbish".to_owned())])
        .await;
    let reply = gc(&world, r#","cni.dev/valid-attachments":[]"#).await;
    assert_eq!(code(&reply), 6);
    assert!(reply.stdout.contains(&blocks[0]), "{}", reply.stdout);
    assert_eq!(
        names(&world).await.len(),
        4,
        "those of the other block are gone"
    );
}

async fn holders_of_blocks(world: &World) -> Vec<String> {
    let read = Read::latest(vec![Range::prefix("/calico/ipam/v2/assignment/")]);
    let snapshot = world.store.read(read).await.expect("read");
    let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
    entries.map(|entry| entry.key).collect()
}

#[tokio::test]
async fn gc_of_a_full_block_costs_a_read_and_a_commit_for_forty_holders() {
    let world = World::new(&[
        pool("v4", "10.64.0.0/24", 26, ""),
        pool("v6", "fd00:64::/120", 122, ""),
    ])
    .await;
    for number in 0..60 {
        add(&world, "net", "n1", &format!("c{number}")).await;
    }
    world.spent();
    is_done(&gc(&world, r#","cni.dev/valid-attachments":[]"#).await);
    assert!(
        world.spent() <= 1 + 2 * 4,
        "a look, then at most four groups"
    );
    assert_eq!(names(&world).await, [""; 0]);
}

#[tokio::test]
async fn status_says_what_an_add_would_say_and_writes_nothing() {
    let world = World::new(&pools()).await;
    let before = world.revision().await;
    is_done(&status(&world).await);
    assert!(world.spent() <= 3, "a node without a block");
    assert_eq!(world.revision().await, before);
    assert!(
        !world.directory.path().join("run").exists(),
        "no hint and no queue either"
    );
    for container in ["a", "b", "c"] {
        add(&world, "net", "n1", container).await;
    }
    world.spent();
    is_done(&status(&world).await);
    assert_eq!(world.spent(), 1, "a node with room: one read");
}

/// What is in the store, what else is configured, and what STATUS says.
#[tokio::test]
async fn status_is_50_for_every_reason_why_no_address_can_be_given() {
    let disabled = r#","disabled":true"#;
    let none: Vec<(String, String)> = Vec::new();
    let v6 = || pool("v6", "fd00:64::/124", 126, "");
    let table = [
        (none, "no IPv4 pool exists", 100),
        (
            vec![pool("v4", "10.64.0.0/28", 30, disabled), v6()],
            "is disabled",
            100,
        ),
        (
            vec![pool("v4", "10.64.0.0/32", 32, ""), v6()],
            "no IPv4 address is left",
            101,
        ),
    ];
    for (records, says, code_of_add) in table {
        let world = World::new(&records).await;
        if code_of_add == 101 {
            add(&world, "net", "n2", "takes-the-only-one").await;
        }
        world.spent();
        let reply = status(&world).await;
        assert_eq!(code(&reply), 50, "{}", reply.stdout);
        assert!(world.spent() <= 3, "{says}");
        let add = format!("an ADD would fail with code {code_of_add}");
        for said in [says, &add] {
            assert!(reply.stdout.contains(said), "{said}: {}", reply.stdout);
        }
    }
}

#[tokio::test]
async fn status_of_a_store_that_went_back_is_50_and_gc_works_on_it() {
    let mut world = World::new(&pools()).await;
    for container in ["a", "b", "c"] {
        add(&world, "net", "n1", container).await;
    }
    world.lose_store(&pools()).await;
    let reply = status(&world).await;
    assert_eq!(code(&reply), 50);
    assert!(reply.stdout.contains("code 106"), "{}", reply.stdout);
    is_done(&gc(&world, r#","cni.dev/valid-attachments":[]"#).await);
}

#[tokio::test]
async fn status_and_gc_exist_from_version_1_1_0_on() {
    let world = World::new(&pools()).await;
    for verb in ["STATUS", "GC"] {
        for (version, expected) in [("1.0.0", Some(1)), ("0.4.0", Some(1)), ("1.1.0", None)] {
            let stdin =
                format!(r#"{{"cniVersion":"{version}","name":"net","ipam":{{"nodename":"n1"}}}}"#);
            let reply = world.call(&[("CNI_COMMAND", verb)], stdin.as_bytes()).await;
            match expected {
                Some(expected) => {
                    assert_eq!(code(&reply), expected);
                    assert!(reply.stdout.contains("config version does not allow"));
                }
                None => is_done(&reply),
            }
        }
    }
}
