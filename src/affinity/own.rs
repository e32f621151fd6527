//! The blocks that a node has affinities to, as far as a request may use them.

use crate::affinity::AffinityState;
use crate::affinity::admit::Admitted;
use crate::blocks::{Block, BlockCidr, Family};
use crate::ids::Owner;
use crate::plan::{Change, Guard, RecordId, Recorded, Seen, Stop, View, Want};

/// Most addresses of the blocks that one read brings: 64 blocks of 64, or one of 4096.
const ADDRESSES_PER_READ: usize = 4096;

/// Returns the pool among the admitted ones that a block belongs to: it lies inside and has the pool's block size.
/// A block of another size is never used: Calico re-creates such from forgotten affinities (X9).
pub fn pool_of(pools: &[Admitted], block: BlockCidr) -> Option<&Admitted> {
    pools
        .iter()
        .find(|pool| pool.cidr.covers(block.cidr()) && pool.block_length == block.cidr().length())
}

/// Returns the owner's blocks that lie in these pools: those already read first, then in order of addresses.
///
/// # Errors
/// [`Stop::Read`] where the affinities were not read.
pub fn usable_blocks(
    view: &View,
    owner: &Owner,
    family: Family,
    pools: &[Admitted],
) -> Result<Vec<BlockCidr>, Stop> {
    let affinities = view.affinities(owner, family)?;
    let mut blocks: Vec<BlockCidr> = affinities.records.keys().copied().collect();
    blocks.extend(without_affinity(view, owner, family));
    blocks.sort_unstable();
    blocks.dedup();
    blocks.retain(|block| pool_of(pools, *block).is_some());
    blocks.sort_by_key(|block| !view.blocks.contains_key(block));
    Ok(blocks)
}

/// Returns how many blocks of the family count against the owner's limit: affinities in any state, and own
/// blocks without one that were read (p9).
///
/// # Errors
/// [`Stop::Read`] where the affinities were not read.
pub fn owned_count(view: &View, owner: &Owner, family: Family) -> Result<usize, Stop> {
    let affinities = view.affinities(owner, family)?;
    let recorded = |block: &BlockCidr| affinities.records.contains_key(block);
    let more = without_affinity(view, owner, family).filter(|block| !recorded(block));
    Ok(affinities.records.len() + affinities.corrupt.len() + more.count())
}

fn without_affinity<'a>(
    view: &'a View,
    owner: &'a Owner,
    family: Family,
) -> impl Iterator<Item = BlockCidr> + 'a {
    let blocks = view.blocks.iter();
    blocks
        .filter(move |(cidr, seen)| cidr.family() == family && owned(seen, owner).is_some())
        .map(|(cidr, _)| *cidr)
}

/// Returns the block if it exists and the owner's.
pub fn owned<'a>(seen: &'a Seen<Block>, owner: &Owner) -> Option<&'a Recorded<Block>> {
    seen.present()
        .filter(|block| block.value.owner() == Some(owner))
}

/// Returns the next blocks to read of those that were not: as many as one read should bring.
pub fn next_to_read(view: &View, blocks: &[BlockCidr]) -> Vec<Want> {
    let mut room = ADDRESSES_PER_READ;
    let unread = blocks
        .iter()
        .filter(|block| !view.blocks.contains_key(block));
    unread
        .take_while(|block| {
            let size = usize::from(block.size());
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        })
        .take(crate::plan::MOST_WANTS)
        .map(|block| Want::Record(RecordId::Block(*block)))
        .collect()
}

/// Returns the guard and the change that make the affinity of an own block confirmed.
///
/// The block is written in the same transaction: that write is the fence which makes a half-done release or
/// claim of Calico fail (X21, X22). A confirmed affinity is only guarded (X4).
///
/// # Errors
/// [`Stop::Read`] where the affinity was not read.
pub fn confirmed(
    view: &View,
    owner: &Owner,
    block: BlockCidr,
) -> Result<(Guard, Option<Change>), Stop> {
    let seen = view.affinity(owner, block)?;
    let guard = RecordId::Affinity(owner.clone(), block).unchanged(&seen);
    let is_confirmed = matches!(
        seen.present().map(|state| state.value),
        Some(AffinityState::Confirmed | AffinityState::Unset)
    );
    let change = Change::PutAffinity(owner.clone(), block, AffinityState::Confirmed);
    Ok((guard, (!is_confirmed).then_some(change)))
}
