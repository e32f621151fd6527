//! Surrenders decided on views that are put together by hand.

use std::collections::BTreeMap;

use super::{InUse, Surplus, Surrender, Surrendered, Which, decide_surrender};
use crate::affinity::AffinityState;
use crate::blocks::Family;
use crate::blocks::{Attribute, Block, BlockCidr, RangeSet};
use crate::clock::Timestamp;
use crate::ids::{NodeName, Owner};
use crate::plan::{
    Change, Context, CorruptRecord, Guard, Listing, Plan, RecordId, Recorded, Scope, Seen, Step,
    View, Want,
};
use crate::resources::Config;
use crate::revision::Revision;

const CONTEXT: Context = Context {
    now: Timestamp::from_seconds(1_000),
    random: 0,
};

fn cidr(text: &str) -> BlockCidr {
    text.parse().unwrap()
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::stored(node))
}

fn block(text: &str, held_on: &[&str]) -> Block {
    let mut block = Block::create(cidr(text), owner("n1"), CONTEXT.now, 100, None);
    for node in held_on {
        let attribute = Attribute {
            handle: Some(format!("h-{node}")),
            secondary: BTreeMap::from([("node".to_owned(), (*node).to_owned())]),
            ..Attribute::default()
        };
        block.assign_next(1, &attribute, &RangeSet::default());
    }
    block
}

/// Blocks of `n1` with confirmed affinities, read at revision 7.
fn view(blocks: &[Block]) -> View {
    let mut view = View {
        config: Some(Seen::Absent),
        ..View::default()
    };
    for family in Family::BOTH {
        let listing = Listing::default();
        view.affinities.insert((owner("n1"), family), listing);
    }
    for block in blocks {
        let recorded = Recorded {
            value: block.clone(),
            revision: Revision(7),
        };
        view.blocks.insert(block.cidr(), Seen::Present(recorded));
        let affinity = Recorded {
            value: AffinityState::Confirmed,
            revision: Revision(5),
        };
        let listing = view.affinities.get_mut(&(owner("n1"), Family::V4)).unwrap();
        listing.records.insert(block.cidr(), affinity);
    }
    view
}

fn of_owner(in_use: InUse) -> Surrender {
    Surrender {
        which: Which::Owner(owner("n1")),
        in_use,
    }
}

#[track_caller]
fn plan(step: Step<Surrendered>) -> Plan<Surrendered> {
    match step {
        Step::Commit(plan) => plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_not_read_is_asked_for() {
    let request = of_owner(InUse::Keep);
    let step = decide_surrender(&View::default(), &request, CONTEXT);
    let scope = |family| Want::Scope(Scope::Affinities(owner("n1"), family));
    assert_eq!(step, Step::Read(Family::BOTH.map(scope).to_vec()));
    let mut half = view(&[block("10.0.0.0/30", &[])]);
    half.blocks.clear();
    let step = decide_surrender(&half, &request, CONTEXT);
    let record = RecordId::Block(cidr("10.0.0.0/30"));
    assert_eq!(step, Step::Read(vec![Want::Record(record)]));
}

#[test]
fn an_empty_block_goes_with_its_affinity_and_both_are_guarded() {
    let seen = view(&[block("10.0.0.0/30", &[])]);
    let plan = plan(decide_surrender(&seen, &of_owner(InUse::Keep), CONTEXT));
    let one = cidr("10.0.0.0/30");
    assert_eq!(
        plan.guards,
        [
            Guard::At(RecordId::Block(one), Revision(7)),
            Guard::At(RecordId::Affinity(owner("n1"), one), Revision(5)),
        ]
    );
    assert_eq!(
        plan.changes,
        [
            Change::DeleteBlock(one),
            Change::DeleteAffinity(owner("n1"), one)
        ]
    );
    assert_eq!((plan.outcome.deleted, plan.more), (vec![one], false));
}

#[test]
fn a_block_in_use_is_kept_or_becomes_nobodys_with_what_its_owner_holds_noted() {
    let used = block("10.0.0.0/30", &["n1", "n2"]);
    let one = used.cidr();
    let seen = view(&[used]);
    let kept = Surrendered {
        kept: vec![one],
        ..Surrendered::default()
    };
    let step = decide_surrender(&seen, &of_owner(InUse::Keep), CONTEXT);
    assert_eq!(step, Step::Done(kept));
    let plan = plan(decide_surrender(&seen, &of_owner(InUse::Disown), CONTEXT));
    let [
        Change::PutBorrowed(node, noted),
        Change::PutBlock(disowned),
        Change::DeleteAffinity(..),
    ] = &plan.changes[..]
    else {
        panic!("{:?}", plan.changes);
    };
    // What n2 holds was borrowed before too.
    assert_eq!((node.as_str(), *noted), ("n1", one));
    assert_eq!((disowned.owner(), disowned.sequence()), (None, 101));
    assert_eq!(plan.outcome.disowned, [one]);
}

#[test]
fn a_cooling_address_keeps_a_block_until_it_has_cooled() {
    let mut cooling = block("10.0.0.0/30", &["n1"]);
    let config = Config {
        cooldown_seconds: 30,
        ..Config::default()
    };
    let ordinals: Vec<_> = cooling.entries().map(|entry| entry.ordinal).collect();
    cooling.release(&ordinals, Timestamp::from_seconds(980), config.cooldown());
    let mut seen = view(&[cooling]);
    let with = |view: &mut View, config: Seen<Config>| view.config = Some(config);
    let recorded = |value| {
        Seen::Present(Recorded {
            value,
            revision: Revision(2),
        })
    };
    with(&mut seen, recorded(config));
    let given_up = |view: &View| {
        matches!(
            decide_surrender(view, &of_owner(InUse::Keep), CONTEXT),
            Step::Commit(_)
        )
    };
    assert!(!given_up(&seen), "20 of 30 seconds");
    let broken = Seen::Corrupt(CorruptRecord {
        key: "config".to_owned(),
        revision: Revision(2),
        detail: "no JSON".to_owned(),
    });
    with(&mut seen, broken);
    assert!(!given_up(&seen), "nobody can say");
    with(&mut seen, Seen::Absent);
    assert!(given_up(&seen), "nothing cools");
}

#[test]
fn a_block_that_does_not_parse_is_left_and_hides_no_other() {
    let mut seen = view(&[block("10.0.0.0/30", &[]), block("10.0.0.4/30", &[])]);
    let corrupt = CorruptRecord {
        key: "key".to_owned(),
        revision: Revision(7),
        detail: "no JSON".to_owned(),
    };
    let first = Seen::Corrupt(corrupt.clone());
    seen.blocks.insert(cidr("10.0.0.0/30"), first);
    let plan = plan(decide_surrender(&seen, &of_owner(InUse::Keep), CONTEXT));
    assert_eq!(plan.outcome.corrupt, [corrupt]);
    assert_eq!(plan.outcome.deleted, [cidr("10.0.0.4/30")]);
}

#[test]
fn more_blocks_than_a_transaction_takes_are_given_up_in_several() {
    let blocks: Vec<Block> = (0..60)
        .map(|index| block(&format!("10.0.0.{}/30", index * 4), &[]))
        .collect();
    let plan = plan(decide_surrender(
        &view(&blocks),
        &of_owner(InUse::Keep),
        CONTEXT,
    ));
    assert!(plan.more && plan.outcome.deleted.len() < 60);
    assert!(plan.guards.len() <= 120 && plan.changes.len() <= 120);
}

#[test]
fn surplus_is_given_up_where_it_is_as_it_was_seen() {
    let seen = view(&[block("10.0.0.0/30", &[])]);
    let surplus = |node: &str, sequence: u64| Surrender {
        which: Which::Surplus(vec![Surplus {
            owner: owner(node),
            block: cidr("10.0.0.0/30"),
            sequence,
        }]),
        in_use: InUse::Keep,
    };
    for (node, sequence, is_given_up) in [("n1", 100, true), ("n1", 99, false), ("n2", 100, false)]
    {
        let step = decide_surrender(&seen, &surplus(node, sequence), CONTEXT);
        assert_eq!(
            matches!(step, Step::Commit(_)),
            is_given_up,
            "{node} {sequence}"
        );
    }
}
