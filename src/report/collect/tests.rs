//! Looks at blocks with leaked, living and renewed assignments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Collection, Grace, Look, Memory, Surplus};
use crate::blocks::{Attribute, Block, Cooldown, RangeSet};
use crate::clock::Timestamp;
use crate::datastore::codec::decode_pool;
use crate::ids::{HandleId, NodeName, Owner, ResourceName};
use crate::resources::Pool;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(minutes * 60)
}

fn block(cidr: &str, node: &str, handles: &[&str]) -> Block {
    let owner = Owner::host(&NodeName::stored(node));
    let mut block = Block::create(cidr.parse().unwrap(), owner, at(0), 100, None);
    for handle in handles {
        assign(&mut block, handle);
    }
    block
}

fn assign(block: &mut Block, handle: &str) {
    let attribute = Attribute {
        handle: Some(handle.to_owned()),
        secondary: BTreeMap::from([("node".to_owned(), "n1".to_owned())]),
        ..Attribute::default()
    };
    assert_eq!(
        block.assign_next(1, &attribute, &RangeSet::default()).len(),
        1
    );
    block.bump();
}

fn release(block: &mut Block, handle: &str) {
    let id = HandleId::stored(handle);
    let ordinals: Vec<_> = block.entries_of(&id).map(|entry| entry.ordinal).collect();
    block.release(&ordinals, at(0), Cooldown::NONE);
    block.bump();
}

fn alive(handles: &[&str]) -> BTreeSet<HandleId> {
    handles
        .iter()
        .map(|handle| HandleId::stored(handle))
        .collect()
}

fn look(
    alive: &BTreeSet<HandleId>,
    memory: Memory,
    now: Timestamp,
    blocks: &[Block],
) -> (Collection, Memory) {
    let mut look = Look::new(alive, memory, now);
    blocks.iter().for_each(|block| look.see(block));
    look.finish(Grace::default())
}

fn leaked(collection: &Collection) -> Vec<String> {
    let one = |leaked: &crate::assign::ReleaseAddress| {
        let handle = leaked.handle.as_ref().unwrap();
        format!("{} {} {}", leaked.address, handle, leaked.sequence.unwrap())
    };
    collection.leaked.iter().map(one).collect()
}

#[test]
fn an_address_is_leaked_at_the_second_look_after_its_grace() {
    let blocks = [block("10.0.0.0/30", "n1", &["a", "b"])];
    let living = alive(&["b"]);
    let (first, memory) = look(&living, Memory::default(), at(0), &blocks);
    assert_eq!((leaked(&first), first.suspected), (vec![], 1));
    let (young, memory) = look(&living, memory, at(14), &blocks);
    assert_eq!((leaked(&young), young.suspected), (vec![], 1));
    let (old, _) = look(&living, memory, at(15), &blocks);
    assert_eq!(leaked(&old), ["10.0.0.0 a 100"]);
}

#[test]
fn one_look_is_never_enough() {
    let blocks = [block("10.0.0.0/30", "n1", &["a"])];
    let none = alive(&[]);
    let mut look = Look::new(&none, Memory::default(), at(100));
    look.see(&blocks[0]);
    let grace = Grace {
        leak: Duration::ZERO,
        empty_block: Duration::ZERO,
    };
    assert_eq!(look.finish(grace).0.leaked, []);
}

#[test]
fn an_address_that_was_assigned_anew_or_claimed_meanwhile_begins_again() {
    let mut blocks = [block("10.0.0.0/32", "n1", &["a"])];
    let none = alive(&[]);
    let (_, memory) = look(&none, Memory::default(), at(0), &blocks);
    release(&mut blocks[0], "a");
    assign(&mut blocks[0], "a");
    let (renewed, memory) = look(&none, memory, at(20), &blocks);
    assert_eq!(leaked(&renewed), [""; 0]);
    let (_, memory) = look(&alive(&["a"]), memory, at(40), &blocks);
    assert_eq!(memory.suspects.len(), 0);
    let (again, memory) = look(&none, memory, at(60), &blocks);
    assert_eq!(leaked(&again), [""; 0]);
    let (gone, _) = look(&none, memory, at(80), &blocks);
    assert_eq!(leaked(&gone), ["10.0.0.0 a 102"]);
}

/// Lives where the attribute says so.
struct OnNode(&'static str);

impl super::Alive for OnNode {
    fn is_alive(&self, _: &HandleId, attributes: &BTreeMap<String, String>) -> bool {
        attributes.get("node").is_some_and(|node| node == self.0)
    }
}

#[test]
fn a_handle_of_which_something_lives_or_is_young_keeps_all() {
    let mut blocks = [
        block("10.0.0.0/30", "n1", &["a"]),
        block("10.0.0.4/30", "n1", &[]),
    ];
    let none = alive(&[]);
    let (_, memory) = look(&none, Memory::default(), at(0), &blocks);
    let mut at_once = Look::new(&OnNode("n1"), memory.clone(), at(20));
    at_once.see(&blocks[0]);
    assert_eq!(at_once.finish(Grace::default()).0.leaked, []);
    assign(&mut blocks[1], "a");
    let (young, memory) = look(&none, memory, at(20), &blocks);
    assert_eq!(leaked(&young), [""; 0]);
    let (old, _) = look(&none, memory, at(35), &blocks);
    assert_eq!(leaked(&old), ["10.0.0.0 a 100", "10.0.0.4 a 100"]);
}

#[test]
fn surplus_empty_blocks_go_and_the_last_of_a_node_stays() {
    let blocks = [
        block("10.0.0.0/30", "n1", &[]),
        block("10.0.0.4/30", "n1", &[]),
        block("10.0.0.8/30", "n2", &[]),
        block("10.0.0.12/30", "n2", &["a"]),
        block("fd00::/126", "n2", &[]),
    ];
    let living = alive(&["a"]);
    let (first, memory) = look(&living, Memory::default(), at(0), &blocks);
    assert_eq!(first.surplus, []);
    let (old, _) = look(&living, memory.clone(), at(15), &blocks);
    let gone: Vec<String> = old
        .surplus
        .iter()
        .map(|one| format!("{} {}", one.owner, one.block))
        .collect();
    assert_eq!(gone, ["host:n1 10.0.0.0/30", "host:n2 10.0.0.8/30"]);
    let mut used = blocks;
    assign(&mut used[2], "b");
    release(&mut used[2], "b");
    let (again, _) = look(&living, memory, at(15), &used);
    let gone: Vec<String> = again
        .surplus
        .iter()
        .map(|one| one.block.to_string())
        .collect();
    assert_eq!(gone, ["10.0.0.0/30"]);
}

fn pool(selector: &str) -> Pool {
    let record = format!(
        r#"{{"spec":{{"cidr":"10.0.0.0/24","blockSize":30,"nodeSelector":"{selector}"}}}}"#
    );
    decode_pool(&ResourceName::stored("a"), record.as_bytes()).unwrap()
}

#[test]
fn an_empty_block_of_a_pool_that_does_not_select_its_node_goes_at_the_first_look() {
    let blocks = [
        block("10.0.0.0/30", "n1", &[]),
        block("10.0.0.4/30", "n1", &["held"]),
        block("10.0.0.8/30", "other", &[]),
        block("10.0.0.12/30", "unlabelled", &[]),
        block("10.0.0.16/30", "broken", &[]),
        block("10.1.0.0/30", "n1", &[]),
    ];
    let living = alive(&["held"]);
    let surplus = |selector: &str, now: Timestamp| {
        let mut look = Look::new(&living, Memory::default(), now);
        look.see_pool(pool(selector));
        for (name, zone) in [("n1", "a"), ("other", "b")] {
            let labels = BTreeMap::from([("zone".to_owned(), zone.to_owned())]);
            look.see_node(&NodeName::stored(name), Some(labels));
        }
        look.see_node(&NodeName::stored("broken"), None);
        blocks.iter().for_each(|block| look.see(block));
        let surplus = look.finish(Grace::default()).0.surplus.into_iter();
        let told = |one: Surplus| format!("{} {} {}", one.owner, one.block, one.sequence);
        surplus.map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        surplus("zone == 'b'", at(1)),
        [
            "host:n1 10.0.0.0/30 100",
            "host:unlabelled 10.0.0.12/30 100"
        ]
    );
    let moment = Timestamp::from_seconds(59);
    assert!(
        surplus("zone == 'b'", moment).is_empty(),
        "claimed a moment ago"
    );
    assert!(surplus("zone == (", at(1)).is_empty(), "it does not parse");
    assert!(surplus("", at(1)).is_empty(), "it selects all");
}
