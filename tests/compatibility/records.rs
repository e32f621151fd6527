//! Stores as older versions of Calico left them: one node with one block, one address in use. Each is read, worked with, and
//! nothing of it that we do not know is lost.

use block_ipam::report::FindingKind;
use block_ipam::resources::Use;
use block_ipam_testing::world::World;
use serde_json::json;

use crate::world::{
    AFFINITY, BLOCK, CONFIG, HANDLE, assert_sound, assign, assign_for, findings, record, release,
    world,
};

/// What a version wrote, as far as it differs.
struct Written {
    block: &'static str,
    affinity: &'static str,
    handle: &'static str,
    config: Option<&'static str>,
}

fn store(written: &Written) -> World {
    let world = world();
    world.put(BLOCK, written.block);
    world.put(AFFINITY, written.affinity);
    world.put(HANDLE, written.handle);
    if let Some(config) = written.config {
        world.put(CONFIG, config);
    }
    world
}

/// An address comes and goes beside the old one, then the old one goes; the block stays with its node throughout.
fn is_worked_with(written: &Written) {
    let world = store(written);
    assert_eq!(findings(&world), [], "nothing is wrong with it");
    let first = assign(&world, "n1", "net.new");
    assert!(first.starts_with("10.0.0."), "{first}");
    assert_eq!(record(&world, BLOCK)["affinity"], "host:n1");
    assert_sound(&world);
    assert_eq!(release(&world, "net.new"), [first]);
    assert_eq!(release(&world, "net.old"), ["10.0.0.1"]);
    assert_sound(&world);
    assert_eq!(findings(&world), []);
}

const CONFIRMED: &str = r#"{"state":"confirmed","deleted":false}"#;
const ONE: &str = r#"{"block":{"10.0.0.0/30":1},"deleted":false}"#;

/// 3.16: no sequence numbers, a member of its own, explicit nulls, an affinity without state, a configuration made by
/// reading it.
const OF_3_16: Written = Written {
    block: r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","strictAffinity":false,"allocations":[null,0,null,null],"unallocated":[2,3,0],"attributes":[{"handle_id":"net.old","secondary":null}],"deleted":false}"#,
    affinity: r#"{"state":"confirmed"}"#,
    handle: r#"{"block":{"10.0.0.0/30":1}}"#,
    config: Some(r#"{"strict_affinity":false,"auto_allocate_blocks":true}"#),
};

/// 3.22: as 3.16, with `deleted` throughout.
const OF_3_22: Written = Written {
    block: r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[null,0,null,null],"unallocated":[2,3,0],"attributes":[{"handle_id":"net.old","secondary":{"namespace":"shop","node":"n1","pod":"web"}}],"deleted":false}"#,
    affinity: CONFIRMED,
    handle: ONE,
    config: Some(r#"{"strict_affinity":false,"auto_allocate_blocks":true,"maxBlocksPerHost":0}"#),
};

/// 3.26: sequence numbers, with entries of addresses that were released by handle.
const OF_3_26: Written = Written {
    block: r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[null,0,null,null],"unallocated":[2,3,0],"attributes":[{"handle_id":"net.old","secondary":null}],"sequenceNumber":1690000000000000007,"sequenceNumberForAllocation":{"0":1690000000000000001,"1":1690000000000000003},"deleted":false}"#,
    affinity: CONFIRMED,
    handle: ONE,
    config: Some(r#"{"auto_allocate_blocks":true}"#),
};

/// 3.31: explicit nulls, no time of the claim.
const OF_3_31: Written = Written {
    block: r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[null,0,null,null],"unallocated":[2,3,0],"attributes":[{"handle_id":"net.old","secondary":{"node":"n1"}}],"sequenceNumber":1760000000000000007,"sequenceNumberForAllocation":{"1":1760000000000000003},"deleted":false}"#,
    affinity: CONFIRMED,
    handle: ONE,
    config: Some(r#"{"auto_allocate_blocks":true,"kubeVirtVMAddressPersistence":"Enabled"}"#),
};

#[test]
fn records_of_3_16_are_worked_with() {
    is_worked_with(&OF_3_16);
}

#[test]
fn records_of_3_22_are_worked_with() {
    is_worked_with(&OF_3_22);
}

#[test]
fn records_of_3_26_are_worked_with() {
    is_worked_with(&OF_3_26);
}

#[test]
fn records_of_3_31_are_worked_with() {
    is_worked_with(&OF_3_31);
}

#[test]
fn an_affinity_value_without_content_is_a_confirmed_one() {
    for affinity in ["", "{}", r#"{"state":""}"#] {
        let world = store(&Written {
            affinity,
            ..OF_3_31
        });
        assign(&world, "n1", "net.new");
        assert_eq!(record(&world, BLOCK)["affinity"], "host:n1", "{affinity:?}");
        assert_eq!(release(&world, "net.old"), ["10.0.0.1"], "{affinity:?}");
    }
}

#[test]
fn a_configuration_made_by_reading_it_is_no_other_than_none() {
    let made = r#"{"auto_allocate_blocks":true,"kubeVirtVMAddressPersistence":"Enabled"}"#;
    for config in [None, Some(made)] {
        let world = store(&Written { config, ..OF_3_31 });
        for container in ["a", "b", "c", "d"] {
            assign(&world, "n1", &format!("net.{container}"));
        }
        let second = "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.4-30";
        assert_eq!(record(&world, second)["state"], "confirmed", "{config:?}");
    }
}

#[test]
fn a_count_that_an_old_release_left_too_high_is_found_and_frees_what_is_held() {
    let world = store(&Written {
        handle: r#"{"block":{"10.0.0.0/30":3},"deleted":false}"#,
        ..OF_3_31
    });
    let found = findings(&world);
    assert!(
        matches!(
            found.as_slice(),
            [FindingKind::CountTooHigh {
                count: 3,
                entries: 1,
                ..
            }]
        ),
        "{found:?}"
    );
    assert_eq!(release(&world, "net.old"), ["10.0.0.1"]);
}

#[test]
fn members_that_nobody_knows_come_back_unchanged() {
    let world = store(&Written {
        block: r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[null,0,null,null],"unallocated":[2,3,0],"attributes":[{"handle_id":"net.old","secondary":{"node":"n1"},"later":{"b":[1,null],"a":1e400}}],"sequenceNumber":7,"sequenceNumberForAllocation":{"1":3},"deleted":false,"later":{"x":1}}"#,
        affinity: CONFIRMED,
        handle: r#"{"block":{"10.0.0.0/30":1},"deleted":false,"later":[1,2]}"#,
        config: None,
    });
    assign(&world, "n1", "net.new");
    assign(&world, "n1", "net.old");
    let texts = world.records();
    assert!(
        texts[BLOCK].contains(r#""later":{"b":[1,null],"a":1e400}"#),
        "{}",
        texts[BLOCK]
    );
    assert!(
        texts[BLOCK].contains(r#""later":{"x":1}"#),
        "{}",
        texts[BLOCK]
    );
    assert!(
        texts[HANDLE].contains(r#""later":[1,2]"#),
        "{}",
        texts[HANDLE]
    );
    assert_eq!(record(&world, HANDLE)["later"], json!([1, 2]));
}

#[test]
fn a_service_gets_its_address_from_a_block_of_a_virtual_owner() {
    let world = World::new(1);
    world.pool_with(
        "services",
        "10.0.0.0/29",
        30,
        r#","allowedUses":["LoadBalancer"]"#,
    );
    let first = assign_for(Use::LoadBalancer, &world, "load-balancer", "lb-1");
    let records = world.records();
    let affinity = records
        .keys()
        .find(|key| key.starts_with("/calico/ipam/v2/virtual/load-balancer/ipv4/block/10.0.0."));
    assert!(affinity.is_some(), "{records:#?}");
    assert_eq!(release(&world, "lb-1"), [first]);
}
