//! Where Calico was seen to lose, leak, hang or die: what was done is done to ours, one test for each.

use std::collections::BTreeSet;
use std::time::Duration;

use block_ipam::affinity::surrender::Which;
use block_ipam::allocator::{Allocator, Budget, Hint};
use block_ipam::assign::{Assign, AssignAddresses, ReleaseHandle};
use block_ipam::clock::Clock;
use block_ipam::datastore::Datastore;
use block_ipam::ids::HandleId;
use block_ipam::refusal::Refusal;
use block_ipam::report::collect::Memory;
use block_ipam::report::{FindingKind, Grace};
use block_ipam::resources::Use;
use block_ipam_testing::state::State;
use block_ipam_testing::world::{Dice, Faults, Process, World, now, run};

use crate::around::split;
use crate::scene::{Scene, address, cidr, handle, labels, node, owner};

fn request(name: &str, id: &str) -> Assign {
    let mut request = Assign::workload(node(name), handle(id));
    request.attributes = labels(&[("node", name)]);
    request.v4.count = 1;
    request
}

fn release(id: &str) -> ReleaseHandle {
    ReleaseHandle {
        handle: handle(id),
        interface: None,
        aliases: Vec::new(),
    }
}

/// Nothing is held and no handle is left.
#[track_caller]
fn nothing_is_left(world: &World) {
    let state = State::of(&world.records());
    state.check();
    assert!(state.entries().is_empty(), "{:?}", state.entries());
    assert!(state.handles.is_empty(), "{:?}", state.handles);
}

/// Runs this for each of so many handles, each as a process that dies with the given chance in per mille at each step;
/// returns how many died.
fn killed<'a, F>(
    world: &World,
    count: usize,
    death: u64,
    life: impl Fn(Allocator, String) -> F,
) -> usize
where
    F: Future<Output = ()> + 'a,
{
    // Eight clients, as Calico was asked by.
    let clients: Vec<Allocator> = (0..8).map(|_| world.allocator()).collect();
    let lives = (0..count).map(|index| {
        let client = clients[index % 8].clone();
        Box::pin(life(client, format!("c{index}"))) as Process<'a, ()>
    });
    let mut changes = 0;
    let ended = run(&world.dice, lives.collect(), death, || {
        changes += usize::from(world.has_changed());
        if changes == 16 {
            State::of(&world.records()).check();
            changes = 0;
        }
    });
    ended.iter().filter(|ended| ended.is_none()).count()
}

/// Calico: 10 handle records stay for ever of 177 ADDs that were killed, 8 of 76 DELs.
#[test]
fn adds_and_dels_that_are_killed_leave_no_handle() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/16", 26);
    let dead = killed(&world, 250, 250, |allocator, id| async move {
        let _ = allocator
            .assign(&request("n1", &id), &Hint::default())
            .await;
    });
    assert!(100 < dead, "{dead} of 250 ADDs died");
    let allocator = world.allocator();
    for index in 0..250 {
        let id = format!("c{index}");
        now(allocator.assign(&request("n1", &id), &Hint::default())).expect("granted");
    }
    let dead = killed(&world, 250, 250, |allocator, id| async move {
        let _ = allocator
            .release_by_handle(&release(&id), &Hint::default())
            .await;
    });
    assert!(100 < dead, "{dead} of 250 DELs died");
    for index in 0..250 {
        let again = release(&format!("c{index}"));
        now(allocator.release_by_handle(&again, &Hint::default())).expect("released");
    }
    nothing_is_left(&world);
}

/// Calico: the counts of 63 of 64 handles are too high and the handles stay; of 200 requests 16 are refused.
#[test]
fn named_addresses_of_one_block_at_once_leave_no_handle() {
    for count in [64, 200] {
        let world = World::new(1);
        world.pool("a", "10.0.0.0/24", 24);
        let dead = killed(&world, count, 0, |allocator, id| async move {
            let ordinal: usize = id[1..].parse().expect("a number");
            let request = AssignAddresses {
                attributes: labels(&[("node", "n1")]),
                ..AssignAddresses::workload(
                    node("n1"),
                    handle(&id),
                    vec![address(&format!("10.0.0.{ordinal}"))],
                )
            };
            let granted = allocator.assign_addresses(&request, &Hint::default()).await;
            granted.expect("none is refused");
        });
        assert_eq!(dead, 0);
        let state = State::of(&world.records());
        assert_eq!((state.entries().len(), state.blocks.len()), (count, 1));
        for index in 0..count {
            let one = release(&format!("c{index}"));
            now(world.allocator().release_by_handle(&one, &Hint::default())).expect("released");
        }
        nothing_is_left(&world);
    }
}

/// Calico: 13.4 s for 200, each conflict read again; here calls of one process queue and none conflicts.
#[test]
fn assignments_of_one_block_at_once_commit_once_each() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/24", 24);
    let allocator = world.allocator();
    let lives = (0..200).map(|index| {
        let allocator = allocator.clone();
        Box::pin(async move {
            let request = request("n1", &format!("c{index}"));
            allocator
                .assign(&request, &Hint::default())
                .await
                .expect("granted");
        }) as Process<'_, ()>
    });
    run(&world.dice, lives.collect(), 0, || {});
    let (reads, commits) = world.requests();
    assert_eq!(commits, 200);
    assert!(reads <= 201, "{reads} reads");
    assert_eq!(State::of(&world.records()).entries().len(), 200);
}

/// Calico: the same request takes a second address, and its handle can never be released whole.
#[test]
fn a_reply_that_is_lost_after_the_commit_takes_no_second_address() {
    for seed in 0..40 {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/24", 26);
        world.network.set_faults(Faults {
            lose_reply: 60,
            ..Faults::default()
        });
        let allocator = world.allocator();
        now(allocator.assign(&request("n1", "c"), &Hint::default())).expect("granted");
        let state = State::of(&world.records());
        state.check();
        assert_eq!(state.entries().len(), 1, "seed {seed}");
        now(allocator.release_by_handle(&release("c"), &Hint::default())).expect("released");
        nothing_is_left(&world);
    }
}

/// Calico: 100 % CPU without end, its deadline is not looked at.
#[test]
fn a_reservation_over_a_pool_of_ipv6_ends_a_request_at_once() {
    let scene = Scene::of("fd00::/64", 122);
    scene.reserve("all", &["fd00::/64"]);
    let got = scene.ask("n1").v6(1).get();
    let short = got.short_of(0).to_string();
    assert!(short.contains("reserved"), "{short}");
    let (reads, commits) = scene.world.requests();
    assert!(
        reads <= 3 && commits == 0,
        "{reads} reads, {commits} commits"
    );
    scene.reserve("all", &["fd00::/65"]);
    scene.ask("n1").v6(1).get().complete(0, 1);
}

/// Calico: 10 064 reads, 22 writes, and a block claimed for nothing.
#[test]
fn a_cap_that_cannot_be_met_is_refused_at_once_and_claims_nothing() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.one_as("n1", "h");
    let before = scene.world.records();
    scene.world.requests();
    let refusal = scene.ask("n2").handle("h").v4(3).cap(2).whole().ask();
    assert!(
        matches!(refusal, Err(Refusal::HandleFull { .. })),
        "{refusal:?}"
    );
    let (reads, commits) = scene.world.requests();
    assert!(
        reads <= 3 && commits == 0,
        "{reads} reads, {commits} commits"
    );
    assert_eq!(scene.world.records(), before);
}

/// Calico: ADD and DEL of its plugin fail after 90 s, and its command line waits on.
#[test]
fn a_dead_store_is_told_within_the_time_for_a_request() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.world.network.set_faults(Faults {
        lose_request: 100,
        ..Faults::default()
    });
    let store = scene.world.network.clone() as std::sync::Arc<dyn Datastore>;
    let clock = scene.world.clock.clone() as std::sync::Arc<dyn Clock>;
    let budget = Budget::default();
    let allocator = Allocator::new(store, clock, std::sync::Arc::new(Dice::new(1)));
    let begin = scene.world.clock.now();
    now(allocator.assign(&request("n1", "c"), &Hint::default())).expect_err("no store");
    now(allocator.release_by_handle(&release("c"), &Hint::default())).expect_err("no store");
    now(allocator.check()).expect_err("no store");
    let each = scene.world.clock.now().since(begin) / 3;
    assert!(each <= budget.deadline, "{each:?} each");
    assert!(
        budget.deadline < Duration::from_secs(40),
        "{:?}",
        budget.deadline
    );
}

fn block_record(cidr: &str, owner: &str, slots: &str, queue: &str) -> (String, String) {
    (
        format!(
            "/calico/ipam/v2/assignment/ipv4/block/{}",
            cidr.replace('/', "-")
        ),
        format!(
            r#"{{"cidr":"{cidr}","affinity":"host:{owner}","allocations":[{slots}],"unallocated":[{queue}],"attributes":[{{"handle_id":"old"}}],"sequenceNumber":1,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
        ),
    )
}

fn put_affinity(scene: &Scene, name: &str, cidr: &str) {
    let key = format!(
        "/calico/ipam/v2/host/{name}/ipv4/block/{}",
        cidr.replace('/', "-")
    );
    scene
        .world
        .put(&key, r#"{"state":"confirmed","deleted":false}"#);
}

/// Every address of every block, by its handle: none is held twice.
#[track_caller]
fn none_is_held_twice(scene: &Scene) {
    let entries = State::of(&scene.world.records()).entries();
    let addresses: BTreeSet<_> = entries.iter().map(|(address, ..)| address).collect();
    assert_eq!(addresses.len(), entries.len(), "{entries:?}");
}

/// Calico: the same address is given twice.
#[test]
fn a_block_of_another_size_gives_no_address_twice() {
    let scene = Scene::of("10.0.0.0/28", 30);
    // All of the upper half is held, in one block of a size that is no more.
    let held = ["0"; 8].join(",");
    let (key, value) = block_record("10.0.0.8/29", "n2", &held, "");
    scene.world.put(&key, &value);
    put_affinity(&scene, "n2", "10.0.0.8/29");
    let got = ["n1", "n2", "n3"].map(|name| scene.ask(name).v4(8).get().addresses);
    let got: Vec<_> = got.into_iter().flatten().collect();
    assert_eq!(got.len(), 8);
    assert!(
        got.iter().all(|one| cidr("10.0.0.0/29").contains(*one)),
        "{got:?}"
    );
    none_is_held_twice(&scene);
}

/// Calico makes the old block anew beside those of the pool's size, and the same address is given twice.
#[test]
fn an_affinity_of_an_old_size_gives_no_address_twice() {
    let scene = Scene::of("10.0.0.0/28", 30);
    put_affinity(&scene, "n1", "10.0.0.0/29");
    for _ in 0..8 {
        scene.one("n1");
        scene.one("n2");
    }
    none_is_held_twice(&scene);
    let sizes = scene
        .world
        .records()
        .into_keys()
        .filter(|key| key.contains("/assignment/"));
    assert!(sizes.into_iter().all(|key| key.ends_with("-30")));
}

/// Calico believes the queue, not the allocations, and gives the same address twice.
#[test]
fn a_wrong_queue_gives_no_address_twice() {
    let scene = Scene::of("10.0.0.0/30", 30);
    let (key, value) = block_record("10.0.0.0/30", "n1", "0,0,null,null", "1,0,1,3,9");
    scene.world.put(&key, &value);
    put_affinity(&scene, "n1", "10.0.0.0/30");
    let got = scene.ask("n1").v4(4).get();
    assert_eq!(got.len(), 2, "{got:?}");
    none_is_held_twice(&scene);
}

/// Calico: the process crashes, its check included.
#[test]
fn records_that_contradict_themselves_are_named_and_end_nobody() {
    let scene = Scene::of("10.0.0.0/24", 30);
    for (cidr, slots) in [("10.0.0.0/30", "null"), ("10.0.0.4/30", "7,null,null,null")] {
        let (key, value) = block_record(cidr, "n1", slots, "");
        scene.world.put(&key, &value);
        put_affinity(&scene, "n1", cidr);
    }
    scene.world.put(
        "/calico/ipam/v2/handle/h",
        r#"{"block":null,"deleted":false}"#,
    );
    scene.pool_with("bad", "10.9.0.300/24", 26, r#""disabled":false"#);
    scene.one_as("n1", "h");
    assert_eq!(
        scene.holds("h").map(|held| held.len()),
        Some(1),
        "the map is made anew"
    );
    for text in ["10.0.0.0", "10.0.0.4"] {
        scene
            .assign_ip("n2", "x", text)
            .expect_err("its block cannot be read");
    }
    assert_eq!(scene.release_handle("h"), 1);
    let usage = now(scene.allocator.usage()).expect("counted").report;
    let left_out: Vec<&str> = usage.corrupt.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(left_out.len(), 3, "{left_out:?}");
    let report = now(scene.allocator.check()).expect("checked").report;
    let is_of = |key: &str| {
        report.findings.iter().any(|finding| {
            let named = match &finding.kind {
                FindingKind::Corrupt(record) => record.key.contains(key),
                FindingKind::Structure(_) => format!("{:?}", finding.subject).contains(key),
                _ => false,
            };
            named || format!("{finding:?}").contains(key)
        })
    };
    for key in ["10.0.0.0", "10.0.0.4", "bad"] {
        assert!(is_of(key), "{key}: {:?}", report.findings);
    }
    let kept = scene.give_up(Which::Owner(owner("n1")));
    assert_eq!(kept.corrupt.len(), 2, "{kept:?}");
}

/// Calico: each request claims one useless block, and fails until that pool is used up.
#[test]
fn a_pool_whose_blocks_are_too_small_for_the_slots_is_passed_over() {
    let scene = Scene::of("10.0.0.0/24", 30);
    scene.pool("b", "10.1.0.0/24", 26);
    for _ in 0..3 {
        let got = scene.ask("w").v4(1).windows().get();
        assert!(got.inside("10.1.0.0/24"), "{got:?}");
    }
    assert_eq!(scene.counts(), (1, 1));
}

/// Calico: its addresses are lost to every operation.
#[test]
fn an_empty_block_of_nobody_serves_under_strict_affinity() {
    let ways: [fn(&Scene); 3] = [
        |scene| assert!(cidr("10.0.0.0/30").contains(scene.one("n2"))),
        |scene| scene.assign_ip("n2", "x", "10.0.0.1").expect("taken over"),
        |scene| {
            let claimed = scene.claim("10.0.0.0/30", owner("n2")).expect("answered");
            assert_eq!(claimed.claimed.len(), 1);
        },
    ];
    for way in ways {
        let scene = Scene::of("10.0.0.0/30", 30);
        scene.strict(0);
        let (key, value) = block_record("10.0.0.0/30", "n1", "null,null,null,null", "0,1,2,3");
        let value = value.replace(r#""host:n1""#, "null");
        scene
            .world
            .put(&key, &value.replace(r#"{"handle_id":"old"}"#, ""));
        way(&scene);
        assert_eq!(scene.blocks_of("n2").len(), 1);
    }
}

/// Calico: the VXLAN address of IPv6 stays for ever.
#[test]
fn a_deleted_node_leaves_no_address_of_a_tunnel() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.pool("six", "fd00::/120", 122);
    scene.node("n1", &[]);
    let tunnels = [
        "ipip-tunnel-addr-n1",
        "vxlan-tunnel-addr-n1",
        "vxlan-v6-tunnel-addr-n1",
    ];
    for (id, kind) in tunnels.iter().zip(["ipip", "vxlan", "vxlanV6"]) {
        let mut ask = scene.ask("n1").handle(id).purpose(Use::Tunnel);
        let kind = format!("{kind}TunnelAddress");
        ask.request.attributes = labels(&[("node", "n1"), ("type", &kind)]);
        let ask = if kind.starts_with("vxlanV6") {
            ask.v6(1)
        } else {
            ask.v4(1)
        };
        assert_eq!(ask.get().len(), 1);
    }
    scene.one_as("n2", "living");
    now(scene.allocator.delete_node(&node("n1"))).expect("deleted");
    let living: BTreeSet<HandleId> = BTreeSet::from([handle("living")]);
    let look = |memory: &Memory| {
        let collected = scene.allocator.collect(&living, memory, Grace::default());
        now(collected).expect("collected").report
    };
    let (_, memory) = look(&Memory::default());
    scene.wait(901);
    let (taken, _) = look(&memory);
    assert_eq!(taken.released.released.len(), 3);
    let state = scene.state();
    assert_eq!((state.entries().len(), state.handles.len()), (1, 1));
    assert!(scene.blocks_of("n1").is_empty());
}

/// Calico: the pool stays disabled.
#[test]
fn a_split_into_a_bad_number_of_parts_changes_nothing() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.one("n1");
    let before = scene.world.records();
    for parts in [3, 512] {
        split(&scene, parts).expect_err("no such parts");
    }
    assert_eq!(scene.world.records(), before);
    scene.one("n1");
}
