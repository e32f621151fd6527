//! The value of a block.

use std::collections::{BTreeMap, VecDeque};

use serde::de::{Error, MapAccess};

use super::read::{DecodeError, Read, members, object, set, set_list, set_map, set_optional};
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

members! { Stored: |block, from|
    "cidr" => set(&mut block.cidr, from),
    "affinity" => set_owner(&mut block.owner, from),
    "affinity_claim_time" => set_time(&mut block.claimed_at, from),
    "allocations" => set_list(&mut block.allocations, from),
    "unallocated" => set_queue(&mut block.unallocated, from),
    "attributes" => set_attributes(&mut block.attributes, from),
    "sequenceNumber" => set(&mut block.sequence, from),
    "sequenceNumberForAllocation" => set_sequences(&mut block.sequence_of, from),
    "deleted" => set(&mut block.deleted, from),
    others => block.unknown
}

members! { Attribute: |attribute, from|
    "handle_id" => set_optional(&mut attribute.handle, from),
    "secondary" => set_map(&mut attribute.secondary, from),
    "alternateOwnerAttrs" => set_map(&mut attribute.alternate, from),
    "releasedAt" => set_time(&mut attribute.released_at, from),
    others => attribute.unknown
}

fn set_owner<'de, M: MapAccess<'de>>(
    slot: &mut Option<Owner>,
    from: &mut M,
) -> Result<(), M::Error> {
    let text: Option<String> = from.next_value()?;
    let parse = |text: String| {
        Owner::parse(&text).ok_or_else(|| {
            M::Error::custom(format_args!(
                "`{text}` is neither host:NODE nor virtual:NAME"
            ))
        })
    };
    *slot = text.map(parse).transpose()?;
    Ok(())
}

fn set_time<'de, M: MapAccess<'de>>(
    slot: &mut Option<Timestamp>,
    from: &mut M,
) -> Result<(), M::Error> {
    let text: Option<String> = from.next_value()?;
    let time = text.as_deref().map(time::parse).transpose();
    *slot = time.map_err(M::Error::custom)?;
    Ok(())
}

/// The queue is set right by the allocations anyway, so whatever number stands in it may be read: a negative
/// one as an ordinal that no block has.
fn set_queue<'de, M: MapAccess<'de>>(
    slot: &mut VecDeque<usize>,
    from: &mut M,
) -> Result<(), M::Error> {
    let mut numbers: Vec<Option<i64>> = Vec::new();
    set_list(&mut numbers, from)?;
    let ordinal = |number: Option<i64>| usize::try_from(number.unwrap_or(0)).unwrap_or(usize::MAX);
    *slot = numbers.into_iter().map(ordinal).collect();
    Ok(())
}

fn set_attributes<'de, M: MapAccess<'de>>(
    slot: &mut Vec<Attribute>,
    from: &mut M,
) -> Result<(), M::Error> {
    let mut list: Vec<Read<Attribute>> = Vec::new();
    set_list(&mut list, from)?;
    *slot = list.into_iter().map(|Read(attribute)| attribute).collect();
    Ok(())
}

/// Entries whose name is no ordinal are dropped: nothing can ever ask for them.
fn set_sequences<'de, M: MapAccess<'de>>(
    slot: &mut BTreeMap<usize, u64>,
    from: &mut M,
) -> Result<(), M::Error> {
    let mut named: Vec<(String, u64)> = Vec::new();
    set_map(&mut named, from)?;
    let of_ordinal = |(name, sequence): (String, u64)| Some((ordinal(&name)?, sequence));
    *slot = named.into_iter().filter_map(of_ordinal).collect();
    Ok(())
}

fn ordinal(name: &str) -> Option<usize> {
    let canonical = name == "0" || !name.starts_with(['0', '+']);
    canonical.then(|| name.parse().ok())?
}
