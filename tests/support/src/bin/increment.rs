//! Adds one to a counter of a store so many times: the child of tests with several processes.
//! Arguments: the path of the SQLite file, the key, how often.

use std::path::Path;
use std::time::Duration;

use block_ipam::datastore::sqlite::Sqlite;
use block_ipam::datastore::{Commit, Datastore, Entry, Guard, OnAbsent, Range, Read, Txn, Write};
use block_ipam::entropy::SystemEntropy;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, key, times] = arguments.as_slice() else {
        panic!("increment PATH KEY TIMES");
    };
    let times: usize = times.parse().expect("how often is a number");
    let busy = Duration::from_secs(30);
    let store = Sqlite::open(Path::new(path), OnAbsent::Create, busy, &SystemEntropy);
    let store = store.expect("the store opens");
    for _ in 0..times {
        futures::executor::block_on(increment(&store, key));
    }
}

/// Decides again after every conflict, from what the conflict brought.
async fn increment(store: &Sqlite, key: &str) {
    let read = Read::latest(vec![Range::key(key)]);
    let mut found = store.read(read).await.expect("the store answers").found;
    loop {
        let seen = found[0].entries.first();
        let txn = Txn {
            guards: vec![guard(key, seen)],
            writes: vec![Write::Put(key.to_owned(), next(seen).into_bytes())],
        };
        match store.commit(txn).await.expect("the store answers") {
            Commit::Applied(_) => return,
            Commit::Conflict(now) => found = now.found,
        }
    }
}

fn guard(key: &str, seen: Option<&Entry>) -> Guard {
    seen.map_or_else(
        || Guard::Absent(key.to_owned()),
        |entry| Guard::At(key.to_owned(), entry.modified),
    )
}

fn next(seen: Option<&Entry>) -> String {
    let text = seen.map_or("0", |entry| {
        std::str::from_utf8(&entry.value).expect("the counter is text")
    });
    let count: usize = text.parse().expect("the counter is a number");
    (count + 1).to_string()
}
