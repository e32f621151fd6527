//! Blocks as values: what is free, held and released in them; the order of candidates; arithmetic of reservations and of
//! addresses; Windows nodes.

use std::collections::BTreeSet;

use block_ipam::assign::ReleaseAddress;
use block_ipam::blocks::block::{Attribute, Cooldown, ReservedSlots, Slot};
use block_ipam::blocks::{Block, Candidates, Ordinal, RangeSet};
use block_ipam::clock::Timestamp;
use block_ipam::datastore::codec::decode_block;
use block_ipam::refusal::{PoolReason, Refusal};
use block_ipam::resources::Reservation;
use block_ipam_testing::world::now;

use crate::scene::{Scene, address, block, cidr, handle, held_by_anyone, owner};
use crate::table::{Row, differs, not_ours, same};

pub(crate) const BLOCKS: &[Row] = &[
    same("BL1", "what counts as empty", bl1),
    same("BL2", "what is in use", bl2),
    same("BL3", "free addresses, as reservations grow", || {
        for (reserved, free) in [
            (None, 254),
            (Some("100.64.0.128/25"), 126),
            (Some("100.64.0.0/24"), 0),
        ] {
            assert_eq!(
                two_in_use().usable_count(&ranges(reserved)),
                free,
                "{reserved:?}"
            );
        }
    }),
    same("BL4", "reserved addresses", || {
        for (reserved, count) in [
            (None, 0),
            (Some("100.64.0.128/25"), 128),
            (Some("100.64.0.0/24"), 256),
        ] {
            assert_eq!(
                ranges(reserved).count_in(cidr("100.64.0.0/24")),
                count,
                "{reserved:?}"
            );
        }
    }),
    same("BL5", "addresses by handle", || {
        let block = sixteen(&[("h", &[1]), ("many", &[2, 5])]);
        for (id, ordinals) in [("none", &[][..]), ("h", &[1]), ("many", &[2, 5])] {
            assert_eq!(entries(&block, id), ordinals);
        }
    }),
    same("BL6", "attributes of an address", || {
        let block = sixteen(&[("h", &[1])]);
        assert!(matches!(block.slot(ordinal(0)), Slot::Free));
        assert!(matches!(block.slot(ordinal(1)), Slot::Assigned(own) if own.is_of(&handle("h"))));
    }),
    same("BL7", "one is released", bl7),
    same("BL8", "one of several that share an attribute", || {
        let mut block = sixteen(&[("h", &[1, 2, 3])]);
        assert_eq!(release(&mut block, &[2]), [2]);
        assert_eq!((entries(&block, "h"), attributes(&block)), (vec![1, 3], 1));
    }),
    same("BL9", "all that share an attribute", || {
        let mut block = sixteen(&[("h", &[1, 2, 3])]);
        release(&mut block, &[1, 2, 3]);
        assert_eq!((block.is_empty(), attributes(&block)), (true, 0));
    }),
    same("BL10", "one that is free", || {
        let mut block = sixteen(&[("h", &[1])]);
        let before = block.clone();
        assert!(release(&mut block, &[7]).is_empty());
        assert_eq!(block, before);
    }),
    same("BL11", "a handle or a number that does not fit", bl11),
    same("BL12", "by handle: none", || {
        let scene = Scene::of("10.0.0.0/24", 26);
        scene.one_as("n1", "h");
        assert_eq!(scene.release_handle("other"), 0);
    }),
    same("BL13", "by handle: one, which comes last", || {
        let scene = Scene::of("10.0.0.0/30", 30);
        let first = scene.one_as("n1", "h");
        assert_eq!(scene.release_handle("h"), 1);
        let rest = scene.ask("n1").v4(4).get().addresses;
        assert_eq!(rest[3], first);
    }),
    same("BL14", "by handle and number: what is newer stays", bl14),
    same("BL15", "by handle: several attributes", || {
        let scene = Scene::of("10.0.0.0/24", 26);
        for interface in ["eth0", "eth1"] {
            let mut ask = scene.ask("n1").handle("h").v4(1);
            ask.request.interface = Some(interface.to_owned());
            ask.get().one();
        }
        assert_eq!(scene.release_handle("h"), 2);
        assert!(scene.state().entries().is_empty());
    }),
    same(
        "BL16",
        "by handle: several addresses of one attribute",
        || {
            let scene = Scene::of("10.0.0.0/29", 29);
            let got = scene.ask("n1").handle("h").v4(3).get().addresses;
            assert_eq!(scene.release_handle("h"), 3);
            let rest = scene.ask("n1").v4(8).get().addresses;
            assert_eq!(rest[5..], got, "ascending, at the end");
        },
    ),
    same("BL17", "what a look at a block sets right", bl17),
    same(
        "BL18",
        "cold addresses are collected in one write, or none",
        bl18,
    ),
    same("BL19", "candidates: each block once, all inside", bl19),
    same("BL20", "the space of a pool", bl20),
    same("BL21", "reserved CIDRs as they are written", || {
        let read = |entry| Reservation::read_entry(entry).map(|cidr| cidr.to_string());
        assert_eq!(read("10.0.0.0/30").as_deref(), Some("10.0.0.0/30"));
        assert_eq!(read(" 10.0.0.1 ").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(read("10.0.0/30"), None);
    }),
    same("BL22", "what a filter of addresses covers", bl22),
];

fn ordinal(index: usize) -> Ordinal {
    Ordinal::from_index(index).expect("an ordinal")
}

fn attribute(id: &str) -> Attribute {
    Attribute {
        handle: Some(id.to_owned()),
        ..Attribute::default()
    }
}

fn new_block(cidr: &str) -> Block {
    Block::create(
        block(cidr),
        owner("n1"),
        Timestamp::from_seconds(1_000),
        1,
        None,
    )
}

/// A block of 16 in which these handles hold these addresses.
fn sixteen(held: &[(&str, &[usize])]) -> Block {
    let mut block = new_block("10.0.0.0/28");
    for (id, ordinals) in held {
        for index in *ordinals {
            block
                .assign_at(ordinal(*index), &attribute(id))
                .expect("free");
        }
    }
    block
}

fn two_in_use() -> Block {
    let mut block = new_block("100.64.0.0/24");
    for index in [0, 1] {
        block
            .assign_at(ordinal(index), &attribute("h"))
            .expect("free");
    }
    block
}

fn ranges(cidrs: impl IntoIterator<Item = &'static str>) -> RangeSet {
    cidrs.into_iter().map(cidr).collect()
}

fn entries(block: &Block, id: &str) -> Vec<usize> {
    let handle = handle(id);
    block
        .entries_of(&handle)
        .map(|entry| entry.ordinal.index())
        .collect()
}

fn release(block: &mut Block, indexes: &[usize]) -> Vec<usize> {
    let ordinals: Vec<Ordinal> = indexes.iter().copied().map(ordinal).collect();
    let released = block.release(&ordinals, Timestamp::from_seconds(2_000), Cooldown::NONE);
    released.into_iter().map(Ordinal::index).collect()
}

fn attributes(block: &Block) -> usize {
    block.to_parts().attributes.len()
}

fn bl1() {
    let mut block = new_block("10.0.0.0/28");
    assert!(block.is_empty());
    block.reserve(&ReservedSlots::windows());
    assert!(block.is_empty(), "the slots of Windows do not count");
    block.assign_at(ordinal(5), &attribute("h")).expect("free");
    assert!(!block.is_empty());
}

fn bl2() {
    let mut block = new_block("10.0.0.0/30");
    assert_eq!(block.entries().count(), 0);
    block.reserve(&ReservedSlots {
        start: 1,
        end: 1,
        ..ReservedSlots::windows()
    });
    block.assign_next(4, &attribute("h"), &RangeSet::default());
    let all: Vec<usize> = block.entries().map(|entry| entry.ordinal.index()).collect();
    assert_eq!(all, [0, 1, 2, 3]);
}

fn bl7() {
    let mut block = sixteen(&[("h", &[1]), ("other", &[2])]);
    assert_eq!(release(&mut block, &[1]), [1]);
    assert_eq!((entries(&block, "h").len(), attributes(&block)), (0, 1));
    let last = block.free_addresses().last();
    assert_eq!(last, Some(address("10.0.0.1")), "at the tail of the queue");
}

fn bl11() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let one = scene.one_as("n1", "h");
    let number = scene.number(one);
    let before = scene.world.records();
    for given in [
        ReleaseAddress {
            handle: Some(handle("other")),
            ..held_by_anyone(one)
        },
        ReleaseAddress {
            sequence: Some(number + 1),
            ..held_by_anyone(one)
        },
    ] {
        assert_eq!(scene.release(&[given]).refused.len(), 1);
        assert_eq!(scene.world.records(), before);
    }
}

fn bl14() {
    let scene = Scene::of("10.0.0.0/26", 26);
    let queue: Vec<String> = (0..64)
        .filter(|ordinal| !(15..=18).contains(ordinal))
        .map(|ordinal| ordinal.to_string())
        .collect();
    let slots: Vec<&str> = (0..64)
        .map(|ordinal| {
            if (15..=18).contains(&ordinal) {
                "0"
            } else {
                "null"
            }
        })
        .collect();
    scene.world.put(
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26",
        &format!(
            r#"{{"cidr":"10.0.0.0/26","affinity":"host:n1","allocations":[{}],"unallocated":[{}],"attributes":[{{"handle_id":"h"}}],"sequenceNumber":1000,"sequenceNumberForAllocation":{{"15":10,"16":10,"17":999,"18":10}},"deleted":false}}"#,
            slots.join(","),
            queue.join(",")
        ),
    );
    scene.world.put(
        "/calico/ipam/v2/handle/h",
        r#"{"block":{"10.0.0.0/26":4},"deleted":false}"#,
    );
    let given = |ordinal: u32| ReleaseAddress {
        address: address(&format!("10.0.0.{ordinal}")),
        handle: Some(handle("h")),
        sequence: Some(10),
    };
    let given: Vec<ReleaseAddress> = (15..=18).map(given).collect();
    let released = scene.release(&given);
    assert_eq!((released.released.len(), released.refused.len()), (3, 1));
    assert_eq!(scene.holds("h"), Some(vec![address("10.0.0.17")]));
}

fn bl17() {
    let mut empty = new_block("10.0.0.0/24");
    let before = empty.clone();
    let cooldown = Cooldown::from_seconds(30);
    assert!(!empty.normalise(Timestamp::from_seconds(2_000), cooldown));
    assert_eq!(empty, before);
    let queue: Vec<String> = (6..256).map(|ordinal| ordinal.to_string()).collect();
    let free = vec!["null"; 250].join(",");
    let record = |slots: &str, attributes: &str| {
        let text = format!(
            r#"{{"cidr":"10.0.0.0/24","affinity":"host:n1","allocations":[{slots},{free}],"unallocated":[{}],"attributes":[{attributes}],"sequenceNumber":1,"deleted":false}}"#,
            queue.join(",")
        );
        decode_block(block("10.0.0.0/24"), text.as_bytes()).expect("a block")
    };
    let used = r#"{"handle_id":"h"},{"handle_id":"unused"},{"handle_id":"too"}"#;
    let mut pruned = record("0,0,0,0,0,0", used);
    assert!(pruned.normalise(Timestamp::from_seconds(2_000), cooldown));
    assert_eq!(attributes(&pruned), 1);
    // Released 60 seconds before second 1 000 060, and 60 seconds after it.
    let cooling = r#"{"releasedAt":"1970-01-12T13:46:40Z"},{"releasedAt":"1970-01-12T13:48:40Z"},{"handle_id":"h"}"#;
    let mut cold = record("0,0,1,1,2,2", cooling);
    assert!(cold.normalise(Timestamp::from_seconds(1_000_060), cooldown));
    assert_eq!((cold.free_count(), cold.cooling_count()), (252, 2));
    assert_eq!(entries(&cold, "h"), [4, 5]);
}

fn bl18() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.config(r#""auto_allocate_blocks":true,"ipCooldownSeconds":30"#);
    let one = scene.one_as("n1", "h");
    let around = scene.blocks_of("n1")[0];
    scene.release_handle("h");
    let collect = || {
        scene.world.requests();
        let collected = now(scene.allocator.collect_cold(around)).expect("answered");
        (collected.freed, scene.world.requests().1)
    };
    assert_eq!(collect(), (vec![], 0), "it cools");
    scene.wait(31);
    assert_eq!(collect(), (vec![one], 1));
    assert_eq!(collect(), (vec![], 0), "nothing is left to do");
}

fn bl19() {
    for (pool, size, count) in [
        ("10.10.0.0/24", 26, 4),
        ("fd80:24e2:f998:72d6::/120", 122, 4),
        ("10.10.0.0/16", 20, 16),
        ("fd80:24e2:f998:72d6::/114", 116, 4),
        ("10.10.0.0/24", 32, 256),
        ("fd80:24e2:f998:72d6::/120", 128, 256),
    ] {
        let candidates = Candidates::new(cidr(pool), size, &RangeSet::default(), b"host");
        let all: Vec<_> = candidates.take(300).collect();
        assert_eq!(all.len(), count, "{pool}");
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), count, "{pool}: each once");
        assert!(
            all.iter().all(|one| cidr(pool).covers(one.cidr())),
            "{pool}"
        );
    }
}

/// Pools, reservations and blocks, as the numbers of a pool see them.
fn bl20() {
    let everything = "fd00::/8";
    for (pool, size, reserved, blocks, expected) in [
        ("10.0.0.0/24", 26, &[][..], &[][..], (256, 0, 256)),
        ("10.0.0.0/24", 26, &["10.0.0.0/26"], &[], (256, 64, 192)),
        (
            "10.0.0.0/24",
            26,
            &["10.0.0.0/26", "10.0.0.0/27"],
            &[],
            (256, 64, 192),
        ),
        ("10.0.0.0/24", 26, &["10.0.0.0/16"], &[], (256, 256, 0)),
        ("10.0.0.0/24", 26, &["11.0.0.0/16"], &[], (256, 0, 256)),
        ("10.0.0.0/24", 26, &[], &["10.0.0.0/26"], (256, 0, 256)),
        (
            "10.0.0.0/24",
            26,
            &["10.0.0.0/28"],
            &["10.0.0.0/26"],
            (256, 16, 240),
        ),
        (
            "10.0.0.0/24",
            26,
            &["10.0.0.128/28"],
            &["10.0.0.0/26"],
            (256, 16, 240),
        ),
        ("fd00::/120", 122, &["fd00::/122"], &[], (256, 64, 192)),
        (everything, 122, &[], &[], (1 << 120, 0, 1 << 120)),
    ] {
        let scene = Scene::of(pool, size);
        for (index, one) in reserved.iter().enumerate() {
            scene.reserve(&format!("r{index}"), &[one]);
        }
        for one in blocks {
            scene.claim(one, owner("n1")).expect("claimed");
        }
        let usage = now(scene.allocator.usage()).expect("counted").report;
        let numbers = usage.pools[0].numbers;
        assert_eq!(
            (numbers.total, numbers.reserved, numbers.free),
            expected,
            "{pool} {reserved:?}"
        );
    }
}

fn bl22() {
    let halves = ranges(["10.0.0.0/27", "10.0.0.32/27", "10.0.0.0/28", "10.0.0.0/27"]);
    assert!(halves.contains(address("10.0.0.63")) && !halves.contains(address("10.0.0.64")));
    assert!(
        halves.covers(cidr("10.0.0.0/26")),
        "the union of two halves"
    );
    assert!(
        !halves.covers(cidr("10.0.0.0/25")),
        "a part is not the whole"
    );
    assert_eq!(
        halves.ranges().count(),
        1,
        "duplicates and nested ones are gone"
    );
}

pub(crate) const MODEL: &[Row] = &[
    same("M1", "addresses of other nodes in a block", || {
        let scene = Scene::of("10.0.0.0/30", 30);
        scene.one("n1");
        scene.one("n2");
        let borrowed: Vec<(String, String)> = scene.state().borrowed.into_iter().collect();
        assert_eq!(borrowed, [("n2".to_owned(), "10.0.0.0/30".to_owned())]);
    }),
    same("M2", "how many addresses a network has", || {
        assert_eq!(cidr("10.0.0.0/16").size(), 65_536);
        assert_eq!(cidr("10.0.0.0/32").size(), 1);
    }),
    same("M3", "ordinals and addresses", || {
        for (one, first) in [("10.0.0.0/30", "10.0.0.0"), ("10.0.0.64/30", "10.0.0.64")] {
            assert_eq!(block(one).address(ordinal(0)), Some(address(first)));
            for index in 0..4 {
                let found = block(one).address(ordinal(index)).expect("inside");
                assert_eq!(block(one).ordinal(found), Some(ordinal(index)));
            }
            assert_eq!(block(one).address(ordinal(4)), None);
        }
        // Calico counts in a /17 here, which is no legal block.
        for (index, expected) in [(256, "10.0.129.0"), (257, "10.0.129.1")] {
            let found = cidr("10.0.128.0/17").subnet(32, index).expect("inside");
            assert_eq!(found.first(), address(expected));
        }
    }),
    same("M4", "a copy is equal, and apart", || {
        let original = sixteen(&[("h", &[1])]);
        let mut copy = original.clone();
        assert_eq!(copy, original);
        release(&mut copy, &[1]);
        assert_eq!(entries(&original, "h"), [1]);
    }),
    not_ours(
        "M5",
        "the label of a node's name",
        "a record in Kubernetes' API; there is none in etcd",
    ),
];

pub(crate) const WINDOWS: &[Row] = &[
    differs(
        "W1",
        "strict affinity is needed",
        "who asks says which slots it sets aside, not what it runs",
        || {
            let scene = Scene::of("10.0.0.0/24", 26);
            scene.ask("w").v4(1).windows().get().complete(1, 0);
        },
    ),
    same("W2", "60 usable addresses in each block", || {
        windows_pool()
            .ask("w")
            .v4(256)
            .windows()
            .get()
            .short_of(240);
    }),
    same("W3", "slots set aside are not given out", w3),
    same("W4", "two nodes of each kind, four blocks", w4),
    same("W5", "from any pool", || {
        windows_pool().ask("w").v4(1).windows().get().complete(1, 0);
    }),
    same("W6", "from a pool that is requested", w6),
    same("W7", "both families, and one more than there is", w7),
    same("W8", "slots that are too many", w8),
];

fn windows_pool() -> Scene {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.pool("six", "fd00::/120", 122);
    scene.strict(0);
    scene
}

fn w3() {
    let got = windows_pool().ask("w").v4(256).windows().get();
    for one in &got.addresses {
        let around = one.network(26);
        let offset = block(&around.to_string())
            .ordinal(*one)
            .expect("inside")
            .get();
        assert!(![0, 1, 2, 63].contains(&offset), "{one}");
    }
}

fn w4() {
    let scene = windows_pool();
    for name in ["w1", "w2"] {
        scene.ask(name).v4(1).windows().get().complete(1, 0);
    }
    for name in ["l1", "l2"] {
        scene.one(name);
    }
    assert_eq!(scene.counts(), (4, 4));
    for (name, expected) in [("w1", 59), ("w2", 59)] {
        scene.ask(name).v4(100).windows().get().short_of(expected);
    }
    scene.ask("l1").v4(100).get().short_of(63);
    assert!(scene.state().borrowed.is_empty());
}

fn w6() {
    let scene = windows_pool();
    let ask = |count| {
        scene
            .ask("w")
            .v4(count)
            .windows()
            .from(&["10.0.0.0/24"])
            .get()
    };
    assert_eq!(ask(1).blocks, ask(1).blocks);
    ask(238).complete(238, 0);
    ask(1).short_of(0);
}

fn w7() {
    let both = windows_pool().ask("w").v4(256).v6(256).windows().get();
    assert_eq!((both.len(), both.short.len()), (480, 2));
    assert!(
        both.short
            .iter()
            .all(|short| matches!(short, Refusal::Exhausted { .. }))
    );
    windows_pool()
        .ask("w")
        .v4(257)
        .windows()
        .get()
        .short_of(240);
    windows_pool()
        .ask("w")
        .v4(240)
        .windows()
        .get()
        .complete(240, 0);
}

fn w8() {
    let slots = ReservedSlots {
        start: 32,
        end: 33,
        ..ReservedSlots::windows()
    };
    let got = windows_pool().ask("w").v4(1).v6(1).slots(&slots).get();
    assert_eq!((got.len(), got.short.len()), (0, 2));
    for short in &got.short {
        let Refusal::NoAdmissiblePool { pools, .. } = short else {
            panic!("{short}");
        };
        assert!(
            pools
                .iter()
                .all(|pool| pool.reason == PoolReason::BlocksTooSmall)
        );
    }
}
