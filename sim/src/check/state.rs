//! The store as the checker sees it, and what a commit changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use block_ipam::datastore::{Entry as Stored, Write};

use crate::net::Net;
use crate::records::{self, Block, Config, Entry, Key, Pool, Record, Slot};

/// The records of address management.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Blocks.
    pub blocks: BTreeMap<Net, Block>,
    /// Affinities: owner and block, with the state.
    pub affinities: BTreeMap<(String, Net), String>,
    /// Counts of handles.
    pub handles: BTreeMap<String, BTreeMap<Net, i64>>,
    /// Pools, by name.
    pub pools: BTreeMap<String, Pool>,
    /// Reservations, by name.
    pub reservations: BTreeMap<String, Vec<Net>>,
    /// Racks of nodes.
    pub nodes: BTreeMap<String, String>,
    /// The configuration, if there is a record.
    pub config: Option<Config>,
    /// The index of borrowing.
    pub borrowed: BTreeSet<(String, Net)>,
    /// Whether Calico runs here: without a record a node gets nothing.
    pub calico_runs: bool,
}

/// A block before and after a commit.
#[derive(Debug, Clone)]
pub struct BlockChange {
    /// As it was.
    pub before: Option<Block>,
    /// As it is.
    pub after: Option<Block>,
}

/// What a commit changed, as far as the checker looks at it.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// Blocks that were written or deleted.
    pub blocks: BTreeMap<Net, BlockChange>,
    /// Affinities that were written or deleted.
    pub affinities: BTreeSet<(String, Net)>,
    /// Handles that were written or deleted.
    pub handles: BTreeSet<String>,
    /// Pools that were written or deleted, as they were.
    pub pools: BTreeMap<String, Option<Pool>>,
}

/// An address that is held, and by whom.
pub type Holding = (IpAddr, Entry);

const CLUSTER_INFORMATION: &str =
    "/calico/resources/v3/projectcalico.org/clusterinformations/default";

impl State {
    /// Reads a whole store.
    ///
    /// # Errors
    /// The first record that does not parse.
    pub fn of(entries: Vec<Stored>) -> Result<State, String> {
        let mut state = State::default();
        for entry in entries {
            state.write(&Write::Put(entry.key, entry.value))?;
        }
        Ok(state)
    }

    /// Takes the writes of a commit.
    ///
    /// # Errors
    /// The first record that does not parse (p12).
    pub fn apply(&mut self, writes: &[Write]) -> Result<Changed, String> {
        let mut changed = Changed::default();
        for write in writes {
            self.note(write.key(), &mut changed);
            self.write(write)?;
        }
        for (net, change) in &mut changed.blocks {
            change.after = self.blocks.get(net).cloned();
        }
        Ok(changed)
    }

    fn note(&self, key: &str, changed: &mut Changed) {
        match records::key(key) {
            Some(Key::Block(net)) => {
                let before = self.blocks.get(&net).cloned();
                let after = None;
                changed.blocks.insert(net, BlockChange { before, after });
            }
            Some(Key::Affinity(owner, net)) => drop(changed.affinities.insert((owner, net))),
            Some(Key::Handle(id)) => drop(changed.handles.insert(id)),
            Some(Key::Pool(name)) => {
                let before = self.pools.get(&name).cloned();
                changed.pools.insert(name, before);
            }
            Some(Key::Reservation(_) | Key::Node(_) | Key::Config | Key::Borrowed(..)) | None => {}
        }
    }

    fn write(&mut self, write: &Write) -> Result<(), String> {
        if write.key() == CLUSTER_INFORMATION {
            self.calico_runs = matches!(write, Write::Put(..));
        }
        let Some(key) = records::key(write.key()) else {
            return Ok(());
        };
        match write {
            Write::Put(_, text) => self.put(records::read(&key, text)?),
            Write::Delete(_) => self.delete(&key),
        }
        Ok(())
    }

    fn put(&mut self, record: Record) {
        match record {
            Record::Block(block) => drop(self.blocks.insert(block.net, block)),
            Record::Affinity(owner, net, state) => {
                self.affinities.insert((owner, net), state);
            }
            Record::Handle(id, counts) => drop(self.handles.insert(id, counts)),
            Record::Pool(pool) => drop(self.pools.insert(pool.name.clone(), pool)),
            Record::Reservation(name, nets) => drop(self.reservations.insert(name, nets)),
            Record::Node(name, rack) => drop(self.nodes.insert(name, rack)),
            Record::Config(config) => self.config = Some(config),
            Record::Borrowed(node, net) => drop(self.borrowed.insert((node, net))),
        }
    }

    fn delete(&mut self, key: &Key) {
        match key {
            Key::Block(net) => drop(self.blocks.remove(net)),
            Key::Affinity(owner, net) => drop(self.affinities.remove(&(owner.clone(), *net))),
            Key::Handle(id) => drop(self.handles.remove(id)),
            Key::Pool(name) => drop(self.pools.remove(name)),
            Key::Reservation(name) => drop(self.reservations.remove(name)),
            Key::Node(name) => drop(self.nodes.remove(name)),
            Key::Config => self.config = None,
            Key::Borrowed(node, net) => drop(self.borrowed.remove(&(node.clone(), *net))),
        }
    }

    /// Returns the configuration in force.
    pub fn config(&self) -> Config {
        self.config.clone().unwrap_or_default()
    }

    /// Returns every held address.
    pub fn holdings(&self) -> impl Iterator<Item = Holding> + '_ {
        let blocks = self.blocks.values();
        blocks.flat_map(|block| {
            block
                .entries()
                .map(|(address, entry)| (address, entry.clone()))
        })
    }

    /// Returns what a handle and interface hold, by address.
    pub fn held_by(&self, handle: &str, interface: Option<&str>) -> Vec<Holding> {
        let mut held: Vec<Holding> = self
            .holdings()
            .filter(|(_, entry)| entry.is_of(handle, interface))
            .collect();
        held.sort();
        held
    }

    /// Returns the affinities of an owner in a family, in any state.
    pub fn owned(&self, owner: &str, v6: bool) -> BTreeSet<Net> {
        let affinities = self.affinities.keys();
        let own = affinities.filter(|(own, net)| own == owner && net.is_v6() == v6);
        own.map(|(_, net)| *net).collect()
    }

    /// Returns the pool that a block of this CIDR belongs to.
    pub fn pool_of(&self, net: Net) -> Option<&Pool> {
        let mut pools = self.pools.values();
        pools.find(|pool| pool.net.covers(net) && pool.block_length == net.length)
    }

    /// Returns whether an address is reserved.
    pub fn is_reserved(&self, address: IpAddr) -> bool {
        let mut nets = self.reservations.values().flatten();
        nets.any(|net| net.place(address).is_some())
    }
}

impl Changed {
    /// Returns the addresses that are held now and were not.
    pub fn added(&self) -> impl Iterator<Item = (&BlockChange, IpAddr, &Entry)> {
        self.differing(|now, was| {
            matches!(now, Slot::Held(entry) if !entry.is_windows_slot())
                && !matches!(was, Slot::Held(entry) if !entry.is_windows_slot())
        })
        .filter_map(|(change, place, now, _)| match now {
            Slot::Held(entry) => Some((change, change.net().at(place), entry)),
            Slot::Free | Slot::Cooling(_) => None,
        })
    }

    /// Returns the addresses that were held and are not.
    pub fn removed(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        self.differing(|now, was| {
            matches!(was, Slot::Held(entry) if !entry.is_windows_slot())
                && !matches!(now, Slot::Held(_))
        })
        .filter_map(|(change, place, _, was)| match was {
            Slot::Held(entry) => Some((change.net().at(place), entry)),
            Slot::Free | Slot::Cooling(_) => None,
        })
    }

    /// Returns the addresses whose entry is another one now.
    pub fn replaced(&self) -> impl Iterator<Item = (IpAddr, &Entry, &Entry)> {
        self.differing(|now, was| now != was)
            .filter_map(|(change, place, now, was)| match (was, now) {
                (Slot::Held(was), Slot::Held(now)) => Some((change.net().at(place), was, now)),
                _ => None,
            })
    }

    /// Returns the addresses that were cooling since then and are not any more.
    pub fn warmed(&self) -> impl Iterator<Item = (IpAddr, i64)> {
        self.differing(|now, was| now != was)
            .filter_map(|(change, place, now, was)| match (was, now) {
                (Slot::Cooling(since), Slot::Free | Slot::Held(_)) => {
                    Some((change.net().at(place), *since))
                }
                _ => None,
            })
    }

    fn differing(
        &self,
        is_meant: impl Fn(&Slot, &Slot) -> bool,
    ) -> impl Iterator<Item = (&BlockChange, usize, &Slot, &Slot)> {
        let all = self.blocks.values().flat_map(|change| {
            let places = 0..change.places();
            places.map(move |place| {
                let now = slot(change.after.as_ref(), place);
                (change, place, now, slot(change.before.as_ref(), place))
            })
        });
        all.filter(move |(_, _, now, was)| is_meant(now, was))
    }
}

fn slot(block: Option<&Block>, place: usize) -> &Slot {
    const FREE: &Slot = &Slot::Free;
    block
        .and_then(|block| block.slots.get(place))
        .unwrap_or(FREE)
}

impl BlockChange {
    fn either(&self) -> Option<&Block> {
        self.after.as_ref().or(self.before.as_ref())
    }

    fn net(&self) -> Net {
        let block = self.either();
        block.expect("a change has a before or an after").net
    }

    fn places(&self) -> usize {
        self.either().map_or(0, |block| block.slots.len())
    }

    /// Returns the owner before it.
    pub fn former_owner(&self) -> Option<&str> {
        self.before.as_ref()?.owner.as_deref()
    }

    /// Returns the owner after it.
    pub fn owner(&self) -> Option<&str> {
        self.after.as_ref()?.owner.as_deref()
    }
}
