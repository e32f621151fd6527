//! PURE. How a node gets blocks and gives them back.

pub mod admit;
pub mod claim;
pub mod own;
pub mod reclaim;
pub mod state;

pub use state::AffinityState;
