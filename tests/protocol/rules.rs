//! The rules that a request keeps whatever else happens: pools, strict affinity, limits, cool-down, releases.

use std::collections::BTreeMap;
use std::time::Duration;

use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::allocator::Hint;
use block_ipam::assign::ReleaseAddress;
use block_ipam::blocks::Address;
use block_ipam::ids::Owner;
use serde_json::Value;

use crate::state::State;
use crate::world::{Process, World, now, run};
use crate::{release, request};

const SEEDS: u64 = 60;

fn assigning<'a>(world: &World, count: u64, nodes: u64) -> Vec<Process<'a, bool>> {
    (0..count)
        .map(|index| {
            let allocator = world.allocator();
            let request = request(&format!("n{}", index % nodes), &format!("c{index}"), 1, 0);
            Box::pin(async move { allocator.assign(&request, &Hint::default()).await.is_ok() })
                as Process<'a, bool>
        })
        .collect()
}

#[test]
fn p2_every_grant_is_in_an_enabled_pool_and_outside_reservations() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/29", 30);
        let reserved_one = "10.0.0.7";
        let (mut known, mut enabled, mut reserved) = (0, true, false);
        run(&world.dice, assigning(&world, 8, 3), 0, || {
            let entries = State::of(&world.records()).entries();
            let held = entries
                .iter()
                .any(|(address, ..)| address.to_string() == reserved_one);
            assert!(
                enabled || entries.len() == known,
                "seed {seed}: granted from a disabled pool"
            );
            assert!(
                !reserved || !held,
                "seed {seed}: granted a reserved address"
            );
            known = entries.len();
            if world.dice.below(8) == 0 {
                enabled = !enabled;
                let disabled = if enabled { "" } else { r#","disabled":true"# };
                world.pool_with("a", "10.0.0.0/29", 30, disabled);
            }
            if !reserved && !held && world.dice.below(16) == 0 {
                reserved = true;
                world.put(
                    "/calico/resources/v3/projectcalico.org/ipreservations/r",
                    r#"{"kind":"IPReservation","metadata":{"name":"r"},"spec":{"reservedCIDRs":["10.0.0.7/32"]}}"#,
                );
            }
        });
    }
}

#[test]
fn p8_strict_affinity_never_borrows() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/29", 30);
        world.config(r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#);
        let granted = run(&world.dice, assigning(&world, 12, 3), 0, || {
            let state = State::of(&world.records());
            assert!(state.borrowed.is_empty(), "seed {seed}");
            state.check();
        });
        let granted = granted
            .into_iter()
            .flatten()
            .filter(|granted| *granted)
            .count();
        assert_eq!(
            granted, 8,
            "seed {seed}: two of three nodes fill their block"
        );
    }
}

#[test]
fn p9_a_node_that_races_with_itself_keeps_its_limit_of_blocks() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/27", 30);
        world
            .config(r#"{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":2}"#);
        let granted = run(&world.dice, assigning(&world, 12, 1), 0, || {
            let owned = State::of(&world.records()).affinities.len();
            assert!(owned <= 2, "seed {seed}: {owned} blocks");
        });
        let granted = granted
            .into_iter()
            .flatten()
            .filter(|granted| *granted)
            .count();
        assert_eq!(granted, 8, "seed {seed}: the limit is used up");
    }
}

#[test]
fn p10_a_cooling_address_waits_its_time() {
    let world = World::new(7);
    world.pool("a", "10.0.0.0/30", 30);
    world.config(r#"{"auto_allocate_blocks":true,"ipCooldownSeconds":30}"#);
    let allocator = world.allocator();
    let assign = |container: &str| {
        let request = request("n1", container, 1, 0);
        now(allocator.assign(&request, &Hint::default())).map(|grant| grant.addresses[0].address)
    };
    let all: Vec<Address> = ["a", "b", "c", "d"]
        .iter()
        .map(|container| assign(container).expect("room"))
        .collect();
    now(allocator.release_by_handle(&release("b"), &Hint::default())).expect("released");
    world.clock.advance(Duration::from_secs(29));
    let refused = assign("e").expect_err("it cools");
    assert!(
        refused.to_string().contains("1 addresses cooling"),
        "{refused}"
    );
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(assign("e").expect("it has cooled"), all[1]);
}

/// Giving back does not wait for an operator, and nothing is given out before the time that he set.
#[test]
fn under_a_configuration_that_does_not_parse_addresses_are_released_and_cool() {
    let world = World::new(7);
    world.pool("a", "10.0.0.0/31", 31);
    let config = r#"{"auto_allocate_blocks":true,"ipCooldownSeconds":30}"#;
    world.config(config);
    let allocator = world.allocator();
    let assign = |container: &str| {
        let request = request("n1", container, 1, 0);
        now(allocator.assign(&request, &Hint::default())).map(|grant| grant.addresses[0].address)
    };
    let (first, second) = (assign("a").expect("room"), assign("b").expect("room"));
    world.config("[]");
    now(allocator.release_by_handle(&release("a"), &Hint::default())).expect("released");
    let by_address = ReleaseAddress {
        address: second,
        handle: None,
        sequence: None,
    };
    let released = now(allocator.release_addresses(&[by_address])).expect("released");
    assert_eq!(released.released, [second]);
    assert!(State::of(&world.records()).handles.is_empty());
    let surrender = Surrender {
        which: Which::Owner(Owner::host(&request("n1", "c", 1, 0).node)),
        in_use: InUse::Keep,
    };
    let kept = now(allocator.surrender(&surrender)).expect("an answer");
    assert_eq!(kept.kept.len(), 1, "what cools is not given up");
    assert!(
        assign("c")
            .expect_err("no rules")
            .to_string()
            .contains("config")
    );
    world.config(config);
    let refused = assign("c").expect_err("they cool").to_string();
    assert!(refused.contains("2 addresses cooling"), "{refused}");
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(assign("c").expect("cooled"), first);
}

fn sequence_of(world: &World, block: &str, ordinal: &str) -> u64 {
    let state = State::of(&world.records());
    let numbers: &Value = &state.blocks[block]["sequenceNumberForAllocation"];
    numbers[ordinal].as_u64().expect("a number")
}

#[test]
fn p6_a_release_never_frees_a_newer_assignment() {
    let world = World::new(8);
    world.pool("a", "10.0.0.0/32", 32);
    let allocator = world.allocator();
    let assign = |container: &str| {
        let request = request("n1", container, 1, 0);
        now(allocator.assign(&request, &Hint::default()))
            .expect("room")
            .addresses[0]
            .address
    };
    let address = assign("a");
    let old = sequence_of(&world, "10.0.0.0/32", "0");
    now(allocator.release_by_handle(&release("a"), &Hint::default())).expect("released");
    assert_eq!(assign("b"), address);
    let free = |sequence| {
        let one = ReleaseAddress {
            address,
            handle: None,
            sequence: Some(sequence),
        };
        now(allocator.release_addresses(&[one])).expect("an answer")
    };
    let stale = free(old);
    assert!(stale.released.is_empty(), "{stale:?}");
    let (_, refusal) = &stale.refused[0];
    assert!(
        refusal.to_string().contains("was assigned anew"),
        "{refusal}"
    );
    let current = free(sequence_of(&world, "10.0.0.0/32", "0"));
    assert_eq!(current.released, [address]);
    assert!(State::of(&world.records()).handles.is_empty());
}

#[test]
fn p7_a_request_repeated_with_other_hints_at_once_takes_one_address() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/29", 30);
        let copies: Vec<Process<'_, Address>> = (0..4)
            .map(|index| {
                let allocator = world.allocator();
                let blocks = ["10.0.0.0/30", "10.0.0.4/30"];
                let block = blocks[index % 2].parse().expect("a block");
                Box::pin(async move {
                    let hint = Hint {
                        blocks: vec![block],
                        ..Hint::default()
                    };
                    let request = request("n1", "same", 1, 0);
                    let grant = allocator.assign(&request, &hint).await.expect("granted");
                    grant.addresses[0].address
                }) as Process<'_, Address>
            })
            .collect();
        let granted = run(&world.dice, copies, 0, || {
            assert!(
                State::of(&world.records()).entries().len() <= 1,
                "seed {seed}"
            );
        });
        let mut distinct = BTreeMap::new();
        for address in granted.into_iter().flatten() {
            distinct.insert(address, ());
        }
        assert_eq!(distinct.len(), 1, "seed {seed}");
    }
}

#[test]
fn a_block_that_does_not_parse_is_named_after_the_rest_was_released() {
    let world = World::new(9);
    world.pool("a", "10.0.0.0/24", 30);
    world.pool("six", "fd00::/120", 126);
    let allocator = world.allocator();
    let grant = now(allocator.assign(&request("n1", "a", 1, 1), &Hint::default())).expect("room");
    let block = grant.addresses[0].block.to_string().replace('/', "-");
    let key = format!("/calico/ipam/v2/assignment/ipv4/block/{block}");
    world.put(&key, "{");
    let refused = now(allocator.release_by_handle(&release("a"), &Hint::default()));
    let text = refused.expect_err("a block is corrupt").to_string();
    assert!(text.contains(&key), "{text}");
    let records = world.records();
    let six = records
        .iter()
        .find(|(key, _)| key.contains("ipv6/block") && key.contains("assignment"));
    let six: Value = serde_json::from_str(six.expect("the IPv6 block").1).expect("JSON");
    assert!(
        six["allocations"]
            .as_array()
            .expect("an array")
            .iter()
            .all(Value::is_null),
        "{six}"
    );
}
