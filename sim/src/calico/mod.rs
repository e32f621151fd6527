//! Calico, as its programs behave on etcd: steps that touch one key each, so that mixed fleets can be simulated.
//!
//! Each request awaits the store, so whoever schedules the futures chooses what happens between two of them, and a
//! future that is dropped is a process that died there. The tests repeat recorded operations of the real program on
//! it, request by request; what is not repeated there is not claimed.
//!
//! **Invariant:** it has its own reading of the records, and shares none of the library's decisions.

mod actor;
mod affinities;
mod assign;
mod auto;
mod block;
mod borrow;
mod claim;
mod client;
mod ensure;
mod failure;
mod find;
mod handles;
mod keys;
mod operators;
mod pools;
mod process;
mod queries;
mod records;
mod release;
mod take;

pub use actor::CalicoActor;
pub use affinities::InUse;
pub use assign::AssignIp;
pub use auto::{Assigned, AutoAssign, AutoAssigned};
pub use block::{Attribute, Block, Reserved, WINDOWS_HANDLE};
pub use client::Kv;
pub use ensure::EnsureBlock;
pub use failure::Failure;
pub use process::{Calico, HashedStarts, Starts};
pub use queries::Looked;
pub use records::{Attributes, Config};
pub use release::{ReleaseOption, Released};
