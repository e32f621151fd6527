//! What to read for a request, and the one loop: read, decide, commit.

mod affinities;
pub mod hint;
pub mod hint_file;
pub mod reports;

mod addresses;
mod attempt;
mod budget;
mod driver;
mod nodes;
mod on_terms;
mod operations;
mod pages;
mod queue;
mod recovery;
mod transaction;
mod wants;

pub use affinities::{DeletedNode, Drained};
pub use budget::Budget;
pub use hint::Hint;
pub use operations::{Allocator, AllocatorError};
