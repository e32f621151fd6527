//! What an earlier, half-heard try of the same request has taken already (p7).

use crate::assign::Assign;
use crate::assign::surroundings::Surroundings;
use crate::blocks::block::Assigned;
use crate::blocks::{Address, Block, BlockCidr, Family};
use crate::ids::HandleId;
use crate::plan::{RecordId, Recorded, Stop, View, Want};

/// The name of the attribute that tells the interfaces of a container apart.
pub const INTERFACE: &str = "interface";

/// The name of the attribute that tells on which node an address is used, as Calico writes it.
pub const NODE: &str = "node";

/// An address that the request's handle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The address.
    pub address: Address,
    /// Its block.
    pub block: BlockCidr,
}

/// Returns what the request's handle and interface hold in the family, by address. Looks into every block that
/// the handle names, and every other that was read: an entry may stand where the handle does not say so.
///
/// # Errors
/// [`Stop::Read`] where a block that the handle names was not read.
pub fn held(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
) -> Result<Vec<Held>, Stop> {
    let Some(handle) = &request.handle else {
        return Ok(Vec::new());
    };
    see_named(surroundings)?;
    let blocks = blocks_naming(surroundings.view, handle);
    let of_family = blocks.filter(|block| block.value.cidr().family() == family);
    Ok(of_family
        .flat_map(|block| {
            let entries = of_interface(&block.value, handle, request.interface.as_deref());
            entries.map(|entry| Held {
                address: entry.address,
                block: block.value.cidr(),
            })
        })
        .collect())
}

/// Returns the blocks that were read and have entries of the handle.
pub fn blocks_naming<'a>(
    view: &'a View,
    handle: &'a HandleId,
) -> impl Iterator<Item = &'a Recorded<Block>> {
    let present = view.blocks.values().filter_map(|seen| seen.present());
    present.filter(|block| block.value.entries_of(handle).next().is_some())
}

/// Returns the entries of a handle that belong to an interface: those that name it, and those that name none,
/// as Calico writes them. All where no interface is given.
pub fn of_interface<'a>(
    block: &'a Block,
    handle: &'a HandleId,
    interface: Option<&'a str>,
) -> impl Iterator<Item = Assigned<'a>> {
    block.entries_of(handle).filter(move |entry| {
        let own = entry.attribute.secondary.get(INTERFACE).map(String::as_str);
        interface.is_none() || own.is_none() || own == interface
    })
}

fn see_named(surroundings: &Surroundings<'_>) -> Result<(), Stop> {
    let handle = surroundings.handle.into_iter();
    let unseen = handle.flat_map(|handle| surroundings.view.unseen_of(handle));
    let unread: Vec<Want> = unseen
        .map(|block| Want::Record(RecordId::Block(block)))
        .collect();
    if unread.is_empty() {
        Ok(())
    } else {
        Err(Stop::Read(unread))
    }
}
