//! PURE. What is told about a store: usage, what stands behind an address or a request, what is wrong, what sets it
//! right, and what nobody uses any more.

pub mod address;
pub mod check;
pub mod collect;
pub mod explain;
pub mod finding;
pub mod repair;
pub mod usage;

pub use address::{AddressReport, Held};
pub use check::{Check, CheckReport, Fact, Looked};
pub use collect::{Alive, Collection, Grace, Look, TakenBack};
pub use explain::{Explanation, explain};
pub use finding::{Finding, FindingKind, Remedy, Severity, Subject};
pub use repair::{Looks, Repair, RepairKind, decide_repair, repairs};
pub use usage::{BlockUsage, Numbers, PoolUsage, Tally, Usage};
