//! Nodes that race, die and lose replies, in worlds so small that they collide. Invariants are checked after each step.

use std::collections::BTreeMap;
use std::time::Duration;

use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::blocks::Address;

use crate::state::State;
use crate::world::{Faults, Process, World, now, run};
use crate::{release, request};

const SEEDS: u64 = 60;

/// What one process of a node does: it asks, asks again, gives back, asks again.
async fn life(
    allocator: Allocator,
    node: String,
    container: String,
    v4: usize,
    v6: usize,
) -> Ended {
    let request = request(&node, &container, v4, v6);
    let first = allocator.assign(&request, &Hint::default()).await;
    let second = allocator.assign(&request, &Hint::default()).await;
    if let (Ok(first), Ok(second)) = (&first, &second) {
        assert_eq!(
            first.addresses, second.addresses,
            "p7_a_repeated_request_gets_the_same"
        );
    }
    let released = allocator
        .release_by_handle(&release(&container), &Hint::default())
        .await;
    if let Err(error) = released {
        return Ended {
            granted: None,
            error: Some(error),
        };
    }
    match allocator.assign(&request, &Hint::default()).await {
        Ok(grant) => Ended {
            granted: Some(
                grant
                    .addresses
                    .iter()
                    .map(|granted| granted.address)
                    .collect(),
            ),
            error: None,
        },
        Err(error) => Ended {
            granted: None,
            error: Some(error),
        },
    }
}

struct Ended {
    granted: Option<Vec<Address>>,
    error: Option<AllocatorError>,
}

fn small_world(seed: u64) -> World {
    let world = World::new(seed);
    world.pool("a", "10.0.0.0/29", 30);
    world.pool("b", "10.0.1.0/30", 31);
    world.pool("six", "fd00::/125", 127);
    world
}

fn lives<'a>(world: &World, count: u64, v6: usize) -> Vec<Process<'a, Ended>> {
    (0..count)
        .map(|index| {
            let node = format!("n{}", index % 3);
            let life = life(world.allocator(), node, format!("c{index}"), 1, v6);
            Box::pin(life) as Process<'a, Ended>
        })
        .collect()
}

fn check(world: &World) {
    if world.has_changed() {
        State::of(&world.records()).check();
    }
}

#[test]
fn nodes_that_race_share_what_there_is() {
    for seed in 0..SEEDS {
        let world = small_world(seed);
        let lives = lives(&world, 9, 0);
        let ended = run(&world.dice, lives, 0, || check(&world));
        let mut holders = BTreeMap::new();
        for ended in ended.into_iter().flatten() {
            assert!(ended.error.is_none(), "seed {seed}: {:?}", ended.error);
            for address in ended.granted.into_iter().flatten() {
                assert!(
                    holders.insert(address, ()).is_none(),
                    "p1, seed {seed}: {address}"
                );
            }
        }
        assert_eq!(holders.len(), 9, "seed {seed}");
    }
}

#[test]
fn p13_dual_stack_is_all_or_nothing_while_processes_die() {
    for seed in 0..SEEDS {
        let world = small_world(seed);
        let lives = lives(&world, 9, 1);
        run(&world.dice, lives, 12, || {
            if !world.has_changed() {
                return;
            }
            State::of(&world.records()).check();
            let mut families: BTreeMap<String, (u32, u32)> = BTreeMap::new();
            for (address, handle, ..) in State::of(&world.records()).entries() {
                let count = families.entry(handle).or_default();
                count.0 += u32::from(address.is_ipv4());
                count.1 += u32::from(address.is_ipv6());
            }
            assert!(
                families.values().all(|count| *count == (1, 1)),
                "seed {seed}: {families:?}"
            );
        });
    }
}

#[test]
fn lost_requests_lost_replies_and_late_commits_break_nothing() {
    for seed in 0..SEEDS {
        let world = small_world(seed);
        world.network.set_faults(Faults {
            lose_request: 5,
            lose_reply: 10,
            apply_late: 5,
        });
        let lives = lives(&world, 9, 1);
        let mut step = 0;
        run(&world.dice, lives, 5, || {
            step += 1;
            if step % 7 == 0 {
                now(world.network.deliver_late());
            }
            check(&world);
        });
        now(world.network.deliver_late());
        check(&world);
    }
}

#[test]
fn p11_what_is_usable_is_found_when_faults_have_stopped() {
    for seed in 0..SEEDS {
        let world = small_world(seed);
        let lives = lives(&world, 9, 0);
        run(&world.dice, lives, 20, || {});
        world.clock.advance(Duration::from_secs(61));
        let free = 12 - State::of(&world.records()).entries().len();
        for index in 0..free {
            let request = request("late", &format!("late{index}"), 1, 0);
            let granted = now(world.allocator().assign(&request, &Hint::default()));
            granted.unwrap_or_else(|error| panic!("seed {seed}, {index} of {free}: {error}"));
            check(&world);
        }
    }
}

#[test]
fn p14_nothing_is_left_but_the_empty_blocks_of_nodes() {
    for seed in 0..SEEDS {
        let world = small_world(seed);
        let lives = lives(&world, 9, 1);
        run(&world.dice, lives, 20, || {});
        for index in 0..9 {
            let handle = release(&format!("c{index}"));
            let allocator = world.allocator();
            now(allocator.release_by_handle(&handle, &Hint::default())).expect("released");
        }
        let state = State::of(&world.records());
        state.check();
        assert!(
            state.entries().is_empty() && state.handles.is_empty(),
            "seed {seed}"
        );
        assert!(
            state
                .blocks
                .values()
                .all(|block| !block["affinity"].is_null()),
            "seed {seed}"
        );
    }
}
