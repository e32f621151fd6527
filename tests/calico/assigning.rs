//! Borrowing, strict affinity and limits; pools that are asked for or select nodes; blocks found and claimed; the table of
//! Calico's automatic assignments.

use std::collections::BTreeSet;

use block_ipam::allocator::Hint;
use block_ipam::assign::AssignAddresses;
use block_ipam::blocks::Family;
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::refusal::{PoolReason, Refusal};
use block_ipam::report::Grace;
use block_ipam::report::collect::Memory;
use block_ipam::report::explain::Next;
use block_ipam::resources::Use;
use block_ipam_testing::world::now;

use crate::scene::{Ask, Got, Scene, address, block, handle, node};
use crate::table::{Row, differs, same};

pub(crate) const BORROWING: &[Row] = &[
    same(
        "B1",
        "two nodes and one block, as affinity becomes strict and not",
        b1,
    ),
    same("B2", "a borrowed address is released first", b2),
    same("B3", "limits of blocks, configured and requested", b3),
    same("B4", "a host name of 252 characters", b4),
];

fn b1() {
    let scene = Scene::of("10.0.0.0/28", 28);
    let ask = || ["n1", "n2"].map(|name| scene.ask(name).v4(1).get().len());
    assert_eq!(ask(), [1, 1], "the second one borrows");
    scene.strict(0);
    assert_eq!(ask(), [1, 0], "whose the block is");
    scene.config(r#""auto_allocate_blocks":true"#);
    assert_eq!(ask(), [1, 1]);
    scene.state();
}

fn b2() {
    let scene = Scene::of("10.0.0.0/28", 28);
    scene.one_as("n1", "own");
    scene.one_as("n2", "borrowed");
    assert_eq!(scene.release_handle("borrowed"), 1);
    assert_eq!(scene.release_handle("own"), 1);
    assert!(scene.state().entries().is_empty());
}

fn is_at_limit(short: &Refusal, expected: usize) -> bool {
    matches!(short, Refusal::BlockLimit { limit, .. } if *limit == expected)
}

fn b3() {
    let scene = Scene::of("10.0.0.0/28", 30);
    scene.strict(2);
    for _ in 0..8 {
        scene.one("n1");
    }
    let refused = |limit: usize, expected: usize| {
        let got = scene.ask("n1").v4(1).limit(limit).get();
        assert!(is_at_limit(got.short_of(0), expected), "{got:?}");
    };
    refused(0, 2);
    scene.one("n2");
    refused(0, 2);
    refused(3, 2);
    scene.strict(3);
    refused(2, 2);
    scene.one("n1");
    scene.state();
}

fn b4() {
    let name = "n".repeat(252);
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.one(&name);
    assert_eq!(scene.blocks_of(&name).len(), 1);
}

pub(crate) const POOLS: &[Row] = &[
    same("S1", "the first pool is requested", || two_requested(&[1])),
    same("S2", "then the second", || two_requested(&[1, 2])),
    same("S3", "then the first again", || two_requested(&[1, 2, 1])),
    same("S4", "then the second again", || {
        two_requested(&[1, 2, 1, 2]);
    }),
    same("S5", "a requested pool is used up", s5),
    same("S6", "more than the pools that select the node have", s6),
    differs(
        "S7",
        "a deselected block goes with its last address",
        GIVEN_UP_LATER,
        || {
            deselected(|scene, index| scene.free(address(&format!("10.0.0.{index}"))));
        },
    ),
    differs("S8", "the same by handle", GIVEN_UP_LATER, || {
        deselected(|scene, index| assert_eq!(scene.release_handle(&format!("p{index}")), 1));
    }),
    same("S9", "the pool's labels move to another node", s9),
    same(
        "S10",
        "an empty block of a deselected pool goes with the next claim",
        s10,
    ),
    same("S11", "a pool that is not for the use keeps its block", s11),
    same("S12", "a pool that is not requested keeps its block", s12),
    same("S13", "a disabled pool is requested", || {
        bad_pool(&["off"], "is not enabled");
    }),
    same("S14", "an IPv6 pool among those of IPv4", || {
        bad_pool(&["fd00::/120"], "is of the other family");
    }),
    same("S15", "of two requested pools the first", || {
        let got = requested()
            .ask("n1")
            .v4(1)
            .from(&["20.0.0.0/24", "10.0.0.0/24"])
            .get();
        assert!(got.inside("20.0.0.0/24"));
    }),
    same("S16", "two pools are used up together", s16),
    same("S17", "an unknown pool among the requested", || {
        bad_pool(&["40.0.0.0/24", "10.0.0.0/24"], "does not exist");
    }),
];

const GIVEN_UP_LATER: &str = "a release reads neither node nor pools; the next claim of the node takes the block, and so does collection";

fn requested() -> Scene {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.pool("b", "20.0.0.0/24", 26);
    scene.pool("six", "fd00::/120", 122);
    scene.pool_with("off", "30.0.0.0/24", 26, r#""disabled":true"#);
    scene
}

fn two_requested(order: &[usize]) {
    let scene = requested();
    let mut blocks = BTreeSet::new();
    for number in order {
        let pool = ["10.0.0.0/24", "20.0.0.0/24"][number - 1];
        let got = scene.ask("n1").v4(1).from(&[pool]).get();
        assert!(got.inside(pool));
        blocks.extend(got.blocks);
    }
    let pools: BTreeSet<&usize> = order.iter().collect();
    assert_eq!(
        blocks.len(),
        pools.len(),
        "the second address in the first one's block"
    );
}

fn s5() {
    let scene = requested();
    let ask = |count| scene.ask("n1").v4(count).from(&["10.0.0.0/24"]).get();
    ask(2).complete(2, 0);
    let most = ask(254);
    most.complete(254, 0);
    assert!(most.inside("10.0.0.0/24"));
    ask(1).short_of(0);
}

fn selecting() -> Scene {
    let scene = Scene::new();
    scene.pool_with("a", "10.0.0.0/24", 26, r#""nodeSelector":"foo == 'bar'""#);
    scene.pool_with("b", "20.0.0.0/24", 26, r#""nodeSelector":"foo != 'bar'""#);
    scene.node("n1", &[("foo", "bar")]);
    scene
}

fn s6() {
    let got = selecting().ask("n1").v4(300).get();
    got.short_of(256);
    assert!(got.inside("10.0.0.0/24"));
}

/// Three addresses of a block whose pool is deselected after the first was released.
fn deselected(release: fn(&Scene, usize)) {
    let scene = Scene::new();
    scene.pool_with("a", "10.0.0.0/30", 30, r#""nodeSelector":"foo == 'bar'""#);
    scene.pool_with("b", "20.0.0.0/24", 30, r#""nodeSelector":"foo != 'bar'""#);
    scene.node("n1", &[("foo", "bar")]);
    for index in 0..3 {
        let text = format!("10.0.0.{index}");
        scene
            .assign_ip("n1", &format!("p{index}"), &text)
            .expect("free");
    }
    let old = block("10.0.0.0/30");
    release(&scene, 0);
    scene.node("n1", &[("foo", "other")]);
    release(&scene, 1);
    assert_eq!(scene.blocks_of("n1"), [old], "in use");
    scene.ask("n1").handle("q").v4(1).get().complete(1, 0);
    assert!(
        scene.blocks_of("n1").contains(&old),
        "in use, at a claim too"
    );
    scene.release_handle("q");
    release(&scene, 2);
    assert!(
        scene.blocks_of("n1").contains(&old),
        "the release leaves it"
    );
    scene.wait(61);
    let (alive, memory) = (BTreeSet::new(), Memory::default());
    let collected = scene.allocator.collect(&alive, &memory, Grace::default());
    let (taken, _) = now(collected).expect("collected").report;
    assert_eq!(taken.surrendered.deleted, [old]);
    assert!(!scene.blocks_of("n1").contains(&old));
}

fn s9() {
    let scene = Scene::new();
    scene.pool_with("a", "10.0.0.0/30", 30, r#""nodeSelector":"foo == 'bar'""#);
    scene.node("n1", &[("foo", "bar")]);
    scene.node("n2", &[]);
    scene.ask("n1").v4(3).get().complete(3, 0);
    scene.node("n1", &[]);
    scene.node("n2", &[("foo", "bar")]);
    let got = scene.ask("n1").v4(1).get();
    let short = got.short_of(0);
    assert!(matches!(short, Refusal::NoAdmissiblePool { .. }), "{short}");
    scene.one("n2");
    assert_eq!(scene.blocks_of("n1").len(), 1, "it keeps the affinity");
    assert_eq!(scene.counts(), (1, 1));
}

/// Two pools, the first one's block emptied. Returns that block.
fn emptied(scene: &Scene) -> block_ipam::blocks::BlockCidr {
    scene
        .ask("n1")
        .handle("h")
        .v4(1)
        .from(&["10.0.0.0/24"])
        .get()
        .complete(1, 0);
    scene.release_handle("h");
    scene.blocks_of("n1")[0]
}

fn s10() {
    let scene = selecting();
    emptied(&scene);
    scene.node("n1", &[("foo", "other")]);
    assert!(scene.ask("n1").v4(1).get().inside("20.0.0.0/24"));
    let left = scene.blocks_of("n1");
    assert_eq!((left.len(), scene.counts()), (1, (1, 1)));
    assert!(crate::scene::cidr("20.0.0.0/24").covers(left[0].cidr()));
}

fn s11() {
    let scene = requested();
    let old = emptied(&scene);
    scene.pool_with("a", "10.0.0.0/24", 26, r#""allowedUses":["Tunnel"]"#);
    assert!(scene.ask("n1").v4(1).get().inside("20.0.0.0/24"));
    assert_eq!(scene.counts(), (2, 2));
    assert!(scene.blocks_of("n1").contains(&old));
}

fn s12() {
    let scene = requested();
    let old = emptied(&scene);
    scene
        .ask("n1")
        .v4(1)
        .from(&["20.0.0.0/24"])
        .get()
        .complete(1, 0);
    assert_eq!(scene.counts(), (2, 2));
    assert!(scene.blocks_of("n1").contains(&old));
}

fn bad_pool(pools: &[&str], expected: &str) {
    let scene = requested();
    let got = scene.ask("n1").v4(1).from(pools).get();
    let Refusal::BadPool { why, name, .. } = got.short_of(0) else {
        panic!("{got:?}");
    };
    assert_eq!((why.as_str(), name.as_str()), (expected, pools[0]));
    assert_eq!(scene.counts(), (0, 0));
}

fn s16() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.pool("b", "20.0.0.0/24", 26);
    scene.one("n1");
    let ask = || {
        scene
            .ask("n1")
            .v4(300)
            .from(&["10.0.0.0/24", "20.0.0.0/24"])
            .get()
    };
    ask().complete(300, 0);
    ask().short_of(211);
}

pub(crate) const FIND_OR_CLAIM: &[Row] = &[
    same(
        "K1",
        "a block that is reserved as a whole is passed over",
        k1,
    ),
    same("K2", "own blocks in order, then a new one", k2),
    same("K3", "no new block is allowed", k3),
    same("K4", "the same state finds the same block", k4),
];

/// Two own blocks with one usable address each, the others being set aside.
fn two_blocks() -> Scene {
    let scene = Scene::of("10.0.0.0/24", 30);
    for text in ["10.0.0.2", "10.0.0.6"] {
        let request = AssignAddresses {
            reserved_slots: Some(two_and_one()),
            ..AssignAddresses::workload(node("n1"), handle("h"), vec![address(text)])
        };
        now(scene.allocator.assign_addresses(&request, &Hint::default())).expect("free");
        scene.release_handle("h");
    }
    assert_eq!(scene.counts(), (2, 2));
    scene
}

fn two_and_one() -> ReservedSlots {
    ReservedSlots {
        start: 2,
        end: 1,
        ..ReservedSlots::windows()
    }
}

fn next(scene: &Scene) -> Ask<'_> {
    scene.ask("n1").v4(1).slots(&two_and_one())
}

fn k1() {
    let scene = two_blocks();
    scene.reserve("r", &["10.0.0.0/30"]);
    assert_eq!(next(&scene).get().one(), address("10.0.0.6"));
    assert_eq!(scene.counts(), (2, 2), "nothing is claimed");
}

fn k2() {
    let scene = two_blocks();
    let found = [(); 3].map(|()| next(&scene).get().one());
    assert_eq!(found[..2], [address("10.0.0.2"), address("10.0.0.6")]);
    assert_eq!(scene.counts(), (3, 3));
}

fn k3() {
    let scene = two_blocks();
    for _ in 0..2 {
        next(&scene).limit(2).get().one();
    }
    let got = next(&scene).limit(2).get();
    assert!(is_at_limit(got.short_of(0), 2), "{got:?}");
}

fn k4() {
    let scene = two_blocks();
    let told = || {
        let explanation = now(scene.allocator.explain(&next(&scene).request)).expect("told");
        match explanation.next {
            Next::Grant { grant, .. } => grant.blocks(),
            Next::Refuse(refusal) => panic!("{refusal}"),
        }
    };
    assert_eq!(told(), [block("10.0.0.0/30")]);
    assert_eq!(told(), told());
}

pub(crate) const TABLE: &[Row] = &[
    same(
        "T1",
        "a workload, from a pool for tunnels that is requested",
        || {
            let got = uses().ask("h").v4(1).from(&["tunnel"]).get();
            assert!(not_for_use(got.short_of(0)), "{got:?}");
        },
    ),
    same(
        "T2",
        "a workload, from a pool for workloads that is requested",
        || {
            uses().ask("h").v4(1).from(&["work"]).get().complete(1, 0);
        },
    ),
    same("T3", "a workload, from any pool", || {
        assert!(uses().ask("h").v4(1).get().inside("192.168.1.0/24"));
    }),
    same("T4", "a workload, and only a pool for tunnels", || {
        let scene = uses();
        scene.lose_pool("work");
        let got = scene.ask("h").v4(1).get();
        assert!(not_for_use(got.short_of(0)), "{got:?}");
    }),
    same("T5", "a tunnel, from a pool for tunnels", || {
        let got = uses().ask("h").v4(1).purpose(Use::Tunnel).get();
        assert!(got.inside("192.168.2.0/24"));
    }),
    same("T6", "both families, blocks of one address", || {
        both("192.168.1.0/24", 32, "fd80:24e2:f998:72d6::/120", 128);
    }),
    same("T7", "both families, blocks of 4096", || {
        both("192.168.0.0/16", 20, "fd80:24e2:f998:72d6::/110", 116);
    }),
    same("T8", "both families, blocks of 64", || {
        both(V4, 26, V6, 122);
    }),
    same("T9", "all of both pools", || {
        usual().ask("h").v4(256).v6(256).get().complete(256, 256);
    }),
    same(
        "T10",
        "the same in blocks of four, 256 of them allowed",
        || {
            let scene = families(V4, 30, V6, 126);
            scene
                .ask("h")
                .v4(256)
                .v6(256)
                .limit(256)
                .get()
                .complete(256, 256);
        },
    ),
    same("T11", "256 of IPv4, one block allowed", || {
        limited(Family::V4, 1, 64);
    }),
    same("T12", "256 of IPv4, two blocks allowed", || {
        limited(Family::V4, 2, 128);
    }),
    same("T13", "256 of IPv6, one block allowed", || {
        limited(Family::V6, 1, 64);
    }),
    same("T14", "one more than there are of IPv4", || {
        one_too_many(Family::V4);
    }),
    same("T15", "one more than there are of IPv6", || {
        one_too_many(Family::V6);
    }),
    same("T16", "the first host of a pool of two blocks", || {
        two_hosts(1);
    }),
    same("T17", "the second host gets the other block", || {
        two_hosts(2);
    }),
    same("T18", "the first host borrows what it is short of", || {
        two_hosts(3);
    }),
    same("T19", "strict affinity, a pool of one block", t19),
];

const V4: &str = "192.168.1.0/24";
const V6: &str = "fd80:24e2:f998:72d6::/120";

fn uses() -> Scene {
    let scene = Scene::new();
    scene.pool_with("work", V4, 26, r#""allowedUses":["Workload"]"#);
    scene.pool_with(
        "tunnel",
        "192.168.2.0/24",
        32,
        r#""allowedUses":["Tunnel"]"#,
    );
    scene
}

fn not_for_use(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NoAdmissiblePool { pools, .. }
        if pools.iter().any(|pool| pool.reason == PoolReason::NotForUse))
}

fn families(v4: &str, v4_size: u8, v6: &str, v6_size: u8) -> Scene {
    let scene = Scene::of(v4, v4_size);
    scene.pool("six", v6, v6_size);
    scene
}

fn usual() -> Scene {
    families(V4, 26, V6, 122)
}

fn both(v4: &str, v4_size: u8, v6: &str, v6_size: u8) {
    let scene = families(v4, v4_size, v6, v6_size);
    scene.ask("h").v4(1).v6(1).get().complete(1, 1);
    scene.state();
}

fn of_family(ask: Ask<'_>, family: Family, count: usize) -> Ask<'_> {
    match family {
        Family::V4 => ask.v4(count),
        Family::V6 => ask.v6(count),
    }
}

fn limited(family: Family, limit: usize, expected: usize) {
    let got = of_family(usual().ask("h"), family, 256).limit(limit).get();
    assert!(is_at_limit(got.short_of(expected), limit), "{got:?}");
}

fn one_too_many(family: Family) {
    let got: Got = of_family(usual().ask("h"), family, 257).get();
    let short = got.short_of(256);
    let pool = match family {
        Family::V4 => V4,
        Family::V6 => V6,
    };
    assert!(matches!(short, Refusal::Exhausted { .. }), "{short}");
    assert!(short.to_string().contains(pool), "{short}");
}

fn two_hosts(steps: usize) {
    let scene = Scene::of("10.0.0.0/25", 26);
    let mut blocks = BTreeSet::new();
    for (name, count) in [("host-a", 1), ("host-b", 1), ("host-a", 64)]
        .into_iter()
        .take(steps)
    {
        let got = scene.ask(name).v4(count).get();
        got.complete(count, 0);
        blocks.extend(got.blocks);
    }
    assert_eq!(blocks.len(), steps.min(2));
    assert_eq!(scene.state().borrowed.len(), usize::from(steps == 3));
}

fn t19() {
    let scene = usual();
    scene.pool("small", "192.168.2.0/26", 26);
    scene.strict(0);
    let got = scene.ask("h").v4(256).from(&["192.168.2.0/26"]).get();
    let short = got.short_of(64);
    assert!(
        matches!(short, Refusal::Exhausted { found: 64, .. }),
        "{short}"
    );
}
