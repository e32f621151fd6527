//! PURE. How a node gets blocks and gives them back.

pub mod admit;
pub mod claim;
pub mod claim_range;
pub mod own;
pub mod range_refusal;
pub mod reclaim;
pub mod repair;
pub mod state;
pub mod surrender;

pub use range_refusal::RangeRefusal;
pub use state::AffinityState;
