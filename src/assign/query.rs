//! What is asked about handles and addresses without changing anything.

use crate::assign::around::{block_around, see_around};
use crate::assign::held::{Held, of_interface};
use crate::blocks::Address;
use crate::ids::HandleId;
use crate::plan::{Seen, Step, Stop, View};
use crate::refusal::Refusal;
use crate::report;

/// Tells what a handle holds, by address; `None` where it has no record. As for Calico, only the blocks that its
/// record names are looked at. One that does not parse is passed over.
///
/// # Errors
/// A corrupt handle.
pub fn decide_addresses_of(view: &View, handle: &HandleId) -> Step<Option<Vec<Held>>> {
    addresses_of(view, handle).map_or_else(Step::from, Step::Done)
}

fn addresses_of(view: &View, handle: &HandleId) -> Result<Option<Vec<Held>>, Stop> {
    let seen = view.handle(handle)?;
    let record = match seen {
        Seen::Absent => return Ok(None),
        Seen::Corrupt(record) => return Err(Refusal::Corrupt(vec![record.clone()]).into()),
        Seen::Present(record) => &record.value,
    };
    view.see_named(seen)?;
    let mut all = Vec::new();
    for cidr in record.blocks() {
        let block = view.block(cidr)?.present().map(|record| &record.value);
        let entries = block.map(|block| of_interface(block, handle, None));
        all.extend(entries.into_iter().flatten().map(|entry| Held {
            address: entry.address,
            block: cidr,
        }));
    }
    all.sort_unstable_by_key(|held: &Held| held.address);
    Ok(Some(all))
}

/// Tells who holds an address. Its block is looked for under every legal block size, so that its pool may be
/// disabled or gone; Calico knows only addresses of enabled pools.
///
/// # Errors
/// A corrupt block.
pub fn decide_holder_of(view: &View, address: Address) -> Step<report::Held> {
    holder_of(view, address).map_or_else(Step::from, Step::Done)
}

fn holder_of(view: &View, address: Address) -> Result<report::Held, Stop> {
    see_around(view, std::iter::once(address))?;
    let around = block_around(view, address)?;
    Ok(around.map_or(report::Held::Free, |record| {
        report::address::held(&record.value, address)
    }))
}
