//! Every state that an affinity of a node and its block can be left in, and what each operation makes of it. The table is
//! generated: a row for each pair, a column for each operation, each begun from that pair.
//!
//! What none of them may do: give an address twice, lose one that is held, leave a pair of ours half done that it wrote.

use std::time::Duration;

use block_ipam::affinity::claim_range::ClaimRange;
use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::allocator::Hint;
use block_ipam::assign::ReleaseHandle;
use block_ipam::clock::Clock;
use block_ipam::ids::{HandleId, NodeName, Owner};
use block_ipam::report::{Looks, repairs};
use expect_test::expect;
use serde_json::Value;

use crate::request;
use crate::world::{World, now};

const BLOCK: &str = "10.0.0.0/30";
const BLOCK_KEY: &str = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30";
const HANDLE_KEY: &str = "/calico/ipam/v2/handle/old";

/// What the affinity says, and of which node it is.
const AFFINITIES: [(&str, &str, Option<&str>); 6] = [
    ("absent", "n1", None),
    ("pending", "n1", Some("pending")),
    ("confirmed", "n1", Some("confirmed")),
    ("pendingDeletion", "n1", Some("pendingDeletion")),
    ("unset", "n1", Some("")),
    ("of n2", "n2", Some("confirmed")),
];

/// Whose the block is, and whether an address in it is held.
const BLOCKS: [(&str, Option<(&str, bool)>); 8] = [
    ("absent", None),
    ("n1's, empty", Some((r#""host:n1""#, false))),
    ("n1's, in use", Some((r#""host:n1""#, true))),
    ("n2's, empty", Some((r#""host:n2""#, false))),
    ("n2's, in use", Some((r#""host:n2""#, true))),
    ("nobody's, empty", Some(("null", false))),
    ("nobody's, in use", Some(("null", true))),
    ("malformed", Some(("7", true))),
];

fn affinity_key(node: &str) -> String {
    format!("/calico/ipam/v2/host/{node}/ipv4/block/10.0.0.0-30")
}

/// A pool of one block, and this pair in it.
fn world(affinity: (&str, Option<&str>), block: Option<(&str, bool)>) -> World {
    let world = World::new(1);
    world.pool("a", BLOCK, 30);
    if let (node, Some(state)) = affinity {
        let value = format!(r#"{{"state":"{state}","deleted":false}}"#);
        world.put(&affinity_key(node), &value);
    }
    if let Some((owner, is_used)) = block {
        let (slots, queue, attributes) = if is_used {
            ("0,null,null,null", "1,2,3", r#"{"handle_id":"old"}"#)
        } else {
            ("null,null,null,null", "0,1,2,3", "")
        };
        world.put(
            BLOCK_KEY,
            &format!(
                r#"{{"cidr":"{BLOCK}","affinity":{owner},"allocations":[{slots}],"unallocated":[{queue}],"attributes":[{attributes}],"sequenceNumber":7,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
            ),
        );
        if is_used {
            world.put(HANDLE_KEY, r#"{"block":{"10.0.0.0/30":1},"deleted":false}"#);
        }
    }
    world
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::stored(node))
}

/// An operation of n1, and what it says that it did.
type Operation = fn(&World) -> String;

const OPERATIONS: [(&str, Operation); 6] = [
    ("assign", assign),
    ("release", release),
    ("claim", claim),
    ("surrender", surrender),
    ("check", check),
    ("repair", repair),
];

fn assign(world: &World) -> String {
    let granted = now(world
        .allocator()
        .assign(&request("n1", "c", 1, 0), &Hint::default()));
    granted.map_or("refused", |_| "granted").to_owned()
}

fn release(world: &World) -> String {
    let request = ReleaseHandle {
        handle: HandleId::stored("old"),
        interface: None,
        aliases: Vec::new(),
    };
    let released = now(world
        .allocator()
        .release_by_handle(&request, &Hint::default()));
    released.map_or("refused".to_owned(), |released| {
        format!("{} freed", released.released.len())
    })
}

fn claim(world: &World) -> String {
    let request = ClaimRange {
        cidr: BLOCK.parse().expect("a CIDR"),
        owner: owner("n1"),
    };
    let claimed = now(world.allocator().claim_range(&request)).expect("an answer");
    if claimed.failed.is_empty() {
        "claimed"
    } else {
        "failed"
    }
    .to_owned()
}

fn surrender(world: &World) -> String {
    let request = Surrender {
        which: Which::Owner(owner("n1")),
        in_use: InUse::Disown,
    };
    let done = now(world.allocator().surrender(&request)).expect("an answer");
    let told = [
        ("deleted", done.deleted.len()),
        ("disowned", done.disowned.len()),
        ("dropped", done.dropped.len()),
        ("corrupt", done.corrupt.len()),
    ];
    let told: Vec<&str> = told
        .iter()
        .filter(|one| 0 < one.1)
        .map(|one| one.0)
        .collect();
    if told.is_empty() {
        "nothing".to_owned()
    } else {
        told.join("+")
    }
}

fn check(world: &World) -> String {
    let report = now(world.allocator().check()).expect("an answer").report;
    let kind = |text: String| {
        let end = text.find(['(', ' ', '{']).unwrap_or(text.len());
        text[..end].to_owned()
    };
    let kinds = report
        .findings
        .iter()
        .map(|finding| kind(format!("{:?}", finding.kind)));
    let kinds: Vec<String> = kinds.collect();
    if kinds.is_empty() {
        "sound".to_owned()
    } else {
        kinds.join("+")
    }
}

/// Sets right what a check finds, as long as there is something, each time after a second look.
fn repair(world: &World) -> String {
    let allocator = world.allocator();
    let mut looks = Looks::default();
    for _ in 0..4 {
        let findings = now(allocator.check()).expect("an answer").report.findings;
        looks = looks.and(&findings, world.clock.now());
        world.clock.advance(Duration::from_secs(3600));
        for repair in repairs(&findings, &looks, world.clock.now()) {
            // What does not parse is named and stays.
            let _ = now(allocator.repair(&repair.kind));
        }
    }
    let left = check(world);
    if left == "sound" {
        "sound".to_owned()
    } else {
        format!("left {left}")
    }
}

/// The pair as it stands: affinities, owner, how many addresses are held.
fn pair(world: &World) -> String {
    let records = world.records();
    let json = |key: &str| {
        let record = records.get(key)?;
        Some(serde_json::from_str::<Value>(record).expect("JSON"))
    };
    let affinities = ["n1", "n2"].map(|node| {
        let state = json(&affinity_key(node))?["state"]
            .as_str()
            .map(str::to_owned);
        let state = state.filter(|state| !state.is_empty());
        Some(format!("{node} {}", state.unwrap_or("unset".to_owned())))
    });
    let affinities: Vec<String> = affinities.into_iter().flatten().collect();
    let block = json(BLOCK_KEY).map_or("no block".to_owned(), |block| {
        let owner = match &block["affinity"] {
            Value::String(owner) => owner.trim_start_matches("host:").to_owned(),
            Value::Null => "nobody".to_owned(),
            _ => "malformed".to_owned(),
        };
        let slots = block["allocations"].as_array().expect("an array");
        let held = slots.iter().filter(|slot| !slot.is_null()).count();
        format!("{owner}:{held}")
    });
    let affinities = affinities.join("+");
    if affinities.is_empty() {
        block
    } else {
        format!("{affinities}, {block}")
    }
}

/// The pairs that a transaction of ours may leave. No state means confirmed, as old versions wrote it.
fn is_legal(pair: &str) -> bool {
    let pair = &pair.replace("unset", "confirmed");
    let (affinity, block) = pair.split_once(", ").unwrap_or(("", pair));
    let (owner, held) = block.split_once(':').unwrap_or((block, "0"));
    match owner {
        "no block" => affinity.is_empty(),
        "nobody" => affinity.is_empty() && held != "0",
        owner => affinity == format!("{owner} confirmed"),
    }
}

/// What each operation says and leaves, where that is not the pair that it found.
fn table() -> String {
    let mut table = String::new();
    for (name, node, state) in AFFINITIES {
        for (block_name, block) in BLOCKS {
            table.push_str(&format!("{name} / {block_name}\n"));
            for (operation, run) in OPERATIONS {
                let world = world((node, state), block);
                let before = pair(&world);
                let said = run(&world);
                let after = pair(&world);
                judge(&world, operation, &said, &before, &after);
                let left = if after == before {
                    String::new()
                } else {
                    format!(" -> {after}")
                };
                table.push_str(&format!("    {operation}: {said}{left}\n"));
            }
        }
    }
    table
}

/// What holds whatever the pair was.
fn judge(world: &World, operation: &str, said: &str, before: &str, after: &str) {
    let context = format!("{operation} of {before}: {said}, {after}");
    let held = |pair: &str| {
        pair.rsplit(':')
            .next()
            .and_then(|held| held.parse::<u32>().ok())
    };
    let (had, has) = (held(before).unwrap_or(0), held(after).unwrap_or(0));
    let expected = match (operation, said) {
        ("assign", "granted") => had + 1,
        ("release", _) => 0,
        _ => had,
    };
    let malformed = before.contains("malformed");
    assert!(
        malformed || has == expected,
        "{context}: an address is lost, or given twice"
    );
    assert!(
        !malformed || has == had,
        "{context}: what does not parse is left alone"
    );
    // The pair of n1 is right wherever n1 got an address of its own block or claimed it.
    // What another node forgot there is not looked for on the way of a request.
    let owns = after.contains(", n1:") || after.starts_with("n1:");
    let own = after.replace("+n2 confirmed", "");
    match (operation, said) {
        ("assign", "granted") if owns => assert!(is_legal(&own), "{context}"),
        ("claim", "claimed") => assert!(is_legal(&own), "{context}"),
        ("surrender", _) if !malformed => assert!(!after.contains("n1 "), "{context}"),
        ("repair", _) if !malformed => {
            assert!(is_legal(after), "{context}");
            assert_eq!(said, "sound", "{context}");
        }
        ("check", _) => assert_eq!(before, after, "a check writes nothing"),
        _ => {}
    }
    let known = ["n1", "n2"].map(affinity_key);
    let borrowed = world
        .records()
        .into_keys()
        .filter(|key| key.starts_with("/block-ipam/"));
    let rest = world
        .records()
        .into_keys()
        .filter(|key| key.contains("/host/"));
    assert!(
        rest.into_iter().all(|key| known.contains(&key)),
        "{context}"
    );
    assert!(borrowed.count() <= 1, "{context}");
}

#[test]
fn every_pair_that_calico_can_leave_is_understood_by_every_operation() {
    expect![[r#"
        absent / absent
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: nothing
            check: sound
            repair: sound
        absent / n1's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: nothing
            check: OwnerWithoutAffinity
            repair: sound -> n1 confirmed, n1:0
        absent / n1's, in use
            assign: granted -> n1 confirmed, n1:2
            release: 1 freed -> n1:0
            claim: claimed -> n1 confirmed, n1:1
            surrender: nothing
            check: OwnerWithoutAffinity
            repair: sound -> n1 confirmed, n1:1
        absent / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: nothing
            check: OwnerWithoutAffinity
            repair: sound -> n2 confirmed, n2:0
        absent / n2's, in use
            assign: granted -> n2:2
            release: 1 freed -> n2:0
            claim: failed
            surrender: nothing
            check: OwnerWithoutAffinity
            repair: sound -> n2 confirmed, n2:1
        absent / nobody's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: nothing
            check: OwnerlessEmpty
            repair: sound -> no block
        absent / nobody's, in use
            assign: granted -> nobody:2
            release: 1 freed -> no block
            claim: failed
            surrender: nothing
            check: sound
            repair: sound
        absent / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: nothing
            check: Corrupt
            repair: left Corrupt
        pending / absent
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: dropped -> no block
            check: AffinityWithoutBlock
            repair: sound -> no block
        pending / n1's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted -> no block
            check: AffinityHalfDone
            repair: sound -> n1 confirmed, n1:0
        pending / n1's, in use
            assign: granted -> n1 confirmed, n1:2
            release: 1 freed -> n1 pending, n1:0
            claim: claimed -> n1 confirmed, n1:1
            surrender: disowned -> nobody:1
            check: AffinityHalfDone
            repair: sound -> n1 confirmed, n1:1
        pending / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: dropped -> n2:0
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:0
        pending / n2's, in use
            assign: granted -> n1 pending, n2:2
            release: 1 freed -> n1 pending, n2:0
            claim: failed
            surrender: dropped -> n2:1
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:1
        pending / nobody's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted+dropped -> no block
            check: OwnerlessEmpty+AffinityOfOther
            repair: sound -> no block
        pending / nobody's, in use
            assign: granted -> n1 pending, nobody:2
            release: 1 freed -> n1 pending, no block
            claim: failed
            surrender: dropped -> nobody:1
            check: AffinityOfOther
            repair: sound -> nobody:1
        pending / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: corrupt
            check: Corrupt
            repair: left Corrupt
        confirmed / absent
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: dropped -> no block
            check: AffinityWithoutBlock
            repair: sound -> no block
        confirmed / n1's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed
            surrender: deleted -> no block
            check: sound
            repair: sound
        confirmed / n1's, in use
            assign: granted -> n1 confirmed, n1:2
            release: 1 freed -> n1 confirmed, n1:0
            claim: claimed
            surrender: disowned -> nobody:1
            check: sound
            repair: sound
        confirmed / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: dropped -> n2:0
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:0
        confirmed / n2's, in use
            assign: granted -> n1 confirmed, n2:2
            release: 1 freed -> n1 confirmed, n2:0
            claim: failed
            surrender: dropped -> n2:1
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:1
        confirmed / nobody's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted+dropped -> no block
            check: OwnerlessEmpty+AffinityOfOther
            repair: sound -> no block
        confirmed / nobody's, in use
            assign: granted -> n1 confirmed, nobody:2
            release: 1 freed -> n1 confirmed, no block
            claim: failed
            surrender: dropped -> nobody:1
            check: AffinityOfOther
            repair: sound -> nobody:1
        confirmed / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: corrupt
            check: Corrupt
            repair: left Corrupt
        pendingDeletion / absent
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: dropped -> no block
            check: AffinityWithoutBlock
            repair: sound -> no block
        pendingDeletion / n1's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted -> no block
            check: AffinityHalfDone
            repair: sound -> n1 confirmed, n1:0
        pendingDeletion / n1's, in use
            assign: granted -> n1 confirmed, n1:2
            release: 1 freed -> n1 pendingDeletion, n1:0
            claim: claimed -> n1 confirmed, n1:1
            surrender: disowned -> nobody:1
            check: AffinityHalfDone
            repair: sound -> n1 confirmed, n1:1
        pendingDeletion / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: dropped -> n2:0
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:0
        pendingDeletion / n2's, in use
            assign: granted -> n1 pendingDeletion, n2:2
            release: 1 freed -> n1 pendingDeletion, n2:0
            claim: failed
            surrender: dropped -> n2:1
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:1
        pendingDeletion / nobody's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted+dropped -> no block
            check: OwnerlessEmpty+AffinityOfOther
            repair: sound -> no block
        pendingDeletion / nobody's, in use
            assign: granted -> n1 pendingDeletion, nobody:2
            release: 1 freed -> n1 pendingDeletion, no block
            claim: failed
            surrender: dropped -> nobody:1
            check: AffinityOfOther
            repair: sound -> nobody:1
        pendingDeletion / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: corrupt
            check: Corrupt
            repair: left Corrupt
        unset / absent
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: dropped -> no block
            check: AffinityWithoutBlock
            repair: sound -> no block
        unset / n1's, empty
            assign: granted -> n1 unset, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted -> no block
            check: sound
            repair: sound
        unset / n1's, in use
            assign: granted -> n1 unset, n1:2
            release: 1 freed -> n1 unset, n1:0
            claim: claimed -> n1 confirmed, n1:1
            surrender: disowned -> nobody:1
            check: sound
            repair: sound
        unset / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: dropped -> n2:0
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:0
        unset / n2's, in use
            assign: granted -> n1 unset, n2:2
            release: 1 freed -> n1 unset, n2:0
            claim: failed
            surrender: dropped -> n2:1
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n2 confirmed, n2:1
        unset / nobody's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed, n1:0
            surrender: deleted+dropped -> no block
            check: OwnerlessEmpty+AffinityOfOther
            repair: sound -> no block
        unset / nobody's, in use
            assign: granted -> n1 unset, nobody:2
            release: 1 freed -> n1 unset, no block
            claim: failed
            surrender: dropped -> nobody:1
            check: AffinityOfOther
            repair: sound -> nobody:1
        unset / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: corrupt
            check: Corrupt
            repair: left Corrupt
        of n2 / absent
            assign: granted -> n1 confirmed+n2 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed+n2 confirmed, n1:0
            surrender: nothing
            check: AffinityWithoutBlock
            repair: sound -> no block
        of n2 / n1's, empty
            assign: granted -> n1 confirmed+n2 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed+n2 confirmed, n1:0
            surrender: nothing
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n1 confirmed, n1:0
        of n2 / n1's, in use
            assign: granted -> n1 confirmed+n2 confirmed, n1:2
            release: 1 freed -> n2 confirmed, n1:0
            claim: claimed -> n1 confirmed+n2 confirmed, n1:1
            surrender: nothing
            check: OwnerWithoutAffinity+AffinityOfOther
            repair: sound -> n1 confirmed, n1:1
        of n2 / n2's, empty
            assign: granted -> n1 confirmed, n1:1
            release: 0 freed
            claim: failed
            surrender: nothing
            check: sound
            repair: sound
        of n2 / n2's, in use
            assign: granted -> n2 confirmed, n2:2
            release: 1 freed -> n2 confirmed, n2:0
            claim: failed
            surrender: nothing
            check: sound
            repair: sound
        of n2 / nobody's, empty
            assign: granted -> n1 confirmed+n2 confirmed, n1:1
            release: 0 freed
            claim: claimed -> n1 confirmed+n2 confirmed, n1:0
            surrender: nothing
            check: OwnerlessEmpty+AffinityOfOther
            repair: sound -> no block
        of n2 / nobody's, in use
            assign: granted -> n2 confirmed, nobody:2
            release: 1 freed -> n2 confirmed, no block
            claim: failed
            surrender: nothing
            check: AffinityOfOther
            repair: sound -> nobody:1
        of n2 / malformed
            assign: refused
            release: refused
            claim: failed
            surrender: nothing
            check: Corrupt
            repair: left Corrupt
    "#]]
    .assert_eq(&table());
}

/// Its key is probed as taken like that of any other block. It is read with the pages of the pool, before a refusal.
#[test]
fn an_own_block_without_affinity_is_met_before_a_refusal() {
    for config in [
        r#"{"auto_allocate_blocks":true}"#,
        r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#,
    ] {
        let world = world(("n1", None), Some((r#""host:n1""#, false)));
        world.config(config);
        assert_eq!(assign(&world), "granted", "{config}");
        assert_eq!(pair(&world), "n1 confirmed, n1:1", "{config}");
    }
}
