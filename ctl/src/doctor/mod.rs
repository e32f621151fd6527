//! What ails a store: what was found out about it (`facts`, `look` and what it calls), and what that means (`judge`, which
//! is pure).

pub(crate) mod facts;
pub(crate) mod judge;
pub(crate) mod look;
pub(crate) mod permissions;

mod certificates;
mod history;
mod wire;
