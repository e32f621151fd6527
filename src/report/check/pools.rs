//! Pools and reservations: what they are by themselves, and which pool a block belongs to.

use std::collections::BTreeMap;

use super::Check;
use crate::blocks::{BlockCidr, Cidr};
use crate::ids::ResourceName;
use crate::plan::RecordId;
use crate::report::finding::{Finding, FindingKind};
use crate::resources::{Pool, Reservation};

/// The pools by CIDR, so that the pool of a block is found without a look at all of them.
#[derive(Debug, Default)]
pub(super) struct PoolMap(BTreeMap<Cidr, (ResourceName, u8)>);

/// How a block fits the pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    NoPool,
    OtherSize(ResourceName, u8),
}

impl PoolMap {
    /// Returns how a block fits: some pool around it has blocks of its size, or the smallest one around it does not.
    pub(super) fn fit(&self, block: BlockCidr) -> Fit {
        let lengths = (0..=block.cidr().length()).rev();
        let around = lengths.filter_map(|length| self.0.get(&block.cidr().first().network(length)));
        let mut other = Fit::NoPool;
        for (name, length) in around {
            if *length == block.cidr().length() {
                return Fit::Fits;
            }
            if other == Fit::NoPool {
                other = Fit::OtherSize(name.clone(), *length);
            }
        }
        other
    }

    fn overlapped(&self, cidr: Cidr) -> Option<&ResourceName> {
        let around =
            (0..=cidr.length()).filter_map(|length| self.0.get(&cidr.first().network(length)));
        let inside = self
            .0
            .range(cidr..)
            .take_while(|(own, _)| cidr.covers(**own));
        let mut names = around.chain(inside.map(|(_, pool)| pool));
        names.next().map(|(name, _)| name)
    }
}

impl Check {
    pub(super) fn see_pool(&mut self, pool: &Pool, written: String) {
        self.looked.pools += 1;
        let name = ResourceName::stored(&pool.metadata.name);
        let id = RecordId::Pool(name.clone());
        if written.parse::<Cidr>().is_err() {
            self.find(Finding::of(id.clone(), FindingKind::PoolHostBits(written)));
        }
        if let Some(other) = self.pools.overlapped(pool.cidr).cloned() {
            self.find(Finding::of(id, FindingKind::PoolsOverlap(other)));
        }
        let entry = self.pools.0.entry(pool.cidr);
        entry.or_insert((name, pool.block_length));
    }

    pub(super) fn see_reservation(&mut self, reservation: &Reservation) {
        let name = ResourceName::stored(&reservation.metadata.name);
        for entry in &reservation.stored {
            if Reservation::read_entry(entry).is_none() {
                let id = RecordId::Reservation(name.clone());
                let kind = FindingKind::ReservesNothing(entry.clone());
                self.find(Finding::of(id, kind));
            }
        }
    }
}
