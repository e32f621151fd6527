//! Guards: each kind true, false and on nothing, and what a conflict brings.

use block_ipam::datastore::{Commit, Datastore, Guard, Range, Span};
use block_ipam::revision::Revision;

use super::bench::Bench;

pub(super) async fn run(store: &dyn Datastore) {
    each_guard_judges_as_etcd_does(Bench::new(store, "judge")).await;
    range_guards_do_not_see_deletions(Bench::new(store, "deletions")).await;
    range_guards_see_what_is_made_again(Bench::new(store, "made-again")).await;
    a_conflict_brings_what_each_guard_covers(Bench::new(store, "conflict")).await;
    one_false_guard_stops_every_write(Bench::new(store, "stop")).await;
    guards_see_the_state_before_the_writes(Bench::new(store, "before")).await;
}

/// Two keys: `a` made first and changed last, `b` made in between.
async fn each_guard_judges_as_etcd_does(bench: Bench<'_>) {
    let made = bench.put("a", "1").await;
    let second = bench.put("b", "").await;
    let changed = bench.put("a", "2").await;
    let key = |name: &str| bench.key(name);
    let at = |name: &str, revision: Revision| Guard::At(key(name), revision);
    let same = |name: &str, value: &str| Guard::Same(key(name), value.into());
    let all = || bench.prefix("");
    let none = || bench.prefix("none");
    let newest = Revision(u64::MAX);
    let table = [
        (Guard::Absent(key("c")), true),
        (Guard::Absent(key("a")), false),
        (at("a", changed), true),
        (at("a", made), false),
        (at("a", Revision(changed.0 + 1)), false),
        (at("a", newest), false),
        (at("c", made), false),
        (at("c", Revision(0)), true),
        (at("a", Revision(0)), false),
        (same("a", "2"), true),
        (same("a", "1"), false),
        (same("a", ""), false),
        (same("b", ""), true),
        (same("c", ""), false),
        (Guard::NoneCreated(all(), second), true),
        (Guard::NoneCreated(all(), changed), true),
        (Guard::NoneCreated(all(), newest), true),
        (Guard::NoneCreated(all(), made), false),
        (Guard::NoneCreated(all(), Revision(0)), false),
        (Guard::NoneCreated(none(), Revision(0)), true),
        (Guard::NoneCreated(bench.between("a", "b"), made), true),
        (Guard::NoneCreated(Span::Key(key("b")), made), false),
        (Guard::NoneChanged(all(), changed), true),
        (Guard::NoneChanged(all(), newest), true),
        (Guard::NoneChanged(all(), second), false),
        (Guard::NoneChanged(bench.prefix("b"), second), true),
        (Guard::NoneChanged(none(), Revision(0)), true),
        (Guard::NoneChanged(Span::Key(key("a")), second), false),
        (Guard::NoneChanged(Span::Key(key("a")), changed), true),
    ];
    // Elsewhere, so that the guarded keys stay as they are.
    let elsewhere = Bench::new(bench.store, "judged");
    for (guard, holds) in table {
        let done = bench
            .commit(vec![guard.clone()], vec![elsewhere.set("x", "")])
            .await;
        assert_eq!(matches!(done, Commit::Applied(_)), holds, "{guard:?}");
    }
}

async fn range_guards_do_not_see_deletions(bench: Bench<'_>) {
    bench.put("a", "").await;
    let seen = bench.put("b", "").await;
    bench.delete("b").await;
    for guard in [
        Guard::NoneCreated(bench.prefix(""), seen),
        Guard::NoneChanged(bench.prefix(""), seen),
    ] {
        let elsewhere = Bench::new(bench.store, "deletions-elsewhere");
        let done = bench
            .commit(vec![guard.clone()], vec![elsewhere.set("x", "")])
            .await;
        assert!(matches!(done, Commit::Applied(_)), "{guard:?}");
    }
}

async fn range_guards_see_what_is_made_again(bench: Bench<'_>) {
    let seen = bench.put("a", "").await;
    bench.delete("a").await;
    bench.put("a", "").await;
    for guard in [
        Guard::NoneCreated(bench.prefix(""), seen),
        Guard::NoneChanged(bench.prefix(""), seen),
        Guard::At(bench.key("a"), seen),
    ] {
        let done = bench
            .commit(vec![guard.clone()], vec![bench.set("x", "")])
            .await;
        assert!(matches!(done, Commit::Conflict(_)), "{guard:?}");
    }
}

async fn a_conflict_brings_what_each_guard_covers(bench: Bench<'_>) {
    let made = bench
        .write(vec![bench.set("a", "1"), bench.set("b", "2")])
        .await;
    let guards = vec![
        Guard::Absent(bench.key("c")),
        Guard::Same(bench.key("b"), b"2".to_vec()),
        Guard::NoneCreated(bench.prefix(""), made),
        Guard::NoneChanged(bench.prefix("a"), made),
        Guard::At(bench.key("a"), Revision(made.0 - 1)),
        Guard::At(bench.key("c"), made),
    ];
    let ranges: Vec<Range> = guards.iter().map(Guard::range).collect();
    let Commit::Conflict(brought) = bench.commit(guards, vec![bench.set("x", "")]).await else {
        panic!("a guard was false");
    };
    assert_eq!(brought, bench.read(ranges).await);
    let names: Vec<_> = brought
        .found
        .iter()
        .map(|found| bench.names_of(found).join(" "))
        .collect();
    assert_eq!(names, ["", "b", "a b", "a", "a", ""]);
    assert!(
        brought.found[2]
            .entries
            .iter()
            .all(|entry| entry.value.is_empty())
    );
    assert_eq!(brought.found[3].entries[0].value, b"1");
    assert_eq!(brought.revision, made);
}

async fn one_false_guard_stops_every_write(bench: Bench<'_>) {
    let made = bench.put("a", "1").await;
    let guards = vec![
        Guard::At(bench.key("a"), made),
        Guard::Absent(bench.key("a")),
    ];
    let writes = vec![bench.set("a", "2"), bench.set("b", "2"), bench.unset("a2")];
    assert!(matches!(
        bench.commit(guards, writes).await,
        Commit::Conflict(_)
    ));
    assert_eq!(bench.names(bench.prefix("")).await, ["a"]);
    assert_eq!(bench.entry("a").await.expect("it is there").modified, made);
}

async fn guards_see_the_state_before_the_writes(bench: Bench<'_>) {
    let made = bench.put("a", "").await;
    let guards = vec![
        Guard::Absent(bench.key("b")),
        Guard::At(bench.key("a"), made),
        Guard::NoneCreated(bench.prefix(""), made),
    ];
    let writes = vec![bench.set("b", ""), bench.unset("a")];
    assert!(matches!(
        bench.commit(guards, writes).await,
        Commit::Applied(_)
    ));
    assert_eq!(bench.names(bench.prefix("")).await, ["b"]);
}
