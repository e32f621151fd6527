//! PURE. What is told about a store: usage, what stands behind one address, and what is wrong.

pub mod address;
pub mod check;
pub mod finding;
pub mod usage;

pub use address::{AddressReport, Held};
pub use check::{Check, CheckReport, Fact, Looked};
pub use finding::{Finding, FindingKind, Remedy, Severity, Subject};
pub use usage::{BlockUsage, Numbers, PoolUsage, Tally, Usage};
