//! What all operations are made of: what they work on, what they give, and the texts that they read.

use std::sync::Arc;

use block_ipam::allocator::Allocator;
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::blocks::{Address, BlockCidr, Cidr};
use block_ipam::datastore::Datastore;
use block_ipam::entropy::Entropy;
use block_ipam::ids::{HandleId, NodeName, Owner, OwnerKind};
use block_ipam::resources::Use;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ops::clock::GivenClock;
use crate::ops::failure::Failure;

/// What operations work on.
#[derive(Debug)]
pub(super) struct World {
    pub(super) allocator: Allocator,
    /// The allocator's store.
    pub(super) store: Arc<dyn Datastore>,
    /// The allocator's clock.
    pub(super) clock: Arc<GivenClock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// The members of a result: always an object.
pub(super) type Answer = Result<Value, Failure>;

/// An operation as its members say it.
pub(super) trait Operation: DeserializeOwned {
    async fn perform(self, world: &World) -> Answer;
}

/// `reserved4`, `reserved6`: slots that a Windows node keeps in each of its blocks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    #[serde(default)]
    start: u16,
    #[serde(default)]
    end: u16,
    #[serde(default)]
    handle: String,
    #[serde(default)]
    note: String,
}

impl From<Slots> for ReservedSlots {
    fn from(slots: Slots) -> ReservedSlots {
        ReservedSlots {
            start: slots.start,
            end: slots.end,
            handle: slots.handle,
            note: slots.note,
        }
    }
}

/// `affinityType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AffinityType {
    #[default]
    Host,
    Virtual,
}

impl AffinityType {
    /// Returns the owner of this type and name.
    pub(super) fn owner(self, host: &str) -> Result<Owner, Failure> {
        Ok(Owner {
            kind: match self {
                AffinityType::Host => OwnerKind::Host,
                AffinityType::Virtual => OwnerKind::Virtual,
            },
            name: node(host)?.as_str().to_owned(),
        })
    }
}

pub(super) fn node(name: &str) -> Result<NodeName, Failure> {
    NodeName::new(name).map_err(Failure::bad_request)
}

/// Reads the handle of a new assignment.
pub(super) fn handle(id: &str) -> Result<HandleId, Failure> {
    HandleId::new(id).map_err(Failure::bad_request)
}

/// Reads a handle that may stand in the store, whoever wrote it.
pub(super) fn stored_handle(id: &str) -> Result<HandleId, Failure> {
    match id {
        "" => handle(id),
        _ => Ok(HandleId::stored(id)),
    }
}

pub(super) fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(Failure::bad_request)
}

pub(super) fn cidr(text: &str) -> Result<Cidr, Failure> {
    text.parse().map_err(Failure::bad_request)
}

pub(super) fn block(text: &str) -> Result<BlockCidr, Failure> {
    BlockCidr::new(cidr(text)?).map_err(Failure::bad_request)
}

pub(super) fn purpose(word: &str) -> Result<Use, Failure> {
    let known = [Use::Workload, Use::Tunnel, Use::LoadBalancer];
    let found = known.into_iter().find(|purpose| purpose.word() == word);
    found.ok_or_else(|| {
        Failure::bad_request(format!(
            "use `{word}` is none of Workload, Tunnel, LoadBalancer"
        ))
    })
}
