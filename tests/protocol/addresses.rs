//! Calico's own tests of assigning by address, of handles with a cap and of queries, each by its subject; where we
//! decide otherwise the row says so. And what no test of Calico looks at: both families, races, lost replies.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{AssignAddresses, Grant, ReleaseAddress};
use block_ipam::blocks::Address;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::refusal::Refusal;
use block_ipam::report::Held;
use block_ipam::resources::Use;

use crate::state::State;
use crate::world::{Faults, Process, World, now, run};
use crate::{release, request};

const SEEDS: u64 = 60;

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A request of a container on a node for named addresses.
fn named(node: &str, container: &str, addresses: &[&str]) -> AssignAddresses {
    let node = NodeName::new(node).expect("a node name");
    let handle = HandleId::new(&format!("net.{container}")).expect("a handle");
    let addresses = addresses.iter().copied().map(address).collect();
    let mut request = AssignAddresses::workload(node.clone(), handle, addresses);
    request
        .attributes
        .insert("node".to_owned(), node.as_str().to_owned());
    request.interface = Some("eth0".to_owned());
    request
}

fn assign(allocator: &Allocator, request: &AssignAddresses) -> Result<Grant, AllocatorError> {
    now(allocator.assign_addresses(request, &Hint::default()))
}

fn refusal(result: Result<Grant, AllocatorError>) -> Refusal {
    match result.expect_err("a refusal") {
        AllocatorError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn world() -> World {
    let world = World::new(1);
    world.pool("a", "192.168.1.0/24", 26);
    world.pool("six", "fd80:24e2:f998:72d6::/120", 122);
    world
}

fn attributes(allocator: &Allocator, text: &str) -> Held {
    now(allocator.attributes_of(address(text))).expect("an answer")
}

#[test]
fn an_address_is_looked_up_wherever_it_lies() {
    let world = World::new(1);
    let allocator = world.allocator();
    assert_eq!(attributes(&allocator, "192.168.1.1"), Held::Free, "no pool");
    world.pool("a", "192.168.1.0/24", 26);
    assert_eq!(
        attributes(&allocator, "192.168.1.1"),
        Held::Free,
        "no block"
    );
    assign(&allocator, &named("n1", "c1", &["192.168.1.1"])).expect("granted");
    let held = attributes(&allocator, "192.168.1.1");
    let Held::By {
        handle,
        attributes: own,
        ..
    } = &held
    else {
        panic!("held: {held:?}");
    };
    assert_eq!(handle.as_deref(), Some("net.c1"));
    assert_eq!(own["node"], "n1");
    assert_eq!(
        attributes(&allocator, "192.168.1.2"),
        Held::Free,
        "in a block, free"
    );
    world.pool_with("a", "192.168.1.0/24", 26, r#","disabled":true"#);
    assert_eq!(
        attributes(&allocator, "192.168.1.1"),
        held,
        "otherwise than with Calico, an address of a disabled pool is found"
    );
}

#[test]
fn an_address_is_for_the_uses_of_its_pool() {
    for (uses, purpose, is_granted) in [
        (r#","allowedUses":["Workload"]"#, Some(Use::Tunnel), false),
        (r#","allowedUses":["Workload"]"#, Some(Use::Workload), true),
        (r#","allowedUses":["Workload"]"#, None, true),
        ("", Some(Use::Tunnel), true),
    ] {
        let world = World::new(1);
        world.pool_with("a", "192.168.1.0/24", 26, uses);
        let mut request = named("n1", "c1", &["192.168.1.1"]);
        request.purpose = purpose;
        let result = assign(&world.allocator(), &request);
        assert_eq!(result.is_ok(), is_granted, "{uses} {purpose:?}: {result:?}");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(text.contains("does not allow this use"), "{text}");
        }
    }
}

#[test]
fn an_address_is_assigned_once_and_in_a_pool_only() {
    let world = world();
    let allocator = world.allocator();
    for text in ["192.168.1.0", "fd80:24e2:f998:72d6::"] {
        let grant = assign(&allocator, &named("n1", "c1", &[text])).expect("granted");
        assert_eq!(grant.addresses[0].address, address(text));
    }
    let outside = refusal(assign(&allocator, &named("n1", "c1", &["1.1.1.1"])));
    assert_eq!(outside, Refusal::OutsidePools(address("1.1.1.1")));
    let taken = refusal(assign(&allocator, &named("n1", "c2", &["192.168.1.0"])));
    let Refusal::AddressTaken { holder, .. } = taken else {
        panic!("{taken}");
    };
    assert_eq!(holder.as_ref().map(HandleId::as_str), Some("net.c1"));
    let again = assign(&allocator, &named("n1", "c1", &["192.168.1.0"])).expect("granted");
    assert!(
        again.repeated,
        "otherwise than with Calico, without a cap too"
    );
    State::of(&world.records()).check();
}

#[test]
fn a_handle_tells_its_addresses_until_they_are_released() {
    let world = world();
    let allocator = world.allocator();
    let granted = now(allocator.assign(&request("n1", "c1", 2, 1), &Hint::default()));
    let granted: Vec<Address> = granted
        .expect("granted")
        .addresses
        .iter()
        .map(|granted| granted.address)
        .collect();
    let handle = HandleId::new("net.c1").expect("a handle");
    let addresses = || now(allocator.addresses_of(&handle)).expect("an answer");
    let held: Vec<Address> = addresses()
        .expect("a record")
        .iter()
        .map(|held| held.address)
        .collect();
    assert_eq!(held, granted);
    now(allocator.release_by_handle(&release("c1"), &Hint::default())).expect("released");
    assert_eq!(addresses(), None);
}

#[test]
fn a_cap_of_one_gives_one_address_of_each_family() {
    let world = world();
    let allocator = world.allocator();
    let ask = |interface: &str| {
        let mut capped = request("n1", "c1", 1, 1);
        capped.interface = Some(interface.to_owned());
        capped.max_per_handle = 1;
        now(allocator.assign(&capped, &Hint::default())).expect("granted")
    };
    let first = ask("eth0");
    assert_eq!(first.addresses.len(), 2);
    for interface in ["eth0", "eth1"] {
        let again = ask(interface);
        assert_eq!(again.addresses, first.addresses, "{interface}");
        assert!(again.repeated);
    }
    State::of(&world.records()).check();
    assert_eq!(State::of(&world.records()).entries().len(), 2);
}

#[test]
fn a_cap_of_one_is_kept_by_address_too() {
    let world = world();
    let allocator = world.allocator();
    let ask = |text: &str| {
        let mut capped = named("n1", "c1", &[text]);
        capped.max_per_handle = 1;
        assign(&allocator, &capped)
    };
    ask("192.168.1.5").expect("granted");
    assert!(ask("192.168.1.5").expect("the same again").repeated);
    let refused = refusal(ask("192.168.1.6"));
    assert_eq!(
        refused.to_string(),
        "handle net.c1 holds 1 IPv4 addresses and may hold 1; 1 more are wanted"
    );
    ask("fd80:24e2:f998:72d6::5").expect("the cap is for each family");
}

/// Calico counts one request for each call; ours are told apart by their interface.
#[test]
fn a_cap_of_two_answers_a_third_request_with_what_is_held_and_refuses_one_for_more() {
    let world = world();
    let allocator = world.allocator();
    let ask = |interface: &str, count: usize| {
        let mut capped = request("n1", "c1", count, 0);
        capped.interface = Some(interface.to_owned());
        capped.max_per_handle = 2;
        now(allocator.assign(&capped, &Hint::default()))
    };
    let first = ask("eth0", 1).expect("granted").addresses;
    let second = ask("eth1", 1).expect("granted").addresses;
    assert_ne!(first, second);
    let third = ask("eth2", 1).expect("granted").addresses;
    assert!(third == first || third == second, "{third:?}");
    let refused = refusal(ask("eth0", 3));
    assert!(
        matches!(
            refused,
            Refusal::HandleFull {
                held: 2,
                wanted: 2,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(State::of(&world.records()).entries().len(), 2);
}

#[test]
fn what_cools_is_not_assigned_by_address_either() {
    let world = world();
    world.config(r#"{"auto_allocate_blocks":true,"ipCooldownSeconds":30}"#);
    let allocator = world.allocator();
    assign(&allocator, &named("n1", "c1", &["192.168.1.5"])).expect("granted");
    now(allocator.release_by_handle(&release("c1"), &Hint::default())).expect("released");
    let refused = refusal(assign(&allocator, &named("n1", "c2", &["192.168.1.5"])));
    assert!(
        matches!(refused, Refusal::AddressTaken { holder: None, .. }),
        "{refused}"
    );
    world.clock.advance(std::time::Duration::from_secs(32));
    assign(&allocator, &named("n1", "c2", &["192.168.1.5"])).expect("it has cooled");
}

#[test]
fn what_was_released_by_a_stale_number_stays_and_numbers_grow() {
    let world = World::new(1);
    world.pool("a", "192.168.1.0/24", 30);
    let allocator = world.allocator();
    let number = |text: &str| {
        let block = State::of(&world.records()).blocks["192.168.1.0/30"].clone();
        block["sequenceNumberForAllocation"][text]
            .as_u64()
            .expect("a number")
    };
    for _ in 0..10 {
        let one = named("n1", "c1", &["192.168.1.1"]);
        assign(&allocator, &one).expect("granted");
        let old = number("1");
        now(allocator.release_by_handle(&release("c1"), &Hint::default())).expect("released");
        assign(&allocator, &one).expect("granted");
        let new = number("1");
        assert_eq!(new, old + 2, "one for the release, one for the assignment");
        let free = |sequence: u64| {
            let one = ReleaseAddress {
                address: address("192.168.1.1"),
                handle: None,
                sequence: Some(sequence),
            };
            now(allocator.release_addresses(&[one])).expect("an answer")
        };
        let stale = free(old);
        assert!(stale.released.is_empty() && stale.not_assigned.is_empty());
        assert_eq!(stale.refused.len(), 1);
        assert_eq!(free(new).released, [address("192.168.1.1")]);
    }
}

#[test]
fn a_full_block_gives_back_one_address_named_twice_and_it_is_assigned_by_address() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/26", 26);
    let allocator = world.allocator();
    let mut all = request("n1", "c1", 64, 0);
    all.handle = None;
    now(allocator.assign(&all, &Hint::default())).expect("granted");
    let one = ReleaseAddress {
        address: address("10.0.0.1"),
        handle: None,
        sequence: None,
    };
    let twice = [one.clone(), one];
    let released = now(allocator.release_addresses(&twice)).expect("an answer");
    assert_eq!(released.released, [address("10.0.0.1"); 1]);
    let mut plain = named("n1", "c2", &["10.0.0.1"]);
    plain.handle = None;
    plain.attributes.clear();
    plain.interface = None;
    assign(&allocator, &plain).expect("granted");
    let refused = now(allocator.assign(&request("n1", "c3", 1, 0), &Hint::default()));
    assert!(
        refused.is_err(),
        "otherwise than with Calico, a shortage is a refusal"
    );
}

#[test]
fn both_families_are_assigned_or_none() {
    let world = world();
    let allocator = world.allocator();
    assign(
        &allocator,
        &named("n1", "other", &["fd80:24e2:f998:72d6::7"]),
    )
    .expect("granted");
    let both = named("n1", "c1", &["192.168.1.7", "fd80:24e2:f998:72d6::7"]);
    let before = world.records();
    refusal(assign(&allocator, &both));
    assert_eq!(world.records(), before, "p13");
    let both = named("n1", "c1", &["192.168.1.7", "fd80:24e2:f998:72d6::8"]);
    let grant = assign(&allocator, &both).expect("granted");
    assert_eq!(grant.addresses.len(), 2);
    let two = named("n1", "c1", &["192.168.1.8", "192.168.1.9"]);
    let refused = refusal(assign(&allocator, &two)).to_string();
    assert_eq!(refused, "more than one IPv4 address is asked for at once");
    State::of(&world.records()).check();
}

/// What each row of the table in `docs/protocol.md` needs is there or refuses.
#[test]
fn strict_affinity_borrows_no_address_that_is_named_and_takes_over_empty_blocks_of_nobody() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/28", 30);
    let allocator = world.allocator();
    assign(&allocator, &named("n1", "c1", &["10.0.0.1"])).expect("claimed");
    assign(&allocator, &named("n2", "c2", &["10.0.0.2"])).expect("borrowed");
    assert_eq!(State::of(&world.records()).borrowed.len(), 1);
    world.config(r#"{"strict_affinity":true,"auto_allocate_blocks":false}"#);
    let refused = refusal(assign(&allocator, &named("n2", "c3", &["10.0.0.3"])));
    assert_eq!(
        refused.to_string(),
        "address 10.0.0.3 is in block 10.0.0.0/30 of host:n1, and strict affinity forbids to borrow it"
    );
    assign(&allocator, &named("n2", "c4", &["10.0.0.5"])).expect("claims without the switch");
    State::of(&world.records()).check();
    let empty = r#"{"cidr":"10.0.0.8/30","affinity":null,"allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],"deleted":false,"sequenceNumber":7,"sequenceNumberForAllocation":{}}"#;
    world.put("/calico/ipam/v2/assignment/ipv4/block/10.0.0.8-30", empty);
    assign(&allocator, &named("n2", "c5", &["10.0.0.9"])).expect("reclaimed");
    let state = State::of(&world.records());
    assert_eq!(state.blocks["10.0.0.8/30"]["affinity"], "host:n2");
    state.check();
}

#[test]
fn an_address_in_a_block_of_another_size_is_refused() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/24", 28);
    let allocator = world.allocator();
    assign(&allocator, &named("n1", "c1", &["10.0.0.1"])).expect("claimed");
    world.pool("a", "10.0.0.0/24", 26);
    for inside in ["10.0.0.2", "10.0.0.20"] {
        let refused = refusal(assign(&allocator, &named("n1", "c2", &[inside])));
        assert!(
            matches!(refused, Refusal::OtherBlockSize { .. }),
            "{inside}: {refused}"
        );
    }
    let again = assign(&allocator, &named("n1", "c1", &["10.0.0.1"])).expect("held");
    assert!(again.repeated);
}

/// Calico makes a block of a forgotten affinity anew, whatever stands there by now.
#[test]
fn an_address_is_given_back_in_the_block_that_holds_it_where_one_lies_over_another() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/24", 28);
    let allocator = world.allocator();
    assign(&allocator, &named("n1", "c1", &["10.0.0.1"])).expect("claimed");
    let (slots, free) = (vec!["null"; 64].join(","), (0..64).map(|n| n.to_string()));
    let free = free.collect::<Vec<String>>().join(",");
    let over = format!(
        r#"{{"cidr":"10.0.0.0/26","affinity":"host:n2","allocations":[{slots}],"unallocated":[{free}],"attributes":[],"deleted":false}}"#
    );
    world.put("/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26", &over);
    assert!(matches!(
        attributes(&allocator, "10.0.0.1"),
        Held::By { .. }
    ));
    let request = ReleaseAddress {
        address: address("10.0.0.1"),
        handle: None,
        sequence: None,
    };
    let done = now(allocator.release_addresses(&[request])).expect("an answer");
    assert_eq!(done.released, [address("10.0.0.1")]);
}

#[test]
fn a_named_address_costs_one_read_in_a_block_and_two_outside() {
    let world = world();
    let allocator = world.allocator();
    assign(&allocator, &named("n1", "c1", &["192.168.1.1"])).expect("claimed");
    assert_eq!(world.requests(), (2, 1));
    assign(&allocator, &named("n1", "c2", &["192.168.1.2"])).expect("warm");
    assert_eq!(world.requests(), (1, 1));
    assign(&allocator, &named("n2", "c3", &["192.168.1.3"])).expect("borrowed");
    assert_eq!(world.requests(), (1, 1));
}

#[test]
fn of_racing_requests_for_an_address_one_wins() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/29", 30);
        let asking: Vec<Process<'_, bool>> = (0..6)
            .map(|index| {
                let allocator = world.allocator();
                let (node, container) = (format!("n{}", index % 3), format!("c{index}"));
                let named = named(&node, &container, &["10.0.0.5"]);
                let any = request(&node, &format!("any{index}"), 1, 0);
                Box::pin(async move {
                    let hint = Hint::default();
                    let named = allocator.assign_addresses(&named, &hint).await;
                    let _ = allocator.assign(&any, &hint).await;
                    named.is_ok()
                }) as Process<'_, bool>
            })
            .collect();
        let won = run(&world.dice, asking, 0, || {
            if world.has_changed() {
                State::of(&world.records()).check();
            }
        });
        let won = won.into_iter().flatten().filter(|won| *won).count();
        let holders = State::of(&world.records());
        let holder = holders
            .entries()
            .into_iter()
            .find(|(address, ..)| address.to_string() == "10.0.0.5");
        assert!(holder.is_some(), "seed {seed}");
        assert!(won <= 1, "seed {seed}: {won} won");
        assert_eq!(holders.entries().len(), 6 + won.min(1), "seed {seed}");
    }
}

fn marked(world: &World) -> usize {
    let attributes = |block: &serde_json::Value| {
        let slots = block["allocations"].as_array().expect("an array").clone();
        let used = slots.into_iter().filter(|slot| !slot.is_null());
        used.count()
    };
    State::of(&world.records())
        .blocks
        .values()
        .map(attributes)
        .sum()
}

/// A commit without an answer may be applied at any time until it is fenced.
#[test]
fn a_request_without_handle_takes_what_it_wants_once_whatever_gets_lost() {
    for seed in 0..4 * SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/28", 30);
        let busy = world.allocator();
        for index in 0..3 {
            let filler = request("n1", &format!("f{index}"), 1, 0);
            now(busy.assign(&filler, &Hint::default())).expect("room");
        }
        world.network.set_faults(Faults {
            lose_request: 5,
            lose_reply: 20,
            apply_late: 20,
        });
        let asking: Vec<Process<'_, Option<usize>>> = (0..4)
            .map(|index| {
                let allocator = world.allocator();
                let mut plain = request(&format!("n{}", 1 + index % 2), "none", 1, 0);
                plain.handle = None;
                plain.interface = None;
                Box::pin(async move {
                    let granted = allocator.assign(&plain, &Hint::default()).await;
                    granted.ok().map(|grant| grant.addresses.len())
                }) as Process<'_, Option<usize>>
            })
            .collect();
        let mut step = 0;
        let granted = run(&world.dice, asking, 0, || {
            step += 1;
            if step % 7 == 0 {
                now(world.network.deliver_late());
            }
        });
        now(world.network.deliver_late());
        let granted: Vec<usize> = granted
            .into_iter()
            .map(|one| one.flatten().expect("granted"))
            .collect();
        assert_eq!(granted, [1; 4], "seed {seed}");
        assert_eq!(marked(&world), 3 + 4, "seed {seed}: {:#?}", world.records());
    }
}

/// The late copy borrowed; the retry has room in its own block again and would not look at that of another node.
#[test]
fn a_late_commit_in_a_block_of_another_node_is_found_by_its_mark() {
    let world = World::new(5);
    world.pool("a", "10.0.0.0/29", 30);
    let allocator = world.allocator();
    let fill = |node: &str, container: &str| {
        let filler = request(node, container, 1, 0);
        let grant = now(allocator.assign(&filler, &Hint::default())).expect("room");
        grant.addresses[0].block
    };
    for container in ["f0", "f1", "f2", "f3"] {
        fill("n1", container);
    }
    let foreign = fill("n2", "f4");
    let mut plain = request("n1", "none", 1, 0);
    plain.handle = None;
    world.requests();
    world.network.set_faults(Faults {
        apply_late: 100,
        ..Faults::default()
    });
    let hint = Hint::default();
    let mut asking = Box::pin(allocator.assign(&plain, &hint));
    let mut context = Context::from_waker(Waker::noop());
    for commits in 1..=2 {
        while world.network.commits.load(Ordering::Relaxed) < commits {
            assert!(asking.as_mut().poll(&mut context).is_pending());
        }
        world.network.set_faults(Faults::default());
    }
    now(world.network.deliver_late());
    now(allocator.release_by_handle(&release("f0"), &Hint::default())).expect("released");
    let granted = now(asking).expect("granted");
    assert_eq!(granted.addresses[0].block, foreign);
    assert_eq!(marked(&world), 4 + 1);
}

#[test]
fn more_holders_than_one_transaction_can_guard_are_released_by_one_request() {
    let world = World::new(1);
    world.pool("p", "10.0.0.0/24", 24);
    let allocator = world.allocator();
    let mut all = Vec::new();
    for number in 0..130 {
        let grant = now(allocator.assign(
            &request("n1", &format!("c{number}"), 1, 0),
            &Hint::default(),
        ));
        all.extend(grant.expect("a grant").addresses);
    }
    let chosen: Vec<ReleaseAddress> = all
        .iter()
        .map(|granted| ReleaseAddress {
            address: granted.address,
            handle: None,
            sequence: None,
        })
        .collect();
    let released = now(allocator.release_addresses(&chosen)).expect("an answer");
    assert_eq!(released.released.len(), 130);
    let handles = world.records().into_keys();
    let handles = handles.filter(|key| key.contains("/handle/"));
    assert_eq!(handles.count(), 0);
}
