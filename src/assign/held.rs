//! What an earlier, half-heard try of the same request has taken already (p7).

use crate::assign::Assign;
use crate::assign::surroundings::Surroundings;
use crate::blocks::block::Assigned;
use crate::blocks::{Address, Block, BlockCidr, Family};
use crate::ids::HandleId;
use crate::plan::{Recorded, Stop, View};
use crate::refusal::Refusal;

/// The name of the attribute that tells the interfaces of a container apart.
pub const INTERFACE: &str = "interface";

/// The name of the attribute that tells on which node an address is used, as Calico writes it.
pub const NODE: &str = "node";

/// The name of the attribute that tells the requests without handle apart: such an entry is found again by it.
pub const REQUEST: &str = "request";

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
/// Without a handle it is what carries the mark of the request, in blocks that were read.
///
/// # Errors
/// [`Stop::Read`] where a block that the handle names was not read.
pub fn held(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
) -> Result<Vec<Held>, Stop> {
    if let Some(handle) = surroundings.handle {
        surroundings.view.see_named(handle)?;
    }
    Ok(entries(surroundings.view, family, |entry| {
        is_of(entry, request)
    }))
}

/// Returns what the request's handle holds in the family over all interfaces, those of its own interface first.
///
/// # Errors
/// [`Stop::Read`] where a block that the handle names was not read.
pub fn held_in_all(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
) -> Result<Vec<Held>, Stop> {
    let mut all = held(surroundings, request, family)?;
    if let Some(handle) = &request.handle {
        let others = entries(surroundings.view, family, |entry| {
            entry.attribute.is_of(handle) && !is_of(entry, request)
        });
        all.extend(others);
    }
    Ok(all)
}

/// Checks that the handle may hold this many more addresses of the family. Nothing it holds counts twice, and
/// what it holds counts over all interfaces.
///
/// # Errors
/// [`Refusal::HandleFull`], and [`Stop::Read`] where a block that the handle names was not read.
pub fn check_cap(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    wanted: usize,
) -> Result<(), Stop> {
    let cap = request.max_per_handle;
    let Some(handle) = request.handle.as_ref().filter(|_| 0 < cap) else {
        return Ok(());
    };
    let held = held_in_all(surroundings, request, family)?.len();
    if held + wanted <= cap {
        return Ok(());
    }
    Err(Stop::Refuse(Refusal::HandleFull {
        handle: handle.clone(),
        family,
        held,
        wanted,
        cap,
    }))
}

fn entries(view: &View, family: Family, is_meant: impl Fn(&Assigned<'_>) -> bool) -> Vec<Held> {
    let present = view.blocks.values().filter_map(|seen| seen.present());
    let of_family = present.filter(|block| block.value.cidr().family() == family);
    of_family
        .flat_map(|block| {
            let meant = block.value.entries().filter(&is_meant);
            meant.map(|entry| Held {
                address: entry.address,
                block: block.value.cidr(),
            })
        })
        .collect()
}

/// Returns whether an entry is of the request: of its handle and interface, or without a handle of its mark.
pub fn is_of(entry: &Assigned<'_>, request: &Assign) -> bool {
    match &request.handle {
        Some(handle) => {
            entry.attribute.is_of(handle) && is_of_interface(entry, request.interface.as_deref())
        }
        None => {
            let mark = request.attributes.get(REQUEST);
            let attribute = entry.attribute;
            attribute.handle.is_none() && mark.is_some() && attribute.secondary.get(REQUEST) == mark
        }
    }
}

/// Those that name no interface, as Calico writes them, belong to each; all do where no interface is given.
fn is_of_interface(entry: &Assigned<'_>, interface: Option<&str>) -> bool {
    let own = entry.attribute.secondary.get(INTERFACE).map(String::as_str);
    interface.is_none() || own.is_none() || own == interface
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
    let entries = block.entries_of(handle);
    entries.filter(move |entry| is_of_interface(entry, interface))
}
