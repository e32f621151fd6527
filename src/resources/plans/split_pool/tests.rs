//! Splits as text: what is guarded, what is written, what is refused.

use expect_test::{Expect, expect};

use super::*;
use crate::clock::Timestamp;
use crate::resources::PoolSpec;
use crate::revision::Revision;

const CONTEXT: Context = Context {
    now: Timestamp::from_seconds(1_800_000_000),
    random: 0,
};

fn pool(name: &str, cidr: &str, size: i64) -> Pool {
    let metadata = Metadata {
        name: name.to_owned(),
        uid: Some(format!("uid of {name}")),
        labels: [("block-ipam/pool-group".to_owned(), "blue".to_owned())].into(),
        ..Metadata::default()
    };
    let spec = PoolSpec {
        metadata,
        cidr: Some(cidr.to_owned()),
        block_size: Some(size),
        node_selector: Some("rack == 'r1'".to_owned()),
        ..PoolSpec::default()
    };
    spec.pool().unwrap()
}

fn view(pools: Vec<Pool>) -> View {
    let recorded = |(value, revision): (Pool, u64)| {
        let name = ResourceName::stored(&value.metadata.name);
        let revision = Revision(revision);
        (name, Recorded { value, revision })
    };
    View {
        pools: Some(Listing {
            records: pools.into_iter().zip(3..).map(recorded).collect(),
            corrupt: Vec::new(),
            read_at: Revision(9),
        }),
        ..View::default()
    }
}

fn request(whole: Whole, parts: usize) -> Split {
    Split {
        whole,
        parts,
        uids: (0..parts).map(|index| format!("uid {index}")).collect(),
        created: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn named(name: &str, parts: usize) -> Split {
    request(Whole::Name(ResourceName::stored(name)), parts)
}

fn check(view: &View, request: &Split, expect: &Expect) {
    let text = match split_pool(view, request, CONTEXT) {
        Step::Read(wants) => format!("read {wants:?}"),
        Step::Refuse(refusal) => format!("refuse: {refusal}"),
        Step::Done(pools) => format!("done: {} pools", pools.len()),
        Step::Commit(plan) => {
            let guards = plan.guards.iter().map(|guard| format!("{guard:?}"));
            let changes = plan.changes.iter().map(|change| match change {
                Change::PutPool(pool) => format!(
                    "put {} {} /{} {} {:?} {:?}",
                    pool.metadata.name,
                    pool.cidr,
                    pool.block_length,
                    pool.node_selector,
                    pool.metadata.labels,
                    pool.metadata.uid,
                ),
                other => format!("{other:?}"),
            });
            guards.chain(changes).collect::<Vec<_>>().join("\n")
        }
    };
    expect.assert_eq(&text);
}

#[test]
fn the_pool_goes_as_its_parts_come() {
    let view = view(vec![
        pool("p", "10.0.0.0/24", 26),
        pool("q", "10.1.0.0/24", 26),
    ]);
    check(
        &view,
        &named("p", 2),
        &expect![[r#"
        At(Pool(ResourceName("p")), Revision(3))
        NoneChanged(Pools, Revision(9))
        Absent(Pool(ResourceName("split-p-0")))
        Absent(Pool(ResourceName("split-p-1")))
        DeletePool(ResourceName("p"))
        put split-p-0 10.0.0.0/25 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 0")
        put split-p-1 10.0.0.128/25 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 1")"#]],
    );
    let cidr = Whole::Cidr("10.1.0.0/24".parse().unwrap());
    check(
        &view,
        &request(cidr, 4),
        &expect![[r#"
        At(Pool(ResourceName("q")), Revision(4))
        NoneChanged(Pools, Revision(9))
        Absent(Pool(ResourceName("split-q-0")))
        Absent(Pool(ResourceName("split-q-1")))
        Absent(Pool(ResourceName("split-q-2")))
        Absent(Pool(ResourceName("split-q-3")))
        DeletePool(ResourceName("q"))
        put split-q-0 10.1.0.0/26 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 0")
        put split-q-1 10.1.0.64/26 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 1")
        put split-q-2 10.1.0.128/26 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 2")
        put split-q-3 10.1.0.192/26 /26 rack == 'r1' {"block-ipam/pool-group": "blue"} Some("uid 3")"#]],
    );
}

#[test]
fn a_disabled_pool_has_disabled_parts() {
    let mut disabled = pool("p", "fd00::/120", 124);
    disabled.disabled = true;
    let Step::Commit(plan) = split_pool(&view(vec![disabled]), &named("p", 2), CONTEXT) else {
        panic!("it is legal");
    };
    assert!(plan.outcome.iter().all(|part| part.disabled));
}

#[test]
fn what_makes_no_parts_is_refused() {
    let view = view(vec![pool("p", "10.0.0.0/24", 26)]);
    for (request, expect) in [
        (
            named("p", 3),
            expect![
                "refuse: IPPool `p` is refused: number of parts = '3': must be a power of 2 and more than 1"
            ],
        ),
        (
            named("p", 1),
            expect![
                "refuse: IPPool `p` is refused: number of parts = '1': must be a power of 2 and more than 1"
            ],
        ),
        (
            named("p", 0),
            expect![
                "refuse: IPPool `p` is refused: number of parts = '0': must be a power of 2 and more than 1"
            ],
        ),
        (
            named("p", 8),
            expect![
                "refuse: IPPool `p` is refused: number of parts = '8': 10.0.0.0/24 is not large enough: it has 4 blocks of /26"
            ],
        ),
        (
            named("p", 64),
            expect![
                "refuse: IPPool `p` is refused: number of parts = '64': at most 32 at once; the parts can be split again"
            ],
        ),
        (
            named("absent", 2),
            expect!["refuse: IPPool `absent` does not exist"],
        ),
    ] {
        check(&view, &request, &expect);
    }
    check(
        &View::default(),
        &named("p", 2),
        &expect!["read [Scope(Pools)]"],
    );
}

#[test]
fn a_repeated_try_knows_its_own_work() {
    let before = view(vec![pool("p", "10.0.0.0/24", 26)]);
    let Step::Commit(plan) = split_pool(&before, &named("p", 4), CONTEXT) else {
        panic!("it is legal");
    };
    let after = view(plan.outcome.clone());
    assert_eq!(
        split_pool(&after, &named("p", 4), CONTEXT),
        Step::Done(plan.outcome)
    );
}

#[test]
fn long_names_are_cut_between_characters() {
    let long = "ö".repeat(300);
    let mut whole = pool("p", "10.0.0.0/24", 26);
    whole.metadata.name.clone_from(&long);
    let Step::Commit(plan) = split_pool(&view(vec![whole]), &named(&long, 2), CONTEXT) else {
        panic!("it is legal");
    };
    let name = &plan.outcome[1].metadata.name;
    assert_eq!(*name, format!("split-{}-1", "ö".repeat(245)));
}
