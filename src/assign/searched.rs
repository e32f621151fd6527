//! What is remembered of a search that went through all blocks: the refusal, or the block that an address was
//! borrowed from.
//!
//! **Invariant:** a refusal is given again only while the read shows that nothing that decided has changed, blocks by
//! their footprint, and only until the time at which an address or a block becomes free by itself. Where to borrow is
//! a guess which the guards judge. Only what was found for the same wishes is remembered; who it is for does not decide.

use std::time::Duration;

use crate::affinity::admit::Admission;
use crate::affinity::{own, reclaim};
use crate::assign::fingerprint::Fingerprint;
use crate::assign::gather::{Gatherer, Pick};
use crate::assign::shortage::{self, Limit};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Grant, Shortage, held};
use crate::blocks::{BlockCidr, Cidr, Family};
use crate::clock::Timestamp;
use crate::plan::{Change, Context, Footprint, Plan, RecordId, Seen, Step, View, Want};
use crate::refusal::{PoolReason, PoolUse, PoolVerdict, Refusal};

/// How long a refusal is remembered at most, whatever else holds: a store that was restored meanwhile could show the
/// same revisions of other content.
const LONGEST: Duration = Duration::from_secs(600);
/// How long a node borrows where it did before, until it looks for a block of its own again.
const BORROWING: Duration = Duration::from_secs(60);
/// Most pools whose footprints are read with a request.
const MOST_POOLS: usize = 4;
/// Most own blocks that are read with a request.
const MOST_OWN: usize = 16;

/// A search that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// What was wanted.
    pub wishes: Fingerprint,
    /// All that decided.
    pub basis: Fingerprint,
    /// The node's own blocks that might have served, unless they are too many to read at once.
    pub own: Vec<BlockCidr>,
    /// When it ended. A clock that stands before it went back, and tells nothing.
    pub since: Timestamp,
    /// Until when it is remembered.
    pub until: Timestamp,
    /// How it ended.
    pub end: End,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nothing is left.
    Refused {
        /// The pools that admitted the request.
        pools: Vec<Cidr>,
        /// What kept the node from getting another block.
        limit: Limit,
        /// How many addresses there were.
        found: usize,
        /// What was found in each of the pools.
        uses: Vec<PoolUse>,
    },
    /// No block was to be had, and these of others gave addresses.
    Borrowed(Vec<BlockCidr>),
}

impl Searched {
    /// Returns whether it is about the wishes of this request.
    pub fn is_of(&self, request: &Assign) -> bool {
        let mut families = request.families();
        families.any(|family| self.wishes == wishes(request, family))
    }

    /// Returns what to read with a request, besides what each reads, to see whether it still holds.
    pub fn wants(&self) -> Vec<Want> {
        let record = |block: &BlockCidr| Want::Record(RecordId::Block(*block));
        let own = self.own.iter().map(record);
        match &self.end {
            End::Refused { pools, .. } => {
                let footprints = pools.iter().copied().map(Want::Footprint);
                own.chain(footprints).collect()
            }
            End::Borrowed(blocks) => own.chain(blocks.iter().map(record)).collect(),
        }
    }

    fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl Gatherer<'_> {
    /// Returns the refusal of a request that is remembered and still right.
    pub(super) fn still_refused(&self) -> Option<Refusal> {
        let one = self.same_wishes()?;
        let End::Refused {
            pools: _,
            limit,
            found,
            uses,
        } = &one.end
        else {
            return None;
        };
        let view = self.surroundings.view;
        // What the handle holds without its record is found in the own blocks alone.
        if self.request.shortage == Shortage::Accept
            || self
                .own_blocks()
                .ok()?
                .iter()
                .any(|own| !view.blocks.contains_key(own))
        {
            return None;
        }
        let footprints = footprints(self.admission, |cidr| view.footprints.get(&cidr).copied())?;
        (self.basis(&footprints)? == one.basis).then(|| self.refusal(*limit, *found, uses))
    }

    /// Returns the blocks of others that gave addresses before, when there was no block to be had.
    pub(super) fn lenders(&self) -> &[BlockCidr] {
        let one = self.same_wishes();
        match one.map(|one| (&one.end, Some(one.basis) == self.basis(&[]))) {
            Some((End::Borrowed(blocks), true)) => blocks,
            _ => &[],
        }
    }

    fn same_wishes(&self) -> Option<&Searched> {
        if self.known.is_empty() {
            return None;
        }
        let wishes = wishes(self.request, self.family);
        let mut known = self.known.iter();
        known.find(|one| one.wishes == wishes && one.holds_at(self.context.now))
    }

    fn refusal(&self, limit: Limit, found: usize, uses: &[PoolUse]) -> Refusal {
        let used = self.admission.pools.iter().zip(uses);
        let used = used.map(|(pool, used)| PoolVerdict {
            name: pool.name.clone(),
            cidr: pool.cidr,
            reason: PoolReason::Used(used.clone()),
        });
        let excluded = self.admission.excluded.iter().cloned();
        let wanted = self.request.wanted(self.family).count;
        let pools = used.chain(excluded).collect();
        shortage::refusal(limit, self.family, wanted, found, pools)
    }

    /// Returns the fingerprint of what decides besides the wishes; `None` where it was not read.
    fn basis(&self, footprints: &[Footprint]) -> Option<Fingerprint> {
        let surroundings = self.surroundings;
        let listing = surroundings
            .view
            .affinities(&surroundings.owner, self.family);
        let affinities = listing.ok()?;
        Some(Fingerprint::of(&(
            self.wanted,
            &surroundings.config,
            &surroundings.reserved,
            (&affinities.records, &affinities.corrupt),
            self.admission,
            footprints,
        )))
    }

    /// Returns when the first address that cools, or the first block that was claimed too lately to be taken over, may
    /// become free.
    fn first_free(&self) -> Timestamp {
        let now = self.context.now;
        let cooldown = self.surroundings.cooldown();
        let blocks = self.surroundings.view.blocks.values();
        let inside = blocks.filter_map(Seen::present).filter(|block| {
            let cidr = block.value.cidr();
            own::pool_of(&self.admission.pools, cidr).is_some()
        });
        let times = inside.flat_map(|block| {
            let cooled = block.value.first_cooled(cooldown);
            let grown = reclaim::grown(&block.value, &self.surroundings.owner, now);
            cooled.into_iter().chain(grown)
        });
        times
            .min()
            .map_or(now.plus(LONGEST), |first| first.min(now.plus(LONGEST)))
    }
}

/// Returns what is worth remembering of a decision, should it be the last of its request.
pub fn learn(
    view: &View,
    request: &Assign,
    step: &Step<Grant>,
    known: &[Searched],
    context: Context,
) -> Vec<Searched> {
    match step {
        Step::Refuse(refusal) => {
            let refused = refused(view, request, refusal, context);
            refused.into_iter().collect()
        }
        Step::Commit(plan) => borrowed(view, request, plan, known, context),
        Step::Read(_) | Step::Done(_) => Vec::new(),
    }
}

/// Returns what is worth remembering of a refusal that a whole search ended in; `None` where it did not look at every
/// block, or blocks changed meanwhile.
fn refused(view: &View, request: &Assign, refusal: &Refusal, context: Context) -> Option<Searched> {
    let (family, limit, found, pools) = shortage::parts(refusal)?;
    of_search(view, request, family, &[], context, |search| {
        let own = search.own_blocks().ok()?;
        if MOST_POOLS < search.admission.pools.len() || MOST_OWN < own.len() {
            return None;
        }
        let footprints = footprints(search.admission, |cidr| view.footprint_of_pages(cidr))?;
        let used = pools.iter().filter_map(|verdict| match &verdict.reason {
            PoolReason::Used(used) => Some(used.clone()),
            _ => None,
        });
        Some(Searched {
            wishes: wishes(request, family),
            basis: search.basis(&footprints)?,
            own,
            since: context.now,
            until: search.first_free(),
            end: End::Refused {
                pools: search
                    .admission
                    .pools
                    .iter()
                    .map(|pool| pool.cidr)
                    .collect(),
                limit,
                found,
                uses: used.collect(),
            },
        })
    })
}

/// Returns what is worth remembering of a plan that borrows, for each family that does; nothing where it borrows where
/// a search is remembered to have: that one's time is not made longer.
fn borrowed(
    view: &View,
    request: &Assign,
    plan: &Plan<Grant>,
    known: &[Searched],
    context: Context,
) -> Vec<Searched> {
    let of_family = |family: Family| {
        let blocks = lenders_of(plan, request, family);
        if blocks.is_empty() {
            return None;
        }
        of_search(view, request, family, known, context, |search| {
            let before = search.lenders();
            if blocks.iter().all(|block| before.contains(block)) {
                return None;
            }
            let own = search.own_blocks().ok();
            let own = own.filter(|own| own.len() <= MOST_OWN);
            Some(Searched {
                wishes: wishes(request, family),
                basis: search.basis(&[])?,
                own: own.unwrap_or_default(),
                since: context.now,
                until: context.now.plus(BORROWING),
                end: End::Borrowed(blocks),
            })
        })
    };
    request.families().filter_map(of_family).collect()
}

fn lenders_of(plan: &Plan<Grant>, request: &Assign, family: Family) -> Vec<BlockCidr> {
    let owner = request.owner();
    let written = plan.changes.iter().filter_map(|change| match change {
        Change::PutBlock(block) => Some(block),
        _ => None,
    });
    let foreign = written.filter(|block| block.owner() != Some(&owner));
    let blocks = foreign.map(crate::blocks::Block::cidr);
    blocks.filter(|block| block.family() == family).collect()
}

/// Sets up the search again that ended.
fn of_search<T>(
    view: &View,
    request: &Assign,
    family: Family,
    known: &[Searched],
    context: Context,
    then: impl FnOnce(Gatherer<'_>) -> Option<T>,
) -> Option<T> {
    let surroundings = Surroundings::see(view, request).ok()?;
    let admission = surroundings.admit(request, family).ok()?;
    let held = held::held(&surroundings, request, family).ok()?;
    then(Gatherer {
        surroundings: &surroundings,
        request,
        family,
        admission: &admission,
        wanted: request.wanted(family).count.saturating_sub(held.len()),
        pick: Pick::Next,
        known,
        context,
    })
}

fn footprints(
    admission: &Admission,
    of: impl Fn(Cidr) -> Option<Footprint>,
) -> Option<Vec<Footprint>> {
    admission.pools.iter().map(|pool| of(pool.cidr)).collect()
}

/// Returns the fingerprint of what a request wants of a family, and of what decides about it in the request.
fn wishes(request: &Assign, family: Family) -> Fingerprint {
    Fingerprint::of(&(
        request.owner(),
        request.purpose,
        family,
        request.wanted(family),
        &request.namespace,
        request.max_blocks,
    ))
}
