//! Reads: order, limits, the edges of spans, bytes that survive, old revisions, pages.

use block_ipam::datastore::{Datastore, DatastoreError, Range, Read, Span};
use block_ipam::revision::Revision;

use super::History;
use super::bench::Bench;

pub(super) async fn run(store: &dyn Datastore, history: History) {
    nothing_is_found_where_nothing_is(Bench::new(store, "nothing")).await;
    ranges_are_answered_in_their_order(Bench::new(store, "order")).await;
    keys_only_leaves_the_values_away(Bench::new(store, "keys-only")).await;
    a_limit_says_whether_there_is_more(Bench::new(store, "limit")).await;
    the_newest_entry_and_the_number_of_keys_tell_of_every_change(Bench::new(store, "newest")).await;
    more_than_the_one_newest_entry_is_refused(Bench::new(store, "newest-two")).await;
    keys_sort_bytewise(Bench::new(store, "sorted")).await;
    spans_end_where_they_should(Bench::new(store, "spans")).await;
    the_empty_prefix_covers_every_key(Bench::new(store, "all")).await;
    values_come_back_byte_for_byte(Bench::new(store, "values")).await;
    keys_come_back_as_they_were(Bench::new(store, "keys")).await;
    old_revisions(Bench::new(store, "old"), history).await;
    revisions_to_come_are_refused(Bench::new(store, "future")).await;
}

async fn nothing_is_found_where_nothing_is(bench: Bench<'_>) {
    let ranges = vec![bench.one("a"), Range::of(bench.prefix(""))];
    let snapshot = bench.read(ranges).await;
    assert!(Revision(1) <= snapshot.revision);
    assert_eq!(snapshot.found, vec![Default::default(); 2]);
}

async fn ranges_are_answered_in_their_order(bench: Bench<'_>) {
    for name in ["b", "a", "c"] {
        bench.put(name, name).await;
    }
    let ranges = vec![
        bench.one("c"),
        Range::of(bench.prefix("")),
        bench.one("absent"),
        bench.one("a"),
        bench.one("c"),
    ];
    let snapshot = bench.read(ranges).await;
    let names: Vec<Vec<String>> = snapshot
        .found
        .iter()
        .map(|found| bench.names_of(found))
        .collect();
    let expected: [&[&str]; 5] = [&["c"], &["a", "b", "c"], &[], &["a"], &["c"]];
    assert_eq!(names, expected);
}

async fn keys_only_leaves_the_values_away(bench: Bench<'_>) {
    bench.put("a", "value").await;
    let ranges = vec![bench.one("a").keys_only(), bench.one("a")];
    let mut found = bench.read(ranges).await.found;
    let (bare, full) = (
        found.remove(0).entries.remove(0),
        found.remove(0).entries.remove(0),
    );
    assert_eq!((bare.value, full.value), (Vec::new(), b"value".to_vec()));
    assert_eq!((bare.created, bare.modified), (full.created, full.modified));
}

async fn a_limit_says_whether_there_is_more(bench: Bench<'_>) {
    for name in ["a", "b", "c"] {
        bench.put(name, "").await;
    }
    for (limit, names, more) in [
        (0, "a b c", false),
        (1, "a", true),
        (2, "a b", true),
        (3, "a b c", false),
        (4, "a b c", false),
        (u32::MAX, "a b c", false),
    ] {
        let ranges = vec![
            Range::of(bench.prefix("")).limit(limit),
            bench.one("a").limit(1),
        ];
        let found = bench.read(ranges).await.found;
        assert_eq!(bench.names_of(&found[0]).join(" "), names, "limit {limit}");
        assert_eq!(
            (found[0].more, found[1].more),
            (more, false),
            "limit {limit}"
        );
        assert_eq!((found[0].count, found[1].count), (3, 1), "limit {limit}");
    }
}

async fn the_newest_entry_and_the_number_of_keys_tell_of_every_change(bench: Bench<'_>) {
    let made = bench
        .write(vec![bench.set("a/1", "x"), bench.set("a/2", "x")])
        .await;
    let mut before = newest(&bench).await;
    assert_eq!(before, (made, 2));
    bench.put("b", "outside").await;
    assert_eq!(newest(&bench).await, (made, 2), "a write outside the span");
    let changes = [
        vec![bench.set("a/1", "x")],
        vec![bench.set("a/3", "")],
        vec![bench.unset("a/3")],
        vec![bench.set("a/3", "")],
        vec![bench.unset("a/2"), bench.set("a/4", "")],
        vec![bench.unset("a/1")],
        vec![bench.unset("a/3"), bench.unset("a/4")],
    ];
    for change in changes {
        let text = format!("{change:?}");
        bench.write(change).await;
        let now = newest(&bench).await;
        assert_ne!(now, before, "{text}");
        before = now;
    }
    assert_eq!(before, (Revision(0), 0));
}

/// Returns when the keys below `a/` were last written, and how many there are.
async fn newest(bench: &Bench<'_>) -> (Revision, usize) {
    let ranges = vec![
        Range::newest(bench.prefix("a/")),
        Range::of(bench.prefix("a/")).keys_only(),
    ];
    let found = bench.read(ranges).await.found;
    let newest = found[1].entries.iter().map(|entry| entry.modified).max();
    let told = found[0].entries.first();
    assert_eq!(told.map(|entry| entry.modified), newest);
    assert_eq!(found[0].count, found[1].entries.len());
    assert_eq!(found[0].more, 1 < found[0].count);
    assert!(found[0].entries.len() <= 1);
    assert!(told.is_none_or(|entry| entry.value.is_empty() && found[1].entries.contains(entry)));
    (newest.unwrap_or_default(), found[0].count)
}

async fn more_than_the_one_newest_entry_is_refused(bench: Bench<'_>) {
    for limit in [0, 2] {
        let ranges = vec![Range::newest(bench.prefix("")).limit(limit)];
        let answer = bench.store.read(Read::latest(ranges)).await;
        assert!(
            matches!(answer, Err(DatastoreError::Rejected { .. })),
            "{answer:?}"
        );
    }
}

async fn keys_sort_bytewise(bench: Bench<'_>) {
    let sorted = [
        "10",
        "9",
        "A",
        "a",
        "a\0",
        "a\0b",
        "a-",
        "a.",
        "a/",
        "a/b",
        "a:",
        "aA",
        "ab",
        "\u{7f}",
        "\u{80}",
        "é",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ];
    for name in sorted.iter().rev() {
        bench.put(name, "").await;
    }
    assert_eq!(bench.names(bench.prefix("")).await, sorted);
}

async fn spans_end_where_they_should(bench: Bench<'_>) {
    let names = [
        "a",
        "a-",
        "a/",
        "a/b",
        "a0",
        "b",
        "é",
        "éa",
        "ê",
        "\u{10ffff}",
        "\u{10ffff}a",
    ];
    for name in names {
        bench.put(name, "").await;
    }
    for (span, expected) in [
        (Span::Key(bench.key("a")), "a"),
        (bench.prefix("a"), "a a- a/ a/b a0"),
        (bench.prefix("a/"), "a/ a/b"),
        (bench.prefix("é"), "é éa"),
        (bench.prefix("\u{10ffff}"), "\u{10ffff} \u{10ffff}a"),
        (bench.prefix("c"), ""),
        (bench.between("a", "b"), "a a- a/ a/b a0"),
        (bench.between("a-", "a/b"), "a- a/"),
        (bench.between("a/c", "b\0"), "a0 b"),
        (bench.between("c", "d"), ""),
        (bench.between("", "a"), ""),
    ] {
        assert_eq!(
            bench.names(span.clone()).await.join(" "),
            expected,
            "{span:?}"
        );
    }
}

async fn the_empty_prefix_covers_every_key(bench: Bench<'_>) {
    bench.put("a", "").await;
    let low = Span::Between(String::new(), bench.key("b"));
    for span in [Span::Prefix(String::new()), low] {
        let found = bench.read(vec![Range::of(span).keys_only()]).await.found;
        let key = bench.key("a");
        assert!(found[0].entries.iter().any(|entry| entry.key == key));
    }
}

async fn values_come_back_byte_for_byte(bench: Bench<'_>) {
    let large = vec![b'x'; 1_000_000];
    let values: [&[u8]; 9] = [
        b"",
        b"text",
        b"007",
        b"1e5",
        "gr\u{fc}\u{df}e \u{1f300}".as_bytes(),
        b"a\0b",
        b"\0",
        b"\xff\xfe\x80",
        &large,
    ];
    for value in values {
        bench.put("a", value).await;
        let entry = bench.entry("a").await.expect("it was put");
        assert!(
            entry.value == value,
            "{:?}",
            value.get(..9).unwrap_or(value)
        );
    }
}

async fn keys_come_back_as_they_were(bench: Bench<'_>) {
    for name in [
        "a b",
        "a'b\"c",
        "%_*",
        "Straße/\u{1f300}",
        "a\0b",
        "\n",
        "{\"a\":1}",
    ] {
        bench.put(name, name).await;
        let entry = bench.entry(name).await.expect("it was put");
        assert_eq!(
            (entry.key, entry.value),
            (bench.key(name), name.as_bytes().to_vec())
        );
    }
}

async fn old_revisions(bench: Bench<'_>, history: History) {
    let old = bench.put("a", "old").await;
    bench
        .write(vec![bench.set("a", "new"), bench.set("b", "new")])
        .await;
    let newest = bench.delete("a").await;
    let ranges = || vec![Range::of(bench.prefix("")), bench.one("a")];
    let now = bench
        .read_at(ranges(), newest)
        .await
        .expect("the newest can be read");
    assert_eq!(now, bench.read(ranges()).await);
    match (history, bench.read_at(ranges(), old).await) {
        (History::Kept, Ok(then)) => {
            assert_eq!(
                then.revision, newest,
                "the newest, though an older one was read"
            );
            assert_eq!(then.found[0], then.found[1]);
            assert_eq!(then.found[0].entries.len(), 1);
            assert_eq!(then.found[0].entries[0].value, b"old");
        }
        (History::NewestOnly, Err(DatastoreError::Compacted(at))) => assert_eq!(at, old),
        (history, other) => panic!("{history:?}: {other:?}"),
    }
}

async fn revisions_to_come_are_refused(bench: Bench<'_>) {
    let newest = bench.put("a", "").await;
    for ahead in [Revision(newest.0 + 1), Revision(u64::MAX)] {
        let read = Read {
            ranges: vec![bench.one("a")],
            at: Some(ahead),
        };
        let answer = bench.store.read(read).await;
        assert!(
            matches!(answer, Err(DatastoreError::Rejected { .. })),
            "{answer:?}"
        );
    }
}
