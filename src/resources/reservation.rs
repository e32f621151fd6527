//! A reservation: addresses that are never given out automatically.

use crate::blocks::{Address, Cidr};
use crate::resources::metadata::Metadata;
use crate::unknown::Unknown;

/// An IPReservation as a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Name, identity, labels.
    pub metadata: Metadata,
    /// What is reserved: the entries that parse, masked; a bare address is its /32 or /128.
    pub reserved: Vec<Cidr>,
    /// The entries as stored, those that do not parse included.
    pub stored: Vec<String>,
    /// Members of `spec` that we do not know.
    pub unknown_spec: Unknown,
    /// Members beside `spec` that we do not know.
    pub unknown: Unknown,
}

impl Reservation {
    /// Returns what an entry reserves: a CIDR, masked, or a bare address; `None` if it is neither.
    pub fn read_entry(entry: &str) -> Option<Cidr> {
        let entry = entry.trim();
        let address = entry.parse().map(Address::to_cidr);
        address.or_else(|_| Cidr::parse_masking(entry)).ok()
    }
}
