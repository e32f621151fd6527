//! Many at once, and what Calico leaves between two of its writes. In every state that is reached the invariants hold.

use std::sync::Arc;

use block_ipam::affinity::claim_range::ClaimRange;
use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::allocator::{AllocatorError, Hint};
use block_ipam::assign::{Assign, AssignAddresses, Shortage};
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::datastore::{Commit, Datastore, Guard, Txn, Write};
use block_ipam::ids::Owner;
use block_ipam_testing::state::State;
use block_ipam_testing::world::{self, Process, World, now};

use crate::scene::{Scene, address, block, cidr, handle, labels, node, owner};
use crate::table::{Row, differs, not_ours, same};

pub(crate) const RACES: &[Row] = &[
    same("X1", "32 hosts at once in a pool of 16 blocks", x1),
    same("X2", "four requests of a host at once", x2),
    same(
        "X3",
        "four claims of 16 blocks at once, then four releases",
        x3,
    ),
    same("X4", "a release while a claim has created its block", x4),
    same("X5", "a claim while the block is being given up", x5),
    differs(
        "X6",
        "two hosts claim the same block",
        "nothing is left pending in between",
        x6,
    ),
    same(
        "X7",
        "an empty block is reclaimed under strict affinity, when it is old",
        x7,
    ),
    differs(
        "X8",
        "a reclaim that fails",
        "who asks is told that the store failed, not that nothing is left",
        x8,
    ),
    same("X9", "a release beside an assignment", x9),
    same("X10", "affinities of hosts and virtual ones", x10),
    same("X11", "slots set aside in a block of four", x11),
    not_ours(
        "X12",
        "three tests of UIDs in Kubernetes' API",
        "there are none in etcd",
    ),
];

const SEEDS: u64 = 25;

fn request(name: &str, id: &str) -> Assign {
    let mut request = Assign::workload(node(name), handle(id));
    request.attributes = labels(&[("node", name)]);
    request.v4.count = 1;
    request
}

/// Each asks for one address in a process of its own. Returns what each got, and checks every state on the way.
fn all_at_once(world: &World, names: &[String]) -> Vec<String> {
    let asking = names.iter().enumerate().map(|(index, name)| {
        let allocator = world.allocator();
        let request = request(name, &format!("h{index}"));
        Box::pin(async move {
            let grant = allocator.assign(&request, &Hint::default()).await;
            grant.expect("granted").addresses[0].address.to_string()
        }) as Process<'_, String>
    });
    let asking = asking.collect();
    let got = world::run(&world.dice, asking, 0, || {
        if world.has_changed() {
            State::of(&world.records()).check();
        }
    });
    got.into_iter().flatten().collect()
}

fn x1() {
    let names: Vec<String> = (0..32).map(|index| format!("n{index}")).collect();
    for seed in 0..5 {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/22", 26);
        let got = all_at_once(&world, &names);
        assert_eq!(got.len(), 32, "seed {seed}");
        let state = State::of(&world.records());
        assert_eq!(state.affinities.len(), 16, "seed {seed}");
        for (name, own) in state.affinities.keys() {
            let index: usize = name[1..].parse().expect("a number");
            assert!(
                cidr(own).contains(address(&got[index])),
                "seed {seed}: {name}"
            );
        }
    }
}

fn x2() {
    let names = vec!["n1".to_owned(); 4];
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/25", 26);
        assert_eq!(all_at_once(&world, &names).len(), 4, "seed {seed}");
        let state = State::of(&world.records());
        assert_eq!(
            state.affinities.len(),
            1,
            "seed {seed}: as Calico's, which may miss it"
        );
    }
}

fn x3() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/26", 30);
        let claiming = (0..4).map(|_| {
            let allocator = world.allocator();
            Box::pin(async move {
                let request = ClaimRange {
                    cidr: cidr("10.0.0.0/26"),
                    owner: owner("n1"),
                };
                let done = allocator.claim_range(&request).await.expect("answered");
                (done.claimed.len(), done.failed.len())
            }) as Process<'_, (usize, usize)>
        });
        let check = || State::of(&world.records()).check();
        let claimed = world::run(&world.dice, claiming.collect(), 0, check);
        assert_eq!(claimed, [Some((16, 0)); 4], "seed {seed}");
        let releasing = (0..4).map(|_| {
            let allocator = world.allocator();
            Box::pin(async move {
                let request = Surrender {
                    which: Which::Range(cidr("10.0.0.0/26"), owner("n1")),
                    in_use: InUse::Keep,
                };
                allocator.surrender(&request).await.expect("answered");
            }) as Process<'_, ()>
        });
        world::run(&world.dice, releasing.collect(), 0, check);
        let state = State::of(&world.records());
        assert!(
            state.blocks.is_empty() && state.affinities.is_empty(),
            "seed {seed}"
        );
    }
}

const BLOCK: &str = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30";
const AFFINITY: &str = "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.0-30";

/// A pool of one block of `n1`, empty, whose affinity Calico left so.
fn half_done(state: &str) -> Scene {
    let scene = Scene::of("10.0.0.0/30", 30);
    scene.world.put(
        BLOCK,
        r#"{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],"sequenceNumber":7,"sequenceNumberForAllocation":{},"deleted":false}"#,
    );
    let value = format!(r#"{{"state":"{state}","deleted":false}}"#);
    scene.world.put(AFFINITY, &value);
    scene
}

/// The next write of a Calico process that has read this key before: it compares what it read.
fn calico_writes<F>(scene: &Scene, key: &str, writes: F) -> impl Fn() -> bool + use<F>
where
    F: Fn(String) -> Write,
{
    let entries = scene.world.network.memory.entries();
    let read = entries.into_iter().find(|entry| entry.key == key);
    let txn = Txn {
        guards: vec![Guard::At(key.to_owned(), read.expect("a record").modified)],
        writes: vec![writes(key.to_owned())],
    };
    let network = Arc::clone(&scene.world.network);
    move || {
        let commit = now(network.memory.commit(txn.clone()));
        matches!(commit.expect("the store answers"), Commit::Applied(_))
    }
}

fn x4() {
    let scene = half_done("pending");
    let confirmed = br#"{"state":"confirmed","deleted":false}"#.to_vec();
    let put = |key| Write::Put(key, confirmed.clone());
    let confirm = calico_writes(&scene, AFFINITY, put);
    let done = scene.give_up(Which::Range(cidr("10.0.0.0/30"), owner("n1")));
    assert_eq!(done.deleted, [block("10.0.0.0/30")]);
    assert!(!confirm(), "the claimer gets a conflict");
    assert_eq!(scene.counts(), (0, 0), "nothing is confirmed");
}

fn x5() {
    let scene = half_done("pendingDeletion");
    let delete = calico_writes(&scene, BLOCK, Write::Delete);
    scene.one("n1");
    assert!(!delete(), "the release gets a conflict");
    let state = scene.state();
    assert_eq!((state.blocks.len(), state.entries().len()), (1, 1));
}

fn x6() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/29", 30);
        let names = ["n1".to_owned(), "n2".to_owned()];
        assert_eq!(all_at_once(&world, &names).len(), 2, "seed {seed}");
        assert_eq!(
            State::of(&world.records()).affinities.len(),
            2,
            "seed {seed}"
        );
    }
}

fn one_strict_block() -> Scene {
    let scene = Scene::of("10.0.0.0/30", 30);
    scene.strict(0);
    scene.one_as("n1", "h");
    scene
}

fn x7() {
    let scene = one_strict_block();
    let ask = || scene.ask("n2").v4(1).get().len();
    assert_eq!(ask(), 0, "not empty");
    scene.release_handle("h");
    assert_eq!(ask(), 0, "claimed a moment ago");
    scene.wait(61);
    assert_eq!(ask(), 1);
    scene.state();
}

fn x8() {
    let scene = one_strict_block();
    scene.release_handle("h");
    scene.wait(61);
    let before = scene.world.records();
    scene.world.network.set_faults(world::Faults {
        lose_request: 100,
        ..world::Faults::default()
    });
    let mut request = request("n2", "late");
    request.shortage = Shortage::Accept;
    let failed = now(scene.allocator.assign(&request, &Hint::default()));
    let failed = failed.expect_err("the store is away");
    assert!(!matches!(failed, AllocatorError::Refused(_)), "{failed}");
    assert_eq!(scene.world.records(), before);
    scene.world.network.set_faults(world::Faults::default());
    scene.one("n2");
    scene.state();
}

fn x9() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/30", 30);
        let assigner = world.allocator();
        let other = world.allocator();
        let request = request("n1", "h");
        let processes: Vec<Process<'_, bool>> = vec![
            Box::pin(async move { assigner.assign(&request, &Hint::default()).await.is_ok() }),
            Box::pin(async move {
                for _ in 0..3 {
                    let request = Surrender {
                        which: Which::Owner(owner("n1")),
                        in_use: InUse::Keep,
                    };
                    other.surrender(&request).await.expect("answered");
                }
                true
            }),
        ];
        let done = world::run(&world.dice, processes, 0, || {
            State::of(&world.records()).check();
        });
        assert_eq!(done, [Some(true); 2], "seed {seed}");
        let state = State::of(&world.records());
        assert_eq!(
            (state.blocks.len(), state.entries().len()),
            (1, 1),
            "seed {seed}"
        );
    }
}

fn x10() {
    for owner in [owner("n1"), Owner::load_balancer()] {
        let scene = Scene::of("10.0.0.0/24", 26);
        let claimed = scene.claim("10.0.0.0/26", owner.clone()).expect("answered");
        assert_eq!(claimed.claimed.len(), 1, "{owner}");
        assert_eq!(
            scene.give_up(Which::Owner(owner.clone())).deleted.len(),
            1,
            "{owner}"
        );
        assert_eq!(scene.counts(), (0, 0), "{owner}");
        assert!(
            scene.give_up(Which::Owner(owner.clone())).is_nothing(),
            "{owner}"
        );
    }
}

fn x11() {
    let scene = Scene::of("10.0.0.0/30", 30);
    let ask = |id: &str, text: &str| {
        let request = AssignAddresses {
            reserved_slots: Some(ReservedSlots {
                start: 2,
                end: 1,
                ..ReservedSlots::windows()
            }),
            ..AssignAddresses::workload(node("n1"), handle(id), vec![address(text)])
        };
        now(scene.allocator.assign_addresses(&request, &Hint::default()))
    };
    for reserved in ["10.0.0.0", "10.0.0.1", "10.0.0.3"] {
        ask("h", reserved).expect_err("set aside");
    }
    let grant = ask("h", "10.0.0.2").expect("free");
    assert_eq!(grant.addresses[0].block, block("10.0.0.0/30"));
    assert_eq!(scene.ask("n1").v4(1).get().len(), 0, "no other is left");
}
