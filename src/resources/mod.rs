//! PURE. What operators write, as values: pools, reservations, nodes, configuration.

pub mod config;
pub mod metadata;
pub mod node;
pub mod pool;
pub mod reservation;

pub use config::Config;
pub use metadata::Metadata;
pub use node::Node;
pub use pool::{AssignmentMode, Encapsulation, Pool, Use};
pub use reservation::Reservation;
