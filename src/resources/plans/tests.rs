//! What is planned for given records, as text: guards, writes, refusals.

use expect_test::{Expect, expect};

use super::pool_delete::Delete;
use super::*;
use crate::affinity::AffinityState;
use crate::blocks::{BlockCidr, Cidr};
use crate::clock::Timestamp;
use crate::ids::{NodeName, Owner, OwnerKind, ResourceName};
use crate::plan::{
    Change, Context, CorruptRecord, Guard, Listing, Plan, RecordId, Recorded, Scope, Seen, Step,
    View, Want,
};
use crate::resources::{Config, Metadata, Node, Pool, PoolSpec, Reservation, reservation_rules};
use crate::revision::Revision;
use crate::unknown::Unknown;

const NOW: Context = Context {
    now: Timestamp::from_seconds(1_800_000_000),
    random: 0,
};

fn metadata(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        uid: Some(format!("uid of {name}")),
        ..Metadata::default()
    }
}

fn pool(name: &str, cidr: &str, size: i64) -> Pool {
    let spec = PoolSpec {
        metadata: metadata(name),
        cidr: Some(cidr.to_owned()),
        block_size: Some(size),
        ..PoolSpec::default()
    };
    spec.pool().unwrap()
}

fn recorded<T>(value: T, revision: u64) -> Recorded<T> {
    Recorded {
        value,
        revision: Revision(revision),
    }
}

/// Reads lines such as `pool p 10.0.0.0/24 26 @5`, `block 10.0.0.0/26`, `affinity host:n1 10.0.0.0/26`,
/// `corrupt pool p @5`. Everything was read at revision 9, blocks inside the named CIDR.
fn view(text: &str, inside: &str) -> View {
    let mut pools = Listing {
        read_at: Revision(9),
        ..Listing::default()
    };
    let mut view = View {
        revision: Revision(9),
        ..View::default()
    };
    let inside: Cidr = inside.parse().unwrap();
    view.inside.insert(inside, Revision(9));
    for kind in [OwnerKind::Host, OwnerKind::Virtual] {
        let listing = Listing {
            read_at: Revision(9),
            ..Listing::default()
        };
        view.all_affinities.insert(kind, listing);
    }
    for length in 20..inside.length() {
        let around = BlockCidr::new(inside.first().network(length)).unwrap();
        view.blocks.insert(around, Seen::Absent);
    }
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["pool", name, cidr, size, at] => {
                let made = pool(name, cidr, size.parse().unwrap());
                let at = at[1..].parse().unwrap();
                let name = ResourceName::stored(name);
                pools.records.insert(name, recorded(made, at));
            }
            ["corrupt", "pool", name, at] => pools.corrupt.push(CorruptRecord {
                key: format!("/ippools/{name}"),
                revision: Revision(at[1..].parse().unwrap()),
                detail: "no JSON".to_owned(),
            }),
            ["block", cidr] => {
                view.existing.insert(cidr.parse().unwrap());
            }
            ["around", cidr] => {
                let corrupt = CorruptRecord {
                    key: (*cidr).to_owned(),
                    revision: Revision(3),
                    detail: "any record counts".to_owned(),
                };
                view.blocks
                    .insert(cidr.parse().unwrap(), Seen::Corrupt(corrupt));
            }
            ["affinity", owner, cidr] => {
                let owner = Owner::parse(owner).unwrap();
                let listing = view.all_affinities.get_mut(&owner.kind).unwrap();
                let key = (owner, cidr.parse().unwrap());
                let state = recorded(AffinityState::Pending, 3);
                listing.records.insert(key, state);
            }
            other => panic!("no line {other:?}"),
        }
    }
    view.pools = Some(pools);
    view
}

fn show<T: std::fmt::Debug>(step: Step<T>) -> String {
    match step {
        Step::Read(wants) => format!("read {wants:?}\n"),
        Step::Done(outcome) => format!("done {outcome:?}\n"),
        Step::Refuse(refusal) => format!("refuse {refusal}\n"),
        Step::Commit(plan) => show_plan(&plan),
    }
}

fn show_plan<T: std::fmt::Debug>(plan: &Plan<T>) -> String {
    let mut text = format!("commit {:?}\n", plan.outcome);
    text.extend(plan.guards.iter().map(|guard| format!("  if {guard:?}\n")));
    for change in &plan.changes {
        text += &match change {
            Change::PutPool(pool) => format!("  put pool {} {}\n", pool.metadata.name, pool.cidr),
            other => format!("  {other:?}\n"),
        };
    }
    text
}

fn put<T>(value: T, mode: Mode) -> Put<T> {
    Put {
        value,
        mode,
        expected: None,
    }
}

#[track_caller]
fn check_create(given: &str, new: &Pool, expect: &Expect) {
    let view = view(given, &new.cidr.to_string());
    expect.assert_eq(&show(put_pool(&view, &put(new.clone(), Mode::Create), NOW)));
}

#[test]
fn a_new_pool_is_guarded_by_pools_affinities_and_blocks() {
    check_create(
        "pool q 10.1.0.0/24 26 @5",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            commit Created
              if Absent(Pool(ResourceName("p")))
              if NoneChanged(Pools, Revision(9))
              if NoneChanged(AllAffinities(Host), Revision(9))
              if NoneChanged(AllAffinities(Virtual), Revision(9))
              if NoneCreatedOver(10.0.0.0/24, Revision(9))
              put pool p 10.0.0.0/24
        "#]],
    );
}

#[test]
fn a_new_pool_reads_all_that_it_needs_at_once() {
    let new = pool("p", "10.0.0.0/21", 26);
    let step = put_pool(&View::default(), &put(new.clone(), Mode::Apply), NOW);
    let Step::Read(wants) = step else {
        panic!("{step:?}");
    };
    let expected = [
        Want::Scope(Scope::Pools),
        Want::Scope(Scope::AllAffinities(OwnerKind::Host)),
        Want::Scope(Scope::AllAffinities(OwnerKind::Virtual)),
        Want::BlocksInside(new.cidr),
        Want::Record(RecordId::Block("10.0.0.0/20".parse().unwrap())),
    ];
    assert_eq!(wants, expected);
    let step = put_pool(&View::default(), &put(new, Mode::Replace), NOW);
    assert_eq!(step, Step::Read(vec![Want::Scope(Scope::Pools)]));
}

#[test]
fn a_new_pool_overlaps_no_other() {
    check_create(
        "pool q 10.0.0.0/25 26 @5
         pool r 10.0.0.0/8 26 @6
         pool s 10.1.0.0/24 26 @7",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            refuse IPPool `p` is refused: spec.cidr = '10.0.0.0/24': IPPool(p) CIDR overlaps with IPPool(q) CIDR 10.0.0.0/25; spec.cidr = '10.0.0.0/24': IPPool(p) CIDR overlaps with IPPool(r) CIDR 10.0.0.0/8
        "#]],
    );
}

#[test]
fn a_pool_that_cannot_be_read_might_overlap() {
    check_create(
        "corrupt pool q @5",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            refuse record /ippools/q is corrupt: no JSON
        "#]],
    );
}

#[test]
fn a_new_pool_stands_over_blocks_of_its_size_alone() {
    check_create(
        "block 10.0.0.64/26
         affinity host:n1 10.0.0.128/26",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            commit Created
              if Absent(Pool(ResourceName("p")))
              if NoneChanged(Pools, Revision(9))
              if NoneChanged(AllAffinities(Host), Revision(9))
              if NoneChanged(AllAffinities(Virtual), Revision(9))
              if NoneCreatedOver(10.0.0.0/24, Revision(9))
              put pool p 10.0.0.0/24
        "#]],
    );
    check_create(
        "block 10.0.0.64/26
         block 10.0.0.0/30
         block 10.0.0.4/30
         block 10.0.0.8/30
         block 10.0.0.12/30
         block 10.1.0.0/30",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            refuse IPPool `p` (10.0.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 4 blocks (such as 10.0.0.0/30, 10.0.0.4/30, 10.0.0.8/30)
        "#]],
    );
    check_create(
        "around 10.0.0.0/23",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            refuse IPPool `p` (10.0.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 block (10.0.0.0/23)
        "#]],
    );
}

#[test]
fn a_forgotten_affinity_of_another_size_refuses_a_pool() {
    check_create(
        "affinity host:n1 10.0.0.0/30
         affinity virtual:load-balancer 10.0.0.64/26
         affinity host:n1 10.9.0.0/30",
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
            refuse IPPool `p` (10.0.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 affinity without a block (10.0.0.0/30)
        "#]],
    );
}

#[test]
fn a_pool_that_exists_is_not_created_unless_by_this_request() {
    let given = "pool p 10.0.0.0/24 26 @5";
    let mut other = pool("p", "10.0.0.0/24", 26);
    other.metadata.uid = Some("another".to_owned());
    check_create(
        given,
        &other,
        &expect![[r#"
        refuse IPPool `p` exists already
    "#]],
    );
    // The reply to an earlier try was lost.
    check_create(
        given,
        &pool("p", "10.0.0.0/24", 26),
        &expect![[r#"
        done Created
    "#]],
    );
}

#[test]
fn a_pool_that_does_not_exist_is_not_replaced() {
    let view = view("", "10.0.0.0/24");
    let request = put(pool("p", "10.0.0.0/24", 26), Mode::Replace);
    expect![[r#"
        refuse IPPool `p` does not exist
    "#]]
    .assert_eq(&show(put_pool(&view, &request, NOW)));
}

#[test]
fn an_edit_compares_the_revision_and_keeps_what_we_do_not_know() {
    let mut view = view("pool p 10.0.0.0/24 26 @5", "10.0.0.0/24");
    let stored = view.pools.as_mut().unwrap().records.values_mut().next();
    let stored = &mut stored.unwrap().value;
    let unknown = |name: &str| Unknown([(name.to_owned(), "1".to_owned())].into());
    stored.unknown_spec = unknown("colour");
    stored.unknown = unknown("status");
    stored.metadata.unknown = unknown("generation");
    stored.not_allocatable = true;
    let stored = stored.clone();

    let mut new = pool("p", "10.0.0.0/24", 26);
    new.nat_outgoing = true;
    new.metadata.uid = Some("drawn for a creation".to_owned());
    let step = put_pool(&view, &put(new, Mode::Apply), NOW);
    let expected = Pool {
        nat_outgoing: true,
        ..stored
    };
    let Step::Commit(plan) = step else {
        panic!("{step:?}");
    };
    assert_eq!(plan.changes, [Change::PutPool(expected)]);
    let record = RecordId::Pool(ResourceName::stored("p"));
    assert_eq!(plan.guards, [Guard::At(record, Revision(5))]);
    assert_eq!(plan.outcome, Written::Replaced);
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let view = view("pool p 10.0.0.0/24 26 @5", "10.0.0.0/24");
    let mut request = put(pool("p", "10.0.0.0/24", 26), Mode::Apply);
    request.value.metadata.uid = Some("another".to_owned());
    // Even where the revision has moved on: that was an earlier try of this request.
    request.expected = Some(Revision(4));
    expect![[r#"
        done Unchanged
    "#]]
    .assert_eq(&show(put_pool(&view, &request, NOW)));
}

#[test]
fn an_edit_of_an_older_revision_is_refused() {
    let view = view("pool p 10.0.0.0/24 26 @5", "10.0.0.0/24");
    let mut request = put(pool("p", "10.0.0.0/24", 26), Mode::Replace);
    request.value.disabled = true;
    request.expected = Some(Revision(4));
    expect![[r#"
        refuse IPPool `p` was changed by somebody else: resourceVersion 4 was given, it is 5
    "#]]
    .assert_eq(&show(put_pool(&view, &request, NOW)));
    request.expected = Some(Revision(5));
    expect![[r#"
        commit Replaced
          if At(Pool(ResourceName("p")), Revision(5))
          put pool p 10.0.0.0/24
    "#]]
    .assert_eq(&show(put_pool(&view, &request, NOW)));
    request.mode = Mode::Create;
    expect![[r#"
        refuse IPPool `p` is refused: metadata.resourceVersion: must not be set on create
    "#]]
    .assert_eq(&show(put_pool(&view, &request, NOW)));
}

#[test]
fn an_edit_keeps_cidr_and_block_size() {
    let view = view("pool p 10.0.0.0/24 26 @5", "10.0.0.0/24");
    let request = put(pool("p", "10.1.0.0/24", 27), Mode::Apply);
    expect![[r#"
        refuse IPPool `p` is refused: spec.cidr = '10.1.0.0/24': IPPool CIDR cannot be modified; it is 10.0.0.0/24; spec.blockSize = '27': IPPool BlockSize cannot be modified; it is 26
    "#]].assert_eq(&show(put_pool(&view, &request, NOW)));
}

#[track_caller]
fn check_delete(given: &str, expected: Option<u64>, expect: &Expect) {
    let request = Delete {
        name: ResourceName::stored("p"),
        expected: expected.map(Revision),
    };
    expect.assert_eq(&show(delete_pool(
        &view(given, "10.0.0.0/24"),
        &request,
        NOW,
    )));
}

#[test]
fn an_empty_pool_is_deleted_with_the_proof_that_it_is_empty() {
    check_delete(
        "pool p 10.0.0.0/24 26 @5
         block 10.1.0.0/26",
        Some(5),
        &expect![[r#"
            commit ()
              if At(Pool(ResourceName("p")), Revision(5))
              if NoneCreatedOver(10.0.0.0/24, Revision(9))
              DeletePool(ResourceName("p"))
        "#]],
    );
}

#[test]
fn a_pool_that_was_enabled_while_it_was_drained_is_not_deleted() {
    let request = Delete {
        name: ResourceName::stored("p"),
        expected: None,
    };
    let deleted = |given: &str| {
        let view = view(given, "10.0.0.0/24");
        show(delete_drained_pool(&view, &request, NOW))
    };
    expect![[r#"
        refuse IPPool `p` was enabled by somebody else while it was drained
    "#]]
    .assert_eq(&deleted("pool p 10.0.0.0/24 26 @5"));
}

#[test]
fn a_pool_with_anything_inside_is_not_deleted() {
    check_delete(
        "pool p 10.0.0.0/24 26 @5
         block 10.0.0.0/26
         affinity host:n1 10.0.0.0/26
         affinity host:n1 10.0.0.64/26",
        None,
        &expect![[r#"
            refuse IPPool `p` (10.0.0.0/24) is not empty: 1 block and 1 affinity without a block (10.0.0.0/26, 10.0.0.64/26)
        "#]],
    );
    check_delete(
        "pool p 10.0.0.0/24 26 @5
         affinity virtual:load-balancer 10.0.0.64/28",
        None,
        &expect![[r#"
            refuse IPPool `p` (10.0.0.0/24) is not empty: 1 affinity without a block (10.0.0.64/28)
        "#]],
    );
}

#[test]
fn what_is_not_there_or_not_as_it_was_is_not_deleted() {
    check_delete(
        "",
        None,
        &expect![[r#"
        refuse IPPool `p` does not exist
    "#]],
    );
    check_delete(
        "pool p 10.0.0.0/24 26 @5",
        Some(4),
        &expect![[r#"
        refuse IPPool `p` was changed by somebody else: resourceVersion 4 was given, it is 5
    "#]],
    );
    check_delete(
        "corrupt pool p @5",
        None,
        &expect![[r#"
        refuse record /ippools/p is corrupt: no JSON
    "#]],
    );
}

fn reservations(stored: &[(&str, u64)]) -> View {
    let records = stored.iter().map(|(name, at)| {
        let made = reservation(name, &["10.0.0.0/30"]);
        (ResourceName::stored(name), recorded(made, *at))
    });
    View {
        reservations: Some(Listing {
            records: records.collect(),
            read_at: Revision(9),
            ..Listing::default()
        }),
        ..View::default()
    }
}

fn reservation(name: &str, entries: &[&str]) -> Reservation {
    let entries = entries.iter().map(ToString::to_string).collect();
    reservation_rules::reservation(metadata(name), entries).unwrap()
}

#[test]
fn reservations_are_created_replaced_and_deleted_at_their_revision() {
    let view = reservations(&[("gw", 5)]);
    let at = Guard::At(
        RecordId::Reservation(ResourceName::stored("gw")),
        Revision(5),
    );
    let new = reservation("gw", &["10.0.0.0/29"]);
    let Step::Commit(plan) = put_reservation(&view, &put(new.clone(), Mode::Apply), NOW) else {
        panic!("a change");
    };
    assert_eq!(
        (plan.guards, plan.outcome),
        (vec![at.clone()], Written::Replaced)
    );
    assert_eq!(plan.changes, [Change::PutReservation(new)]);

    let other = reservation("other", &[]);
    let Step::Commit(plan) = put_reservation(&view, &put(other, Mode::Create), NOW) else {
        panic!("a creation");
    };
    let absent = Guard::Absent(RecordId::Reservation(ResourceName::stored("other")));
    assert_eq!(
        (plan.guards, plan.outcome),
        (vec![absent], Written::Created)
    );

    let mut request = Delete {
        name: ResourceName::stored("gw"),
        expected: None,
    };
    let Step::Commit(plan) = delete_reservation(&view, &request, NOW) else {
        panic!("a deletion");
    };
    assert_eq!(plan.guards, [at]);
    request.name = ResourceName::stored("none");
    expect![[r#"
        refuse IPReservation `none` does not exist
    "#]]
    .assert_eq(&show(delete_reservation(&view, &request, NOW)));
}

#[test]
fn a_node_keeps_the_members_that_a_request_does_not_name() {
    let name = NodeName::stored("n1");
    let raw = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Unknown(pairs.collect())
    };
    let stored = Node {
        metadata: metadata("n1"),
        unknown: raw(&[
            ("spec", "{\"bgp\":{}}"),
            ("status", "{\"wireguardPublicKey\":\"k\"}"),
        ]),
    };
    let mut view = View::default();
    let mut new = Node {
        metadata: metadata("n1"),
        unknown: raw(&[("spec", "{}")]),
    };
    new.metadata
        .labels
        .insert("rack".to_owned(), "r1".to_owned());
    let request = put(new, Mode::Apply);
    let want = Want::Record(RecordId::Node(name.clone()));
    assert_eq!(put_node(&view, &request, NOW), Step::Read(vec![want]));

    view.nodes
        .insert(name.clone(), Seen::Present(recorded(stored, 5)));
    let Step::Commit(plan) = put_node(&view, &request, NOW) else {
        panic!("a change");
    };
    assert_eq!(
        plan.guards,
        [Guard::At(RecordId::Node(name.clone()), Revision(5))]
    );
    let Change::PutNode(node) = &plan.changes[0] else {
        panic!("a node");
    };
    assert_eq!(
        node.unknown,
        raw(&[("spec", "{}"), ("status", "{\"wireguardPublicKey\":\"k\"}")])
    );
    assert_eq!(node.metadata.labels["rack"], "r1");

    view.nodes.insert(name.clone(), Seen::Absent);
    let Step::Commit(plan) = put_node(&view, &request, NOW) else {
        panic!("a creation");
    };
    assert_eq!(plan.guards, [Guard::Absent(RecordId::Node(name))]);
}

#[test]
fn the_configuration_is_compared_and_keeps_its_rules() {
    let strict = Config {
        strict_affinity: true,
        max_blocks_per_host: 3,
        ..Config::default()
    };
    let mut view = View::default();
    let request = put(strict.clone(), Mode::Apply);
    let want = Want::Record(RecordId::Config);
    assert_eq!(put_config(&view, &request, NOW), Step::Read(vec![want]));

    view.config = Some(Seen::Absent);
    expect![[r#"
        commit Created
          if Absent(Config)
          PutConfig(Config { strict_affinity: true, auto_allocate_blocks: true, max_blocks_per_host: 3, vm_address_persistence: None, cooldown_seconds: 0, unknown: Unknown({}) })
    "#]].assert_eq(&show(put_config(&view, &request, NOW)));
    let corrupt = CorruptRecord {
        key: "config".to_owned(),
        revision: Revision(4),
        detail: "empty".to_owned(),
    };
    view.config = Some(Seen::Corrupt(corrupt));
    expect![[r#"
        commit Replaced
          if At(Config, Revision(4))
          PutConfig(Config { strict_affinity: true, auto_allocate_blocks: true, max_blocks_per_host: 3, vm_address_persistence: None, cooldown_seconds: 0, unknown: Unknown({}) })
    "#]].assert_eq(&show(put_config(&view, &request, NOW)));
    view.config = Some(Seen::Present(recorded(strict.clone(), 5)));
    expect![[r#"
        done Unchanged
    "#]]
    .assert_eq(&show(put_config(&view, &request, NOW)));
    let loose = Config {
        strict_affinity: false,
        ..strict
    };
    expect![[r#"
        refuse IPAMConfiguration `default` is refused: spec.maxBlocksPerHost = '3': MaxBlocksPerHost requires StrictAffinity to be enabled
    "#]].assert_eq(&show(put_config(&view, &put(loose, Mode::Apply), NOW)));
    let create = put(Config::default(), Mode::Create);
    expect![[r#"
        refuse IPAMConfiguration `default` exists already
    "#]]
    .assert_eq(&show(put_config(&view, &create, NOW)));
}
