//! What each verb does, on a store in memory.

use block_ipam::cni::Reply;
use expect_test::{Expect, expect};
use serde_json::Value;

use super::world::{World, pool, record};

/// Calls a verb for a container's interface with members of `ipam`.
async fn call(world: &World, verb: &str, container: &str, interface: &str, ipam: &str) -> Reply {
    let stdin = format!(
        r#"{{"cniVersion":"1.0.0","name":"net","ipam":{{"type":"block-ipam","nodename":"n1"{ipam}}}}}"#
    );
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/var/run/netns/absent"),
        ("CNI_IFNAME", interface),
    ];
    world.call(&variables, stdin.as_bytes()).await
}

async fn add(world: &World, container: &str, ipam: &str) -> Reply {
    call(world, "ADD", container, "eth0", ipam).await
}

#[track_caller]
fn addresses(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.exit, 0, "{}", reply.stdout);
    let reply: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    let ips = reply["ips"].as_array().cloned().unwrap_or_default();
    ips.iter()
        .map(|ip| ip["address"].as_str().expect("a text").to_owned())
        .collect()
}

#[track_caller]
fn shows(reply: &Reply, expected: &Expect) {
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    let details = value["details"].as_str().unwrap_or_default();
    let shown = if reply.exit == 0 {
        value.to_string()
    } else {
        format!(
            "{}: {}\n{details}",
            value["code"],
            value["msg"].as_str().expect("a text")
        )
    };
    expected.assert_eq(&shown);
}

#[track_caller]
fn code(reply: &Reply) -> u64 {
    assert_eq!(reply.exit, 1, "{}", reply.stdout);
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    value["code"].as_u64().expect("a code")
}

/// One block of four addresses in the IPv4 pool, one of two in the other.
async fn small() -> World {
    World::new(&[
        pool("v4", "10.64.0.0/30", 30, ""),
        pool("v6", "fd00:64::/127", 127, ""),
    ])
    .await
}

const DUAL: &str = r#","assign_ipv6":true"#;

#[tokio::test]
async fn a_repeated_add_gets_the_same_and_a_del_frees_it_for_the_next() {
    let world = small().await;
    let first = addresses(&add(&world, "c1", DUAL).await);
    assert_eq!(first.len(), 2);
    assert_eq!(addresses(&add(&world, "c1", DUAL).await), first);
    let second = addresses(&add(&world, "c2", DUAL).await);
    assert!(
        second.iter().all(|address| !first.contains(address)),
        "{first:?} {second:?}"
    );
    assert_eq!(code(&add(&world, "c3", DUAL).await), 101);
    for _ in 0..2 {
        let gone = call(&world, "DEL", "c1", "eth0", "").await;
        assert_eq!((gone.exit, gone.stdout.as_str()), (0, ""));
    }
    let third = addresses(&add(&world, "c3", DUAL).await);
    assert_eq!(
        (third.len(), &third[1]),
        (2, &first[1]),
        "the only IPv6 address left"
    );
}

#[tokio::test]
async fn dual_stack_is_all_or_nothing() {
    let world = small().await;
    add(&world, "c1", DUAL).await;
    add(&world, "c2", DUAL).await;
    assert_eq!(code(&add(&world, "c3", DUAL).await), 101);
    for container in ["c4", "c5"] {
        assert_eq!(
            addresses(&add(&world, container, "").await).len(),
            1,
            "c3 left nothing behind"
        );
    }
}

#[tokio::test]
async fn two_interfaces_of_one_container_come_and_go_alone() {
    let world = small().await;
    let first = addresses(&call(&world, "ADD", "c1", "eth0", "").await);
    let second = addresses(&call(&world, "ADD", "c1", "eth1", "").await);
    assert_ne!(first, second);
    call(&world, "DEL", "c1", "eth0", "").await;
    assert_eq!(
        addresses(&call(&world, "ADD", "c1", "eth1", "").await),
        second
    );
    assert_eq!(call(&world, "CHECK", "c1", "eth1", "").await.exit, 0);
    assert_eq!(code(&call(&world, "CHECK", "c1", "eth0", "").await), 107);
}

#[tokio::test]
async fn a_warm_add_and_its_del_cost_two_requests_each() {
    let world = small().await;
    add(&world, "c1", DUAL).await;
    assert!(world.spent() <= 3, "the first block of a node");
    add(&world, "c2", DUAL).await;
    assert_eq!(world.spent(), 2, "ADD");
    add(&world, "c2", DUAL).await;
    assert!(world.spent() <= 2, "repeated ADD");
    call(&world, "DEL", "c2", "eth0", "").await;
    assert_eq!(world.spent(), 2, "DEL");
    call(&world, "CHECK", "c1", "eth0", "").await;
    assert_eq!(world.spent(), 1, "CHECK");
}

#[tokio::test]
async fn without_a_pool_the_error_is_the_manifest_to_apply() {
    let world = World::new(&[]).await;
    shows(
        &add(&world, "c1", "").await,
        &expect![[r#"
            100: no IPv4 pool exists
            apply a pool with `ipamctl apply -f FILE`:
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: pool-ipv4
            spec:
              cidr: 10.64.0.0/16
              blockSize: 26
        "#]],
    );
}

#[tokio::test]
async fn a_full_pool_says_which_pools_were_looked_at_and_why_not() {
    let world = small().await;
    world
        .put(&[pool("off", "10.65.0.0/30", 30, r#","disabled":true"#)])
        .await;
    for container in ["c1", "c2", "c3", "c4"] {
        addresses(&add(&world, container, "").await);
    }
    let reply = add(&world, "c5", "").await;
    assert_eq!(code(&reply), 101);
    for said in ["v4", "10.64.0.0/30", "off", "10.65.0.0/30", "disabled"] {
        assert!(reply.stdout.contains(said), "{said}: {}", reply.stdout);
    }
}

#[tokio::test]
async fn prefix_gateway_and_routes_shape_the_result() {
    let records = [
        pool("v4", "10.64.0.0/24", 28, ""),
        record(
            "IPReservation",
            "ipreservations",
            "gateway",
            r#""reservedCIDRs":["10.64.0.0/31"]"#,
        ),
    ];
    let world = World::new(&records).await;
    let node = |prefix: &str| format!(r#","prefix":"{prefix}""#);
    let length = |reply: &Reply| addresses(reply)[0].split('/').nth(1).map(str::to_owned);
    assert_eq!(length(&add(&world, "c1", "").await).as_deref(), Some("28"));
    assert_eq!(
        length(&add(&world, "c1", &node("pool")).await).as_deref(),
        Some("24")
    );
    assert_eq!(
        length(&add(&world, "c1", &node("host")).await).as_deref(),
        Some("32")
    );
    let bridge = r#","prefix":"pool","gateway":"10.64.0.1","routes":[{"dst":"0.0.0.0/0"}]"#;
    let reply = add(&world, "c1", bridge).await;
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    assert_eq!(value["ips"][0]["gateway"], "10.64.0.1");
    assert_eq!(value["routes"].to_string(), r#"[{"dst":"0.0.0.0/0"}]"#);
    let bare = add(&world, "c1", &node("host")).await;
    assert!(!bare.stdout.contains("routes"), "{}", bare.stdout);
}

#[tokio::test]
async fn a_gateway_that_a_workload_could_get_is_refused_before_anything_is_written() {
    let world = small().await;
    let reply = add(&world, "c1", r#","gateway":"10.64.0.1""#).await;
    shows(
        &reply,
        &expect![[r#"
            7: gateway 10.64.0.1 lies in pool 10.64.0.0/30 and no reservation keeps it from workloads
            apply this with `ipamctl apply -f FILE`:
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: gateway-10-64-0-1
            spec:
              reservedCIDRs:
              - 10.64.0.1/32
        "#]],
    );
    assert_eq!(code(&call(&world, "CHECK", "c1", "eth0", "").await), 107);
}

#[tokio::test]
async fn a_store_that_went_back_gives_nothing_and_takes_back() {
    let pools = [pool("v4", "10.64.0.0/30", 30, "")];
    let mut world = World::new(&pools).await;
    add(&world, "c1", "").await;
    world.lose_store(&pools).await;
    let reply = add(&world, "c2", "").await;
    assert_eq!(code(&reply), 106, "{}", reply.stdout);
    assert!(reply.stdout.contains("/run/"), "{}", reply.stdout);
    assert_eq!(call(&world, "DEL", "c1", "eth0", "").await.exit, 0);
    assert_eq!(
        code(&add(&world, "c2", "").await),
        106,
        "DEL does not make it forget"
    );
}

#[tokio::test]
async fn a_corrupt_hint_is_ignored_and_written_anew() {
    let world = small().await;
    add(&world, "c1", "").await;
    let file = hint_file(&world);
    for bad in ["", "{", "\u{0}\u{1}", r#"{"version":9}"#] {
        std::fs::write(&file, bad).expect("written");
        assert_eq!(add(&world, "c1", "").await.exit, 0);
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(text.contains("10.64.0.0/30"), "{text}");
    }
}

fn hint_file(world: &World) -> std::path::PathBuf {
    let run = std::fs::read_dir(world.directory.path().join("run")).expect("a folder");
    let store = run
        .map(|entry| entry.expect("an entry").path())
        .next()
        .expect("a store");
    store.join("n1.json")
}

#[tokio::test]
async fn a_corrupt_block_is_named_and_other_nodes_go_on() {
    let world = World::new(&[pool("v4", "10.64.0.0/29", 30, "")]).await;
    add(&world, "c1", "").await;
    let block = addresses(&add(&world, "c1", "").await)[0].clone();
    let base = if block.starts_with("10.64.0.4") {
        "10.64.0.4"
    } else {
        "10.64.0.0"
    };
    let key = format!("/calico/ipam/v2/assignment/ipv4/block/{base}-30");
    world.put(&[(key.clone(), "rubbish".to_owned())]).await;
    let reply = call(&world, "CHECK", "c1", "eth0", "").await;
    assert_eq!(code(&reply), 6);
    assert!(reply.stdout.contains(&key), "{}", reply.stdout);
    assert_eq!(
        addresses(&add(&world, "c2", "").await).len(),
        1,
        "the other block serves"
    );
}

#[tokio::test]
async fn del_needs_neither_node_nor_namespace_nor_a_sound_configuration_of_add() {
    let world = small().await;
    add(&world, "c1", "").await;
    let stdin = r#"{"cniVersion":"1.0.0","name":"net","ipam":{"type":"block-ipam","nodename_file":"/absent/file",
        "assign_ipv4":"maybe","prefix":5,"timeout":"long","ranges":[]}}"#;
    let variables = [
        ("CNI_COMMAND", "DEL"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", "nonsense"),
    ];
    let reply = world.call(&variables, stdin.as_bytes()).await;
    assert_eq!((reply.exit, reply.stdout.as_str()), (0, ""));
    assert_eq!(code(&call(&world, "CHECK", "c1", "eth0", "").await), 107);
}

#[tokio::test]
async fn the_plugins_own_namespace_is_refused() {
    let world = small().await;
    let stdin = r#"{"cniVersion":"1.1.0","name":"net","ipam":{"nodename":"n1"}}"#;
    let own = std::env::current_exe()
        .expect("a path")
        .display()
        .to_string();
    let with = |overridden| {
        [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", own.as_str()),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS_OVERRIDE", overridden),
        ]
    };
    assert_eq!(
        code(&world.call_from(&own, &with(""), stdin.as_bytes()).await),
        8
    );
    assert_eq!(
        world
            .call_from(&own, &with("TRUE"), stdin.as_bytes())
            .await
            .exit,
        0
    );
}

#[tokio::test]
async fn what_is_recorded_is_calicos_and_ours() {
    let world = small().await;
    let stdin = r#"{"cniVersion":"1.0.0","name":"net","ipam":{"nodename":"n1"}}"#;
    let variables = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
        (
            "CNI_ARGS",
            "K8S_POD_NAME=web-1;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;COLOUR=red",
        ),
    ];
    world.call(&variables, stdin.as_bytes()).await;
    let block = world
        .value("/calico/ipam/v2/assignment/ipv4/block/10.64.0.0-30")
        .await;
    let mut attribute = block["attributes"][0].clone();
    let timestamp = attribute["secondary"]["timestamp"].take();
    let timestamp = timestamp.as_str().expect("a text");
    assert!(timestamp.ends_with(" +0000 UTC"), "{timestamp}");
    expect![[r#"{"handle_id":"net.c1","secondary":{"boot":"11111111111111111111111111111111","container":"c1","interface":"eth0","namespace":"shop","node":"n1","pod":"web-1","timestamp":null}}"#]]
        .assert_eq(&attribute.to_string());
}
