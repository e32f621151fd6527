//! The value of a block.

use std::collections::{BTreeMap, VecDeque};

use serde::de::{Error, MapAccess};

use super::read::{DecodeError, Object, Read, object, set, set_list, set_map};
use super::{time, write};
use crate::blocks::{Attribute, Block, BlockCidr, BlockParts};
use crate::clock::Timestamp;
use crate::ids::Owner;
use crate::unknown::Unknown;

/// Reads a block. `cidr` is what its key says; the value must say the same, for it is written back under its own.
///
/// # Errors
/// [`DecodeError`]; also where nobody could tell who holds what: allocations of a wrong number, or pointing nowhere.
pub fn decode_block(cidr: BlockCidr, value: &[u8]) -> Result<Block, DecodeError> {
    let parts = decode_block_parts(cidr, value)?;
    Block::from_parts(parts).map_err(DecodeError::new)
}

/// Reads a block as its record tells it, for those who look for faults.
///
/// # Errors
/// [`DecodeError`] where it is no such object, or that of another block.
pub fn decode_block_parts(cidr: BlockCidr, value: &[u8]) -> Result<BlockParts, DecodeError> {
    let stored: Stored = object(value)?;
    let said: BlockCidr = stored
        .cidr
        .parse()
        .map_err(|error| DecodeError::of_member("cidr", error))?;
    if said != cidr {
        let what = format_args!("block {said} stands under the key of {cidr}");
        return Err(DecodeError::of_member("cidr", what));
    }
    Ok(BlockParts {
        cidr,
        owner: stored.owner,
        claimed_at: stored.claimed_at,
        allocations: stored.allocations,
        unallocated: stored.unallocated,
        attributes: stored.attributes,
        sequence: stored.sequence,
        sequence_of: stored.sequence_of,
        deleted: stored.deleted,
        unknown: stored.unknown,
    })
}

/// Writes a block.
pub fn encode_block(block: &Block) -> Vec<u8> {
    encode_block_parts(&block.to_parts())
}

/// Writes a block as its parts tell it, right or wrong.
pub fn encode_block_parts(parts: &BlockParts) -> Vec<u8> {
    write::object(|record| {
        record.plain("cidr", format_args!("\"{}\"", parts.cidr));
        match &parts.owner {
            Some(owner) => record.text("affinity", &owner.to_string()),
            None => record.plain("affinity", "null"),
        }
        let claimed_at = parts.claimed_at.map(time::render);
        record.optional_text("affinity_claim_time", claimed_at.as_deref());
        record.list("allocations", &parts.allocations, |text, slot| match slot {
            Some(attribute) => write::append_plain(text, attribute),
            None => text.push_str("null"),
        });
        record.list("unallocated", &parts.unallocated, |text, ordinal| {
            write::append_plain(text, ordinal);
        });
        record.list("attributes", &parts.attributes, append_attribute);
        record.plain("sequenceNumber", parts.sequence);
        record.object("sequenceNumberForAllocation", |map| {
            for (ordinal, sequence) in in_text_order(&parts.sequence_of) {
                map.plain(&ordinal, sequence);
            }
        });
        record.plain("deleted", parts.deleted);
        record.unknown(&parts.unknown);
    })
}

/// Go sorts maps by the text of their keys: 1, 10, 11, 2.
fn in_text_order(sequence_of: &BTreeMap<usize, u64>) -> BTreeMap<String, u64> {
    let named = |(ordinal, sequence): (&usize, &u64)| (ordinal.to_string(), *sequence);
    sequence_of.iter().map(named).collect()
}

fn append_attribute(text: &mut String, attribute: &Attribute) {
    write::append_object(text, |object| {
        object.optional_text("handle_id", attribute.handle.as_deref());
        object.texts("secondary", &attribute.secondary);
        object.texts("alternateOwnerAttrs", &attribute.alternate);
        let released_at = attribute.released_at.map(time::render);
        object.optional_text("releasedAt", released_at.as_deref());
        object.unknown(&attribute.unknown);
    });
}

/// A block as stored, before its CIDR is compared with the key. Members that old writers left out are empty.
#[derive(Default)]
struct Stored {
    cidr: String,
    owner: Option<Owner>,
    claimed_at: Option<Timestamp>,
    allocations: Vec<Option<usize>>,
    unallocated: VecDeque<usize>,
    attributes: Vec<Attribute>,
    sequence: u64,
    sequence_of: BTreeMap<usize, u64>,
    deleted: bool,
    unknown: Unknown,
}

impl Object for Stored {
    const MEMBERS: &'static [&'static str] = &[
        "cidr",
        "affinity",
        "affinity_claim_time",
        "allocations",
        "unallocated",
        "attributes",
        "sequenceNumber",
        "sequenceNumberForAllocation",
        "deleted",
    ];

    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error> {
        match name {
            "cidr" => set(&mut self.cidr, from)?,
            "affinity" => self.owner = owner(from)?,
            "affinity_claim_time" => self.claimed_at = timestamp(from)?,
            "allocations" => set_list(&mut self.allocations, from)?,
            "unallocated" => self.unallocated = queue(from)?,
            "attributes" => self.attributes = attributes(from)?,
            "sequenceNumber" => set(&mut self.sequence, from)?,
            "sequenceNumberForAllocation" => self.sequence_of = sequences(from)?,
            "deleted" => set(&mut self.deleted, from)?,
            _ => unreachable!("only members of the list come here"),
        }
        Ok(())
    }

    fn unknown(&mut self) -> Option<&mut Unknown> {
        Some(&mut self.unknown)
    }
}

impl Object for Attribute {
    const MEMBERS: &'static [&'static str] = &[
        "handle_id",
        "secondary",
        "alternateOwnerAttrs",
        "releasedAt",
    ];

    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error> {
        match name {
            "handle_id" => self.handle = from.next_value()?,
            "secondary" => set_map(&mut self.secondary, from)?,
            "alternateOwnerAttrs" => set_map(&mut self.alternate, from)?,
            "releasedAt" => self.released_at = timestamp(from)?,
            _ => unreachable!("only members of the list come here"),
        }
        Ok(())
    }

    fn unknown(&mut self) -> Option<&mut Unknown> {
        Some(&mut self.unknown)
    }
}

fn owner<'de, M: MapAccess<'de>>(from: &mut M) -> Result<Option<Owner>, M::Error> {
    let text: Option<String> = from.next_value()?;
    let parse = |text: String| {
        let unknown = || {
            M::Error::custom(format_args!(
                "`{text}` is neither host:NODE nor virtual:NAME"
            ))
        };
        Owner::parse(&text).ok_or_else(unknown)
    };
    text.map(parse).transpose()
}

fn timestamp<'de, M: MapAccess<'de>>(from: &mut M) -> Result<Option<Timestamp>, M::Error> {
    let text: Option<String> = from.next_value()?;
    let time = text.as_deref().map(time::parse).transpose();
    time.map_err(M::Error::custom)
}

/// The queue is repaired by the allocations anyway, so whatever number stands in it may be read: a negative
/// one as an ordinal that no block has.
fn queue<'de, M: MapAccess<'de>>(from: &mut M) -> Result<VecDeque<usize>, M::Error> {
    let mut numbers: Vec<Option<i64>> = Vec::new();
    set_list(&mut numbers, from)?;
    let ordinal = |number: Option<i64>| usize::try_from(number.unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(numbers.into_iter().map(ordinal).collect())
}

fn attributes<'de, M: MapAccess<'de>>(from: &mut M) -> Result<Vec<Attribute>, M::Error> {
    let mut list: Vec<Read<Attribute>> = Vec::new();
    set_list(&mut list, from)?;
    Ok(list.into_iter().map(|Read(attribute)| attribute).collect())
}

/// Entries whose name is no ordinal are dropped: nothing can ever ask for them.
fn sequences<'de, M: MapAccess<'de>>(from: &mut M) -> Result<BTreeMap<usize, u64>, M::Error> {
    let mut named: Vec<(String, u64)> = Vec::new();
    set_map(&mut named, from)?;
    let ordinal = |(name, sequence): (String, u64)| Some((ordinal(&name)?, sequence));
    Ok(named.into_iter().filter_map(ordinal).collect())
}

fn ordinal(name: &str) -> Option<usize> {
    let canonical = name == "0" || !name.starts_with(['0', '+']);
    canonical.then(|| name.parse().ok())?
}
