//! Reports on a whole store: read page by page at one revision, each record folded and dropped.
//!
//! A compaction in the middle of a read starts it again; the answer says how often.

mod facts;

use crate::affinity::repair::Repaired;
use crate::allocator::budget::Tries;
use crate::allocator::{Allocator, AllocatorError};
use crate::assign::{Assign, surroundings};
use crate::blocks::Block;
use crate::datastore::pages::Pages;
use crate::datastore::{DatastoreError, Entry, Span, codec, keys};
use crate::ids::OwnerKind;
use crate::plan::{RecordId, Scope};
use crate::report::collect::Memory;
use crate::report::{
    Alive, Check, CheckReport, Collection, Explanation, Fact, Grace, Look, RepairKind, Tally,
    Usage, decide_repair, explain,
};
use crate::revision::Revision;

/// Times that a read is begun before its store is given up, which forgets revisions faster than they can be read.
const MOST_STARTS: u32 = 5;

/// A report, and the moment that it is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsOf<T> {
    /// The report.
    pub report: T,
    /// The revision at which everything was read.
    pub revision: Revision,
    /// The store's identity.
    pub cluster: u64,
    /// How often the read was begun again because its revision was compacted.
    pub restarts: u32,
}

impl Allocator {
    /// Checks the whole store.
    ///
    /// # Errors
    /// [`AllocatorError::Store`]. Records that do not parse are findings.
    pub async fn check(&self) -> Result<AsOf<CheckReport>, AllocatorError> {
        let mut restarts = 0;
        loop {
            let mut walk = Walk::new(self);
            match self.check_once(&mut walk).await {
                Ok(report) => return Ok(walk.told(report, restarts)),
                Err(error) => begin_again(error, &mut restarts)?,
            }
        }
    }

    async fn check_once(&self, walk: &mut Walk<'_>) -> Result<CheckReport, DatastoreError> {
        let mut check = Check::new(self.clock.now());
        for span in every_span() {
            let see = |entry: Entry| check.see(facts::fact(&entry), entry.modified);
            walk.each(span, see).await?;
        }
        if check.wants_blocks_again() {
            let again = |entry: Entry| {
                if let Fact::Block(parts) = facts::fact(&entry) {
                    check.see_block_again(&parts);
                }
            };
            walk.each(keys::blocks(), again).await?;
        }
        Ok(check.finish())
    }

    /// Counts the use of all pools.
    ///
    /// # Errors
    /// [`AllocatorError::Store`]. Records that do not parse are left out.
    pub async fn usage(&self) -> Result<AsOf<Usage>, AllocatorError> {
        let mut restarts = 0;
        loop {
            let mut walk = Walk::new(self);
            match usage_once(&mut walk).await {
                Ok(usage) => return Ok(walk.told(usage, restarts)),
                Err(error) => begin_again(error, &mut restarts)?,
            }
        }
    }
}

impl Allocator {
    /// Sets right what a check found, decided again from a fresh read.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn repair(&self, repair: &RepairKind) -> Result<Repaired, AllocatorError> {
        self.run(|view, context| decide_repair(view, repair, context))
            .await
    }

    /// Looks through all blocks for what nobody uses, given who lives and what earlier looks saw. What it tells is
    /// taken by [`Allocator::release_addresses`], which compares handle and sequence number once more.
    ///
    /// # Errors
    /// [`AllocatorError::Store`]. Blocks that do not parse are passed over.
    pub async fn look(
        &self,
        alive: &impl Alive,
        before: &Memory,
        grace: Grace,
    ) -> Result<AsOf<(Collection, Memory)>, AllocatorError> {
        let mut restarts = 0;
        loop {
            let mut walk = Walk::new(self);
            let mut look = Look::new(alive, before.clone(), self.clock.now());
            match walk.each_block(|block| look.see(&block)).await {
                Ok(()) => return Ok(walk.told(look.finish(grace), restarts)),
                Err(error) => begin_again(error, &mut restarts)?,
            }
        }
    }

    /// Tells why a request would get what it would get; nothing is written.
    ///
    /// # Errors
    /// [`AllocatorError`]. A refusal is part of the explanation.
    pub async fn explain(&self, request: &Assign) -> Result<Explanation, AllocatorError> {
        let first = surroundings::first_wants(request);
        let told = self
            .run_all(first, |view, _, context| explain(view, request, context))
            .await?;
        Ok(told
            .into_iter()
            .next()
            .expect("a request that ended has an outcome"))
    }
}

async fn usage_once(walk: &mut Walk<'_>) -> Result<Usage, DatastoreError> {
    let mut pools = Vec::new();
    let mut reserved = Vec::new();
    for scope in [Scope::Pools, Scope::Reservations] {
        let take = |entry: Entry| match facts::fact(&entry) {
            Fact::Pool(pool, _) => pools.push(*pool),
            Fact::Reservation(reservation) => reserved.extend(reservation.reserved),
            _ => {}
        };
        walk.each(keys::span_of(&scope), take).await?;
    }
    let mut tally = Tally::new(&pools, reserved.into_iter().collect());
    walk.each_block(|block| tally.add(&block)).await?;
    Ok(tally.finish())
}

/// Notes that a read begins again, unless it did too often or failed otherwise.
fn begin_again(error: DatastoreError, restarts: &mut u32) -> Result<(), AllocatorError> {
    *restarts += 1;
    match error {
        DatastoreError::Compacted(revision) if *restarts < MOST_STARTS => {
            tracing::warn!(%revision, "compacted during a long read, which begins again");
            Ok(())
        }
        error => Err(error.into()),
    }
}

/// Returns what a check reads, in the order that it wants.
fn every_span() -> Vec<Span> {
    let key = |id: RecordId| Span::Key(keys::key_of(&id));
    vec![
        keys::span_of(&Scope::Pools),
        keys::span_of(&Scope::Reservations),
        keys::nodes(),
        key(RecordId::ClusterInformation),
        key(RecordId::Config),
        keys::blocks(),
        keys::span_of(&Scope::AllAffinities(OwnerKind::Host)),
        keys::span_of(&Scope::AllAffinities(OwnerKind::Virtual)),
        keys::handles(),
        keys::borrowed(),
    ]
}

/// Several long reads as of one moment: that of the first.
struct Walk<'a> {
    allocator: &'a Allocator,
    revision: Option<Revision>,
    cluster: u64,
}

impl<'a> Walk<'a> {
    const fn new(allocator: &'a Allocator) -> Walk<'a> {
        Walk {
            allocator,
            revision: None,
            cluster: 0,
        }
    }

    async fn each(
        &mut self,
        span: Span,
        mut take: impl FnMut(Entry),
    ) -> Result<(), DatastoreError> {
        let mut pages = Pages::of(self.allocator.store.as_ref(), span);
        if let Some(revision) = self.revision {
            pages = pages.at(revision);
        }
        let mut tries = Tries::new(self.allocator);
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    self.revision = Some(page.revision);
                    self.cluster = page.cluster;
                    page.entries.into_iter().for_each(&mut take);
                    tries = Tries::new(self.allocator);
                }
                Ok(None) => return Ok(()),
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads all blocks; those that do not parse are passed over.
    async fn each_block(&mut self, mut take: impl FnMut(Block)) -> Result<(), DatastoreError> {
        let block = |entry: Entry| {
            if let Some(RecordId::Block(cidr)) = keys::parse(&entry.key)
                && let Ok(block) = codec::decode_block(cidr, &entry.value)
            {
                take(block);
            }
        };
        self.each(keys::blocks(), block).await
    }

    fn told<T>(&self, report: T, restarts: u32) -> AsOf<T> {
        AsOf {
            report,
            revision: self.revision.unwrap_or_default(),
            cluster: self.cluster,
            restarts,
        }
    }
}
