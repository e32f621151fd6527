//! PURE. The arithmetic of addresses, blocks and ranges.
//!
//! **Invariant:** nothing here knows that a datastore, a clock or JSON exists.

pub mod address;
pub mod block;
pub mod cidr;
pub mod interval;
pub mod order;
pub mod ordinal;

pub use address::{Address, Family};
pub use block::{
    Assigned, Attribute, Block, BlockFault, BlockParts, Cooldown, ReservedSlots, Slot, SlotTaken,
};
pub use cidr::{BlockCidr, Cidr, CidrError};
pub use interval::{AddressRange, RangeSet};
pub use order::Candidates;
pub use ordinal::Ordinal;
