//! Sets of addresses as sorted ranges: reservations, and what they leave of a pool.

/// A set of addresses of both families, as ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {}
