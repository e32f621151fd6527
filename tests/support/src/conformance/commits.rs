//! Commits: what they do to revisions, and many of them at once.

use block_ipam::datastore::{Commit, Datastore, Guard, Range};
use block_ipam::revision::Revision;
use futures::future::join_all;

use super::bench::Bench;

pub(super) async fn run(store: &dyn Datastore) {
    the_writes_of_a_transaction_share_one_revision(Bench::new(store, "one-revision")).await;
    a_key_keeps_its_creation_until_it_is_deleted(Bench::new(store, "creation")).await;
    the_same_value_again_is_a_change(Bench::new(store, "again")).await;
    deleting_nothing_is_no_change(Bench::new(store, "delete-nothing")).await;
    what_reads_see_is_what_commits_said(Bench::new(store, "said")).await;
    increments_at_the_same_time_all_count(Bench::new(store, "increments")).await;
}

async fn the_writes_of_a_transaction_share_one_revision(bench: Bench<'_>) {
    let first = bench
        .write(vec![bench.set("a", ""), bench.set("b", "")])
        .await;
    let writes = vec![bench.unset("a"), bench.set("b", "2"), bench.set("c", "")];
    let second = bench.write(writes).await;
    assert_eq!(second.0, first.0 + 1);
    let snapshot = bench.read(vec![Range::of(bench.prefix(""))]).await;
    let entries = &snapshot.found[0].entries;
    assert_eq!(bench.names_of(&snapshot.found[0]), ["b", "c"]);
    assert_eq!((entries[0].created, entries[0].modified), (first, second));
    assert_eq!((entries[1].created, entries[1].modified), (second, second));
    assert_eq!(snapshot.revision, second);
}

async fn a_key_keeps_its_creation_until_it_is_deleted(bench: Bench<'_>) {
    let made = bench.put("a", "1").await;
    let changed = bench.put("a", "2").await;
    let entry = bench.entry("a").await.expect("it was put");
    assert_eq!((entry.created, entry.modified), (made, changed));
    let deleted = bench.delete("a").await;
    assert!(changed < deleted);
    assert_eq!(bench.entry("a").await, None);
    let again = bench.put("a", "3").await;
    let entry = bench.entry("a").await.expect("it was put");
    assert_eq!((entry.created, entry.modified), (again, again));
}

async fn the_same_value_again_is_a_change(bench: Bench<'_>) {
    let first = bench.put("a", "1").await;
    let second = bench.put("a", "1").await;
    assert_eq!(second.0, first.0 + 1);
}

async fn deleting_nothing_is_no_change(bench: Bench<'_>) {
    let before = bench.put("a", "").await;
    assert_eq!(bench.delete("b").await, before);
    let after = bench.write(vec![bench.unset("b"), bench.unset("a")]).await;
    assert_eq!(after.0, before.0 + 1);
}

async fn what_reads_see_is_what_commits_said(bench: Bench<'_>) {
    let mut last = Revision(0);
    for value in ["1", "2", "3"] {
        let revision = bench.put("a", value).await;
        let entry = bench.entry("a").await.expect("it was put");
        assert_eq!(
            (entry.value.as_slice(), entry.modified),
            (value.as_bytes(), revision)
        );
        assert!(last < revision);
        last = revision;
    }
    let clusters = [
        bench.read(vec![bench.one("a")]).await,
        bench.read(vec![bench.one("b")]).await,
    ];
    assert_eq!(clusters[0].cluster, clusters[1].cluster);
    assert_ne!(clusters[0].cluster, 0);
}

async fn increments_at_the_same_time_all_count(bench: Bench<'_>) {
    const WRITERS: usize = 6;
    const EACH: usize = 5;
    join_all((0..WRITERS).map(|_| increments(&bench, EACH))).await;
    let entry = bench.entry("count").await.expect("it was counted");
    assert_eq!(entry.value.len(), WRITERS * EACH);
}

/// Adds to the counter, deciding again after every conflict from what the conflict brought.
async fn increments(bench: &Bench<'_>, times: usize) {
    for _ in 0..times {
        let mut seen = bench.entry("count").await;
        loop {
            let mut value = seen
                .as_ref()
                .map_or(Vec::new(), |entry| entry.value.clone());
            value.push(b'.');
            let guard = seen.as_ref().map_or_else(
                || Guard::Absent(bench.key("count")),
                |entry| Guard::At(bench.key("count"), entry.modified),
            );
            match bench
                .commit(vec![guard], vec![bench.set("count", value)])
                .await
            {
                Commit::Applied(_) => break,
                Commit::Conflict(mut now) => seen = now.found.remove(0).entries.pop(),
            }
        }
    }
}
