//! The handle record: in which blocks a holder has addresses, and how many it is believed to have there.

use std::collections::BTreeMap;

use crate::blocks::Cidr;
use crate::unknown::Unknown;

/// The value of a handle record. A count is an upper bound of the entries in that block (p5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handle {
    /// Addresses by block.
    pub counts: BTreeMap<Cidr, u64>,
    /// Calico's `deleted`: kept, never looked at.
    pub deleted: bool,
    /// Members that we do not know.
    pub unknown: Unknown,
}
