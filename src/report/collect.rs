//! Collection: what nobody uses any more, seen so in two looks, given who lives.
//!
//! **Invariant:** an address is leaked only if its handle was seen unclaimed at an earlier look, long enough ago, with the
//! same sequence number, so that a newer assignment is never taken; and only if nothing of its handle lives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::assign::ReleaseAddress;
use crate::blocks::{Address, Assigned, Block, BlockCidr, Family};
use crate::clock::Timestamp;
use crate::ids::{HandleId, Owner, OwnerKind, comparable_handle};

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

/// An empty block that its owner can do without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Surplus {
    /// The owner.
    pub owner: Owner,
    /// The block.
    pub block: BlockCidr,
}

/// What a look says to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Leaked addresses, with the handle and sequence number that their assignment must still have.
    pub leaked: Vec<ReleaseAddress>,
    /// Blocks to give back where they still are empty.
    pub surplus: Vec<Surplus>,
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
}

/// The blocks of an owner in a family.
#[derive(Debug, Default)]
struct Owned {
    used: usize,
    empty: Vec<BlockCidr>,
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
        }
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
        let owned = self
            .owned
            .entry((owner.clone(), cidr.family()))
            .or_default();
        if !block.is_empty() {
            owned.used += 1;
            return;
        }
        owned.empty.push(cidr);
        let before = self.before.empty.get(&cidr);
        let since = before
            .filter(|(sequence, _)| *sequence == block.sequence())
            .map_or(self.now, |(_, since)| *since);
        self.after.empty.insert(cidr, (block.sequence(), since));
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

    /// The last block of an owner in a family is kept.
    fn surplus(&self, grace: Duration) -> Vec<Surplus> {
        let mut surplus = Vec::new();
        for ((owner, _), owned) in &self.owned {
            let spare = owned.empty.len() - usize::from(owned.used == 0 && !owned.empty.is_empty());
            let old = owned.empty.iter().filter(|block| {
                let (_, since) = self.after.empty[*block];
                since < self.now && grace <= self.now.since(since)
            });
            surplus.extend(old.take(spare).map(|block| Surplus {
                owner: owner.clone(),
                block: *block,
            }));
        }
        surplus
    }
}

#[cfg(test)]
mod tests;
