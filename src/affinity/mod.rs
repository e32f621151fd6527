//! PURE. How a node gets blocks and gives them back.

pub mod state;

pub use state::AffinityState;
