//! Which blocks of others may be taken over, because nobody uses them.

use std::time::Duration;

use crate::blocks::Block;
use crate::blocks::block::Cooldown;
use crate::clock::Timestamp;
use crate::ids::{Owner, OwnerKind};
use crate::plan::{Change, Context, Guard, RecordId, Stop, View};

/// How long ago a block must have been claimed before another node takes it over: as for Calico, the time in
/// which a claimer puts its first address there.
pub const MIN_RECLAIM_AGE: Duration = Duration::from_secs(60);

/// Returns the block as it is after `owner` took it over, if it may:
///
/// 1. nobody holds an address in it and none is cooling; the slots of a Windows owner do not count, and go with it;
/// 2. it has no owner, or a node owns it, and claimed it 60 s ago or longer (no claim time is long ago);
/// 3. never a block of a virtual owner.
pub fn taken_over(
    block: &Block,
    owner: &Owner,
    context: Context,
    cooldown: Cooldown,
) -> Option<Block> {
    let mut block = block.clone();
    block.normalise(context.now, cooldown);
    let may = block.is_empty() && is_abandoned(&block, owner, context.now);
    may.then(|| {
        block.take_over(owner.clone(), context.now);
        block
    })
}

fn is_abandoned(block: &Block, owner: &Owner, now: Timestamp) -> bool {
    let Some(former) = block.owner() else {
        return true;
    };
    let old = block
        .claimed_at()
        .is_none_or(|claimed| MIN_RECLAIM_AGE <= now.since(claimed));
    former.kind == OwnerKind::Host && former != owner && old
}

/// Returns when a block of another node may be taken over that was claimed too lately for it now, should nobody use it.
pub fn grown(block: &Block, owner: &Owner, now: Timestamp) -> Option<Timestamp> {
    let former = block.owner().filter(|former| *former != owner);
    let grown = block.claimed_at()?.plus(MIN_RECLAIM_AGE);
    (former.is_some() && now < grown).then_some(grown)
}

/// Returns what takes the affinity of the former owner away: guarded, for it may be claiming at this moment (X11).
///
/// # Errors
/// [`Stop::Read`] where that affinity was not read.
pub fn without_former_owner(
    view: &View,
    block: &Block,
) -> Result<Option<(Guard, Option<Change>)>, Stop> {
    let Some(former) = block.owner() else {
        return Ok(None);
    };
    let seen = view.affinity(former, block.cidr())?;
    let guard = RecordId::Affinity(former.clone(), block.cidr()).unchanged(&seen);
    let delete = Change::DeleteAffinity(former.clone(), block.cidr());
    let exists = !matches!(seen, crate::plan::Seen::Absent);
    Ok(Some((guard, exists.then_some(delete))))
}
