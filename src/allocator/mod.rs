//! What to read for a request, and the one loop: read, decide, commit.

pub mod hint;
pub mod hint_file;

mod driver;
mod operations;
mod pages;
mod queue;
mod recovery;
mod transaction;
mod wants;

pub use driver::Budget;
pub use hint::Hint;
pub use operations::{Allocator, AllocatorError};
