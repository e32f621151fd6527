//! Reports on a whole store: read page by page at one revision, each record folded and dropped.
//!
//! A compaction in the middle of a read starts it again; the answer says how often.

mod facts;

use crate::affinity::repair::Repaired;
use crate::affinity::surrender::{InUse, Surrender, Surrendered, Which};
use crate::allocator::budget::Tries;
use crate::allocator::{Allocator, AllocatorError};
use crate::assign::{Assign, Released, surroundings};
use crate::blocks::Block;
use crate::datastore::pages::Pages;
use crate::datastore::{DatastoreError, Entry, Span, codec, keys};
use crate::ids::OwnerKind;
use crate::plan::{CorruptRecord, RecordId, Scope};
use crate::report::collect::Memory;
use crate::report::{
    Alive, Check, CheckReport, Collection, Explanation, Fact, Grace, Look, RepairKind, TakenBack,
    Tally, Usage, decide_repair, explain,
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

    /// Counts the use of all pools, page by page: what is kept of a block is its numbers.
    ///
    /// # Errors
    /// [`AllocatorError::Store`]. Records that do not parse are not counted, and told.
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

    /// Takes back what nobody uses, given who lives and what earlier looks saw: leaked addresses, blocks that stood empty,
    /// and empty ones in pools that no longer select their owner. Each is decided again where it is taken: an address by
    /// handle and sequence number, a block by owner and generation.
    ///
    /// Who lives has to be asked after the look that `before` comes from: else whoever began to live in between, and was
    /// seen by that look, is taken for dead.
    ///
    /// Returns what was taken, and what to remember until the next collection.
    ///
    /// # Errors
    /// [`AllocatorError`]; what was taken before it stays so.
    pub async fn collect(
        &self,
        alive: &impl Alive,
        before: &Memory,
        grace: Grace,
    ) -> Result<AsOf<(TakenBack, Memory)>, AllocatorError> {
        let looked = self.look(alive, before, grace).await?;
        let (collection, memory) = looked.report;
        let released = if collection.leaked.is_empty() {
            Released::default()
        } else {
            self.release_addresses(&collection.leaked).await?
        };
        let surrendered = if collection.surplus.is_empty() {
            Surrendered::default()
        } else {
            self.surrender(&Surrender {
                which: Which::Surplus(collection.surplus),
                in_use: InUse::Keep,
            })
            .await?
        };
        let taken = TakenBack {
            released,
            surrendered,
            suspected: collection.suspected,
        };
        Ok(AsOf {
            report: (taken, memory),
            revision: looked.revision,
            cluster: looked.cluster,
            restarts: looked.restarts,
        })
    }

    /// Looks through all blocks for what [`Allocator::collect`] would take; nothing is written.
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
            match look_once(&mut walk, &mut look).await {
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

async fn look_once<A: Alive>(
    walk: &mut Walk<'_>,
    look: &mut Look<'_, A>,
) -> Result<(), DatastoreError> {
    let take = |entry: Entry| {
        if let Fact::Pool(pool, _) = facts::fact(&entry) {
            look.see_pool(*pool);
        }
    };
    walk.each(keys::span_of(&Scope::Pools), take).await?;
    let take = |entry: Entry| {
        if let Some(RecordId::Node(name)) = keys::parse(&entry.key) {
            let node = codec::decode_node(&name, &entry.value).ok();
            look.see_node(&name, node.map(|node| node.metadata.labels));
        }
    };
    walk.each(keys::nodes(), take).await?;
    let take = |block: Result<Block, CorruptRecord>| block.iter().for_each(|block| look.see(block));
    walk.each_block(take).await
}

async fn usage_once(walk: &mut Walk<'_>) -> Result<Usage, DatastoreError> {
    let mut pools = Vec::new();
    let mut reserved = Vec::new();
    let mut corrupt = Vec::new();
    for scope in [Scope::Pools, Scope::Reservations] {
        let take = |entry: Entry| match facts::fact(&entry) {
            Fact::Pool(pool, _) => pools.push(*pool),
            Fact::Reservation(reservation) => reserved.extend(reservation.reserved),
            Fact::Corrupt(_, record) => corrupt.push(record),
            _ => {}
        };
        walk.each(keys::span_of(&scope), take).await?;
    }
    let mut tally = Tally::new(&pools, reserved.into_iter().collect());
    corrupt
        .into_iter()
        .for_each(|record| tally.leave_out(record));
    let take = |block: Result<Block, CorruptRecord>| match block {
        Ok(block) => tally.add(&block),
        Err(record) => tally.leave_out(record),
    };
    walk.each_block(take).await?;
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

    /// Reads all blocks, and which of their records do not parse.
    async fn each_block(
        &mut self,
        mut take: impl FnMut(Result<Block, CorruptRecord>),
    ) -> Result<(), DatastoreError> {
        let block = |entry: Entry| {
            if let Some(RecordId::Block(cidr)) = keys::parse(&entry.key) {
                let block = codec::decode_block(cidr, &entry.value);
                take(block.map_err(|error| facts::corrupt(&entry, &error)));
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
