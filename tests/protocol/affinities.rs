//! Blocks as a whole: claimed and given up by many at once, half states of Calico, nodes and pools that go.

use std::collections::BTreeMap;
use std::time::Duration;

use block_ipam::affinity::claim_range::{ClaimRange, Claimed};
use block_ipam::affinity::repair::{Repaired, Standing};
use block_ipam::affinity::surrender::{InUse, Surplus, Surrender, Surrendered, Which};
use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::repair_handle::RepairCounts;
use block_ipam::assign::{EnsureBlock, PoolRef, Wanted};
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::blocks::{BlockCidr, Cidr};
use block_ipam::ids::{HandleId, NodeName, Owner, ResourceName};
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::revision::Revision;
use block_ipam_testing::recordings;

use crate::state::State;
use crate::world::{Faults, Process, World, now, run};
use crate::{release, request};

const SEEDS: u64 = 40;

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::new(node).expect("a node name"))
}

fn cidr(text: &str) -> Cidr {
    text.parse().expect("a CIDR")
}

fn block(text: &str) -> BlockCidr {
    text.parse().expect("a block")
}

fn claim(world: &World, range: &str, node: &str) -> Result<Claimed, AllocatorError> {
    let request = ClaimRange {
        cidr: cidr(range),
        owner: owner(node),
    };
    now(world.allocator().claim_range(&request))
}

fn surrender(world: &World, which: Which, in_use: InUse) -> Surrendered {
    let request = Surrender { which, in_use };
    now(world.allocator().surrender(&request)).expect("the store answers")
}

fn assign(world: &World, node: &str, container: &str, count: usize) {
    let mut request = request(node, container, count, 0);
    request.interface = None;
    now(world.allocator().assign(&request, &Hint::default())).expect("granted");
}

fn free(world: &World, container: &str) {
    let allocator = world.allocator();
    now(allocator.release_by_handle(&release(container), &Hint::default())).expect("released");
}

fn state(world: &World) -> State {
    let state = State::of(&world.records());
    state.check();
    state
}

fn world_of_blocks() -> World {
    let world = World::new(11);
    world.pool("a", "10.0.0.0/24", 30);
    world
}

fn affinity_world() -> World {
    let world = World::new(12);
    world.pool("a", "10.0.0.0/24", 26);
    world
}

#[test]
fn a_range_begins_in_a_pool_and_ends_with_it_and_is_no_smaller_than_a_block() {
    let world = affinity_world();
    let text = |range| claim(&world, range, "n1").expect_err("refused").to_string();
    assert_eq!(
        text("10.0.0.0/27"),
        "range 10.0.0.0/27 is smaller than a block: those of its pool are /26"
    );
    assert_eq!(
        text("10.9.0.0/24"),
        "range 10.9.0.0/24 does not begin in an enabled pool"
    );
    // Otherwise than with Calico what lies behind the pool is left out.
    let all = claim(&world, "10.0.0.0/16", "n1").expect("answered");
    assert_eq!(all.claimed.len(), 4);
}

async fn assign_and_release(allocator: Allocator, node: String, container: String) {
    let request = request(&node, &container, 1, 0);
    let granted = allocator.assign(&request, &Hint::default()).await;
    if granted.is_ok() {
        let _ = allocator
            .release_by_handle(&release(&container), &Hint::default())
            .await;
        let _ = allocator.assign(&request, &Hint::default()).await;
    }
}

async fn claim_and_surrender(allocator: Allocator, node: String, in_use: InUse) {
    let request = ClaimRange {
        cidr: cidr("10.0.0.0/28"),
        owner: owner(&node),
    };
    let _ = allocator.claim_range(&request).await;
    let which = Which::Owner(owner(&node));
    let _ = allocator.surrender(&Surrender { which, in_use }).await;
    let _ = allocator.claim_range(&request).await;
}

/// Assigning, releasing, claiming and giving up by three nodes at once; invariants hold in every state.
fn races(death: u64, faults: Faults, in_use: InUse) {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/28", 30);
        world.network.set_faults(faults);
        let mut all: Vec<Process<'_, ()>> = Vec::new();
        for index in 0..6 {
            let node = format!("n{}", index % 3);
            let life = assign_and_release(world.allocator(), node.clone(), format!("c{index}"));
            all.push(Box::pin(life));
            all.push(Box::pin(claim_and_surrender(
                world.allocator(),
                node,
                in_use,
            )));
        }
        run(&world.dice, all, death, || {
            if world.has_changed() {
                State::of(&world.records()).check();
            }
        });
        now(world.network.deliver_late());
        State::of(&world.records()).check();
    }
}

#[test]
fn blocks_are_claimed_and_given_up_beside_assignments() {
    races(0, Faults::default(), InUse::Keep);
}

#[test]
fn blocks_are_given_up_while_processes_die_and_replies_are_lost() {
    let faults = Faults {
        lose_request: 5,
        lose_reply: 10,
        apply_late: 5,
    };
    races(5, Faults::default(), InUse::Disown);
    races(5, faults, InUse::Disown);
}

#[test]
fn what_virtual_owners_have_is_not_given_up_with_that_of_nodes() {
    let world = affinity_world();
    for owner in [owner("n1"), Owner::load_balancer()] {
        let request = ClaimRange {
            cidr: cidr("10.0.0.0/26"),
            owner: owner.clone(),
        };
        let claimed = now(world.allocator().claim_range(&request)).expect("answered");
        assert_eq!(claimed.claimed.len(), 1, "{owner}");
        let nodes = surrender(&world, Which::Nodes(cidr("10.0.0.0/24")), InUse::Disown);
        assert_eq!(nodes.is_nothing(), owner.node().is_none(), "{owner}");
        surrender(&world, Which::Owner(owner), InUse::Keep);
        let state = state(&world);
        assert!(state.blocks.is_empty() && state.affinities.is_empty());
    }
}

#[test]
fn a_block_that_is_made_sure_of_is_written_once() {
    let world = World::new(5);
    world.pool("a", "10.0.0.0/24", 29);
    world.pool("b", "10.0.1.0/24", 29);
    world.pool("small", "10.0.2.0/24", 31);
    world.pool("six", "fd00::/120", 125);
    world.pool_with("off", "10.0.3.0/24", 29, r#","disabled":true"#);
    let ensure = |v4: Option<&[&str]>, v6: Option<&[&str]>| {
        let wanted = |pools: &[&str]| Wanted {
            pools: pools.iter().map(|pool| PoolRef::parse(pool)).collect(),
            reserved_slots: Some(ReservedSlots::windows()),
            ..Wanted::default()
        };
        let request = EnsureBlock {
            node: NodeName::new("n1").expect("a name"),
            v4: v4.map(wanted),
            v6: v6.map(wanted),
        };
        now(world.allocator().ensure_block(&request))
    };
    for refused in [&["off"][..], &["six"], &["small"], &["nope", "a"]] {
        assert!(ensure(Some(refused), None).is_err(), "{refused:?}");
    }
    assert!(state(&world).blocks.is_empty(), "a refusal leaves nothing");
    let first = ensure(Some(&["b", "a"]), None).expect("a block");
    assert!(
        cidr("10.0.1.0/24").covers(first[0].cidr()),
        "the first pool"
    );
    assert_eq!(ensure(Some(&["b"]), None).expect("a block"), first, "again");
    world.requests();
    assert_eq!(ensure(Some(&[]), None).expect("a block"), first, "any pool");
    assert_eq!(
        world.requests(),
        (2, 0),
        "nothing is written for what is there"
    );
    let both = ensure(Some(&[]), Some(&["six"])).expect("two blocks");
    assert!(both[0] == first[0] && cidr("fd00::/120").covers(both[1].cidr()));
    assert_eq!(ensure(None, None).expect("nothing"), []);
    state(&world);
}

/// The stores that Calico left when it was stopped half way, and what lies about in others. Both nodes go on,
/// everything is released, and what is left is repaired: then the records agree again.
#[test]
fn every_half_state_of_calico_can_be_lived_with_and_repaired() {
    let stores = [
        "crash-claim-1",
        "crash-claim-2",
        "crash-release-1",
        "crash-release-2",
        "crash-release-used-2",
        "crash-release-handle",
        "crash-assign-1",
        "affinity-without-block",
        "block-without-affinity",
        "ownerless-empty-block",
        "ownerless-in-use",
        "pool-deleted-in-use",
        "node-deleted-in-use",
    ];
    for store in stores {
        let world = World::new(store.len() as u64);
        load(&world, store);
        world.pool("spare", "10.250.0.0/24", 28);
        let allocator = world.allocator();
        for node in ["n1", "n2"] {
            world.put(
                &format!("/calico/resources/v3/projectcalico.org/nodes/{node}"),
                &format!(r#"{{"kind":"Node","metadata":{{"name":"{node}"}},"spec":{{}}}}"#),
            );
            for index in 0..3 {
                let request = request(node, &format!("{node}{index}"), 1, 0);
                let granted = now(allocator.assign(&request, &Hint::default()));
                granted.unwrap_or_else(|error| panic!("{store}, {node}: {error}"));
            }
        }
        release_all(&world, &allocator);
        repair_all(&world, &allocator, store);
        let state = State::of(&world.records());
        state.check();
        assert!(
            state.entries().is_empty() && state.handles.is_empty(),
            "{store}"
        );
    }
}

fn load(world: &World, store: &str) {
    for (key, value) in recordings::store(store) {
        world.put(&key, &value);
    }
}

fn release_all(world: &World, allocator: &Allocator) {
    let handles: Vec<String> = State::of(&world.records()).handles.into_keys().collect();
    for handle in handles {
        let request = block_ipam::assign::ReleaseHandle {
            handle: HandleId::stored(&handle),
            interface: None,
            aliases: Vec::new(),
        };
        now(allocator.release_by_handle(&request, &Hint::default())).expect("released");
    }
}

/// Does what collection does after a second look: everything stood long enough.
fn repair_all(world: &World, allocator: &Allocator, store: &str) {
    let revisions: BTreeMap<String, Revision> = world
        .network
        .memory
        .entries()
        .into_iter()
        .map(|entry| (entry.key, entry.modified))
        .collect();
    let standing = |key: &str| Standing {
        revision: revisions[key],
        unchanged_for: Duration::from_secs(3600),
    };
    let state = State::of(&world.records());
    for (node, cidr) in state.affinities.keys() {
        let key = format!(
            "/calico/ipam/v2/host/{node}/ipv4/block/{}",
            cidr.replace('/', "-")
        );
        let (owner, cidr) = (owner(node), block(cidr));
        let young = now(allocator.drop_affinity(&owner, cidr, None)).expect("answered");
        assert_ne!(young, Repaired::Done, "{store}: dropped at once");
        now(allocator.drop_affinity(&owner, cidr, Some(standing(&key)))).expect("answered");
        now(allocator.confirm_affinity(&owner, cidr)).expect("answered");
    }
    for (cidr, record) in &state.blocks {
        if let Some(node) = record["affinity"]
            .as_str()
            .and_then(|text| text.strip_prefix("host:"))
        {
            now(allocator.confirm_affinity(&owner(node), block(cidr))).expect("answered");
        }
    }
    for handle in state.handles.keys() {
        let mut request = RepairCounts {
            handle: HandleId::stored(handle),
            standing: None,
            blocks: state.blocks.keys().map(|cidr| block(cidr)).collect(),
        };
        let young = now(allocator.repair_counts(&request)).expect("answered");
        assert_eq!(
            young,
            Repaired::TooYoung,
            "{store}: {handle} lowered at once"
        );
        request.standing = Some(standing(&format!("/calico/ipam/v2/handle/{handle}")));
        let done = now(allocator.repair_counts(&request)).expect("answered");
        assert_eq!(done, Repaired::Done, "{store}: {handle}");
    }
}

#[test]
fn a_node_is_deleted_with_its_blocks_and_its_addresses_stay_held() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/28", 30);
        let key = "/calico/resources/v3/projectcalico.org/nodes/n1";
        world.put(key, r#"{"kind":"Node","metadata":{"name":"n1"},"spec":{}}"#);
        world.put("/calico/ipam/v2/host/n1", "{}");
        let mut all: Vec<Process<'_, ()>> = Vec::new();
        for index in 0..4 {
            let allocator = world.allocator();
            let life = assign_and_release(allocator, "n1".to_owned(), format!("c{index}"));
            all.push(Box::pin(life));
        }
        let allocator = world.allocator();
        all.push(Box::pin(async move {
            let node = NodeName::new("n1").expect("a name");
            let deleted = allocator.delete_node(&node).await.expect("answered");
            assert!(deleted.had_record);
        }));
        run(&world.dice, all, 0, || drop(state(&world)));
        assert!(!world.records().contains_key(key), "seed {seed}");
        assert!(!world.records().contains_key("/calico/ipam/v2/host/n1"));
    }
}

#[test]
fn a_node_without_a_record_keeps_nothing_where_calico_runs() {
    let world = world_of_blocks();
    world.put(
        "/calico/resources/v3/projectcalico.org/clusterinformations/default",
        "{}",
    );
    let key = "/calico/resources/v3/projectcalico.org/nodes/n1";
    world.put(key, r#"{"kind":"Node","metadata":{"name":"n1"},"spec":{}}"#);
    assign(&world, "n1", "c", 5);
    let node = NodeName::new("n1").expect("a name");
    let deleted = now(world.allocator().delete_node(&node)).expect("deleted");
    assert_eq!(deleted.surrendered.disowned.len(), 2);
    let after = state(&world);
    assert_eq!((after.affinities.len(), after.entries().len()), (0, 5));
    let again = now(world.allocator().delete_node(&node)).expect("deleted");
    assert!(!again.had_record && again.surrendered.is_nothing());
    let pair = "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.252-30";
    world.put(pair, r#"{"state":"pending","deleted":false}"#);
    let (n1, allocator) = (owner("n1"), world.allocator());
    let dropped = now(allocator.drop_affinity(&n1, block("10.0.0.252/30"), None));
    assert_eq!(
        dropped.expect("answered"),
        Repaired::Done,
        "its node is gone"
    );
}

#[test]
fn a_pool_is_deleted_when_nothing_in_it_is_held() {
    let world = world_of_blocks();
    assign(&world, "n1", "c", 5);
    assign(&world, "n2", "d", 1);
    free(&world, "d");
    let orphan = "/calico/ipam/v2/host/n3/ipv4/block/10.0.0.252-30";
    world.put(orphan, r#"{"state":"pending","deleted":false}"#);
    let pool = Delete {
        name: ResourceName::stored("a"),
        expected: None,
    };
    let refused = now(world.allocator().delete_pool(&pool)).expect_err("in use");
    assert!(refused.to_string().contains("2 blocks"), "{refused}");
    let left = state(&world);
    assert_eq!(
        (left.blocks.len(), left.affinities.len()),
        (2, 2),
        "what is empty is gone"
    );
    let request = request("n1", "late", 1, 0);
    let late = now(world.allocator().assign(&request, &Hint::default()));
    assert!(late.is_err(), "disabled");
    free(&world, "c");
    now(world.allocator().delete_pool(&pool)).expect("deleted");
    assert!(world.records().is_empty(), "{:?}", world.records());
}

#[test]
fn empty_blocks_in_pools_that_no_longer_select_the_node_are_given_up() {
    let world = World::new(8);
    world.pool("a", "10.0.0.0/24", 30);
    world.pool("b", "10.0.1.0/24", 30);
    assign(&world, "n1", "c", 5);
    free(&world, "c");
    assign(&world, "n1", "d", 1);
    let node = NodeName::new("n1").expect("a name");
    let given_up = || surrender(&world, Which::Deselected(node.clone()), InUse::Keep);
    assert!(given_up().is_nothing(), "selected");
    world.pool_with("a", "10.0.0.0/24", 30, r#","nodeSelector":"zone = ("#);
    assert!(given_up().is_nothing(), "a selector that does not parse");
    world.pool_with("a", "10.0.0.0/24", 30, r#","nodeSelector":"has(zone)""#);
    let done = given_up();
    assert_eq!((done.deleted.len(), done.kept.len()), (1, 1));
    state(&world);
}

#[test]
fn a_range_is_claimed_and_given_up_in_steps_that_fit_a_transaction() {
    for (pool, size, commits) in [("10.0.0.0/22", 28, 8), ("fd00::/116", 122, 8)] {
        let world = World::new(9);
        world.pool("a", pool, size);
        let all = claim(&world, pool, "n1").expect("answered");
        assert_eq!((all.claimed.len(), all.failed.len()), (64, 0));
        assert_eq!(
            world.requests().1,
            commits,
            "{pool}: own blocks trip no guard"
        );
        state(&world);
        let done = surrender(&world, Which::Owner(owner("n1")), InUse::Keep);
        assert_eq!(done.deleted.len(), 64);
        assert_eq!(world.requests().1, 2, "{pool}");
        assert!(world.records().len() == 1, "the pool is left");
    }
}

const NODE: &str = "/calico/resources/v3/projectcalico.org/nodes/n1";

/// A node whose label `zone` chooses between the pools `a` and `b`.
fn zones(world: &World, zone: &str) {
    for name in ["a", "b"] {
        let cidr = format!("10.0.{}.0/28", u8::from(name == "b"));
        let selector = format!(r#","nodeSelector":"zone == '{name}'""#);
        world.pool_with(name, &cidr, 30, &selector);
    }
    move_to(world, zone);
}

fn move_to(world: &World, zone: &str) {
    let record = format!(
        r#"{{"kind":"Node","metadata":{{"name":"n1","labels":{{"zone":"{zone}"}}}},"spec":{{}}}}"#
    );
    world.put(NODE, &record);
}

#[test]
fn what_is_deselected_goes_with_the_next_claim_and_costs_other_requests_nothing() {
    let world = World::new(8);
    zones(&world, "b");
    assign(&world, "n1", "warm", 1);
    move_to(&world, "a");
    assign(&world, "n1", "c", 5);
    free(&world, "c");
    assign(&world, "n1", "d", 1);
    move_to(&world, "b");
    world.requests();
    let hint = Hint {
        blocks: vec![block(&state(&world).entries()[1].3)],
        ..Hint::default()
    };
    let warm = request("n1", "e", 1, 0);
    now(world.allocator().assign(&warm, &hint)).expect("room in the block of zone b");
    assert_eq!(world.requests(), (1, 1));
    assert_eq!(state(&world).affinities.len(), 3, "nothing is given up");
    assign(&world, "n1", "f", 4);
    let left = state(&world);
    assert_eq!(
        left.affinities.len(),
        3,
        "one came, the empty one of zone a went"
    );
    assert_eq!(
        left.blocks
            .keys()
            .filter(|cidr| cidr.starts_with("10.0.0."))
            .count(),
        1
    );
}

#[test]
fn what_is_deselected_and_empty_makes_room_within_the_limit_of_blocks() {
    let world = World::new(8);
    zones(&world, "a");
    world.config(r#"{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":1}"#);
    assign(&world, "n1", "c", 1);
    move_to(&world, "b");
    let ask = |container| {
        let request = request("n1", container, 1, 0);
        now(world.allocator().assign(&request, &Hint::default()))
    };
    let refused = ask("d").expect_err("the block is in use").to_string();
    assert!(
        refused.contains("owns 1 IPv4 blocks and may own 1"),
        "{refused}"
    );
    free(&world, "c");
    let told = now(world.allocator().explain(&request("n1", "d", 1, 0))).expect("told");
    assert!(told.to_string().contains("would get 10.0.1."), "{told}");
    let (allocator, wanted) = (world.allocator(), request("n1", "d", 1, 0));
    let foretold = now(allocator.dry_run(&wanted, &Hint::default(), 9));
    let grant = foretold.expect("told").expect("known");
    assert_eq!(
        grant.addresses.len(),
        1,
        "what goes first is no part of the answer"
    );
    ask("d").expect("it went first");
    assert_eq!(state(&world).affinities.len(), 1);
}

#[test]
fn a_node_whose_labels_change_all_the_time_keeps_its_limit_and_its_addresses() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        zones(&world, "a");
        world
            .config(r#"{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":2}"#);
        let lives = (0..6).map(|index| {
            let life = assign_and_release(world.allocator(), "n1".to_owned(), format!("c{index}"));
            Box::pin(life) as Process<'_, ()>
        });
        run(&world.dice, lives.collect(), 2, || {
            if world.has_changed() {
                let owned = state(&world).affinities.len();
                assert!(owned <= 2, "seed {seed}: {owned} blocks");
            }
            if world.dice.below(12) == 0 {
                move_to(&world, ["a", "b"][usize::from(world.dice.below(2) == 0)]);
            }
        });
        state(&world);
    }
}

#[test]
fn a_surplus_block_that_was_written_since_it_was_seen_stays() {
    let world = world_of_blocks();
    assign(&world, "n1", "c", 5);
    free(&world, "c");
    let seen: Vec<Surplus> = state(&world)
        .blocks
        .iter()
        .map(|(cidr, record)| Surplus {
            owner: owner("n1"),
            block: block(cidr),
            sequence: record["sequenceNumber"].as_u64().expect("a number"),
        })
        .collect();
    let mut given = seen.clone();
    given[0].sequence += 1;
    given[1].owner = owner("n2");
    let untouched = surrender(&world, Which::Surplus(given), InUse::Keep);
    assert_eq!(untouched, Surrendered::default());
    assign(&world, "n1", "d", 1);
    free(&world, "d");
    let done = surrender(&world, Which::Surplus(seen), InUse::Keep);
    assert_eq!(done.deleted.len(), 1, "the other one was used meanwhile");
    assert_eq!(state(&world).blocks.len(), 1);
}
