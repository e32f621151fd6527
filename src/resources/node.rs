//! A node, as far as address management looks at it: its labels.

use crate::resources::metadata::Metadata;
use crate::unknown::Unknown;

/// A Node as a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Name, identity, labels.
    pub metadata: Metadata,
    /// The members beside `metadata`, `spec` and `status` included.
    pub unknown: Unknown,
}
