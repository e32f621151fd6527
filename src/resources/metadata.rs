//! What every resource carries: name, identity, labels.

use std::collections::BTreeMap;

use crate::unknown::Unknown;

/// The metadata of a resource. Its revision is the store's and stands beside it, not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The name.
    pub name: String,
    /// A random UUID, given on creation.
    pub uid: Option<String>,
    /// When it was created, RFC 3339 as stored.
    pub created: Option<String>,
    /// When its deletion was asked for, RFC 3339 as stored. Such a pool is passed over.
    pub deletion_requested: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Members that we do not know.
    pub unknown: Unknown,
}
