//! Oversizes: what is just allowed is done, one more is refused.

use block_ipam::datastore::port::{MAX_GUARDS, MAX_RANGES, MAX_TXN_BYTES, MAX_WRITES};
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Range, Read, Span, Txn, Write,
};

use super::bench::Bench;

pub(super) async fn run(store: &dyn Datastore) {
    the_largest_read_is_answered(Bench::new(store, "largest-read")).await;
    the_largest_transactions_are_applied(Bench::new(store, "largest-txn")).await;
    larger_ones_are_refused(Bench::new(store, "larger")).await;
    a_key_twice_or_no_key_is_refused(Bench::new(store, "twice")).await;
}

async fn the_largest_read_is_answered(bench: Bench<'_>) {
    bench.put("a", "value").await;
    let found = bench.read(vec![bench.one("a"); MAX_RANGES]).await.found;
    assert_eq!(found.len(), MAX_RANGES);
    assert!(found.iter().all(|found| found.entries[0].value == b"value"));
}

async fn the_largest_transactions_are_applied(bench: Bench<'_>) {
    let absent: Vec<Guard> = (0..MAX_GUARDS)
        .map(|i| Guard::Absent(bench.key(&i.to_string())))
        .collect();
    let writes = |value: &str| -> Vec<Write> {
        (0..MAX_WRITES)
            .map(|i| bench.set(&i.to_string(), value))
            .collect()
    };
    let first = bench.commit(absent.clone(), writes("1")).await;
    assert!(matches!(first, Commit::Applied(_)));
    let Commit::Conflict(now) = bench.commit(absent, writes("2")).await else {
        panic!("the keys exist");
    };
    assert_eq!(now.found.len(), MAX_GUARDS);
    let room = MAX_TXN_BYTES - bench.key("large").len();
    bench.put("large", vec![b'x'; room]).await;
    assert_eq!(
        bench.entry("large").await.expect("it was put").value.len(),
        room
    );
}

async fn larger_ones_are_refused(bench: Bench<'_>) {
    let one = || vec![bench.set("a", "")];
    let room = MAX_TXN_BYTES - bench.key("a").len();
    let guards = vec![Guard::Absent(bench.key("a")); MAX_GUARDS + 1];
    let writes = (0..=MAX_WRITES)
        .map(|i| bench.set(&i.to_string(), ""))
        .collect();
    refuses_txn(&bench, guards, one()).await;
    refuses_txn(&bench, vec![], writes).await;
    refuses_txn(&bench, vec![], vec![bench.set("a", vec![b'x'; room + 1])]).await;
    let guard = Guard::Same(bench.key("a"), vec![b'x'; room]);
    refuses_txn(&bench, vec![guard], one()).await;
    refuses_txn(&bench, vec![], vec![]).await;
    refuses_read(&bench, vec![]).await;
    refuses_read(&bench, vec![bench.one("a"); MAX_RANGES + 1]).await;
}

async fn a_key_twice_or_no_key_is_refused(bench: Bench<'_>) {
    refuses_txn(&bench, vec![], vec![bench.set("a", ""), bench.set("a", "")]).await;
    refuses_txn(&bench, vec![], vec![bench.set("a", ""), bench.unset("a")]).await;
    refuses_txn(&bench, vec![], vec![bench.unset("a"), bench.unset("a")]).await;
    refuses_txn(&bench, vec![], vec![Write::Put(String::new(), vec![])]).await;
    refuses_txn(&bench, vec![], vec![Write::Delete(String::new())]).await;
    refuses_txn(
        &bench,
        vec![Guard::Absent(String::new())],
        vec![bench.set("a", "")],
    )
    .await;
    refuses_read(&bench, vec![Range::key("")]).await;
    refuses_read(&bench, vec![Range::of(bench.between("b", "a"))]).await;
    refuses_read(
        &bench,
        vec![Range::of(Span::Between(String::new(), "\0".into()))],
    )
    .await;
    assert_eq!(bench.names(bench.prefix("")).await, [""; 0]);
}

async fn refuses_txn(bench: &Bench<'_>, guards: Vec<Guard>, writes: Vec<Write>) {
    let done = bench.store.commit(Txn { guards, writes }).await;
    assert!(
        matches!(done, Err(DatastoreError::Rejected { .. })),
        "{done:?}"
    );
}

async fn refuses_read(bench: &Bench<'_>, ranges: Vec<Range>) {
    let answer = bench.store.read(Read::latest(ranges)).await;
    assert!(
        matches!(answer, Err(DatastoreError::Rejected { .. })),
        "{answer:?}"
    );
}
