//! What to read for a request, and the one loop: read, decide, commit.

pub mod hint;
pub mod hint_file;

use std::sync::Arc;

use thiserror::Error;

use crate::assign::{Assign, Grant, ReleaseHandle};
use crate::blocks::Address;
use crate::clock::Clock;
use crate::datastore::{Datastore, DatastoreError};
use crate::entropy::Entropy;
use crate::refusal::Refusal;

pub use hint::Hint;

/// Why a request got no answer that it wanted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AllocatorError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not answer, or said no.
    #[error(transparent)]
    Store(#[from] DatastoreError),
    /// Others changed the same records each time.
    #[error("gave up after {tries} tries: others changed the same records each time")]
    Contention {
        /// How often it was tried.
        tries: u32,
    },
}

/// Serves requests against a store.
#[derive(Debug, Clone)]
pub struct Allocator {
    store: Arc<dyn Datastore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Allocator {
    /// Returns an allocator on this store.
    pub fn new(
        store: Arc<dyn Datastore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Allocator {
        Allocator {
            store,
            clock,
            entropy,
        }
    }

    /// Assigns what the request wants, in one transaction.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn assign(&self, request: &Assign, hint: &Hint) -> Result<Grant, AllocatorError> {
        let _ = (request, hint, &self.store, &self.clock, &self.entropy);
        Err(AllocatorError::Contention { tries: 0 })
    }

    /// Releases what the handle holds; returns the addresses. A handle that holds nothing is no error.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn release_by_handle(
        &self,
        request: &ReleaseHandle,
        hint: &Hint,
    ) -> Result<Vec<Address>, AllocatorError> {
        let _ = (request, hint);
        Err(AllocatorError::Contention { tries: 0 })
    }

    /// Releases one address whoever holds it; returns whether it was assigned.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn release_address(&self, address: Address) -> Result<bool, AllocatorError> {
        let _ = address;
        Err(AllocatorError::Contention { tries: 0 })
    }
}
