//! Which machine uses a node's name: bound by ADD, for nothing, and refused where two use it in turns.

use block_ipam::cni::Reply;
use serde_json::Value;

use super::world::{World, pool, record};

const IDENTITY: &str = "/block-ipam/v1/nodes/n1";

async fn call(world: &World, verb: &str, container: &str, ipam: &str) -> Reply {
    let stdin = format!(
        r#"{{"cniVersion":"1.1.0","name":"net","ipam":{{"type":"block-ipam","nodename":"n1"{ipam}}}}}"#
    );
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
    ];
    world.call(&variables, stdin.as_bytes()).await
}

async fn add(world: &World, container: &str) -> Reply {
    call(world, "ADD", container, "").await
}

#[track_caller]
fn code(reply: &Reply) -> u64 {
    assert_eq!(reply.exit, 1, "{}", reply.stdout);
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    value["code"].as_u64().expect("a code")
}

/// `machine/boot`, and before it, each by its first letter.
async fn recorded(world: &World) -> (String, Option<String>) {
    let value = world.value(IDENTITY).await;
    let text = |value: &Value| {
        let letter = |name: &str| value[name].as_str().expect("a text")[..1].to_owned();
        format!("{}/{}", letter("machine"), letter("boot"))
    };
    let before = value.get("before").map(text);
    (text(&value), before)
}

async fn world() -> World {
    World::new(&[pool("v4", "10.64.0.0/24", 26, "")]).await
}

#[tokio::test]
async fn a_machine_that_goes_on_costs_no_request_and_no_write() {
    let world = world().await;
    assert_eq!(add(&world, "c0").await.exit, 0);
    assert_eq!(recorded(&world).await, ("a/1".to_owned(), None));
    let bound_at = world.modified(IDENTITY).await;
    world.spent();
    assert_eq!(add(&world, "c1").await.exit, 0);
    assert_eq!(world.spent(), 2, "one read, one commit");
    assert_eq!(world.modified(IDENTITY).await, bound_at);
    world.become_machine('a', '2');
    assert_eq!(add(&world, "c2").await.exit, 0);
    assert_eq!(world.spent(), 2, "a reboot is recorded with the address");
    let rebooted = ("a/2".to_owned(), Some("a/1".to_owned()));
    assert_eq!(recorded(&world).await, rebooted);
}

#[tokio::test]
async fn two_machines_that_use_a_name_in_turns_are_told() {
    let world = world().await;
    assert_eq!(add(&world, "c0").await.exit, 0);
    world.become_machine('b', '1');
    assert_eq!(add(&world, "c1").await.exit, 0, "a reinstalled node");
    world.become_machine('a', '1');
    let reply = add(&world, "c2").await;
    assert_eq!(code(&reply), 105);
    for said in [
        "`n1`",
        &"a".repeat(32),
        &"b".repeat(32),
        "ipam.nodename",
        "`ipamctl node resync n1`",
    ] {
        assert!(reply.stdout.contains(said), "{said}: {}", reply.stdout);
    }
    assert_eq!(code(&call(&world, "STATUS", "", "").await), 50);
    assert_eq!(call(&world, "DEL", "c0", "").await.exit, 0, "DEL works");
    assert_eq!(code(&add(&world, "c1").await), 105, "a repeated ADD too");
    world.advance(600);
    assert_eq!(add(&world, "c2").await.exit, 0, "ten minutes later");
    let moved = ("a/1".to_owned(), Some("b/1".to_owned()));
    assert_eq!(recorded(&world).await, moved);
}

#[tokio::test]
async fn clones_with_one_machine_id_are_told_by_their_boots() {
    let world = world().await;
    for boot in ['1', '2'] {
        world.become_machine('a', boot);
        assert_eq!(add(&world, &format!("c{boot}")).await.exit, 0);
    }
    world.become_machine('a', '1');
    assert_eq!(code(&add(&world, "c3").await), 105);
    let node: block_ipam::ids::NodeName = block_ipam::ids::NodeName::stored("n1");
    let forgotten = world.allocator().forget_identity(&node).await;
    assert!(forgotten.expect("an answer"));
    assert_eq!(add(&world, "c3").await.exit, 0, "the way out");
}

#[tokio::test]
async fn a_machine_without_an_id_gets_one_and_status_makes_none() {
    let world = world().await;
    let files = world.machine_files();
    std::fs::remove_file(&files.system[0]).expect("removed");
    assert_eq!(call(&world, "STATUS", "", "").await.exit, 0);
    assert!(!files.own.exists());
    assert_eq!(add(&world, "c0").await.exit, 0);
    let own = std::fs::read_to_string(&files.own).expect("an id");
    let machine = world.value(IDENTITY).await["machine"].clone();
    assert_eq!(machine.as_str(), Some(own.trim()));
    std::fs::remove_file(&files.own).expect("removed");
    std::fs::create_dir(&files.own).expect("in the way");
    assert_eq!(
        add(&world, "c1").await.exit,
        0,
        "and one that can keep none goes on"
    );
}

#[tokio::test]
async fn a_gateway_is_checked_with_the_read_of_the_add() {
    let reservation = r#""reservedCIDRs":["10.64.0.0/31"]"#;
    let world = World::new(&[
        pool("v4", "10.64.0.0/24", 26, ""),
        record("IPReservation", "ipreservations", "gateway", reservation),
    ])
    .await;
    let gateway = r#","gateway":"10.64.0.1""#;
    assert_eq!(call(&world, "ADD", "c0", gateway).await.exit, 0);
    world.spent();
    assert_eq!(call(&world, "ADD", "c1", gateway).await.exit, 0);
    assert_eq!(world.spent(), 2);
    let open = r#","gateway":"10.64.0.2""#;
    assert_eq!(code(&call(&world, "ADD", "c2", open).await), 7);
}
