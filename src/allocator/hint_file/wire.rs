//! The hint as JSON, for its file.
//!
//! **Invariant:** what does not parse in any part is no hint at all; it is disposable.

use serde::{Deserialize, Serialize};

use crate::allocator::Hint;
use crate::assign::Exhausted;
use crate::assign::shortage::Limit;
use crate::clock::Timestamp;
use crate::refusal::PoolUse;
use crate::revision::Revision;

/// The version of the format. Files of another version are taken for absent.
const FORMAT: u32 = 1;
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
    exhausted: Vec<WireExhausted>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireExhausted {
    wishes: String,
    basis: String,
    pools: Vec<String>,
    own: Vec<String>,
    since: i64,
    until: i64,
    limit: WireLimit,
    found: usize,
    uses: Vec<WireUse>,
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
        exhausted: hint.exhausted.iter().map(encode_exhausted).collect(),
    };
    serde_json::to_vec(&wire).expect("a struct of numbers and texts is written to memory")
}

/// Reads a hint; `None` where any part of it does not parse.
pub(super) fn decode(bytes: &[u8]) -> Option<Hint> {
    let wire: Wire = serde_json::from_slice(bytes).ok()?;
    (wire.version == FORMAT).then_some(())?;
    let exhausted = wire.exhausted.iter().map(decode_exhausted);
    Some(Hint {
        blocks: values(&wire.blocks)?,
        endpoint: wire.endpoint,
        revision: Revision(wire.revision),
        cluster: wire.cluster,
        exhausted: exhausted.collect::<Option<_>>()?,
    })
}

fn encode_exhausted(one: &Exhausted) -> WireExhausted {
    WireExhausted {
        wishes: one.wishes.to_string(),
        basis: one.basis.to_string(),
        pools: texts(&one.pools),
        own: texts(&one.own),
        since: one.since.nanos(),
        until: one.until.nanos(),
        limit: match one.limit {
            Limit::None => WireLimit::None,
            Limit::Blocks { owned, limit } => WireLimit::Blocks { owned, limit },
            Limit::NoAutoAllocation => WireLimit::NoAutoAllocation,
        },
        found: one.found,
        uses: one.uses.iter().map(encode_use).collect(),
    }
}

fn decode_exhausted(wire: &WireExhausted) -> Option<Exhausted> {
    let uses = wire.uses.iter().map(decode_use);
    Some(Exhausted {
        wishes: wire.wishes.parse().ok()?,
        basis: wire.basis.parse().ok()?,
        pools: values(&wire.pools)?,
        own: values(&wire.own)?,
        since: Timestamp::from_nanos(wire.since),
        until: Timestamp::from_nanos(wire.until),
        limit: match wire.limit {
            WireLimit::None => Limit::None,
            WireLimit::Blocks { owned, limit } => Limit::Blocks { owned, limit },
            WireLimit::NoAutoAllocation => Limit::NoAutoAllocation,
        },
        found: wire.found,
        uses: uses.collect::<Option<_>>()?,
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
