//! How long the record of a block is, about: a store takes only so much in one transaction.
//!
//! Knows no format: each part counts as the text that it holds and a little around it. Escapes are not counted.

use std::collections::BTreeMap;

use crate::blocks::block::{Attribute, Block};

/// What stands around the members of a block, of an attribute, and of one pair of texts.
const AROUND_BLOCK: usize = 400;
const AROUND_ATTRIBUTE: usize = 60;
const AROUND_PAIR: usize = 6;
/// An ordinal and a comma: in the list of slots or in the queue, and as the name of a sequence number of 19 digits.
const OF_SLOT: usize = 5;
const OF_SEQUENCE: usize = 28;

impl Block {
    /// Returns about how many bytes the record has, hardly ever fewer than it will.
    pub fn text_size(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(text_size).sum();
        let slots = (self.slots.len() + self.free.len()) * OF_SLOT;
        let sequences = self.sequence_of.len() * OF_SEQUENCE;
        let unknown = pairs(&self.unknown.0);
        AROUND_BLOCK + attributes + slots + sequences + unknown
    }
}

fn text_size(attribute: &Attribute) -> usize {
    let handle = attribute.handle.as_ref().map_or(0, String::len);
    let maps = [
        &attribute.secondary,
        &attribute.alternate,
        &attribute.unknown.0,
    ];
    AROUND_ATTRIBUTE + handle + maps.into_iter().map(pairs).sum::<usize>()
}

fn pairs(map: &BTreeMap<String, String>) -> usize {
    map.iter()
        .map(|(name, value)| name.len() + value.len() + AROUND_PAIR)
        .sum()
}
