//! How a [`View`] is asked, and what it is after a plan.
//!
//! **Invariant:** a record that was not read is told from one that does not exist: [`View::block`] and its
//! like answer with the [`Want`] that is missing.

use crate::affinity::AffinityState;
use crate::assign::Handle;
use crate::blocks::{Block, BlockCidr, Cidr, Family};
use crate::ids::{HandleId, NodeName, Owner, ResourceName};
use crate::plan::{
    Change, Footprint, Guard, Listing, MOST_WANTS, Plan, RecordId, Recorded, Scope, Seen, Stop,
    View, Want,
};
use crate::resources::{Config, Node, Pool, Reservation};
use crate::revision::Revision;

fn seen<T>(found: Option<T>, want: Want) -> Result<T, Stop> {
    found.ok_or_else(|| Stop::Read(vec![want]))
}

/// Returns what a listing tells of one record; nothing where it may be one that does not parse.
fn listed<K: Ord, T: Clone>(listing: &Listing<K, T>, key: &K) -> Option<Seen<T>> {
    match listing.records.get(key) {
        Some(found) => Some(Seen::Present(found.clone())),
        None => listing.corrupt.is_empty().then_some(Seen::Absent),
    }
}

impl View {
    /// Returns the configuration record.
    ///
    /// # Errors
    /// [`Stop::Read`] if it was not read; so for all that follow.
    pub fn config(&self) -> Result<&Seen<Config>, Stop> {
        seen(self.config.as_ref(), Want::Record(RecordId::Config))
    }

    /// Returns the pools.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn pools(&self) -> Result<&Listing<ResourceName, Pool>, Stop> {
        seen(self.pools.as_ref(), Want::Scope(Scope::Pools))
    }

    /// Returns the reservations.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn reservations(&self) -> Result<&Listing<ResourceName, Reservation>, Stop> {
        seen(self.reservations.as_ref(), Want::Scope(Scope::Reservations))
    }

    /// Returns a node's record.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn node(&self, node: &NodeName) -> Result<&Seen<Node>, Stop> {
        let want = Want::Record(RecordId::Node(node.clone()));
        seen(self.nodes.get(node), want)
    }

    /// Returns the affinities of an owner in a family.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn affinities(
        &self,
        owner: &Owner,
        family: Family,
    ) -> Result<&Listing<BlockCidr, AffinityState>, Stop> {
        let want = Want::Scope(Scope::Affinities(owner.clone(), family));
        seen(self.affinities.get(&(owner.clone(), family)), want)
    }

    /// Returns the blocks that a node borrowed from, by our index.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn borrowings(&self, node: &NodeName) -> Result<&Listing<BlockCidr, ()>, Stop> {
        let want = Want::Scope(Scope::Borrowed(node.clone()));
        seen(self.borrowings.get(node), want)
    }

    /// Returns one affinity: as read by itself, or from the listing of its owner or of all owners. Where a listing has
    /// records that do not parse, this one may be among them, and is asked for by itself.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn affinity(&self, owner: &Owner, block: BlockCidr) -> Result<Seen<AffinityState>, Stop> {
        if let Some(alone) = self.affinity.get(&(owner.clone(), block)) {
            return Ok(alone.clone());
        }
        let own = self.affinities.get(&(owner.clone(), block.family()));
        let own = own.and_then(|listing| listed(listing, &block));
        let all = self.all_affinities.get(&owner.kind);
        let all = all.and_then(|listing| listed(listing, &(owner.clone(), block)));
        own.or(all).ok_or_else(|| {
            let id = RecordId::Affinity(owner.clone(), block);
            Stop::Read(vec![Want::Record(id)])
        })
    }

    /// Returns a handle's record.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn handle(&self, handle: &HandleId) -> Result<&Seen<Handle>, Stop> {
        let want = Want::Record(RecordId::Handle(handle.clone()));
        seen(self.handles.get(handle), want)
    }

    /// Returns a block's record.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn block(&self, block: BlockCidr) -> Result<&Seen<Block>, Stop> {
        let want = Want::Record(RecordId::Block(block));
        seen(self.blocks.get(&block), want)
    }

    /// Returns the blocks that a handle names and that have to be looked at before it is known what the handle
    /// holds: those that were not read, and those that were read before the handle last changed. A refusal
    /// brings the handle anew and leaves the blocks of an older read, which cannot know of its newest entries.
    pub fn unseen_of<'a>(
        &'a self,
        handle: &'a Seen<Handle>,
    ) -> impl Iterator<Item = BlockCidr> + 'a {
        let records = handle.present().into_iter();
        records.flat_map(|record| {
            let named = record.value.blocks();
            named.filter(|block| self.blocks_at.get(block) < Some(&record.revision))
        })
    }

    /// Asks for the blocks that a handle names and that have to be looked at: see [`View::unseen_of`].
    ///
    /// # Errors
    /// [`Stop::Read`], unless all were.
    pub fn see_named(&self, handle: &Seen<Handle>) -> Result<(), Stop> {
        let unseen = self.unseen_of(handle).take(MOST_WANTS);
        let wants: Vec<Want> = unseen
            .map(|block| Want::Record(RecordId::Block(block)))
            .collect();
        if wants.is_empty() {
            Ok(())
        } else {
            Err(Stop::Read(wants))
        }
    }

    /// Returns whether Calico runs on this store.
    ///
    /// # Errors
    /// [`Stop::Read`].
    pub fn has_cluster_information(&self) -> Result<bool, Stop> {
        let want = Want::Record(RecordId::ClusterInformation);
        let found = seen(self.cluster_information.as_ref(), want)?;
        Ok(!matches!(found, Seen::Absent))
    }

    /// Returns the revision at which the keys of all blocks inside the CIDR were read, if they were.
    pub fn inside(&self, cidr: Cidr) -> Option<Revision> {
        let covering = self.inside.iter().filter(|(read, _)| read.covers(cidr));
        covering.map(|(_, revision)| *revision).max()
    }

    /// Returns whether a block is known that overlaps the CIDR.
    pub fn is_taken(&self, cidr: Cidr) -> bool {
        self.overlapping(cidr).next().is_some()
    }

    /// Returns the blocks that are known to exist and overlap the CIDR.
    pub fn overlapping(&self, cidr: Cidr) -> impl Iterator<Item = BlockCidr> + '_ {
        let larger = cidr
            .larger_blocks()
            .filter(|larger| self.existing.contains(larger));
        self.existing_inside(cidr).chain(larger)
    }

    /// Returns the blocks inside the CIDR that are known to exist, in order.
    pub fn existing_inside(&self, cidr: Cidr) -> impl Iterator<Item = BlockCidr> + '_ {
        let length = cidr.length().max(*cidr.family().block_lengths().start());
        let start = BlockCidr::new(cidr.first().network(length));
        let start = start.expect("a legal length");
        self.existing
            .range(start..)
            .copied()
            .take_while(move |block| cidr.contains(block.cidr().first()))
            .filter(move |block| cidr.covers(block.cidr()))
    }

    /// Returns the footprint of the blocks inside the CIDR that were read page by page, if that is done and no block
    /// was written since it began: only then the pages together are what one read would have found.
    pub fn footprint_of_pages(&self, cidr: Cidr) -> Option<Footprint> {
        let pages = self.pages.get(&cidr)?;
        let is_whole = pages.left.is_empty() && Some(pages.read.newest) <= pages.first_at;
        is_whole.then_some(pages.read)
    }

    /// Returns the view after the plan was applied at this revision.
    #[must_use]
    pub fn apply<T>(mut self, plan: &Plan<T>, revision: Revision) -> View {
        for change in &plan.changes {
            self.apply_change(change, revision);
        }
        self.carry_own_guards(plan, revision);
        self.revision = self.revision.max(revision);
        self
    }

    /// Range guards must not trip on what this plan wrote itself: nobody else wrote there before it.
    fn carry_own_guards<T>(&mut self, plan: &Plan<T>, revision: Revision) {
        for guard in &plan.guards {
            match guard {
                Guard::NoneChanged(scope, _) => self.set_read_at(scope, revision),
                Guard::NoneCreatedOver(cidr, _) => {
                    self.inside.insert(*cidr, revision);
                }
                Guard::Absent(_) | Guard::At(..) => {}
            }
        }
    }

    fn set_read_at(&mut self, scope: &Scope, revision: Revision) {
        match scope {
            Scope::Pools => set(self.pools.as_mut(), revision),
            Scope::Reservations => set(self.reservations.as_mut(), revision),
            Scope::Affinities(owner, family) => {
                set(self.affinities.get_mut(&(owner.clone(), *family)), revision);
            }
            Scope::AllAffinities(kind) => set(self.all_affinities.get_mut(kind), revision),
            Scope::Borrowed(node) => set(self.borrowings.get_mut(node), revision),
        }
    }

    fn apply_change(&mut self, change: &Change, revision: Revision) {
        match change {
            Change::PutBlock(block) => {
                self.blocks_at.insert(block.cidr(), revision);
                self.existing.insert(block.cidr());
                let seen = present(block.clone(), revision);
                self.blocks.insert(block.cidr(), seen);
            }
            Change::DeleteBlock(block) => {
                self.blocks_at.insert(*block, revision);
                self.existing.remove(block);
                self.blocks.insert(*block, Seen::Absent);
            }
            Change::PutAffinity(owner, block, state) => {
                self.put_affinity(owner, *block, Some((*state, revision)));
            }
            Change::DeleteAffinity(owner, block) => self.put_affinity(owner, *block, None),
            Change::PutHandle(id, handle) => {
                self.handles
                    .insert(id.clone(), present(handle.clone(), revision));
            }
            Change::DeleteHandle(id) => {
                self.handles.insert(id.clone(), Seen::Absent);
            }
            Change::PutBorrowed(node, block) => {
                let listing = self.borrowings.get_mut(node);
                put(listing, *block, Some(((), revision)));
                let key = (node.clone(), *block);
                self.borrowed.insert(key, present((), revision));
            }
            Change::DeleteBorrowed(node, block) => {
                put(self.borrowings.get_mut(node), *block, None);
                self.borrowed.insert((node.clone(), *block), Seen::Absent);
            }
            Change::PutIdentity(node, identity) => {
                let seen = present(identity.clone(), revision);
                self.identities.insert(node.clone(), seen);
            }
            Change::DeleteIdentity(node) => {
                self.identities.insert(node.clone(), Seen::Absent);
            }
            Change::DeleteLegacyHost(node) => {
                self.legacy_hosts.insert(node.clone(), Seen::Absent);
            }
            Change::PutPool(pool) => {
                let name = ResourceName::stored(&pool.metadata.name);
                put(self.pools.as_mut(), name, Some((pool.clone(), revision)));
            }
            Change::DeletePool(name) => put(self.pools.as_mut(), name.clone(), None),
            Change::PutReservation(reservation) => {
                let name = ResourceName::stored(&reservation.metadata.name);
                let value = Some((reservation.clone(), revision));
                put(self.reservations.as_mut(), name, value);
            }
            Change::DeleteReservation(name) => put(self.reservations.as_mut(), name.clone(), None),
            Change::PutNode(node) => {
                let name = NodeName::stored(&node.metadata.name);
                self.nodes.insert(name, present(node.clone(), revision));
            }
            Change::DeleteNode(name) => {
                self.nodes.insert(name.clone(), Seen::Absent);
            }
            Change::PutConfig(config) => self.config = Some(present(config.clone(), revision)),
        }
    }

    fn put_affinity(
        &mut self,
        owner: &Owner,
        block: BlockCidr,
        value: Option<(AffinityState, Revision)>,
    ) {
        let listing = self.affinities.get_mut(&(owner.clone(), block.family()));
        put(listing, block, value);
        let all = self.all_affinities.get_mut(&owner.kind);
        put(all, (owner.clone(), block), value);
        if let Some(alone) = self.affinity.get_mut(&(owner.clone(), block)) {
            *alone = value.map_or(Seen::Absent, |(state, revision)| present(state, revision));
        }
    }
}

const fn present<T>(value: T, revision: Revision) -> Seen<T> {
    Seen::Present(Recorded { value, revision })
}

fn set<K: Ord, T>(listing: Option<&mut Listing<K, T>>, revision: Revision) {
    if let Some(listing) = listing {
        listing.read_at = revision;
    }
}

fn put<K: Ord, T>(listing: Option<&mut Listing<K, T>>, key: K, value: Option<(T, Revision)>) {
    let Some(listing) = listing else { return };
    match value {
        Some((value, revision)) => {
            listing.records.insert(key, Recorded { value, revision });
        }
        None => {
            listing.records.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Pages;

    #[test]
    fn pages_have_a_footprint_when_all_were_read_and_nothing_was_written_meanwhile() {
        let cidr: Cidr = "10.0.0.0/24".parse().expect("a CIDR");
        let of = |left: usize, newest: u64, first_at: Option<u64>| {
            let mut view = View::default();
            let read = Footprint {
                blocks: 3,
                newest: Revision(newest),
            };
            let pages = Pages {
                left: vec![Default::default(); left],
                first_at: first_at.map(Revision),
                read,
            };
            view.pages.insert(cidr, pages);
            view.footprint_of_pages(cidr)
        };
        assert!(of(0, 7, Some(7)).is_some_and(|found| found.newest == Revision(7)));
        assert!(of(0, 0, Some(7)).is_some());
        assert_eq!(of(0, 8, Some(7)), None, "written after the first page");
        assert_eq!(of(1, 7, Some(7)), None, "not read to the end");
        assert_eq!(of(0, 0, None), None, "not read at all");
        assert_eq!(View::default().footprint_of_pages(cidr), None);
    }
}
