//! What to read for a request, and the one loop: read, decide, commit.

pub mod hint;
pub mod hint_file;

mod allocator;
mod driver;
mod pages;
mod queue;
mod recovery;
mod transaction;
mod wants;

pub use allocator::{Allocator, AllocatorError};
pub use driver::Budget;
pub use hint::Hint;
