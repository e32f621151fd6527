//! A small language for scenarios: pools and nodes in a store in memory, requests as Calico's callers make them, and what
//! is there afterwards. A request takes what there is and is told why it got less, as Calico's are.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use block_ipam::affinity::claim_range::{ClaimRange, Claimed};
use block_ipam::affinity::surrender::{InUse, Surrender, Surrendered, Which};
use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{
    Assign, AssignAddresses, PoolRef, ReleaseAddress, ReleaseHandle, Released, Shortage, Wanted,
};
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::blocks::{Address, BlockCidr, Cidr, Family};
use block_ipam::ids::{HandleId, NodeName, Owner};
use block_ipam::refusal::Refusal;
use block_ipam::report::Held;
use block_ipam::resources::Use;
use block_ipam_testing::state::State;
use block_ipam_testing::world::{World, now};

/// A store and whoever works on it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) allocator: Allocator,
    asked: Cell<u32>,
}

/// What a request got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) addresses: Vec<Address>,
    /// The block of each address.
    pub(crate) blocks: Vec<BlockCidr>,
    /// Why it got less than it wanted.
    pub(crate) short: Vec<Refusal>,
}

/// A request that is being put together.
pub(crate) struct Ask<'a> {
    scene: &'a Scene,
    pub(crate) request: Assign,
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

pub(crate) fn cidr(text: &str) -> Cidr {
    text.parse().expect("a CIDR")
}

pub(crate) fn block(text: &str) -> BlockCidr {
    text.parse().expect("a block")
}

pub(crate) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a node name")
}

pub(crate) fn handle(id: &str) -> HandleId {
    HandleId::new(id).expect("a handle")
}

pub(crate) fn owner(name: &str) -> Owner {
    Owner::host(&node(name))
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// An address to release, whoever holds it.
pub(crate) fn held_by_anyone(address: Address) -> ReleaseAddress {
    ReleaseAddress {
        address,
        handle: None,
        sequence: None,
    }
}

impl Scene {
    pub(crate) fn new() -> Scene {
        let world = World::new(1);
        Scene {
            allocator: world.allocator(),
            world,
            asked: Cell::new(0),
        }
    }

    /// A scene with one pool.
    pub(crate) fn of(cidr: &str, block_size: u8) -> Scene {
        let scene = Scene::new();
        scene.pool("a", cidr, block_size);
        scene
    }

    pub(crate) fn pool(&self, name: &str, cidr: &str, block_size: u8) {
        self.world.pool(name, cidr, block_size);
    }

    /// A pool with more in its `spec`.
    pub(crate) fn pool_with(&self, name: &str, cidr: &str, block_size: u8, more: &str) {
        self.world
            .pool_with(name, cidr, block_size, &format!(",{more}"));
    }

    /// The pool's record goes, as when Calico deletes a pool: its blocks stay.
    pub(crate) fn lose_pool(&self, name: &str) {
        let key = format!("/calico/resources/v3/projectcalico.org/ippools/{name}");
        self.world.delete(&key);
    }

    pub(crate) fn node(&self, name: &str, labels: &[(&str, &str)]) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect();
        self.world.put(
            &format!("/calico/resources/v3/projectcalico.org/nodes/{name}"),
            &format!(
                r#"{{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}","labels":{{{}}}}},"spec":{{}}}}"#,
                labels.join(",")
            ),
        );
    }

    pub(crate) fn config(&self, members: &str) {
        self.world.config(&format!("{{{members}}}"));
    }

    /// Strict affinity, and so many blocks for each node; 0 for the built-in limit.
    pub(crate) fn strict(&self, max_blocks: u32) {
        self.config(&format!(
            r#""strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":{max_blocks}"#
        ));
    }

    pub(crate) fn reserve(&self, name: &str, cidrs: &[&str]) {
        let cidrs: Vec<String> = cidrs.iter().map(|cidr| format!(r#""{cidr}""#)).collect();
        self.world.put(
            &format!("/calico/resources/v3/projectcalico.org/ipreservations/{name}"),
            &format!(
                r#"{{"kind":"IPReservation","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}"}},"spec":{{"reservedCIDRs":[{}]}}}}"#,
                cidrs.join(",")
            ),
        );
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    /// A request of a node under a handle of its own.
    pub(crate) fn ask(&self, name: &str) -> Ask<'_> {
        self.asked.set(self.asked.get() + 1);
        let mut request = Assign::workload(node(name), handle(&format!("h{}", self.asked.get())));
        request.attributes = labels(&[("node", name)]);
        request.shortage = Shortage::Accept;
        Ask {
            scene: self,
            request,
        }
    }

    /// One IPv4 address for a node.
    #[track_caller]
    pub(crate) fn one(&self, name: &str) -> Address {
        self.ask(name).v4(1).get().one()
    }

    /// One IPv4 address for a node, under this handle.
    #[track_caller]
    pub(crate) fn one_as(&self, name: &str, id: &str) -> Address {
        self.ask(name).handle(id).v4(1).get().one()
    }

    /// A named address for a node.
    pub(crate) fn assign_ip(&self, name: &str, id: &str, text: &str) -> Result<(), Refusal> {
        self.assign_ip_for(name, id, text, None)
    }

    /// A named address for a use.
    pub(crate) fn assign_ip_for(
        &self,
        name: &str,
        id: &str,
        text: &str,
        purpose: Option<Use>,
    ) -> Result<(), Refusal> {
        self.assign_ip_capped(name, id, text, purpose, 0)
    }

    /// A named address for a handle that may hold so many of its family; 0 for no limit.
    pub(crate) fn assign_ip_capped(
        &self,
        name: &str,
        id: &str,
        text: &str,
        purpose: Option<Use>,
        cap: usize,
    ) -> Result<(), Refusal> {
        let request = AssignAddresses {
            attributes: labels(&[("node", name)]),
            purpose,
            max_per_handle: cap,
            ..AssignAddresses::workload(node(name), handle(id), vec![address(text)])
        };
        let granted = now(self.allocator.assign_addresses(&request, &Hint::default()));
        granted.map(|_| ()).map_err(refused)
    }

    /// Gives back all that a handle holds; returns how much that was.
    pub(crate) fn release_handle(&self, id: &str) -> usize {
        let request = ReleaseHandle {
            handle: handle(id),
            interface: None,
            aliases: Vec::new(),
        };
        let released = now(self.allocator.release_by_handle(&request, &Hint::default()));
        released.expect("released").released.len()
    }

    pub(crate) fn release(&self, addresses: &[ReleaseAddress]) -> Released {
        now(self.allocator.release_addresses(addresses)).expect("an answer")
    }

    /// Releases one address, whoever holds it.
    #[track_caller]
    pub(crate) fn free(&self, address: Address) {
        assert_eq!(self.release(&[held_by_anyone(address)]).released, [address]);
    }

    /// Releases an address whose assignment has this number.
    pub(crate) fn free_numbered(&self, address: Address, sequence: u64) -> Released {
        self.release(&[ReleaseAddress {
            sequence: Some(sequence),
            ..held_by_anyone(address)
        }])
    }

    /// What a handle holds; `None` where it has no record.
    pub(crate) fn holds(&self, id: &str) -> Option<Vec<Address>> {
        let held = now(self.allocator.addresses_of(&handle(id))).expect("an answer");
        held.map(|held| held.iter().map(|held| held.address).collect())
    }

    pub(crate) fn held(&self, text: &str) -> Held {
        now(self.allocator.attributes_of(address(text))).expect("an answer")
    }

    pub(crate) fn claim(&self, range: &str, owner: Owner) -> Result<Claimed, AllocatorError> {
        let request = ClaimRange {
            cidr: cidr(range),
            owner,
        };
        now(self.allocator.claim_range(&request))
    }

    /// Gives up blocks and keeps those in use.
    pub(crate) fn give_up(&self, which: Which) -> Surrendered {
        self.surrender(which, InUse::Keep)
    }

    /// Gives up blocks; those in use become nobody's.
    pub(crate) fn disown(&self, which: Which) -> Surrendered {
        self.surrender(which, InUse::Disown)
    }

    fn surrender(&self, which: Which, in_use: InUse) -> Surrendered {
        now(self.allocator.surrender(&Surrender { which, in_use })).expect("an answer")
    }

    /// The records, after every invariant was checked.
    #[track_caller]
    pub(crate) fn state(&self) -> State {
        let state = State::of(&self.world.records());
        state.check();
        state
    }

    /// How many blocks there are, and how many affinities.
    #[track_caller]
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.blocks.len(), state.affinities.len())
    }

    /// The blocks of a node.
    #[track_caller]
    pub(crate) fn blocks_of(&self, name: &str) -> Vec<BlockCidr> {
        let affinities = self.state().affinities.into_keys();
        affinities
            .filter(|(node, _)| node == name)
            .map(|(_, cidr)| block(&cidr))
            .collect()
    }

    /// The number of the assignment of an address.
    pub(crate) fn number(&self, address: Address) -> u64 {
        let state = State::of(&self.world.records());
        let around = state.blocks.iter().find_map(|(cidr, value)| {
            let ordinal = block(cidr).ordinal(address)?;
            let numbers = &value["sequenceNumberForAllocation"];
            numbers[ordinal.get().to_string()].as_u64()
        });
        around.expect("it is assigned")
    }
}

/// What was refused; a store in memory always answers.
pub(crate) fn refused(error: AllocatorError) -> Refusal {
    match error {
        AllocatorError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

impl Ask<'_> {
    pub(crate) fn handle(mut self, id: &str) -> Self {
        self.request.handle = Some(handle(id));
        self
    }

    pub(crate) fn v4(mut self, count: usize) -> Self {
        self.request.v4.count = count;
        self
    }

    pub(crate) fn v6(mut self, count: usize) -> Self {
        self.request.v6.count = count;
        self
    }

    /// From these IPv4 pools.
    pub(crate) fn from(mut self, pools: &[&str]) -> Self {
        self.request.v4.pools = pools.iter().map(|pool| PoolRef::parse(pool)).collect();
        self
    }

    /// From these IPv6 pools.
    pub(crate) fn from6(mut self, pools: &[&str]) -> Self {
        self.request.v6.pools = pools.iter().map(|pool| PoolRef::parse(pool)).collect();
        self
    }

    pub(crate) fn purpose(mut self, purpose: Use) -> Self {
        self.request.purpose = purpose;
        self
    }

    /// With so many blocks at most.
    pub(crate) fn limit(mut self, blocks: usize) -> Self {
        self.request.max_blocks = blocks;
        self
    }

    /// For a handle that may hold so many of a family.
    pub(crate) fn cap(mut self, addresses: usize) -> Self {
        self.request.max_per_handle = addresses;
        self
    }

    /// As a Windows node asks.
    pub(crate) fn windows(self) -> Self {
        self.slots(&ReservedSlots::windows())
    }

    /// With slots set aside in each new block.
    pub(crate) fn slots(mut self, slots: &ReservedSlots) -> Self {
        for wanted in [&mut self.request.v4, &mut self.request.v6] {
            wanted.reserved_slots = Some(slots.clone());
        }
        self
    }

    pub(crate) fn namespace(mut self, pairs: &[(&str, &str)]) -> Self {
        self.request.namespace = Some(labels(pairs));
        self
    }

    /// All or nothing.
    pub(crate) fn whole(mut self) -> Self {
        self.request.shortage = Shortage::Refuse;
        self
    }

    pub(crate) fn ask(self) -> Result<Got, Refusal> {
        let hint = Hint::default();
        let asked = self.scene.allocator.assign(&self.request, &hint);
        let grant = now(asked).map_err(refused)?;
        let addresses = grant.addresses.iter();
        Ok(Got {
            blocks: addresses.clone().map(|granted| granted.block).collect(),
            addresses: addresses.map(|granted| granted.address).collect(),
            short: grant.shortages,
        })
    }

    #[track_caller]
    pub(crate) fn get(self) -> Got {
        self.ask().expect("what is short is told with the grant")
    }
}

impl Got {
    /// The only address.
    #[track_caller]
    pub(crate) fn one(&self) -> Address {
        let [one] = self.addresses[..] else {
            panic!("one address: {self:?}");
        };
        one
    }

    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    pub(crate) fn count(&self, family: Family) -> usize {
        let families = self.addresses.iter().map(|address| address.family());
        families.filter(|own| *own == family).count()
    }

    /// Asserts that all were found.
    #[track_caller]
    pub(crate) fn complete(&self, v4: usize, v6: usize) {
        let counts = (self.count(Family::V4), self.count(Family::V6));
        assert_eq!(counts, (v4, v6), "{:?}", self.short);
        assert!(self.short.is_empty(), "{:?}", self.short);
    }

    /// Asserts how many were found, and returns why no more were.
    #[track_caller]
    pub(crate) fn short_of(&self, found: usize) -> &Refusal {
        assert_eq!(self.len(), found, "{:?}", self.short);
        let [short] = &self.short[..] else {
            panic!("one shortage: {:?}", self.short);
        };
        short
    }

    /// Returns whether all lie in this pool.
    pub(crate) fn inside(&self, pool: &str) -> bool {
        let pool = cidr(pool);
        self.addresses.iter().all(|address| pool.contains(*address))
    }
}

/// What is wanted from these pools, with or without the slots of Windows.
pub(crate) fn wanted(pools: &[&str], slots: Option<ReservedSlots>) -> Wanted {
    Wanted {
        pools: pools.iter().map(|pool| PoolRef::parse(pool)).collect(),
        reserved_slots: slots,
        ..Wanted::default()
    }
}
