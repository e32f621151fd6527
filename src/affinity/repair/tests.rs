//! Repairs decided on views that are put together by hand.

use std::time::Duration;

use super::{MIN_DROP_AGE, Repaired, Standing, decide_confirm, decide_drop};
use crate::affinity::AffinityState;
use crate::blocks::{Block, BlockCidr};
use crate::clock::Timestamp;
use crate::ids::{NodeName, Owner};
use crate::plan::{Change, CorruptRecord, Guard, RecordId, Recorded, Seen, Step, View, Want};
use crate::refusal::Refusal;
use crate::revision::Revision;

const BLOCK_AT: Revision = Revision(7);
const AFFINITY_AT: Revision = Revision(5);

fn cidr() -> BlockCidr {
    "10.0.0.0/30".parse().unwrap()
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::stored(node))
}

fn present<T>(value: T, revision: Revision) -> Seen<T> {
    Seen::Present(Recorded { value, revision })
}

fn corrupt<T>(revision: Revision) -> Seen<T> {
    Seen::Corrupt(CorruptRecord {
        key: "key".to_owned(),
        revision,
        detail: "no JSON".to_owned(),
    })
}

fn block_of(node: &str) -> Block {
    Block::create(cidr(), owner(node), Timestamp::from_seconds(0), 100, None)
}

/// The pair of `n1` and its block, as it was read.
fn view(affinity: Seen<AffinityState>, block: Seen<Block>) -> View {
    let mut view = View::default();
    view.blocks.insert(cidr(), block);
    view.affinity.insert((owner("n1"), cidr()), affinity);
    view
}

fn state(state: AffinityState) -> Seen<AffinityState> {
    present(state, AFFINITY_AT)
}

fn ids() -> (RecordId, RecordId) {
    (
        RecordId::Block(cidr()),
        RecordId::Affinity(owner("n1"), cidr()),
    )
}

#[test]
fn what_was_not_read_is_asked_for() {
    let (block, affinity) = ids();
    let wants = vec![Want::Record(block), Want::Record(affinity)];
    let nothing = View::default();
    let confirm = decide_confirm(&nothing, &owner("n1"), cidr());
    assert_eq!(confirm, Step::Read(wants.clone()));
    let drop = decide_drop(&nothing, &owner("n1"), cidr(), None);
    assert_eq!(drop, Step::Read(wants));
}

#[test]
fn an_affinity_is_confirmed_with_a_write_of_its_block_and_both_are_guarded() {
    let (block, affinity) = ids();
    for (seen, guard) in [
        (Seen::Absent, Guard::Absent(affinity.clone())),
        (
            state(AffinityState::Pending),
            Guard::At(affinity.clone(), AFFINITY_AT),
        ),
        (
            state(AffinityState::PendingDeletion),
            Guard::At(affinity.clone(), AFFINITY_AT),
        ),
        (corrupt(AFFINITY_AT), Guard::At(affinity, AFFINITY_AT)),
    ] {
        let view = view(seen, present(block_of("n1"), BLOCK_AT));
        let Step::Commit(plan) = decide_confirm(&view, &owner("n1"), cidr()) else {
            panic!("a plan");
        };
        assert_eq!(plan.guards, [Guard::At(block.clone(), BLOCK_AT), guard]);
        let [
            Change::PutAffinity(whose, which, AffinityState::Confirmed),
            Change::PutBlock(written),
        ] = &plan.changes[..]
        else {
            panic!("{:?}", plan.changes);
        };
        assert_eq!((whose, *which), (&owner("n1"), cidr()));
        assert_eq!(written.sequence(), 101, "the fence");
    }
}

#[test]
fn nothing_is_confirmed_where_it_is_or_where_the_block_is_not_the_owners() {
    for (affinity, block) in [
        (
            state(AffinityState::Confirmed),
            present(block_of("n1"), BLOCK_AT),
        ),
        (
            state(AffinityState::Unset),
            present(block_of("n1"), BLOCK_AT),
        ),
        (
            state(AffinityState::Pending),
            present(block_of("n2"), BLOCK_AT),
        ),
        (state(AffinityState::Pending), Seen::Absent),
    ] {
        let step = decide_confirm(&view(affinity, block), &owner("n1"), cidr());
        assert_eq!(step, Step::Done(Repaired::NotNeeded));
    }
}

#[test]
fn a_block_that_does_not_parse_is_named_and_decides_nothing() {
    let view = view(state(AffinityState::Pending), corrupt(BLOCK_AT));
    let refused = |step| matches!(step, Step::Refuse(Refusal::Corrupt(_)));
    assert!(refused(decide_confirm(&view, &owner("n1"), cidr())));
    assert!(refused(decide_drop(&view, &owner("n1"), cidr(), None)));
}

fn standing(revision: Revision, unchanged_for: Duration) -> Option<Standing> {
    Some(Standing {
        revision,
        unchanged_for,
    })
}

/// `view` without cluster information, so that no node is known to be gone.
fn alone(mut view: View) -> View {
    view.cluster_information = Some(Seen::Absent);
    view
}

#[test]
fn an_affinity_is_dropped_when_it_stood_unchanged_for_its_age() {
    let (block, affinity) = ids();
    let view = alone(view(state(AffinityState::Pending), Seen::Absent));
    let drop = |standing| decide_drop(&view, &owner("n1"), cidr(), standing);
    let nearly = MIN_DROP_AGE - Duration::from_secs(1);
    for young in [
        None,
        standing(AFFINITY_AT, nearly),
        standing(Revision(4), MIN_DROP_AGE),
    ] {
        assert_eq!(drop(young), Step::Done(Repaired::TooYoung), "{young:?}");
    }
    let Step::Commit(plan) = drop(standing(AFFINITY_AT, MIN_DROP_AGE)) else {
        panic!("a plan");
    };
    assert_eq!(
        plan.guards,
        [Guard::Absent(block), Guard::At(affinity, AFFINITY_AT)]
    );
    assert_eq!(plan.changes, [Change::DeleteAffinity(owner("n1"), cidr())]);
}

#[test]
fn an_affinity_to_a_block_of_another_is_dropped_and_one_to_the_own_never() {
    let old = standing(AFFINITY_AT, MIN_DROP_AGE);
    for (whose, is_dropped) in [("n2", true), ("n1", false)] {
        let view = alone(view(
            state(AffinityState::Confirmed),
            present(block_of(whose), BLOCK_AT),
        ));
        let step = decide_drop(&view, &owner("n1"), cidr(), old);
        assert_eq!(matches!(step, Step::Commit(_)), is_dropped, "{whose}");
    }
    let gone = alone(view(Seen::Absent, Seen::Absent));
    let step = decide_drop(&gone, &owner("n1"), cidr(), old);
    assert_eq!(step, Step::Done(Repaired::NotNeeded));
}

#[test]
fn where_calico_runs_the_affinity_of_a_node_without_a_record_needs_no_age() {
    let mut view = view(state(AffinityState::Pending), Seen::Absent);
    view.cluster_information = Some(present((), Revision(1)));
    let step = decide_drop(&view, &owner("n1"), cidr(), None);
    let node = RecordId::Node(NodeName::stored("n1"));
    assert_eq!(step, Step::Read(vec![Want::Record(node.clone())]));
    view.nodes.insert(NodeName::stored("n1"), Seen::Absent);
    let Step::Commit(plan) = decide_drop(&view, &owner("n1"), cidr(), None) else {
        panic!("a plan");
    };
    assert_eq!(plan.guards.last(), Some(&Guard::Absent(node)));
}
