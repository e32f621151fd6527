//! The hint as JSON, for its file.
//!
//! **Invariant:** what does not parse in any part is no hint at all; it is disposable.

use serde::{Deserialize, Serialize};

use crate::allocator::Hint;
use crate::assign::Searched;
use crate::assign::searched::End;
use crate::assign::shortage::Limit;
use crate::clock::Timestamp;
use crate::refusal::PoolUse;
use crate::revision::Revision;

/// The version of the format. Files of another version are taken for absent.
const FORMAT: u32 = 2;
/// Most blocks that are remembered: more would make each read larger than it helps.
const MOST_BLOCKS: usize = 8;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    cluster: u64,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    endpoint: Option<String>,
    blocks: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    searched: Vec<WireSearched>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSearched {
    wishes: String,
    basis: String,
    own: Vec<String>,
    since: i64,
    until: i64,
    end: WireEnd,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WireEnd {
    Refused {
        pools: Vec<String>,
        limit: WireLimit,
        found: usize,
        uses: Vec<WireUse>,
    },
    Borrowed(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WireLimit {
    None,
    Blocks { owned: usize, limit: usize },
    NoAutoAllocation,
}

/// The two large numbers are texts: a /64 of single addresses has more blocks than JSON numbers can say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUse {
    blocks: String,
    reserved: String,
    own: usize,
    own_reserved: usize,
    cooling: usize,
    foreign: usize,
    corrupt: Vec<String>,
}

/// Writes a hint.
pub(super) fn encode(hint: &Hint) -> Vec<u8> {
    let wire = Wire {
        version: FORMAT,
        cluster: hint.cluster,
        revision: hint.revision.0,
        endpoint: hint.endpoint.clone(),
        blocks: texts(hint.blocks.iter().take(MOST_BLOCKS)),
        searched: hint.searched.iter().map(encode_searched).collect(),
    };
    serde_json::to_vec(&wire).expect("a struct of numbers and texts is written to memory")
}

/// Reads a hint; `None` where any part of it does not parse.
pub(super) fn decode(bytes: &[u8]) -> Option<Hint> {
    let wire: Wire = serde_json::from_slice(bytes).ok()?;
    (wire.version == FORMAT).then_some(())?;
    let searched = wire.searched.iter().map(decode_searched);
    Some(Hint {
        blocks: values(&wire.blocks)?,
        endpoint: wire.endpoint,
        revision: Revision(wire.revision),
        cluster: wire.cluster,
        searched: searched.collect::<Option<_>>()?,
    })
}

fn encode_searched(one: &Searched) -> WireSearched {
    WireSearched {
        wishes: one.wishes.to_string(),
        basis: one.basis.to_string(),
        own: texts(&one.own),
        since: one.since.nanos(),
        until: one.until.nanos(),
        end: encode_end(&one.end),
    }
}

fn encode_end(end: &End) -> WireEnd {
    match end {
        End::Refused {
            pools,
            limit,
            found,
            uses,
        } => WireEnd::Refused {
            pools: texts(pools),
            limit: match *limit {
                Limit::None => WireLimit::None,
                Limit::Blocks { owned, limit } => WireLimit::Blocks { owned, limit },
                Limit::NoAutoAllocation => WireLimit::NoAutoAllocation,
            },
            found: *found,
            uses: uses.iter().map(encode_use).collect(),
        },
        End::Borrowed(blocks) => WireEnd::Borrowed(texts(blocks)),
    }
}

fn decode_searched(wire: &WireSearched) -> Option<Searched> {
    Some(Searched {
        wishes: wire.wishes.parse().ok()?,
        basis: wire.basis.parse().ok()?,
        own: values(&wire.own)?,
        since: Timestamp::from_nanos(wire.since),
        until: Timestamp::from_nanos(wire.until),
        end: decode_end(&wire.end)?,
    })
}

fn decode_end(wire: &WireEnd) -> Option<End> {
    Some(match wire {
        WireEnd::Refused {
            pools,
            limit,
            found,
            uses,
        } => End::Refused {
            pools: values(pools)?,
            limit: match *limit {
                WireLimit::None => Limit::None,
                WireLimit::Blocks { owned, limit } => Limit::Blocks { owned, limit },
                WireLimit::NoAutoAllocation => Limit::NoAutoAllocation,
            },
            found: *found,
            uses: uses.iter().map(decode_use).collect::<Option<_>>()?,
        },
        WireEnd::Borrowed(blocks) => End::Borrowed(values(blocks)?),
    })
}

fn encode_use(used: &PoolUse) -> WireUse {
    WireUse {
        blocks: used.blocks.to_string(),
        reserved: used.reserved.to_string(),
        own: used.own,
        own_reserved: used.own_reserved,
        cooling: used.cooling,
        foreign: used.foreign,
        corrupt: used.corrupt.clone(),
    }
}

fn decode_use(wire: &WireUse) -> Option<PoolUse> {
    Some(PoolUse {
        blocks: wire.blocks.parse().ok()?,
        reserved: wire.reserved.parse().ok()?,
        own: wire.own,
        own_reserved: wire.own_reserved,
        cooling: wire.cooling,
        foreign: wire.foreign,
        corrupt: wire.corrupt.clone(),
    })
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn values<T: std::str::FromStr>(texts: &[String]) -> Option<Vec<T>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}
