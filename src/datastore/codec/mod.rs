//! Values of records as bytes and back: the only place that knows JSON. `docs/datastore.md` shows the records.
//!
//! Calico's records are written as its own encoder spells them, and read as its decoder reads them: member names in
//! any case, nulls, missing members, doubled members of which the last counts.
//!
//! **Invariant:** what others wrote and we do not know survives a rewrite (p12). A value that cannot be
//! understood is an error of that record alone. Knows no revisions and decides nothing.

mod affinity;
mod block;
mod borrowed;
mod config;
mod handle;
mod identity;
mod node;
mod pool;
mod read;
mod record;
mod reservation;
mod resource;
mod time;
mod words;
mod write;

pub use affinity::{decode_affinity, encode_affinity};
pub use block::{decode_block, decode_block_parts, encode_block, encode_block_parts};
pub use borrowed::{decode_borrowed, encode_borrowed};
pub use config::{decode_config, encode_config};
pub use handle::{decode_handle, encode_handle};
pub use identity::{decode_identity, encode_identity};
pub use node::{decode_node, encode_node};
pub use pool::{decode_pool, decode_pool_cidr, encode_pool};
pub use read::DecodeError;
pub use record::{Record, decode, decode_any};
pub use reservation::{decode_reservation, encode_reservation};

#[cfg(test)]
mod tests;
