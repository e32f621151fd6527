//! The counterexamples of docs/protocol.md, one schedule each: where the guard stands nothing is broken, where it is
//! dropped the records show what it is for.
//!
//! X29 is Calico's own, and the last of X32 and X33 are what no guard of ours catches.

mod assign;
mod claim;
mod gate;
mod late;
mod operators;
mod records;
mod release;
mod repair;
mod steps;
mod world;

use block_ipam::datastore::{Guard, Span, Txn, Write};
use block_ipam_sim::weak::Weakness;
use block_ipam_sim::weak::weakness::{ALL, Shown};

use crate::gate::{Dropped, Judged, NOTHING, guards};
use crate::late::Taken;
use crate::records::Records;
use crate::world::World;

/// A counterexample: its name, what is dropped, and the schedule, which returns what is broken in the end.
type Case = (&'static str, Dropped, fn(&World, Dropped) -> Vec<String>);

/// Every counterexample of a guard, in the order of the document.
const CASES: [Case; 30] = [
    ("X1", guards(of_blocks), assign::x1),
    ("X2", guards(of_handles), assign::x2),
    ("X3", guards(of_pools), assign::x3),
    ("X4", guards(of_affinities), assign::x4),
    ("X5", guards(of_config), claim::x5),
    ("X6", guards(of_nodes), claim::x6),
    ("X7", guards(of_affinities), claim::x7),
    ("X8", guards(of_blocks), claim::x8),
    ("X9", guards(of_ranges_of_blocks), claim::x9),
    ("X10", guards(of_blocks), claim::x10),
    ("X11", guards(of_affinities), claim::x11),
    ("X12", guards(of_handles), assign::x12),
    ("X13", guards(of_config), assign::x13),
    ("X14", guards(of_blocks), release::x14),
    ("X15", guards(of_handles), release::x15),
    ("X16", guards(of_blocks), release::x16),
    ("X17", guards(of_handles), release::x17),
    ("X19", guards(of_blocks), release::x19),
    ("X20", guards(of_affinities), release::x20),
    ("X21", guards(of_blocks), repair::x21),
    ("X22", WRITES_OF_BLOCKS, repair::x22),
    ("X23", WRITES_OF_BLOCKS, repair::x23),
    ("X25", guards(of_pools), operators::x25),
    ("X26", guards(of_blocks_and_affinities), operators::x26),
    (
        "X26, the affinity alone",
        guards(of_affinities),
        operators::x26_by_the_affinity,
    ),
    ("X27", guards(of_pools), operators::x27),
    ("X30", FENCE, late::x30),
    ("X31", FENCE, late::x31),
    ("X32", COMMIT_ONCE_MORE, late::x32),
    ("X34", guards(of_blocks), repair::x34),
];

const WRITES_OF_BLOCKS: Dropped = Dropped {
    guard: of_blocks,
    write: |write| write.key().contains(BLOCKS),
    ..NOTHING
};

const FENCE: Dropped = Dropped {
    commit: is_fence,
    ..NOTHING
};

const COMMIT_ONCE_MORE: Dropped = Dropped {
    commit: |txn, lost| lost.contains(txn),
    ..NOTHING
};

const BLOCKS: &str = "/calico/ipam/v2/assignment/";

/// Returns whether it rewrites one block and does nothing else.
fn is_fence(txn: &Txn, _: &[Txn]) -> bool {
    let blocks = |keys: &[&str]| matches!(keys, [key] if key.contains(BLOCKS));
    let writes: Vec<&str> = txn.writes.iter().map(Write::key).collect();
    txn.guards.len() == 1 && of_blocks(&txn.guards[0]) && blocks(&writes)
}

/// Returns whether the guard is over keys with this text in them.
fn over(guard: &Guard, text: &str) -> bool {
    match guard {
        Guard::Absent(key) | Guard::At(key, _) | Guard::Same(key, _) => key.contains(text),
        Guard::NoneCreated(span, _) | Guard::NoneChanged(span, _) => match span {
            Span::Key(key) | Span::Prefix(key) | Span::Between(key, _) => key.contains(text),
        },
    }
}

fn of_blocks(guard: &Guard) -> bool {
    over(guard, BLOCKS)
}

fn of_ranges_of_blocks(guard: &Guard) -> bool {
    matches!(guard, Guard::NoneCreated(..)) && of_blocks(guard)
}

fn of_handles(guard: &Guard) -> bool {
    over(guard, "/ipam/v2/handle/")
}

fn of_affinities(guard: &Guard) -> bool {
    over(guard, "/ipam/v2/host/")
}

fn of_blocks_and_affinities(guard: &Guard) -> bool {
    of_blocks(guard) || of_affinities(guard)
}

fn of_pools(guard: &Guard) -> bool {
    over(guard, "/ippools/")
}

fn of_config(guard: &Guard) -> bool {
    over(guard, "/ipam/v2/config")
}

fn of_nodes(guard: &Guard) -> bool {
    over(guard, "/nodes/")
}

#[test]
fn nothing_is_broken_where_every_guard_stands() {
    let broken = CASES.map(|(name, _, schedule)| (name, schedule(&World::new(), NOTHING)));
    let broken: Vec<_> = broken
        .into_iter()
        .filter(|(_, faults)| !faults.is_empty())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn each_guard_is_missed_by_its_counterexample() {
    let unmissed: Vec<&str> = CASES
        .into_iter()
        .filter(|(_, dropped, schedule)| schedule(&World::new(), *dropped).is_empty())
        .map(|(name, _, _)| name)
        .collect();
    assert_eq!(
        unmissed, [""; 0],
        "nothing breaks without the guard of these"
    );
}

/// Returns the weaker versions that a schedule shows and no seed.
fn scheduled() -> Vec<(&'static Weakness, &'static str)> {
    let shown = ALL.iter().filter_map(|weakness| match weakness.shown {
        Shown::Schedule(name) => Some((weakness, name)),
        Shown::Seed { .. } => None,
    });
    shown.collect()
}

#[test]
fn each_weaker_version_that_no_seed_shows_is_shown_by_its_schedule() {
    let is_shown = |weakness: &'static Weakness, name: &str| {
        let weak = Dropped {
            weakness: Some(weakness),
            ..NOTHING
        };
        let mut cases = CASES.into_iter();
        let case = cases.find(|(own, _, _)| *own == name);
        case.is_some_and(|(_, _, schedule)| !schedule(&World::new(), weak).is_empty())
    };
    let unshown: Vec<&str> = scheduled()
        .into_iter()
        .filter(|(weakness, name)| !is_shown(weakness, name))
        .map(|(weakness, _)| weakness.name)
        .collect();
    assert_eq!(unshown, [""; 0], "no schedule shows these");
}

#[test]
fn x18_a_release_without_the_sequence_number_of_its_decision_frees_a_newer_assignment() {
    assert_eq!(
        release::x18(&World::new(), release::Compares::Sequence),
        [""; 0]
    );
    assert_ne!(
        release::x18(&World::new(), release::Compares::HandleAlone),
        [""; 0]
    );
}

#[test]
fn x24_a_count_that_is_lowered_too_early_loses_an_entry_to_calicos_undo() {
    assert_eq!(repair::x24(&World::new(), 0), [""; 0]);
    assert_ne!(repair::x24(&World::new(), 16 * 60), [""; 0]);
}

#[test]
fn x28_a_pool_is_deleted_under_a_block_only_where_nobody_looks_for_new_ones() {
    let all = guards(of_blocks_and_affinities);
    assert_eq!(operators::x28(&World::new(), NOTHING), [""; 0]);
    assert_ne!(operators::x28(&World::new(), all), [""; 0]);
}

/// No guard of ours is dropped: this is what Calico leaves of itself, and the repairs are for.
#[test]
fn x29_calico_alone_confirms_an_affinity_whose_block_it_deleted() {
    assert_ne!(claim::x29(&World::new()), [""; 0]);
}

/// No guard of ours is dropped: a claim of an absent block has no block to rewrite.
#[test]
fn x32_a_late_claim_of_a_request_that_gave_up_leaves_one_address_until_collection() {
    let world = World::new();
    let leaked = late::x32_giving_up(&world);
    assert_eq!(leaked.len(), 1, "{leaked:?}");
    assert_eq!(late::collect(&world), 1);
    assert_eq!(Records::of(&world).entries().len(), 0);
}

/// No guard of ours is dropped: what compares the absence of a block holds again when the block has come and gone.
#[test]
fn x32_a_claim_that_is_late_for_longer_than_another_one_holds_the_block_takes_a_second_address() {
    assert_ne!(
        late::x32_when(&World::new(), NOTHING, Taken::BeforeOnceMore),
        [""; 0]
    );
}

#[test]
fn x33_a_revision_that_comes_a_second_time_is_told_from_the_first_by_the_value_alone() {
    assert_eq!(late::x33(&World::new(), Judged::ByValue), [""; 0]);
    assert_ne!(late::x33(&World::new(), Judged::ByRevision), [""; 0]);
}
