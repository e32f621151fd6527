//! The block around an address, whatever its size: its pool may have had other blocks once, or be gone.

use crate::blocks::block::Slot;
use crate::blocks::{Address, Block, BlockCidr};
use crate::plan::{MOST_WANTS, RecordId, Recorded, Seen, Stop, View, Want};
use crate::refusal::Refusal;

/// Returns the blocks of every legal size around an address, the largest first.
pub fn legal_blocks(address: Address) -> impl Iterator<Item = BlockCidr> {
    let alone = address.to_cidr();
    alone.larger_blocks().chain(BlockCidr::new(alone).ok())
}

/// Returns the wants of all of [`legal_blocks`].
pub fn wants_around(address: Address) -> impl Iterator<Item = Want> {
    legal_blocks(address).map(|block| Want::Record(RecordId::Block(block)))
}

/// Asks for the blocks around these addresses that were not read, as many as one read brings.
///
/// # Errors
/// [`Stop::Read`], unless all were read.
pub fn see_around(view: &View, addresses: impl Iterator<Item = Address>) -> Result<(), Stop> {
    let all = addresses.flat_map(legal_blocks);
    let mut unread: Vec<Want> = all
        .filter(|block| !view.blocks.contains_key(block))
        .map(|block| Want::Record(RecordId::Block(block)))
        .collect();
    unread.sort_unstable();
    unread.dedup();
    unread.truncate(MOST_WANTS);
    if unread.is_empty() {
        Ok(())
    } else {
        Err(Stop::Read(unread))
    }
}

/// Returns the record of the block that contains the address. Where one lies over another, as Calico leaves them when
/// it makes a block of a forgotten affinity anew, that is the one in which the address is not free.
///
/// # Errors
/// [`Stop::Read`] where one was not read, and a corrupt record.
pub fn block_around(view: &View, address: Address) -> Result<Option<&Recorded<Block>>, Stop> {
    let mut first = None;
    for cidr in legal_blocks(address) {
        match view.block(cidr)? {
            Seen::Present(record) if is_taken(&record.value, address) => return Ok(Some(record)),
            Seen::Present(record) => first = first.or(Some(record)),
            Seen::Corrupt(record) => return Err(Refusal::Corrupt(vec![record.clone()]).into()),
            Seen::Absent => {}
        }
    }
    Ok(first)
}

fn is_taken(block: &Block, address: Address) -> bool {
    let ordinal = block.ordinal(address);
    ordinal.is_some_and(|ordinal| !matches!(block.slot(ordinal), Slot::Free))
}
