//! The store in an etcd cluster. Keeps to what etcd 3.4 offers.
//!
//! One client for each endpoint and a fail-over of our own, for the client library's balancer keeps sending to endpoints
//! that are dead. Reads are hedged: the next endpoint is asked too after [`HEDGE_AFTER`]. Commits never are: a copy that
//! comes second would find its own first one as a conflict.
//!
//! **Invariant:** a commit is sent to a second endpoint only if it surely was not executed by the first.

mod convert;
mod endpoint;
mod errors;
mod race;
mod store;
mod survey;
mod tls;

pub use store::{Etcd, HEDGE_AFTER};
pub use survey::{Alarm, Member, Surveyed, Unanswered};

#[cfg(test)]
mod tests;
