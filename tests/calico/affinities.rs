//! Affinities, pools that come and go, handles with a cap, claims of ranges, blocks that are made sure of.

use block_ipam::affinity::surrender::{Surrendered, Which};
use block_ipam::assign::{EnsureBlock, Ensured};
use block_ipam::blocks::Family;
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::refusal::Refusal;
use block_ipam_testing::world::now;

use crate::scene::{Scene, block, cidr, node, owner, refused, wanted};
use crate::table::{Row, differs, same};

pub(crate) const AFFINITIES: &[Row] = &[
    differs("F1", "a range that must be empty", NOTHING_LEFT, || {
        given_up_when_empty(|one| Which::Range(cidr(one), owner("n1")));
    }),
    differs("F2", "the same by its block", NOTHING_LEFT, || {
        given_up_when_empty(|one| Which::Block(block(one)));
    }),
    same("F3", "a pool's affinities, over a block of nobody", f3),
    same("F4", "a host's affinities that must be empty", f4),
    same("F5", "a host's affinities after its pool is gone", f5),
];

const NOTHING_LEFT: &str = "what is gone already is told as nothing done, and not as not found";

fn given_up_when_empty(which: fn(&str) -> Which) {
    let scene = Scene::of("10.0.0.0/24", 30);
    scene.one_as("n1", "h");
    let one = scene.blocks_of("n1")[0];
    let which = which(&one.to_string());
    let held = scene.world.records();
    assert_eq!(scene.give_up(which.clone()).kept, [one]);
    assert_eq!(scene.world.records(), held, "owner unchanged");
    scene.release_handle("h");
    assert_eq!(scene.give_up(which.clone()).deleted, [one]);
    assert_eq!(scene.counts(), (0, 0));
    assert_eq!(scene.give_up(which), Surrendered::default());
}

fn f3() {
    let scene = Scene::of("10.0.0.0/24", 30);
    let slots = vec!["null"; 256].join(",");
    let queue: Vec<String> = (0..256).map(|ordinal| ordinal.to_string()).collect();
    scene.world.put(
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-24",
        &format!(
            r#"{{"cidr":"10.0.0.0/24","affinity":null,"allocations":[{slots}],"unallocated":[{}],"attributes":[],"sequenceNumber":1,"deleted":false}}"#,
            queue.join(",")
        ),
    );
    let key = "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.0-24";
    scene
        .world
        .put(key, r#"{"state":"confirmed","deleted":false}"#);
    scene.disown(Which::Nodes(cidr("10.0.0.0/16")));
    assert_eq!(scene.counts(), (0, 0));
}

fn twelve_addresses() -> Scene {
    let scene = Scene::of("10.0.0.0/24", 30);
    scene.ask("n1").handle("h").v4(12).get().complete(12, 0);
    assert_eq!(scene.counts(), (3, 3));
    scene
}

fn f4() {
    let scene = twelve_addresses();
    scene.release_handle("h");
    assert_eq!(scene.counts(), (3, 3), "empty blocks remain");
    scene.one("n1");
    let done = scene.give_up(Which::Owner(owner("n1")));
    assert_eq!((done.deleted.len(), done.kept.len()), (2, 1));
    assert_eq!(scene.counts(), (1, 1));
}

fn f5() {
    let scene = twelve_addresses();
    scene.lose_pool("a");
    let done = scene.disown(Which::Owner(owner("n1")));
    assert_eq!(done.disowned.len(), 3);
    assert_eq!(scene.counts(), (3, 0));
    assert_eq!(scene.release_handle("h"), 12);
    assert_eq!(scene.counts(), (0, 0));
}

pub(crate) const POOLS_COME_AND_GO: &[Row] = &[
    same("D1", "assigned from the only pool", || {
        assert!(
            Scene::of("10.0.0.0/24", 26)
                .ask("n1")
                .v4(1)
                .get()
                .inside("10.0.0.0/24")
        );
    }),
    same("D2", "the second address in the same block", d2),
    same("D3", "the pool is replaced: a new host", || {
        replaced_pool("n2");
    }),
    same("D4", "the pool is replaced: the first host", || {
        replaced_pool("n1");
    }),
];

fn d2() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let blocks = [(); 2].map(|()| scene.ask("n1").v4(1).get().blocks);
    assert_eq!(blocks[0], blocks[1]);
}

fn replaced_pool(name: &str) {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.one("n1");
    let old = scene.blocks_of("n1");
    scene.lose_pool("a");
    scene.pool("b", "20.0.0.0/24", 26);
    assert!(scene.ask(name).v4(1).get().inside("20.0.0.0/24"));
    assert!(scene.blocks_of("n1").contains(&old[0]), "its block stays");
}

pub(crate) const HANDLES: &[Row] = &[
    same(
        "H1",
        "a handle tells its addresses until they are released",
        h1,
    ),
    same("H2", "a cap of one, asked twice", h2),
    same("H3", "a cap of one, by address", h3),
    same("H4", "a cap of two, asked three times", h4),
];

fn h1() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let address = scene.one_as("n1", "h");
    assert_eq!(scene.holds("h"), Some(vec![address]));
    assert_eq!(scene.release_handle("h"), 1);
    assert_eq!(scene.holds("h"), None);
}

fn h2() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.pool("six", "fd00::/120", 122);
    let ask = || scene.ask("n1").handle("h").v4(1).v6(1).cap(1).get();
    let first = ask();
    first.complete(1, 1);
    assert_eq!(ask().addresses, first.addresses);
    assert_eq!(scene.state().entries().len(), 2);
}

fn h3() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let ask = |text| scene.assign_ip_capped("n1", "h", text, None, 1);
    ask("10.0.0.1").expect("free");
    ask("10.0.0.1").expect("held by the same");
    let refusal = ask("10.0.0.2").expect_err("one already");
    assert!(
        matches!(
            refusal,
            Refusal::HandleFull {
                held: 1,
                cap: 1,
                ..
            }
        ),
        "{refusal}"
    );
    assert_eq!(scene.state().entries().len(), 1);
}

fn h4() {
    let scene = Scene::of("10.0.0.0/24", 26);
    // Calico knows no interfaces: each of its requests under a handle is one more address, up to the cap.
    let ask = |interface: &str| {
        let mut ask = scene.ask("n1").handle("h").v4(1).cap(2);
        ask.request.interface = Some(interface.to_owned());
        ask.get().one()
    };
    let two = [ask("eth0"), ask("eth1")];
    assert_ne!(two[0], two[1]);
    assert!(two.contains(&ask("eth2")));
    assert_eq!(scene.state().entries().len(), 2);
}

pub(crate) const CLAIMS: &[Row] = &[
    same("C1", "one block", || claimed("10.0.0.0/26", None, (1, 0))),
    same("C2", "smaller than a block", c2),
    same("C3", "a block is another's", || {
        claimed("10.0.0.0/24", Some(1), (3, 1));
    }),
    same("C4", "all of a clean pool", || {
        claimed("10.0.0.0/24", None, (4, 0));
    }),
    same("C5", "all are another's", || {
        claimed("10.0.0.0/24", Some(4), (0, 4));
    }),
];

/// Claims for `n1` while `n2` has so many blocks.
fn claimed(range: &str, others: Option<usize>, expected: (usize, usize)) {
    let scene = Scene::of("10.0.0.0/24", 26);
    match others {
        Some(1) => drop(scene.one("n2")),
        Some(_) => drop(scene.claim(range, owner("n2")).expect("answered")),
        None => {}
    }
    let done = scene.claim(range, owner("n1")).expect("answered");
    assert_eq!((done.claimed.len(), done.failed.len()), expected);
    assert!(
        done.failed
            .iter()
            .all(|(_, other)| *other == Some(owner("n2")))
    );
    scene.state();
}

fn c2() {
    let scene = Scene::of("192.168.1.0/24", 26);
    let refusal = refused(
        scene
            .claim("192.168.1.0/27", owner("n1"))
            .expect_err("small"),
    );
    assert_eq!(
        refusal.to_string(),
        "range 192.168.1.0/27 is smaller than a block: those of its pool are /26"
    );
}

pub(crate) const ENSURE: &[Row] = &[
    same("E1", "a disabled pool is requested", || {
        not_ensured(&["off"]);
    }),
    same("E2", "an IPv6 pool among those of IPv4", || {
        not_ensured(&["six"]);
    }),
    same("E3", "blocks too small for the slots", || {
        not_ensured(&["small"]);
    }),
    same("E4", "an unknown and a valid pool", || {
        not_ensured(&["40.0.0.0/24", "a"]);
    }),
    same("E5", "no pool is requested", || {
        let ensured = ensure(&pools(), Some(&[]), None).expect("a block");
        assert_eq!(ensured.len(), 1);
    }),
    same("E6", "from the first of two", || {
        let ensured = ensure(&pools(), Some(&["b", "a"]), None).expect("a block");
        assert!(cidr("10.0.1.0/24").covers(ensured[0].cidr()));
    }),
    same("E7", "asked again the same block", e7),
    same("E8", "IPv6 from the list of IPv6", e8),
];

fn pools() -> Scene {
    let scene = Scene::of("10.0.0.0/24", 29);
    scene.pool("b", "10.0.1.0/24", 29);
    scene.pool("small", "90.0.0.0/24", 31);
    scene.pool("six", "fd00::/120", 125);
    scene.pool_with("off", "10.0.3.0/24", 29, r#""disabled":true"#);
    scene
}

fn ensure(scene: &Scene, v4: Option<&[&str]>, v6: Option<&[&str]>) -> Result<Ensured, Refusal> {
    let windows = || Some(ReservedSlots::windows());
    let request = EnsureBlock {
        node: node("n1"),
        v4: v4.map(|pools| wanted(pools, windows())),
        v6: v6.map(|pools| wanted(pools, windows())),
    };
    now(scene.allocator.ensure_block(&request)).map_err(refused)
}

fn not_ensured(requested: &[&str]) {
    let scene = pools();
    ensure(&scene, Some(requested), None).expect_err("refused");
    assert_eq!(scene.counts(), (0, 0), "a refusal leaves nothing");
}

fn e7() {
    let scene = pools();
    let first = ensure(&scene, Some(&["b"]), None).expect("a block");
    scene.world.requests();
    assert_eq!(ensure(&scene, Some(&["b"]), None), Ok(first));
    assert_eq!(
        scene.world.requests().1,
        0,
        "nothing is written for what is there"
    );
}

fn e8() {
    let scene = pools();
    let both = ensure(&scene, Some(&[]), Some(&["six"])).expect("two blocks");
    let families: Vec<Family> = both.iter().map(|block| block.family()).collect();
    assert_eq!(families, Family::BOTH);
    assert!(cidr("fd00::/120").covers(both[1].cidr()));
}
