//! Blocks whose records are as large as a store takes: nothing gets stuck, and what is held can always be released.

use block_ipam::allocator::Hint;

use crate::state::State;
use crate::world::{World, now};
use crate::{release, request};

/// Puts a block of 4096 addresses of node n1, of which all but the last are held, each with handle and attributes of its
/// own: as Calico writes them, about `bytes` for each address.
fn put_large(world: &World, family: &str, cidr: &str, held: usize, bytes: usize) -> String {
    let list = |items: Vec<String>| items.join(",");
    let slot = |ordinal: usize| {
        if ordinal < held {
            ordinal.to_string()
        } else {
            "null".to_owned()
        }
    };
    let filler = "x".repeat(bytes - 150);
    let attribute = |ordinal: usize| {
        format!(
            r#"{{"handle_id":"net.{ordinal}","secondary":{{"namespace":"shop","node":"n1","pod":"{filler}","timestamp":"2026-01-01 00:00:00.5 +0000 UTC"}}}}"#
        )
    };
    let value = format!(
        r#"{{"cidr":"{cidr}","affinity":"host:n1","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[{}],"unallocated":[{}],"attributes":[{}],"sequenceNumber":1772442895123456789,"sequenceNumberForAllocation":{{}},"deleted":false}}"#,
        list((0..4096).map(slot).collect()),
        list((held..4096).map(|ordinal| ordinal.to_string()).collect()),
        list((0..held).map(attribute).collect()),
    );
    let name = cidr.replace('/', "-");
    world.put(
        &format!("/calico/ipam/v2/host/n1/{family}/block/{name}"),
        r#"{"state":"confirmed","deleted":false}"#,
    );
    let key = format!("/calico/ipam/v2/assignment/{family}/block/{name}");
    world.put(&key, &value);
    key
}

fn put_handle(world: &World, container: &str, blocks: &str) {
    world.put(
        &format!("/calico/ipam/v2/handle/net.{container}"),
        &format!(r#"{{"handleID":"net.{container}","block":{{{blocks}}},"deleted":false}}"#),
    );
}

#[test]
fn a_block_that_is_as_large_as_a_store_takes_gives_back_and_gives_no_more() {
    let world = World::new(21);
    world.pool("a", "10.64.0.0/19", 20);
    let key = put_large(&world, "ipv4", "10.64.0.0/20", 4095, 393);
    put_handle(&world, "7", r#""10.64.0.0/20":1"#);
    let before = world.records()[&key].len();
    assert!(1_500_000 < before, "{before} bytes");
    let allocator = world.allocator();
    let assign = |container: &str| {
        let granted = now(allocator.assign(&request("n1", container, 1, 0), &Hint::default()));
        granted.expect("there is another block").addresses[0].block
    };
    assert_eq!(assign("new").to_string(), "10.64.16.0/20");
    let released = now(allocator.release_by_handle(&release("7"), &Hint::default()));
    let released = released.expect("released").released;
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].to_string(), "10.64.0.7");
    assert!(world.records()[&key].len() < before);
    assert_eq!(State::of(&world.records()).entries().len(), 4095);
}

#[test]
fn a_handle_in_two_large_blocks_is_released_block_by_block() {
    let world = World::new(22);
    world.pool("a", "10.64.0.0/19", 20);
    world.pool("six", "fd00::/115", 116);
    let four = put_large(&world, "ipv4", "10.64.0.0/20", 4095, 290);
    let six = put_large(&world, "ipv6", "fd00::/116", 4095, 290);
    put_handle(&world, "7", r#""10.64.0.0/20":1,"fd00::/116":1"#);
    let allocator = world.allocator();
    world.requests();
    let released = now(allocator.release_by_handle(&release("7"), &Hint::default()));
    assert_eq!(released.expect("released").released.len(), 2);
    assert_eq!(world.requests().1, 2, "too much for one transaction");
    for key in [four, six] {
        assert!(!world.records()[&key].contains(r#""net.7""#), "{key}");
    }
    let both = now(allocator.assign(&request("n1", "both", 1, 1), &Hint::default()));
    let both = both.expect("each family has another block").addresses;
    assert_eq!(both[0].block.to_string(), "10.64.16.0/20");
    assert_eq!(both[1].block.to_string(), "fd00::1000/116");
}
