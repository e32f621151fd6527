//! Blocks against tables and against a model in plain collections.

mod assign;
mod model;
mod ownership;
mod record;
mod release;

use crate::blocks::block::{Attribute, Block, Cooldown};
use crate::blocks::cidr::{BlockCidr, Cidr};
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner};

fn cidr(text: &str) -> BlockCidr {
    text.parse().unwrap()
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::new(node).unwrap())
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn block(text: &str) -> Block {
    Block::create(cidr(text), owner("n1"), seconds(1000), 10, None)
}

fn held_by(handle: &str) -> Attribute {
    Attribute {
        handle: Some(handle.to_owned()),
        ..Attribute::default()
    }
}

fn ordinal(index: u16) -> Ordinal {
    Ordinal::new(index).unwrap()
}

fn numbers(ordinals: &[Ordinal]) -> Vec<u16> {
    ordinals.iter().map(|ordinal| ordinal.get()).collect()
}

fn nothing() -> RangeSet {
    RangeSet::default()
}

fn ranges(cidrs: &[&str]) -> RangeSet {
    cidrs
        .iter()
        .map(|text| text.parse::<Cidr>().unwrap())
        .collect()
}

fn take(block: &mut Block, handle: &str, ordinals: &[u16]) {
    for &n in ordinals {
        block.assign_at(ordinal(n), &held_by(handle)).unwrap();
    }
}

fn ordinals_of(block: &Block, handle: &str) -> Vec<u16> {
    let handle = HandleId::stored(handle);
    let entries = block.entries_of(&handle);
    entries.map(|entry| entry.ordinal.get()).collect()
}

fn release(block: &mut Block, ordinals: &[u16]) -> Vec<u16> {
    let ordinals: Vec<Ordinal> = ordinals.iter().map(|&n| ordinal(n)).collect();
    numbers(&block.release(&ordinals, seconds(2000), Cooldown::NONE))
}
