//! Claims of ranges decided on views that are put together by hand.

use super::{ClaimRange, Claimed, decide_claim_range, neighbours};
use crate::affinity::AffinityState;
use crate::affinity::RangeRefusal;
use crate::blocks::{Block, BlockCidr, Cidr, Family};
use crate::clock::Timestamp;
use crate::datastore::codec::decode_pool;
use crate::ids::{NodeName, Owner, ResourceName};
use crate::plan::{
    Change, Context, CorruptRecord, Guard, Listing, Plan, RecordId, Recorded, Seen, Step, View,
};
use crate::refusal::Refusal;
use crate::revision::Revision;

const CONTEXT: Context = Context {
    now: Timestamp::from_seconds(1_000),
    random: 0,
};

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn block(text: &str) -> BlockCidr {
    text.parse().unwrap()
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::stored(node))
}

fn of(text: &str, node: Option<&str>) -> Seen<Block> {
    let owner = owner(node.unwrap_or("n2"));
    let mut value = Block::create(block(text), owner, CONTEXT.now, 100, None);
    if node.is_none() {
        value.disown();
    }
    Seen::Present(Recorded {
        value,
        revision: Revision(7),
    })
}

/// A pool of four blocks, all absent; everything was read at revision 9.
fn view() -> View {
    let name = ResourceName::stored("a");
    let pool = decode_pool(&name, br#"{"spec":{"cidr":"10.0.0.0/28","blockSize":30}}"#).unwrap();
    let recorded = Recorded {
        value: pool,
        revision: Revision(3),
    };
    let mut view = View {
        config: Some(Seen::Absent),
        pools: Some(Listing {
            records: [(name, recorded)].into(),
            corrupt: Vec::new(),
            read_at: Revision(9),
        }),
        ..View::default()
    };
    view.nodes.insert(NodeName::stored("n1"), Seen::Absent);
    view.affinities
        .insert((owner("n1"), Family::V4), Listing::default());
    view.inside.insert(cidr("10.0.0.0/24"), Revision(9));
    for index in 0..4 {
        let one = block(&format!("10.0.0.{}/30", index * 4));
        view.blocks.insert(one, Seen::Absent);
    }
    view
}

fn put(view: &mut View, text: &str, seen: Seen<Block>) {
    view.existing.insert(block(text));
    view.blocks.insert(block(text), seen);
}

fn decide(view: &View, range: &str) -> Step<Claimed> {
    let request = ClaimRange {
        cidr: cidr(range),
        owner: owner("n1"),
    };
    decide_claim_range(view, &request, CONTEXT)
}

#[track_caller]
fn plan(step: Step<Claimed>) -> Plan<Claimed> {
    match step {
        Step::Commit(plan) => plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_range_that_names_no_blocks_is_refused() {
    let refused = |range: &str| match decide(&view(), range) {
        Step::Refuse(Refusal::Range(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused("10.9.0.0/28"),
        RangeRefusal::OutsidePools(cidr("10.9.0.0/28"))
    );
    assert!(matches!(
        refused("10.0.0.0/31"),
        RangeRefusal::BelowBlockSize {
            block_length: 30,
            ..
        }
    ));
}

#[test]
fn an_absent_block_is_created_and_guarded_with_all_it_relies_on() {
    let plan = plan(decide(&view(), "10.0.0.0/30"));
    let one = block("10.0.0.0/30");
    assert_eq!(
        plan.guards,
        [
            Guard::At(RecordId::Pool(ResourceName::stored("a")), Revision(3)),
            Guard::Absent(RecordId::Node(NodeName::stored("n1"))),
            Guard::Absent(RecordId::Block(one)),
            Guard::NoneCreatedOver(cidr("10.0.0.0/24"), Revision(9)),
            Guard::Absent(RecordId::Affinity(owner("n1"), one)),
        ]
    );
    let [
        Change::PutAffinity(_, _, AffinityState::Confirmed),
        Change::PutBlock(created),
    ] = &plan.changes[..]
    else {
        panic!("{:?}", plan.changes);
    };
    assert_eq!(created.owner(), Some(&owner("n1")));
    assert_eq!(plan.outcome.claimed, [one]);
}

#[test]
fn what_lies_behind_the_pool_is_left_out() {
    let plan = plan(decide(&view(), "10.0.0.0/24"));
    assert_eq!((plan.outcome.claimed.len(), plan.more), (4, false));
}

#[test]
fn an_own_block_stays_and_is_rewritten_where_its_affinity_is_not_confirmed() {
    for (state, is_written) in [
        (None, true),
        (Some(AffinityState::Pending), true),
        (Some(AffinityState::PendingDeletion), true),
        (Some(AffinityState::Unset), true),
        (Some(AffinityState::Confirmed), false),
    ] {
        let mut view = view();
        put(&mut view, "10.0.0.0/30", of("10.0.0.0/30", Some("n1")));
        if let Some(value) = state {
            let revision = Revision(5);
            let listing = view.affinities.get_mut(&(owner("n1"), Family::V4)).unwrap();
            let recorded = Recorded { value, revision };
            listing.records.insert(block("10.0.0.0/30"), recorded);
        }
        match decide(&view, "10.0.0.0/30") {
            Step::Commit(plan) => {
                assert!(is_written, "{state:?}");
                let block_at = Guard::At(RecordId::Block(block("10.0.0.0/30")), Revision(7));
                assert!(plan.guards.contains(&block_at));
                let rewritten = |change: &Change| matches!(change, Change::PutBlock(block) if block.sequence() == 101);
                assert!(plan.changes.iter().any(rewritten), "the fence");
            }
            Step::Done(claimed) => {
                assert!(!is_written, "{state:?}");
                assert_eq!(claimed.claimed, [block("10.0.0.0/30")]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn blocks_of_others_are_reported_and_an_empty_one_of_nobody_is_taken_over() {
    let mut view = view();
    put(&mut view, "10.0.0.0/30", of("10.0.0.0/30", Some("n2")));
    put(&mut view, "10.0.0.4/30", of("10.0.0.4/30", None));
    let corrupt = Seen::Corrupt(CorruptRecord {
        key: "key".to_owned(),
        revision: Revision(7),
        detail: "no JSON".to_owned(),
    });
    put(&mut view, "10.0.0.8/30", corrupt);
    // A block of another size lies over the last one.
    view.existing.insert(block("10.0.0.12/31"));
    let plan = plan(decide(&view, "10.0.0.0/28"));
    assert_eq!(plan.outcome.claimed, [block("10.0.0.4/30")]);
    assert_eq!(
        plan.outcome.failed,
        [
            (block("10.0.0.0/30"), Some(owner("n2"))),
            (block("10.0.0.8/30"), None),
            (block("10.0.0.12/30"), None),
        ]
    );
}

#[test]
fn the_neighbours_of_a_block_are_those_whose_keys_a_guard_compares() {
    for (one, around) in [
        ("10.0.3.64/26", "10.0.3.0/24"),
        ("10.0.3.7/32", "10.0.3.0/24"),
        ("10.0.0.0/20", "10.0.0.0/20"),
        ("fd00::/122", "fd00::/112"),
    ] {
        assert_eq!(neighbours(block(one)), cidr(around), "{one}");
    }
}
