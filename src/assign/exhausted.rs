//! What is remembered of a refusal, so that a request of its kind is refused again after one read.
//!
//! **Invariant:** it is given again only while the read shows that nothing that decided has changed, blocks by their
//! footprint, and only until the time at which an address or a block becomes free by itself. Only the answer to a
//! request with the same wishes is remembered; who it is for does not decide.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::affinity::admit::Admission;
use crate::affinity::{own, reclaim};
use crate::assign::shortage::{self, Limit};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Shortage, held};
use crate::blocks::{BlockCidr, Cidr, Family};
use crate::clock::Timestamp;
use crate::plan::{Context, Footprint, RecordId, Seen, View, Want};
use crate::refusal::{PoolReason, PoolUse, PoolVerdict, Refusal};

/// How long a refusal is remembered at most, whatever else holds: a store that was restored meanwhile could show the
/// same revisions of other content.
const LONGEST: Duration = Duration::from_secs(600);
/// Most pools whose footprints are read with a request.
const MOST_POOLS: usize = 4;
/// Most own blocks that are read with a request.
const MOST_OWN: usize = 16;

/// A refusal that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// The wishes that were refused.
    pub wishes: Fingerprint,
    /// All that decided.
    pub basis: Fingerprint,
    /// The pools that admitted the request.
    pub pools: Vec<Cidr>,
    /// The node's own blocks in them.
    pub own: Vec<BlockCidr>,
    /// When it was refused. A clock that stands before it went back, and tells nothing.
    pub since: Timestamp,
    /// When something may become free by itself.
    pub until: Timestamp,
    /// What kept the node from getting another block.
    pub limit: Limit,
    /// How many addresses there were.
    pub found: usize,
    /// What was found in each of the pools.
    pub uses: Vec<PoolUse>,
}

impl Exhausted {
    /// Returns whether it is about the wishes of this request.
    pub fn is_of(&self, request: &Assign) -> bool {
        let mut families = request.families();
        families.any(|family| self.wishes == wishes(request, family))
    }

    /// Returns what to read with a request, besides what each reads, to see whether it still holds.
    pub fn wants(&self) -> impl Iterator<Item = Want> + '_ {
        let blocks = self.own.iter().copied().map(RecordId::Block);
        let footprints = self.pools.iter().copied().map(Want::Footprint);
        blocks.map(Want::Record).chain(footprints)
    }

    fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }

    fn refusal(&self, family: Family, wanted: usize, admission: &Admission) -> Refusal {
        let used = admission.pools.iter().zip(&self.uses);
        let used = used.map(|(pool, used)| PoolVerdict {
            name: pool.name.clone(),
            cidr: pool.cidr,
            reason: PoolReason::Used(used.clone()),
        });
        let pools = used.chain(admission.excluded.iter().cloned()).collect();
        shortage::refusal(self.limit, family, wanted, self.found, pools)
    }
}

/// Returns the refusal of a request that is remembered and still right.
pub(super) fn still_refused(
    known: &[Exhausted],
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    wanted: usize,
    admission: &Admission,
    context: Context,
) -> Option<Refusal> {
    let wishes = wishes(request, family);
    let one = known
        .iter()
        .find(|one| one.wishes == wishes && one.holds_at(context.now))?;
    let view = surroundings.view;
    let own = own::usable_blocks(view, &surroundings.owner, family, &admission.pools).ok()?;
    // What the handle holds without its record is found in the own blocks alone.
    if request.shortage == Shortage::Accept || own.iter().any(|own| !view.blocks.contains_key(own))
    {
        return None;
    }
    let footprints = footprints(admission, |cidr| view.footprints.get(&cidr).copied())?;
    let basis = basis(surroundings, family, wanted, admission, &footprints)?;
    (basis == one.basis).then(|| one.refusal(family, wanted, admission))
}

/// Returns what is worth remembering of a refusal that a whole search ended in; `None` where it did not look at every
/// block, or blocks changed meanwhile.
pub fn learn(
    view: &View,
    request: &Assign,
    refusal: &Refusal,
    context: Context,
) -> Option<Exhausted> {
    let (family, limit, found, pools) = shortage::parts(refusal)?;
    let surroundings = Surroundings::see(view, request).ok()?;
    let admission = surroundings.admit(request, family).ok()?;
    let own = own::usable_blocks(view, &surroundings.owner, family, &admission.pools).ok()?;
    if MOST_POOLS < admission.pools.len() || MOST_OWN < own.len() {
        return None;
    }
    let held = held::held(&surroundings, request, family).ok()?;
    let wanted = request.wanted(family).count.saturating_sub(held.len());
    let footprints = footprints(&admission, |cidr| view.footprint_of_pages(cidr))?;
    let used = pools.iter().filter_map(|verdict| match &verdict.reason {
        PoolReason::Used(used) => Some(used.clone()),
        _ => None,
    });
    Some(Exhausted {
        wishes: wishes(request, family),
        basis: basis(&surroundings, family, wanted, &admission, &footprints)?,
        pools: admission.pools.iter().map(|pool| pool.cidr).collect(),
        own,
        since: context.now,
        until: until(&surroundings, &admission, context.now),
        limit,
        found,
        uses: used.collect(),
    })
}

fn footprints(
    admission: &Admission,
    of: impl Fn(Cidr) -> Option<Footprint>,
) -> Option<Vec<Footprint>> {
    admission.pools.iter().map(|pool| of(pool.cidr)).collect()
}

/// Returns when the first address that cools, or the first block that was claimed too lately to be taken over, may
/// become free.
fn until(surroundings: &Surroundings<'_>, admission: &Admission, now: Timestamp) -> Timestamp {
    let cooldown = surroundings.cooldown();
    let records = surroundings.view.blocks.values().filter_map(Seen::present);
    let inside = records.filter(|block| {
        let cidr = block.value.cidr();
        own::pool_of(&admission.pools, cidr).is_some()
    });
    let times = inside.flat_map(|block| {
        let cooled = block.value.first_cooled(cooldown);
        let grown = reclaim::grown(&block.value, &surroundings.owner, now);
        cooled.into_iter().chain(grown)
    });
    times
        .min()
        .map_or(now.plus(LONGEST), |first| first.min(now.plus(LONGEST)))
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

/// Returns the fingerprint of what decides besides the wishes; `None` where it was not read.
fn basis(
    surroundings: &Surroundings<'_>,
    family: Family,
    wanted: usize,
    admission: &Admission,
    footprints: &[Footprint],
) -> Option<Fingerprint> {
    let listing = surroundings.view.affinities(&surroundings.owner, family);
    let affinities = listing.ok()?;
    Some(Fingerprint::of(&(
        wanted,
        &surroundings.config,
        &surroundings.reserved,
        (&affinities.records, &affinities.corrupt),
        admission,
        footprints,
    )))
}

/// Tells whether two values are the same without keeping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes it of the text that shows every part of a value, in this version of the rules.
    fn of(value: &dyn fmt::Debug) -> Fingerprint {
        let text = format!("{} {value:?}", env!("CARGO_PKG_VERSION"));
        Fingerprint(Sha256::digest(text).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let digits: Option<Vec<u8>> = text
            .bytes()
            .map(|digit| {
                char::from(digit)
                    .to_digit(16)
                    .and_then(|value| u8::try_from(value).ok())
            })
            .collect();
        let digits = digits.ok_or(NoFingerprint)?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        let whole = bytes.try_into().ok().filter(|_| text.len() == 64);
        whole.map(Fingerprint).ok_or(NoFingerprint)
    }
}
