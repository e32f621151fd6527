//! What a fresh workload could get of a store at rest, by a search of our own through all addresses: p11.

use std::net::IpAddr;

use crate::check::Violation;
use crate::check::commits::broken;
use crate::check::pools::serves;
use crate::check::state::State;
use crate::net::Net;
use crate::records::{Block, Pool, Slot};

/// A fresh workload.
#[derive(Debug, Clone, Copy)]
pub struct Prospect<'a> {
    /// Its node.
    pub node: &'a str,
    /// Whether it wants IPv6.
    pub v6: bool,
    /// The time, in seconds.
    pub now: i64,
}

/// After so many seconds an empty block of another is taken over.
const RECLAIM_AGE: i64 = 60;

impl Prospect<'_> {
    /// Judges what it was granted, given an address that was usable. Whether it might have one that this search does not
    /// know of, its commit has shown (p2).
    ///
    /// # Errors
    /// p11 where one was usable and it got none.
    pub fn judge(&self, usable: Option<IpAddr>, granted: Option<IpAddr>) -> Result<(), Violation> {
        match (usable, granted) {
            (Some(address), None) => {
                broken("p11", format!("{address} is usable, {self:?} got none"))
            }
            (None | Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

impl State {
    /// Returns an address that a fresh workload of the node could have.
    pub fn usable(&self, prospect: Prospect<'_>) -> Option<IpAddr> {
        let rack = self.nodes.get(prospect.node);
        if rack.is_none() && self.calico_runs {
            return None;
        }
        let pools = self.pools.values();
        let mut pools = pools.filter(|pool| pool.net.is_v6() == prospect.v6);
        pools.find_map(|pool| {
            let mut blocks = pool.net.parts(pool.block_length);
            blocks.find_map(|net| self.usable_of(prospect, pool, rack, net))
        })
    }

    fn usable_of(
        &self,
        prospect: Prospect<'_>,
        pool: &Pool,
        rack: Option<&String>,
        net: Net,
    ) -> Option<IpAddr> {
        let block = self.blocks.get(&net);
        if !self.may_use(prospect, net, block) {
            return None;
        }
        let places = 0..usize::try_from(net.size()).unwrap_or(0);
        let config = self.config();
        places
            .map(|place| (place, net.at(place)))
            .find_map(|(place, address)| {
                let slot = block.and_then(|block| block.slots.get(place));
                let free = match slot {
                    None | Some(Slot::Free) => true,
                    Some(Slot::Cooling(since)) => since + config.cool_down <= prospect.now,
                    Some(Slot::Held(_)) => false,
                };
                let fine = free && serves(pool, rack, address) && !self.is_reserved(address);
                fine.then_some(address)
            })
    }

    /// Own blocks, blocks to claim, empty ones to take over, and others unless affinity is strict.
    fn may_use(&self, prospect: Prospect<'_>, net: Net, block: Option<&Block>) -> bool {
        let owner = format!("host:{}", prospect.node);
        let config = self.config();
        let may_own = self.owned(&owner, prospect.v6).len() < config.max_blocks && config.auto;
        let overlapped = || {
            let mut others = self.blocks.keys();
            others.any(|other| *other != net && other.overlaps(net))
        };
        match block {
            None => may_own && !overlapped(),
            Some(block) if block.owner.as_ref() == Some(&owner) => true,
            Some(block) => {
                let is_virtual = block
                    .owner
                    .as_ref()
                    .is_some_and(|own| own.starts_with("virtual"));
                let empty = block.slots.iter().all(|slot| match slot {
                    Slot::Free => true,
                    Slot::Cooling(since) => since + config.cool_down <= prospect.now,
                    Slot::Held(entry) => entry.is_windows_slot(),
                });
                let old = block.claimed + RECLAIM_AGE < prospect.now;
                !config.strict || (may_own && empty && old && !is_virtual)
            }
        }
    }
}
