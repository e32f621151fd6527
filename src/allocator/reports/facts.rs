//! Stored records as the facts that a check looks at.

use crate::datastore::codec::{self, DecodeError, Record};
use crate::datastore::{Entry, keys};
use crate::plan::{CorruptRecord, RecordId};
use crate::report::Fact;

/// Returns what a record says. Blocks are taken as they are written, right or wrong.
pub(super) fn fact(entry: &Entry) -> Fact {
    let Some(id) = keys::parse(&entry.key) else {
        return unnamed(&entry.key);
    };
    decoded(&id, &entry.value).unwrap_or_else(|error| Fact::Corrupt(id, corrupt(entry, &error)))
}

/// Returns a record that does not parse.
pub(super) fn corrupt(entry: &Entry, error: &DecodeError) -> CorruptRecord {
    CorruptRecord {
        key: entry.key.clone(),
        revision: entry.modified,
        detail: error.to_string(),
    }
}

/// Old versions marked a node with a key above its affinities; it says nothing.
fn unnamed(key: &str) -> Fact {
    let is_marker =
        key.starts_with(keys::CALICO) && key.contains("/host/") && !key.contains("/block/");
    if is_marker {
        Fact::Sound
    } else {
        Fact::UnreadableKey(key.to_owned())
    }
}

fn decoded(id: &RecordId, value: &[u8]) -> Result<Fact, DecodeError> {
    if let RecordId::Block(cidr) = id {
        let parts = codec::decode_block_parts(*cidr, value)?;
        return Ok(Fact::Block(Box::new(parts)));
    }
    Ok(match (codec::decode(id, value)?, id) {
        (Record::Affinity(state), RecordId::Affinity(owner, block)) => {
            Fact::Affinity(owner.clone(), *block, state)
        }
        (Record::Handle(handle), RecordId::Handle(id)) => Fact::Handle(id.clone(), handle),
        (Record::Pool(pool), _) => Fact::Pool(Box::new(pool), codec::decode_pool_cidr(value)?),
        (Record::Reservation(reservation), _) => Fact::Reservation(reservation),
        (Record::Node(_), RecordId::Node(node)) => Fact::Node(node.clone()),
        (Record::ClusterInformation, _) => Fact::ClusterInformation,
        (Record::Borrowed, RecordId::Borrowed(node, block)) => Fact::Borrowed(node.clone(), *block),
        _ => Fact::Sound,
    })
}
