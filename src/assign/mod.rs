//! PURE. How a workload gets addresses and gives them back.

pub mod handle;
pub mod request;

pub use handle::Handle;
pub use request::{Assign, Grant, Granted, PoolRef, ReleaseHandle, Wanted};
