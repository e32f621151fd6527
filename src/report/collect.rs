//! Collection: what nobody uses any more, given who lives. Leaks and spare blocks are seen so in two looks.
//!
//! **Invariant:** an address is leaked only if its handle was seen unclaimed at an earlier look, long enough ago, with the
//! same sequence number, so that a newer assignment is never taken; and only if nothing of its handle lives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::affinity::admit::is_deselected;
use crate::affinity::reclaim::MIN_RECLAIM_AGE;
use crate::affinity::surrender::{Surplus, Surrendered};
use crate::assign::{ReleaseAddress, Released};
use crate::blocks::{Address, Assigned, Block, BlockCidr, Family};
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner, OwnerKind, comparable_handle};
use crate::resources::Pool;

/// Tells who lives. When in doubt, somebody does.
pub trait Alive {
    /// Returns whether the holder of an address is alive, by its handle and the attributes recorded with it.
    fn is_alive(&self, handle: &HandleId, attributes: &BTreeMap<String, String>) -> bool;
}

/// These handles live and no others.
impl Alive for BTreeSet<HandleId> {
    fn is_alive(&self, handle: &HandleId, _: &BTreeMap<String, String>) -> bool {
        self.contains(handle)
    }
}

/// How long something stands unused before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// An address whose holder is gone.
    pub leak: Duration,
    /// A surplus empty block of a node.
    pub empty_block: Duration,
}

/// Calico waits as long for both.
impl Default for Grace {
    fn default() -> Grace {
        let quarter = Duration::from_secs(15 * 60);
        Grace {
            leak: quarter,
            empty_block: quarter,
        }
    }
}

/// What a look says to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Leaked addresses, with the handle and sequence number that their assignment must still have.
    pub leaked: Vec<ReleaseAddress>,
    /// Blocks to give back where they still are as they were seen: those that stood empty beside others of their owner,
    /// and empty ones in pools that no longer select it.
    pub surplus: Vec<Surplus>,
    /// Addresses that were seen unclaimed and are not yet to be taken.
    pub suspected: usize,
}

/// What a collection took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Leaked addresses; those that were assigned anew meanwhile are refused.
    pub released: Released,
    /// Blocks.
    pub surrendered: Surrendered,
    /// Addresses that were seen unclaimed and are not yet to be taken.
    pub suspected: usize,
}

/// An assignment that nobody claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suspect {
    handle: HandleId,
    sequence: u64,
    since: Timestamp,
}

/// What earlier looks saw. One that is lost costs time, never an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    suspects: BTreeMap<Address, Suspect>,
    /// Empty blocks by their generation.
    empty: BTreeMap<BlockCidr, (u64, Timestamp)>,
}

/// A look under way: blocks come one by one and are dropped.
#[derive(Debug)]
pub struct Look<'a, A> {
    alive: &'a A,
    before: Memory,
    now: Timestamp,
    after: Memory,
    suspected: BTreeSet<HandleId>,
    /// Suspected handles that hold something that lives.
    spared: BTreeSet<HandleId>,
    owned: BTreeMap<(Owner, Family), Owned>,
    pools: Vec<Pool>,
    /// Labels of nodes by owner; none where the record does not parse.
    nodes: BTreeMap<Owner, Option<BTreeMap<String, String>>>,
    deselected: Vec<Surplus>,
}

/// The blocks of an owner in a family.
#[derive(Debug, Default)]
struct Owned {
    used: usize,
    /// With their generations.
    empty: Vec<(BlockCidr, u64)>,
}

impl<'a, A: Alive> Look<'a, A> {
    /// Begins a look.
    pub fn new(alive: &'a A, before: Memory, now: Timestamp) -> Look<'a, A> {
        let handles = before.suspects.values();
        Look {
            alive,
            suspected: handles.map(|suspect| suspect.handle.clone()).collect(),
            before,
            now,
            after: Memory::default(),
            spared: BTreeSet::new(),
            owned: BTreeMap::new(),
            pools: Vec::new(),
            nodes: BTreeMap::new(),
            deselected: Vec::new(),
        }
    }

    /// Takes note of a pool, before blocks come.
    pub fn see_pool(&mut self, pool: Pool) {
        self.pools.push(pool);
    }

    /// Takes note of the labels of a node, before blocks come; `None` where its record does not parse. One without a
    /// record has no labels.
    pub fn see_node(&mut self, node: &NodeName, labels: Option<BTreeMap<String, String>>) {
        self.nodes.insert(Owner::host(node), labels);
    }

    /// Looks at a block. Addresses without handle and the slots of Windows nodes are never taken.
    pub fn see(&mut self, block: &Block) {
        for entry in block.entries() {
            let attribute = entry.attribute;
            let handle = attribute.handle.as_deref().map(comparable_handle);
            if let Some(handle) = handle.filter(|_| !attribute.is_reserved_slot()) {
                self.judge(HandleId::stored(handle), entry);
            }
        }
        self.see_owner(block);
    }

    fn judge(&mut self, handle: HandleId, entry: Assigned<'_>) {
        let attribute = entry.attribute;
        let lives = self.alive.is_alive(&handle, &attribute.secondary)
            || (!attribute.alternate.is_empty()
                && self.alive.is_alive(&handle, &attribute.alternate));
        if lives {
            if self.suspected.contains(&handle) {
                self.spared.insert(handle);
            }
            return;
        }
        let before = self.before.suspects.get(&entry.address);
        let same =
            before.filter(|before| before.handle == handle && before.sequence == entry.sequence);
        let suspect = Suspect {
            since: same.map_or(self.now, |before| before.since),
            handle,
            sequence: entry.sequence,
        };
        self.after.suspects.insert(entry.address, suspect);
    }

    fn see_owner(&mut self, block: &Block) {
        let host = |owner: &&Owner| owner.kind == OwnerKind::Host;
        let Some(owner) = block.owner().filter(host) else {
            return;
        };
        let cidr = block.cidr();
        if block.is_empty() && self.is_deselected(owner, block) {
            self.deselected.push(Surplus {
                owner: owner.clone(),
                block: cidr,
                sequence: block.sequence(),
            });
            return;
        }
        let owned = self
            .owned
            .entry((owner.clone(), cidr.family()))
            .or_default();
        if !block.is_empty() {
            owned.used += 1;
            return;
        }
        owned.empty.push((cidr, block.sequence()));
        let before = self.before.empty.get(&cidr);
        let since = before
            .filter(|(sequence, _)| *sequence == block.sequence())
            .map_or(self.now, |(_, since)| *since);
        self.after.empty.insert(cidr, (block.sequence(), since));
    }

    /// One that was claimed a moment ago may be for a request that names its pool: Calico puts the address there later.
    fn is_deselected(&self, owner: &Owner, block: &Block) -> bool {
        let none = BTreeMap::new();
        let labels = match self.nodes.get(owner) {
            Some(None) => return false,
            Some(Some(labels)) => labels,
            None => &none,
        };
        let is_old = |claimed_at| MIN_RECLAIM_AGE <= self.now.since(claimed_at);
        block.claimed_at().is_none_or(is_old) && is_deselected(&self.pools, block.cidr(), labels)
    }

    /// Ends the look: what to take, and what to remember until the next.
    pub fn finish(self, grace: Grace) -> (Collection, Memory) {
        let leaked = self.leaked(grace.leak);
        let collection = Collection {
            surplus: self.surplus(grace.empty_block),
            suspected: self.after.suspects.len() - leaked.len(),
            leaked,
        };
        (collection, self.after)
    }

    fn leaked(&self, grace: Duration) -> Vec<ReleaseAddress> {
        let stood =
            |suspect: &&Suspect| suspect.since < self.now && grace <= self.now.since(suspect.since);
        let handles = |keep: bool| {
            let suspects = self.after.suspects.values();
            suspects
                .filter(move |suspect| stood(suspect) == keep)
                .map(|suspect| &suspect.handle)
        };
        let young: BTreeSet<&HandleId> = handles(false).collect();
        let is_leaked = |suspect: &Suspect| {
            !young.contains(&suspect.handle) && !self.spared.contains(&suspect.handle)
        };
        let suspects = self.after.suspects.iter();
        suspects
            .filter(|(_, suspect)| is_leaked(suspect))
            .map(|(address, suspect)| ReleaseAddress {
                address: *address,
                handle: Some(suspect.handle.clone()),
                sequence: Some(suspect.sequence),
            })
            .collect()
    }

    /// The last block of an owner in a family is kept, unless its pool does not select the owner.
    fn surplus(&self, grace: Duration) -> Vec<Surplus> {
        let mut surplus = self.deselected.clone();
        for ((owner, _), owned) in &self.owned {
            let spare = owned.empty.len() - usize::from(owned.used == 0 && !owned.empty.is_empty());
            let old = owned.empty.iter().filter(|(block, _)| {
                let (_, since) = self.after.empty[block];
                since < self.now && grace <= self.now.since(since)
            });
            surplus.extend(old.take(spare).map(|(block, sequence)| Surplus {
                owner: owner.clone(),
                block: *block,
                sequence: *sequence,
            }));
        }
        surplus
    }
}

#[cfg(test)]
mod tests;
