//! PURE. How a workload gets addresses and gives them back.

pub mod decide;
pub mod gather;
pub mod handle;
pub mod held;
pub mod release;
pub mod request;
pub mod surroundings;

pub use decide::decide_assign;
pub use handle::Handle;
pub use release::{decide_release_addresses, decide_release_handle};
pub use request::{
    Assign, Grant, Granted, PoolRef, ReleaseAddress, ReleaseHandle, Released, Shortage, Wanted,
};
