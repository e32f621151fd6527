//! PURE. What operators write, as values: pools, reservations, nodes, configuration; their rules; the plans of
//! changing them.
//!
//! **Invariant:** the rules are for what is about to be written. What stands in the store is served as it is.

pub mod config;
pub mod metadata;
pub mod node;
pub mod pool;
pub mod reservation;

pub mod field;
pub mod name;

pub mod config_rules;
pub mod pool_rules;
pub mod pool_spec;
pub mod reservation_rules;

pub mod plans;
pub mod refused;

pub use config::Config;
pub use field::FieldError;
pub use metadata::Metadata;
pub use node::Node;
pub use pool::{AssignmentMode, Encapsulation, Pool, Use};
pub use pool_spec::PoolSpec;
pub use refused::{ChangeRefusal, Kind};
pub use reservation::Reservation;
