//! What clients of older versions do to our records, and how ours fare afterwards.

use std::time::Duration;

use block_ipam_testing::world::World;
use serde_json::Value;

use crate::world::{
    AFFINITY, BLOCK, CONFIG, assert_sound, assign, findings, record, release, release_address,
    world,
};

/// Members that clients up to 3.31 do not know, and drop when they write a block.
const UNKNOWN_TO_3_31: [&str; 3] = ["affinity_claim_time", "alternateOwnerAttrs", "releasedAt"];
/// And those up to 3.22.
const UNKNOWN_TO_3_22: [&str; 2] = ["sequenceNumber", "sequenceNumberForAllocation"];

/// A client that writes the block as it understood it.
fn rewrite(world: &World, unknown: &[&str]) {
    let mut block = record(world, BLOCK);
    drop_members(&mut block, unknown);
    for attribute in block["attributes"].as_array_mut().expect("attributes") {
        drop_members(attribute, unknown);
    }
    world.put(BLOCK, &block.to_string());
}

fn drop_members(value: &mut Value, unknown: &[&str]) {
    let members = value.as_object_mut().expect("an object");
    members.retain(|name, _| !unknown.contains(&name.as_str()));
}

#[test]
fn without_the_time_of_its_claim_an_empty_block_may_be_reclaimed_at_once() {
    let world = World::new(1);
    world.pool("pods", "10.0.0.0/30", 30);
    assign(&world, "n1", "net.a");
    release(&world, "net.a");
    rewrite(&world, &UNKNOWN_TO_3_31);
    assign(&world, "n2", "net.b");
    assert_eq!(record(&world, BLOCK)["affinity"], "host:n2");
    assert!(!world.records().contains_key(AFFINITY));
    assert_sound(&world);
}

#[test]
fn without_the_time_of_its_release_a_cooling_address_is_held_until_it_is_released_by_address() {
    let world = world();
    world.config(r#"{"auto_allocate_blocks":true,"ipCooldownSeconds":30}"#);
    let address = assign(&world, "n1", "net.a");
    release(&world, "net.a");
    rewrite(&world, &UNKNOWN_TO_3_31);
    world.clock.advance(Duration::from_secs(3600));
    for container in ["b", "c", "d"] {
        assert_ne!(assign(&world, "n1", &format!("net.{container}")), address);
    }
    assert_eq!(
        findings(&world),
        [],
        "nobody can tell it from an address without holder"
    );
    world.delete(CONFIG);
    assert!(release_address(&world, &address, None));
    assert_eq!(assign(&world, "n1", "net.e"), address);
    assert_sound(&world);
}

#[test]
fn without_sequence_numbers_a_release_decided_before_is_refused() {
    let world = world();
    let address = assign(&world, "n1", "net.a");
    let ordinal = address.rsplit('.').next().expect("a part").to_owned();
    let before = record(&world, BLOCK)["sequenceNumberForAllocation"][&ordinal].as_u64();
    rewrite(&world, &UNKNOWN_TO_3_22);
    assert!(
        !release_address(&world, &address, before),
        "its number is gone"
    );
    assert_eq!(release(&world, "net.a"), [address]);
    assert_sound(&world);
}

#[test]
fn with_explicit_nulls_a_block_is_read_as_before() {
    let world = world();
    let address = assign(&world, "n1", "net.a");
    let text = world.records()[BLOCK].replace(
        r#""attributes":[{"#,
        r#""attributes":[{"alternateOwnerAttrs":null,"releasedAt":null,"#,
    );
    world.put(BLOCK, &text);
    assert_eq!(findings(&world), []);
    assert_eq!(assign(&world, "n1", "net.a"), address, "p7");
    assert_eq!(release(&world, "net.a"), [address]);
}
