//! Who acts: a program that is asked for an operation and does it by requests to a store.
//!
//! An actor is an ordinary asynchronous program on the port. It knows neither the scheduler nor the faults: every request
//! and every wait parks its process, and a process that dies is simply not polled again.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use block_ipam::clock::Clock;
use block_ipam::datastore::Datastore;
use block_ipam::entropy::Entropy;
use serde::{Deserialize, Serialize};

use crate::operation::Operation;

/// What one process has of the world. Each operation runs in a process of its own.
#[derive(Debug, Clone)]
pub struct Client {
    /// The store, through the network. Each request parks the process.
    pub store: Arc<dyn Datastore>,
    /// The clock of the actor's machine. Waiting parks the process.
    pub clock: Arc<dyn Clock>,
    /// Random bits that depend on the seed and the process alone.
    pub entropy: Arc<dyn Entropy>,
}

/// How an operation ended, as its caller was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It holds these addresses now, sorted.
    Granted(Vec<IpAddr>),
    /// It gave back these addresses, sorted.
    Released(Vec<IpAddr>),
    /// It is done, and there is nothing to tell.
    Done,
    /// It cannot be done, and nothing was.
    Refused(String),
    /// It was given up. Parts of it may be done.
    Failed(String),
}

/// One operation on its way. A poll takes it to its next request, wait or end.
pub type Process = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A kind of program: ours, or one that writes as Calico does.
pub trait Actor: fmt::Debug + Send + Sync {
    /// Begins an operation; `None` if programs of this kind have no such operation.
    fn begin(&self, operation: &Operation, client: Client) -> Option<Process>;
}
