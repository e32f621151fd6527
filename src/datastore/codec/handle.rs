//! The value of a handle. Its id stands in the key.

use std::collections::BTreeMap;

use super::read::{DecodeError, members, object, set, set_map};
use super::write;
use crate::assign::Handle;
use crate::blocks::Cidr;
use crate::unknown::Unknown;

/// Reads a handle. Counts below zero are read as zero: they are believed at most, never trusted.
///
/// # Errors
/// [`DecodeError`], also where the name of a block is no CIDR.
pub fn decode_handle(value: &[u8]) -> Result<Handle, DecodeError> {
    let stored: Stored = object(value)?;
    let mut counts: BTreeMap<Cidr, u64> = BTreeMap::new();
    for (name, count) in stored.counts {
        let cidr = name
            .parse()
            .map_err(|error| DecodeError::of_member("block", error))?;
        let count = u64::try_from(count).unwrap_or(0);
        // Two spellings of one block are one block.
        let sum = counts.entry(cidr).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(Handle {
        counts,
        deleted: stored.deleted,
        unknown: stored.unknown,
    })
}

/// Writes a handle.
pub fn encode_handle(handle: &Handle) -> Vec<u8> {
    let named = |(cidr, count): (&Cidr, &u64)| (cidr.to_string(), *count);
    let counts: BTreeMap<String, u64> = handle.counts.iter().map(named).collect();
    write::object(|record| {
        record.object("block", |map| {
            for (name, count) in &counts {
                map.plain(name, count);
            }
        });
        record.plain("deleted", handle.deleted);
        record.unknown(&handle.unknown);
    })
}

#[derive(Default)]
struct Stored {
    counts: BTreeMap<String, i64>,
    deleted: bool,
    unknown: Unknown,
}

members! { Stored: |handle, from|
    "block" => set_map(&mut handle.counts, from),
    "deleted" => set(&mut handle.deleted, from),
    others => handle.unknown
}
