//! Any record by its key, for those who walk over whole stores.

use super::{
    DecodeError, decode_affinity, decode_block, decode_borrowed, decode_config, decode_handle,
    decode_identity, decode_node, decode_pool, decode_reservation, encode_affinity, encode_block,
    encode_borrowed, encode_config, encode_handle, encode_identity, encode_node, encode_pool,
    encode_reservation,
};
use crate::affinity::AffinityState;
use crate::assign::{Handle, NodeIdentity};
use crate::blocks::Block;
use crate::datastore::keys;
use crate::plan::RecordId;
use crate::resources::{Config, Node, Pool, Reservation};

/// The value of any record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A block.
    Block(Block),
    /// An affinity.
    Affinity(AffinityState),
    /// A handle.
    Handle(Handle),
    /// A pool.
    Pool(Pool),
    /// A reservation.
    Reservation(Reservation),
    /// A node.
    Node(Node),
    /// The configuration.
    Config(Config),
    /// Calico's mark. Its content is not looked at.
    ClusterInformation,
    /// The mark of an old version of Calico; its content is not read.
    LegacyHost,
    /// An entry of our index of borrowed addresses.
    Borrowed,
    /// Which machine uses a node's name.
    Identity(NodeIdentity),
}

impl Record {
    /// Returns the value as we write it; `None` for what we never write.
    pub fn encode(&self) -> Option<Vec<u8>> {
        Some(match self {
            Record::Block(block) => encode_block(block),
            Record::Affinity(state) => encode_affinity(*state),
            Record::Handle(handle) => encode_handle(handle),
            Record::Pool(pool) => encode_pool(pool),
            Record::Reservation(reservation) => encode_reservation(reservation),
            Record::Node(node) => encode_node(node),
            Record::Config(config) => encode_config(config),
            Record::Borrowed => encode_borrowed(),
            Record::Identity(identity) => encode_identity(identity),
            Record::ClusterInformation | Record::LegacyHost => return None,
        })
    }
}

/// Reads the value of a record.
///
/// # Errors
/// [`DecodeError`] where that kind of record cannot be read from it.
pub fn decode(id: &RecordId, value: &[u8]) -> Result<Record, DecodeError> {
    Ok(match id {
        RecordId::Block(cidr) => Record::Block(decode_block(*cidr, value)?),
        RecordId::Affinity(..) => Record::Affinity(decode_affinity(value)?),
        RecordId::Handle(_) => Record::Handle(decode_handle(value)?),
        RecordId::Pool(name) => Record::Pool(decode_pool(name, value)?),
        RecordId::Reservation(name) => Record::Reservation(decode_reservation(name, value)?),
        RecordId::Node(name) => Record::Node(decode_node(name, value)?),
        RecordId::Config => Record::Config(decode_config(value)?),
        RecordId::ClusterInformation => Record::ClusterInformation,
        RecordId::LegacyHost(_) => Record::LegacyHost,
        RecordId::Identity(_) => Record::Identity(decode_identity(value)?),
        RecordId::Borrowed(..) => {
            decode_borrowed(value)?;
            Record::Borrowed
        }
    })
}

/// Reads a record by the text of its key; `None` where the key is none of a record of ours to read.
pub fn decode_any(key: &str, value: &[u8]) -> Option<(RecordId, Result<Record, DecodeError>)> {
    let id = keys::parse(key)?;
    let record = decode(&id, value);
    Some((id, record))
}
