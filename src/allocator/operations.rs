//! The allocator: the public operations on a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

use crate::allocator::budget::Budget;
use crate::allocator::hint::Hint;
use crate::allocator::on_terms::OnTerms;
use crate::allocator::queue::Queue;
use crate::assign::held::REQUEST;
use crate::assign::{
    self, Assign, Before, Grant, ReleaseAddress, ReleaseHandle, Released, Searched, Terms,
    decide_assign, decide_release_addresses, decide_release_handle, searched,
};
use crate::blocks::BlockCidr;
use crate::clock::Clock;
use crate::datastore::{Datastore, DatastoreError};
use crate::entropy::Entropy;
use crate::ids::{HandleId, NodeName};
use crate::plan::{RecordId, Want};
use crate::refusal::Refusal;
use crate::revision::Revision;

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
    /// The time for the request is over.
    #[error("gave up after {} ms", .after.as_millis())]
    Deadline {
        /// How long it was tried.
        after: Duration,
    },
}

/// Serves requests against a store. Clones share the queue of each node.
#[derive(Debug, Clone)]
pub struct Allocator {
    pub(super) store: Arc<dyn Datastore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) budget: Budget,
    pub(super) queue: Queue,
    pub(super) terms: Terms,
    newest: Arc<AtomicU64>,
    cluster: Arc<AtomicU64>,
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
            budget: Budget::default(),
            queue: Queue::default(),
            terms: Terms::default(),
            newest: Arc::default(),
            cluster: Arc::default(),
        }
    }

    /// The same with another budget.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Allocator {
        self.budget = budget;
        self
    }

    /// The same whose assignments have to agree with more.
    #[must_use]
    pub fn on_terms(mut self, terms: Terms) -> Allocator {
        self.terms = terms;
        self
    }

    /// Returns the newest revision that a read saw, and the store's identity; zero before the first.
    pub fn seen(&self) -> (Revision, u64) {
        let newest = self.newest.load(Ordering::Relaxed);
        (Revision(newest), self.cluster.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, revision: Revision, cluster: u64) {
        self.newest.fetch_max(revision.0, Ordering::Relaxed);
        self.cluster.store(cluster, Ordering::Relaxed);
    }

    /// Assigns what the request wants: with a hint that knows the node's block one read and one commit, for the
    /// first block of a node two reads and one commit. A refusal for want of addresses is remembered, and given again
    /// after one read while nothing has changed; so is the block that an address was borrowed from, for the next one.
    ///
    /// # Errors
    /// [`AllocatorError`]. Nothing was taken then, except where a later one of several transactions failed.
    pub async fn assign(&self, request: &Assign, hint: &Hint) -> Result<Grant, AllocatorError> {
        let mut turn = self.queue.turn(request.node.as_str()).await;
        turn.learn(hint.searched.iter().rev().cloned());
        let mut request = request.clone();
        self.mark(request.handle.as_ref(), &mut request.attributes);
        let known = turn.searched.iter().filter(|one| one.is_of(&request));
        let known: Vec<Searched> = known.cloned().collect();
        let mut first = assign::surroundings::first_wants(&request);
        first.extend(hinted(&hint.blocks));
        first.extend(hinted(&turn.blocks));
        let mut terms = OnTerms::of(self, &request.node);
        first.extend(terms.first_wants());
        first.extend(known.iter().flat_map(Searched::wants));
        let mut learnt = Vec::new();
        let grants = self
            .run_all(first, |view, done, context| {
                let before = Before {
                    done,
                    searched: &known,
                };
                let step = decide_assign(view, &request, before, context);
                learnt = searched::learn(view, &request, &step, &known, context);
                terms.hold(view, context, step)
            })
            .await;
        if is_refused(&grants) {
            turn.learn(std::mem::take(&mut learnt));
        }
        let grants = grants?;
        terms.log();
        let grant = Grant::all(grants, &request);
        if !grant.addresses.is_empty() {
            turn.blocks = grant.blocks();
            turn.granted(&request);
            turn.learn(learnt);
        }
        Ok(grant)
    }

    /// Returns what searches of a node ended in, for the hint of its next process.
    pub async fn searched(&self, node: &NodeName) -> Vec<Searched> {
        self.queue.turn(node.as_str()).await.searched.clone()
    }

    /// Marks a request without handle, for all its tries: what one of them took is found by the mark (X30).
    pub(super) fn mark(
        &self,
        handle: Option<&HandleId>,
        attributes: &mut BTreeMap<String, String>,
    ) {
        if handle.is_none() {
            let mark = format!("{:016x}", self.entropy.bits());
            attributes.insert(REQUEST.to_owned(), mark);
        }
    }

    /// Releases what the handle holds; a handle that holds nothing is no error. With a hint that knows the
    /// blocks one read and one commit.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn release_by_handle(
        &self,
        request: &ReleaseHandle,
        hint: &Hint,
    ) -> Result<Released, AllocatorError> {
        let mut first = assign::release::first_wants(request);
        first.extend(hinted(&hint.blocks));
        let parts = self
            .run_all(first, |view, _: &[Released], context| {
                decide_release_handle(view, request, context)
            })
            .await?;
        Ok(Released::all(parts))
    }

    /// Releases addresses one by one, whoever holds them.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn release_addresses(
        &self,
        addresses: &[ReleaseAddress],
    ) -> Result<Released, AllocatorError> {
        let parts = self
            .run_all(Vec::new(), |view, done, context| {
                decide_release_addresses(view, addresses, done, context)
            })
            .await?;
        Ok(Released::all(parts))
    }
}

const fn is_refused<T>(ended: &Result<T, AllocatorError>) -> bool {
    matches!(ended, Err(AllocatorError::Refused(_)))
}

pub(super) fn hinted(blocks: &[BlockCidr]) -> impl Iterator<Item = Want> + '_ {
    let blocks = blocks.iter();
    blocks.map(|block| Want::Record(RecordId::Block(*block)))
}
