//! PURE. How a workload gets addresses and gives them back.

mod borrow;
pub mod decide;
mod enlarge;
pub mod gather;
pub mod handle;
pub mod held;
pub mod release;
pub mod request;
mod shortage;
pub mod surroundings;

pub use decide::decide_assign;
pub use handle::Handle;
pub use release::{decide_release_addresses, decide_release_handle};
pub use request::{
    Assign, Grant, Granted, PoolRef, ReleaseAddress, ReleaseHandle, Released, Shortage, Wanted,
};
