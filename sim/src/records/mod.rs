//! Records as the checker reads them: plain JSON by the words of the format, never by the library's own codec.

mod block;
mod kinds;
mod read;

pub use kinds::{Block, Config, Entry, Key, Pool, Record, Slot, WINDOWS_SLOTS};
pub use read::{key, read};
