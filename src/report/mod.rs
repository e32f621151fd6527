//! PURE. What is told about a store: usage, and what stands behind one address.

pub mod address;
pub mod usage;

pub use address::{AddressReport, Held};
pub use usage::{BlockUsage, Numbers, PoolUsage, Tally, Usage};
