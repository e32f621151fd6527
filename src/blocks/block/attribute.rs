//! Who holds an address.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::ids::{HandleId, comparable_handle};
use crate::unknown::Unknown;

/// Who holds an address, and what the holder said about itself. Shared by equal assignments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribute {
    /// The handle, as stored; compare with [`Attribute::is_of`].
    pub handle: Option<String>,
    /// The attributes of the active owner: Calico's `secondary`.
    pub secondary: BTreeMap<String, String>,
    /// The attributes of the other owner during a live migration: Calico's `alternateOwnerAttrs`.
    pub alternate: BTreeMap<String, String>,
    /// When the address was released, if it is cooling. Nothing else is set then.
    pub released_at: Option<Timestamp>,
    /// Members that we do not know.
    pub unknown: Unknown,
}

impl Attribute {
    /// Returns whether the handle is the holder. What follows a carriage return in a handle does not count.
    pub fn is_of(&self, handle: &HandleId) -> bool {
        self.handle
            .as_deref()
            .is_some_and(|own| comparable_handle(own) == handle.comparable())
    }

    /// Returns whether it marks slots that a Windows node keeps for itself. Case does not count (Calico compares so).
    pub fn is_reserved_slot(&self) -> bool {
        let reserved = |handle: &str| handle.eq_ignore_ascii_case(HandleId::WINDOWS_RESERVED);
        self.released_at.is_none() && self.handle.as_deref().is_some_and(reserved)
    }

    pub(super) fn cooling(released_at: Timestamp) -> Attribute {
        Attribute {
            released_at: Some(released_at),
            ..Attribute::default()
        }
    }

    /// Returns whether further assignments may point at it. Not so during a live migration, when its owners are
    /// edited in place, nor with members whose meaning we do not know.
    pub(super) fn is_shareable(&self) -> bool {
        self.alternate.is_empty() && self.released_at.is_none() && self.unknown.0.is_empty()
    }
}
