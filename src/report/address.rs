//! What stands behind one address: who holds it, and why it could not be assigned.

use std::collections::BTreeMap;

use crate::assign::around::{legal_blocks, wants_around};
use crate::blocks::block::Slot;
use crate::blocks::{Address, Block, BlockCidr, Cidr};
use crate::clock::Timestamp;
use crate::ids::{Owner, ResourceName};
use crate::plan::{Listing, Scope, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::resources::Pool;

/// Whether an address is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is not.
    Free,
    /// It was released then, and is not usable yet.
    Cooling(Timestamp),
    /// By somebody.
    By {
        /// The handle, if it has one.
        handle: Option<String>,
        /// What the holder said about itself.
        attributes: BTreeMap<String, String>,
        /// What the other owner said, during a live migration.
        alternate: BTreeMap<String, String>,
    },
}

/// What is known about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressReport {
    /// The address.
    pub address: Address,
    /// Whether it is held.
    pub held: Held,
    /// The block around it, with its owner.
    pub block: Option<(BlockCidr, Option<Owner>)>,
    /// The pool around it, with its name.
    pub pool: Option<(ResourceName, Pool)>,
    /// The reservation that covers it.
    pub reservation: Option<ResourceName>,
}

/// Tells about an address. Blocks of every size are looked for, those of disabled and of deleted pools too. Where the
/// only one around it does not parse, nobody can tell, and that is refused.
pub fn address_report(view: &View, address: Address) -> Step<AddressReport> {
    report(view, address).map_or_else(Step::from, Step::Done)
}

fn report(view: &View, address: Address) -> Result<AddressReport, Stop> {
    let (Some(pools), Some(reservations)) = (&view.pools, &view.reservations) else {
        return Err(Stop::Read(wants(address)));
    };
    let mut around = None;
    let mut corrupt = Vec::new();
    for cidr in legal_blocks(address) {
        let seen = view.blocks.get(&cidr);
        let seen = seen.ok_or_else(|| Stop::Read(wants(address)))?;
        if let Seen::Corrupt(record) = seen {
            corrupt.push(record.clone());
        }
        around = around.or(seen.present().map(|recorded| &recorded.value));
    }
    if around.is_none() && !corrupt.is_empty() {
        return Err(Refusal::Corrupt(corrupt).into());
    }
    let reservation = reservations.records.iter().find(|(_, reservation)| {
        let reserved = &reservation.value.reserved;
        reserved.iter().any(|cidr| cidr.contains(address))
    });
    Ok(AddressReport {
        address,
        held: around.map_or(Held::Free, |block| held(block, address)),
        block: around.map(|block| (block.cidr(), block.owner().cloned())),
        pool: pool_around(pools, address.to_cidr()),
        reservation: reservation.map(|(name, _)| name.clone()),
    })
}

fn wants(address: Address) -> Vec<Want> {
    let scopes = [Scope::Pools, Scope::Reservations].map(Want::Scope);
    scopes.into_iter().chain(wants_around(address)).collect()
}

fn pool_around(pools: &Listing<ResourceName, Pool>, cidr: Cidr) -> Option<(ResourceName, Pool)> {
    let mut pools = pools.records.iter();
    let found = pools.find(|(_, pool)| pool.value.cidr.covers(cidr))?;
    Some((found.0.clone(), found.1.value.clone()))
}

pub(crate) fn held(block: &Block, address: Address) -> Held {
    let ordinal = block.ordinal(address).expect("the block is around it");
    match block.slot(ordinal) {
        Slot::Free => Held::Free,
        Slot::Cooling(released_at) => Held::Cooling(released_at),
        Slot::Assigned(attribute) => Held::By {
            handle: attribute.handle.clone(),
            attributes: attribute.secondary.clone(),
            alternate: attribute.alternate.clone(),
        },
    }
}
