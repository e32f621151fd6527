//! How a node finds a block to claim: candidates in the node's own order, probed by their keys alone.
//!
//! A probe asks for many candidates at once, so that a claim needs one read however many blocks the store
//! holds. Only where all probed ones and their neighbours are taken are the keys of the whole pool read, and where it is
//! known to be full the first of its blocks with them: the next thing to look at if none is free.

use crate::affinity::admit::Admitted;
use crate::affinity::own;
use crate::blocks::order::Candidates;
use crate::blocks::{BlockCidr, Cidr, Family, RangeSet};
use crate::ids::Owner;
use crate::plan::{RecordId, Seen, Stop, View, Want};
use crate::revision::Revision;

/// Candidates of a pool that one probe asks for. With 95 % of the blocks taken, 32 of them leave a chance of
/// one in five that none is free.
const WINDOW: usize = 32;
/// The same where neighbours come along, as those of IPv4 in the same /24 do: of 64 blocks of 64 addresses one is free
/// with a chance of 96 in 100. Each key that is found costs, so no more are asked for.
const WINDOW_WITH_NEIGHBOURS: usize = 16;
/// Most probes of a family in one read; the other family needs its share.
const MOST_PROBES: usize = 48;
/// Pools with at most this many blocks are probed as a whole.
const SMALL_POOL: u128 = 64;
/// Most blocks of a pool that are counted with its first probe, which tells whether it is full: a store counts by
/// walking over them.
const MOST_COUNTED: u128 = 4_096;
/// Largest block that is read with a probe to learn how large its pool's records are.
const LARGEST_SAMPLE: u16 = 256;

/// A block that nobody has, as of the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The block.
    pub block: BlockCidr,
    /// Its pool.
    pub pool: &'a Admitted,
    /// When the keys around it were read: what the claim is guarded with.
    pub read_at: Revision,
}

/// Where to look for a block.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The pools, in order.
    pub pools: &'a [Admitted],
    /// Who claims.
    pub owner: &'a Owner,
    /// The family.
    pub family: Family,
    /// What is reserved; a block that is reserved as a whole is no candidate.
    pub reserved: &'a RangeSet,
}

/// Returns the next block to claim, in this order:
///
/// 1. a block that the owner has an affinity to already, in whatever state, and that does not exist: the rest
///    of a half-done claim or release;
/// 2. for each pool in order, the first free one in the owner's own order of candidates.
///
/// `useful` tells whether a candidate would bring an address. `None` means that every candidate is taken.
///
/// # Errors
/// [`Stop::Read`] where candidates have to be probed first.
pub fn find<'a>(
    view: &View,
    search: Search<'a>,
    useful: &dyn Fn(BlockCidr) -> bool,
) -> Result<Option<Candidate<'a>>, Stop> {
    if let Some(candidate) = half_done(view, search, useful)? {
        return Ok(Some(candidate));
    }
    let mut probes = Vec::new();
    for pool in search.pools {
        let found = in_pool(view, search, pool, useful, &mut probes);
        if found.is_some() && probes.is_empty() {
            return Ok(found);
        }
    }
    read_first(probes)
}

fn read_first<T>(mut probes: Vec<Want>) -> Result<Option<T>, Stop> {
    probes.truncate(MOST_PROBES);
    if probes.is_empty() {
        Ok(None)
    } else {
        Err(Stop::Read(probes))
    }
}

/// Returns the rest of a half-done claim or release: rule 1 of [`find`].
///
/// # Errors
/// [`Stop::Read`] where it has to be probed first.
pub fn half_done<'a>(
    view: &View,
    search: Search<'a>,
    useful: &dyn Fn(BlockCidr) -> bool,
) -> Result<Option<Candidate<'a>>, Stop> {
    let mut probes = Vec::new();
    for block in own::usable_blocks(view, search.owner, search.family, search.pools)? {
        let absent = matches!(view.blocks.get(&block), Some(Seen::Absent));
        if !absent || !useful(block) || search.reserved.covers(block.cidr()) {
            continue;
        }
        let pool = own::pool_of(search.pools, block).expect("usable blocks have a pool");
        match probed(view, block) {
            Some(read_at) if !view.is_taken(block.cidr()) => {
                return Ok(Some(Candidate {
                    block,
                    pool,
                    read_at,
                }));
            }
            Some(_) => {}
            None => probes.push(Want::BlocksInside(neighbourhood(block))),
        }
    }
    read_first(probes)
}

/// Returns the first free candidate of a pool if it is known, and adds to `probes` what has to be read to know.
fn in_pool<'a>(
    view: &View,
    search: Search<'a>,
    pool: &'a Admitted,
    useful: &dyn Fn(BlockCidr) -> bool,
    probes: &mut Vec<Want>,
) -> Option<Candidate<'a>> {
    let seed = search.owner.name.as_bytes();
    let candidates = Candidates::new(pool.cidr, pool.block_length, search.reserved, seed);
    let whole_pool = view.inside(pool.cidr).is_some();
    let window = if whole_pool { usize::MAX } else { window(pool) };
    let mut unknown = Vec::new();
    for block in candidates
        .clone()
        .take(window)
        .filter(|block| useful(*block))
    {
        match probed(view, block) {
            Some(_) if view.is_taken(block.cidr()) => {}
            Some(read_at) => {
                return Some(Candidate {
                    block,
                    pool,
                    read_at,
                });
            }
            None => unknown.push(Want::BlocksInside(neighbourhood(block))),
        }
    }
    if whole_pool || candidates.is_empty() {
        return None;
    }
    if unknown.is_empty() {
        let window = candidates.clone().take(window);
        let beside = beside(view, search, pool, useful, window);
        if beside.is_some() {
            return beside;
        }
    }
    let mut more = to_probe(view, search.owner, pool, &candidates, unknown);
    let has_page = probes.iter().any(is_page);
    more.retain(|want| !(probes.contains(want) || has_page && is_page(want)));
    probes.extend(more);
    None
}

const fn is_page(want: &Want) -> bool {
    matches!(want, Want::NextPage(..))
}

/// Returns what to read of a pool in which no candidate is known to be free: the unknown ones, or all keys where it is
/// small or all are taken. With these comes the first page of blocks where as many exist as can, for they may be of use
/// to others; one page at a time, for pages are large.
fn to_probe(
    view: &View,
    owner: &Owner,
    pool: &Admitted,
    candidates: &Candidates,
    mut unknown: Vec<Want>,
) -> Vec<Want> {
    let count = view.counts.get(&pool.cidr);
    if candidates.len() <= SMALL_POOL || unknown.is_empty() {
        let is_full = count.is_some_and(|count| candidates.len() <= *count as u128);
        let page = next_page(view, pool, owner).filter(|_| is_full);
        let keys = Want::BlocksInside(pool.cidr);
        return std::iter::once(keys).chain(page).collect();
    }
    unknown.extend(sample(view, candidates.at(0)));
    let counted = count.is_some() || MOST_COUNTED < candidates.len();
    unknown.extend((!counted).then_some(Want::Count(pool.cidr)));
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

fn window(pool: &Admitted) -> usize {
    match pool.cidr.family() {
        Family::V4 if 24 < pool.block_length => WINDOW_WITH_NEIGHBOURS,
        Family::V4 | Family::V6 => WINDOW,
    }
}

/// Returns the first free neighbour of the candidates: their keys were read with them.
fn beside<'a>(
    view: &View,
    search: Search<'a>,
    pool: &'a Admitted,
    useful: &dyn Fn(BlockCidr) -> bool,
    candidates: impl Iterator<Item = BlockCidr>,
) -> Option<Candidate<'a>> {
    let length = pool.block_length;
    let neighbours = candidates.map(neighbourhood).flat_map(|all| {
        let count = all.subnet_count(length).unwrap_or(0);
        (0..count).filter_map(move |index| BlockCidr::new(all.subnet(length, index)?).ok())
    });
    let mut free = neighbours.filter(|block| {
        let cidr = block.cidr();
        pool.cidr.covers(cidr)
            && !view.is_taken(cidr)
            && !search.reserved.covers(cidr)
            && useful(*block)
    });
    free.find_map(|block| {
        let read_at = probed(view, block)?;
        Some(Candidate {
            block,
            pool,
            read_at,
        })
    })
}

/// Returns a candidate to read whole: if it is taken, its record tells how many make a page.
fn sample(view: &View, first: Option<BlockCidr>) -> Option<Want> {
    let unread = |block: &BlockCidr| !view.blocks.contains_key(block);
    let first = first.filter(|block| block.size() <= LARGEST_SAMPLE);
    first
        .filter(unread)
        .map(|block| Want::Record(RecordId::Block(block)))
}

/// Returns the want of the next page of a pool's blocks, from the owner's own first candidate on; `None` when all
/// were read.
pub fn next_page(view: &View, pool: &Admitted, owner: &Owner) -> Option<Want> {
    if view
        .pages
        .get(&pool.cidr)
        .is_some_and(|pages| pages.left.is_empty())
    {
        return None;
    }
    let all = Candidates::new(
        pool.cidr,
        pool.block_length,
        &RangeSet::default(),
        owner.name.as_bytes(),
    );
    all.at(0).map(|start| Want::NextPage(pool.cidr, start))
}

/// Returns when the keys around a block were last read: with its neighbours, its pool, or after a conflict alone.
fn probed(view: &View, block: BlockCidr) -> Option<Revision> {
    view.inside(block.cidr())
}

/// Returns the CIDR whose blocks' keys are read with a candidate: an IPv4 key names its /24 in text, so its
/// neighbours cost nothing.
pub fn neighbourhood(block: BlockCidr) -> Cidr {
    match block.family() {
        Family::V4 if 24 < block.cidr().length() => block.cidr().first().network(24),
        Family::V4 | Family::V6 => block.cidr(),
    }
}
