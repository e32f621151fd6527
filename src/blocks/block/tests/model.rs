//! Random histories of a block beside a model that keeps one plain map of slots and one plain queue.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{cidr, held_by, ordinal, owner};
use crate::blocks::block::{
    Attribute, Block, BlockFault, BlockParts, Cooldown, ReservedSlots, Slot,
};
use crate::blocks::cidr::Cidr;
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::unknown::Unknown;

const BLOCK: &str = "10.0.0.16/29";
const SIZE: u16 = 8;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What somebody does with a block. Times are milliseconds that pass before.
#[derive(Debug, Clone)]
enum Action {
    AssignNext {
        count: usize,
        attribute: Attribute,
        avoid: BTreeSet<u16>,
    },
    AssignAt {
        ordinal: u16,
        attribute: Attribute,
    },
    Release {
        ordinals: Vec<u16>,
        millis: i64,
        cooldown: i64,
    },
    Normalise {
        millis: i64,
        cooldown: i64,
    },
    Edit {
        ordinal: u16,
    },
    TakeOver,
    Disown,
    Write,
}

#[derive(Debug, Clone, PartialEq)]
enum Held {
    By(Attribute, u64),
    CoolingSince(i64),
}

/// The model: no shared attributes, no indexes.
#[derive(Debug)]
struct Model {
    slots: BTreeMap<u16, Held>,
    queue: Vec<u16>,
    sequence: u64,
    owned: bool,
}

impl Model {
    fn take(&mut self, ordinals: &[u16], attribute: &Attribute) {
        self.queue.retain(|free| !ordinals.contains(free));
        for &ordinal in ordinals {
            let held = Held::By(attribute.clone(), self.sequence);
            self.slots.insert(ordinal, held);
        }
    }

    fn free_where(&mut self, gone: impl Fn(u16, &Held) -> bool) {
        for ordinal in 0..SIZE {
            if self
                .slots
                .get(&ordinal)
                .is_some_and(|held| gone(ordinal, held))
            {
                self.slots.remove(&ordinal);
                self.queue.push(ordinal);
            }
        }
    }

    fn free_cold(&mut self, now: i64, cooldown: i64) {
        let limit = now - cooldown.max(0) * 1000 * NANOS_PER_MILLI;
        self.free_where(|_, held| match held {
            Held::CoolingSince(since) => cooldown < 0 || *since < limit,
            Held::By(..) => false,
        });
    }

    fn release(&mut self, ordinals: &[u16], now: i64, cooldown: i64) {
        let mut held = ordinals.to_vec();
        held.retain(|ordinal| matches!(self.slots.get(ordinal), Some(Held::By(..))));
        if held.is_empty() {
            return;
        }
        // Long ago, so that it is cold for every cool-down.
        let since = if 0 < cooldown {
            now - now % (1000 * NANOS_PER_MILLI)
        } else {
            i64::MIN
        };
        for &ordinal in &held {
            self.slots.insert(ordinal, Held::CoolingSince(since));
        }
        self.free_cold(now, cooldown);
    }
}

fn attributes() -> impl Strategy<Value = Attribute> {
    let plain = (0..3u8).prop_map(|n| held_by(&format!("h{n}")));
    let migrating = Just(Attribute {
        alternate: BTreeMap::from([("pod".to_owned(), "p".to_owned())]),
        ..held_by("vm")
    });
    let foreign = Just(Attribute {
        unknown: Unknown(BTreeMap::from([("colour".to_owned(), "1".to_owned())])),
        ..held_by("h0")
    });
    prop_oneof![
        6 => plain,
        1 => migrating,
        1 => foreign,
        1 => Just(Attribute::default()),
        1 => Just(held_by("Windows-Reserved-IPAM-Handle")),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    let cooldown = || prop_oneof![1 => Just(-1i64), 1 => Just(0), 3 => Just(2)];
    prop_oneof![
        4 => (0..5usize, attributes(), prop::collection::btree_set(0..SIZE, 0..4))
            .prop_map(|(count, attribute, avoid)| Action::AssignNext { count, attribute, avoid }),
        2 => (0..SIZE, attributes())
            .prop_map(|(ordinal, attribute)| Action::AssignAt { ordinal, attribute }),
        4 => (prop::collection::vec(0..SIZE, 0..4), 0..1500i64, cooldown())
            .prop_map(|(ordinals, millis, cooldown)| Action::Release { ordinals, millis, cooldown }),
        3 => (0..3000i64, cooldown())
            .prop_map(|(millis, cooldown)| Action::Normalise { millis, cooldown }),
        1 => (0..SIZE).prop_map(|ordinal| Action::Edit { ordinal }),
        1 => Just(Action::TakeOver),
        1 => Just(Action::Disown),
        3 => Just(Action::Write),
    ]
}

/// A block, its model, and the time in nanoseconds.
struct World {
    block: Block,
    model: Model,
    now: i64,
}

impl World {
    fn new(windows: bool) -> World {
        let slots = windows.then(ReservedSlots::windows);
        let now = 1_000_000 * NANOS_PER_MILLI;
        let claimed = Timestamp::from_nanos(now);
        let block = Block::create(cidr(BLOCK), owner("n1"), claimed, 100, slots.as_ref());
        let mut model = Model {
            slots: BTreeMap::new(),
            queue: (0..SIZE).collect(),
            sequence: 0,
            owned: true,
        };
        if windows {
            let slot = Attribute {
                secondary: BTreeMap::from([("note".to_owned(), "windows host rsvd".to_owned())]),
                ..held_by("windows-reserved-ipam-handle")
            };
            model.take(&[0, 1, 2, 7], &slot);
        }
        model.sequence = 100;
        World { block, model, now }
    }

    fn step(&mut self, action: Action) {
        match action {
            Action::AssignNext {
                count,
                attribute,
                avoid,
            } => self.assign_next(count, &attribute, &avoid),
            Action::AssignAt { ordinal, attribute } => self.assign_at(ordinal, &attribute),
            Action::Release {
                ordinals,
                millis,
                cooldown,
            } => self.release(&ordinals, millis, cooldown),
            Action::Normalise { millis, cooldown } => self.normalise(millis, cooldown),
            Action::Edit { ordinal } => self.edit(ordinal),
            Action::TakeOver => self.take_over(),
            Action::Disown => {
                self.block.disown();
                self.model.owned = false;
            }
            Action::Write => {
                self.block.bump();
                self.model.sequence += 1;
            }
        }
    }

    fn assign_next(&mut self, count: usize, attribute: &Attribute, avoid: &BTreeSet<u16>) {
        let reserved: RangeSet = avoid
            .iter()
            .map(|&n| self.block.address(ordinal(n)).to_cidr())
            .chain(["10.0.0.0/28".parse::<Cidr>().unwrap()])
            .collect();
        let usable = self.model.queue.iter().filter(|free| !avoid.contains(free));
        assert_eq!(self.block.usable_count(&reserved), usable.clone().count());
        let expected: Vec<u16> = usable.copied().take(count).collect();
        let taken = self.block.assign_next(count, attribute, &reserved);
        assert_eq!(super::numbers(&taken), expected);
        self.model.take(&expected, attribute);
    }

    fn assign_at(&mut self, n: u16, attribute: &Attribute) {
        let result = self.block.assign_at(ordinal(n), attribute);
        let expected = match self.model.slots.get(&n) {
            None => Ok(()),
            Some(Held::CoolingSince(_)) => Err(None),
            Some(Held::By(holder, _)) => Err(holder.handle.clone()),
        };
        let holder = result.map_err(|taken| taken.holder.map(|id| id.as_str().to_owned()));
        assert_eq!(holder, expected);
        if expected.is_ok() {
            self.model.take(&[n], attribute);
        }
    }

    fn release(&mut self, numbers: &[u16], millis: i64, cooldown: i64) {
        self.now += millis * NANOS_PER_MILLI;
        let ordinals: Vec<Ordinal> = numbers.iter().map(|&n| ordinal(n)).collect();
        let now = Timestamp::from_nanos(self.now);
        self.block
            .release(&ordinals, now, Cooldown::from_seconds(cooldown));
        self.model.release(numbers, self.now, cooldown);
    }

    fn normalise(&mut self, millis: i64, cooldown: i64) {
        self.now += millis * NANOS_PER_MILLI;
        let before = self.block.clone();
        let now = Timestamp::from_nanos(self.now);
        let changed = self.block.normalise(now, Cooldown::from_seconds(cooldown));
        assert_eq!(changed, self.block != before);
        self.model.free_cold(self.now, cooldown);
    }

    fn edit(&mut self, n: u16) {
        let rename =
            |attribute: &mut Attribute| attribute.secondary.insert("edited".into(), "yes".into());
        let edited = self.block.edit_attribute(ordinal(n), rename).is_some();
        let held = match self.model.slots.get_mut(&n) {
            Some(Held::By(attribute, _)) => Some(rename(attribute)),
            Some(Held::CoolingSince(_)) | None => None,
        };
        assert_eq!(edited, held.is_some());
    }

    fn take_over(&mut self) {
        self.block
            .take_over(owner("n2"), Timestamp::from_nanos(self.now));
        self.model.owned = true;
        self.model.free_where(|_, held| match held {
            Held::By(attribute, _) => attribute.is_reserved_slot(),
            Held::CoolingSince(_) => false,
        });
    }

    fn p12_block_is_well_formed(&self) {
        let parts = self.block.to_parts();
        assert_eq!(parts.faults(), []);
        assert_eq!(Block::from_parts(parts).as_ref(), Ok(&self.block));
    }

    fn agrees(&self) {
        let (block, model) = (&self.block, &self.model);
        let held: BTreeMap<u16, Held> = Ordinal::all(SIZE)
            .filter_map(|ordinal| Some((ordinal.get(), seen(block, ordinal)?)))
            .collect();
        assert_eq!(held, model.slots);
        let queue: Vec<u16> = block.free.iter().map(|ordinal| ordinal.get()).collect();
        assert_eq!(queue, model.queue);
        assert_eq!(block.free_count(), model.queue.len());
        assert_eq!(block.sequence(), model.sequence);
        assert_eq!(block.owner().is_some(), model.owned);
        assert_eq!(block.claimed_at().is_some(), model.owned);
        let cooling = |held: &&Held| matches!(held, Held::CoolingSince(_));
        assert_eq!(
            block.cooling_count(),
            model.slots.values().filter(cooling).count()
        );
        let is_slot = |held: &Held| matches!(held, Held::By(a, _) if a.is_reserved_slot());
        assert_eq!(block.is_empty(), model.slots.values().all(is_slot));
    }
}

fn seen(block: &Block, ordinal: Ordinal) -> Option<Held> {
    let marked = block.entries().find(|entry| entry.ordinal == ordinal);
    match block.slot(ordinal) {
        Slot::Free => None,
        Slot::Cooling(since) => Some(Held::CoolingSince(since.nanos())),
        Slot::Assigned(attribute) => {
            let sequence = marked.expect("assigned slots are entries").sequence;
            Some(Held::By(attribute.clone(), sequence))
        }
    }
}

/// Records as careless writers leave them, of a block of four.
fn careless_parts() -> impl Strategy<Value = BlockParts> {
    let attribute = prop_oneof![
        3 => attributes(),
        1 => (0..5i64).prop_map(|s| Attribute::cooling(Timestamp::from_seconds(s))),
    ];
    let attributes = prop::collection::vec(attribute, 1..=3);
    let sequences = prop::collection::btree_map(0..6usize, any::<u64>(), 0..3);
    let careless = (
        prop::collection::vec(prop::option::of(0..3usize), 3..=5),
        prop::collection::vec(0..6usize, 0..6),
        attributes.clone(),
        sequences.clone(),
    );
    let careful = (
        prop::collection::vec(prop::option::of(0..1usize), 4),
        Just((0..4usize).collect::<Vec<_>>()).prop_shuffle(),
        attributes,
        sequences,
    )
        .prop_map(|(allocations, mut queue, attributes, mut sequence_of)| {
            queue.retain(|&n| allocations[n].is_none());
            sequence_of.retain(|&n, _| n < 4);
            (allocations, queue, attributes, sequence_of)
        });
    prop_oneof![careless, careful].prop_map(|(allocations, queue, attributes, sequence_of)| {
        BlockParts {
            cidr: cidr("10.0.0.0/30"),
            owner: None,
            claimed_at: None,
            allocations,
            unallocated: queue.into(),
            attributes,
            sequence: u64::MAX,
            sequence_of,
            deleted: true,
            unknown: Unknown(BTreeMap::from([("colour".to_owned(), "1".to_owned())])),
        }
    })
}

const fn is_fatal(fault: &BlockFault) -> bool {
    matches!(
        fault,
        BlockFault::Length { .. } | BlockFault::NoSuchAttribute { .. }
    )
}

proptest! {
    #[test]
    fn p12_every_history_leaves_a_well_formed_block(
        windows in any::<bool>(),
        history in prop::collection::vec(actions(), 0..40),
    ) {
        let mut world = World::new(windows);
        world.agrees();
        for action in history {
            world.step(action);
            world.p12_block_is_well_formed();
            world.agrees();
        }
    }

    #[test]
    fn p12_a_careless_record_is_refused_or_read_as_a_well_formed_block(parts in careless_parts()) {
        let faults = parts.faults();
        let Ok(mut block) = Block::from_parts(parts.clone()) else {
            prop_assert!(faults.iter().any(is_fatal));
            return Ok(());
        };
        prop_assert!(!faults.iter().any(is_fatal));
        prop_assert_eq!(block.faults_at(Timestamp::from_seconds(9)), faults);

        let written = block.to_parts();
        prop_assert_eq!(&written.allocations, &parts.allocations);
        prop_assert_eq!(&written.attributes, &parts.attributes);
        let free = |n: &usize| parts.allocations.get(*n) == Some(&None);
        let mut queue: Vec<usize> = Vec::new();
        for n in parts.unallocated.iter().copied().chain(0..4).filter(free) {
            if !queue.contains(&n) {
                queue.push(n);
            }
        }
        prop_assert_eq!(written.unallocated, queue);

        block.bump();
        prop_assert_eq!(block.sequence(), 0);
        block.normalise(Timestamp::from_seconds(9), Cooldown::NONE);
        prop_assert_eq!(block.faults_at(Timestamp::from_seconds(9)), []);
    }

    #[test]
    fn a_record_without_faults_is_written_back_as_it_was(parts in careless_parts()) {
        let harmless = |fault: &BlockFault| matches!(fault, BlockFault::UnusedAttribute(_));
        if let Ok(block) = Block::from_parts(parts.clone()) {
            let as_it_was = block.to_parts() == parts;
            prop_assert_eq!(as_it_was, parts.faults().iter().all(harmless));
        }
    }
}
