//! PURE. How a workload gets addresses and gives them back.

pub mod around;
mod borrow;
pub mod by_address;
pub mod cold;
pub mod decide;
mod deselected;
mod enlarge;
pub mod ensure;
pub mod fingerprint;
pub mod gather;
pub mod handle;
pub mod held;
pub mod identity;
pub mod of_node;
pub mod owners;
pub mod query;
pub mod release;
pub mod repair_handle;
pub mod request;
pub mod searched;
pub mod shortage;
pub mod surroundings;
pub mod terms;
pub mod vm;

pub use by_address::decide_assign_addresses;
pub use cold::{Collected, decide_collect_cold};
pub use decide::{Before, decide_assign, foretell_assign};
pub use ensure::{EnsureBlock, Ensured, decide_ensure_block};
pub use handle::Handle;
pub use identity::{
    Binding, NodeIdentity, NodeMachine, SharedName, decide_forget_identity, decide_identity_of,
};
pub use of_node::{NodeHeld, NodeHoldings, decide_of_node, decide_release_held};
pub use owners::{
    Edit, Expected, OwnerChange, OwnerId, PromoteOwner, Role, SetOwners, decide_promote_owner,
    decide_set_owners,
};
pub use query::{decide_addresses_of, decide_holder_of};
pub use release::{decide_release_addresses, decide_release_handle};
pub use request::{
    Assign, AssignAddresses, Grant, Granted, NamedBy, PoolRef, ReleaseAddress, ReleaseHandle,
    Released, Shortage, Wanted,
};
pub use searched::Searched;
pub use terms::Terms;
pub use vm::vm_handle;
