//! The arithmetic of the port: spans, guards on what was found, oversizes.

use proptest::prelude::*;

use super::*;
use crate::revision::Revision;

fn put(key: &str) -> Write {
    Write::Put(key.to_owned(), b"v".to_vec())
}

#[track_caller]
fn refused(result: Result<(), DatastoreError>, words: &str) {
    let Err(DatastoreError::Rejected { detail, .. }) = result else {
        panic!("{result:?}");
    };
    assert!(detail.contains(words), "{detail}");
}

proptest! {
    #[test]
    fn the_bounds_of_a_span_hold_exactly_what_it_contains(
        prefix in "[a-c/\u{7f}\u{bf}\u{d7ff}\u{e000}\u{ffff}\u{10ffff}]{0,3}",
        key in "[a-c/\u{7f}\u{80}\u{bf}\u{c0}\u{d7ff}\u{e000}\u{ffff}\u{10ffff}]{1,4}",
    ) {
        for span in [Span::Key(prefix.clone()), Span::Prefix(prefix)] {
            let (from, to) = span.bounds();
            let inside = from <= key && to.is_none_or(|to| key < to);
            prop_assert_eq!(inside, span.contains(&key), "{:?} {:?}", span, key);
        }
    }
}

#[test]
fn the_end_of_a_prefix_steps_over_what_is_no_character() {
    let end = |prefix: &str| Span::Prefix(prefix.into()).bounds().1;
    assert_eq!(end("").as_deref(), None);
    assert_eq!(end("\u{10ffff}"), None);
    assert_eq!(end("a\u{10ffff}").as_deref(), Some("b"));
    assert_eq!(end("\u{d7ff}").as_deref(), Some("\u{e000}"));
    assert_eq!(end("/calico/").as_deref(), Some("/calico0"));
}

#[test]
fn a_read_of_nothing_too_much_or_an_empty_range_is_refused() {
    let read = |count: usize| Read::latest(vec![Range::key("a"); count]);
    refused(read(0).check(), "0 ranges");
    refused(read(MAX_RANGES + 1).check(), "121 ranges");
    assert!(read(MAX_RANGES).check().is_ok());
    refused(Read::latest(vec![Range::key("")]).check(), "empty key");
    let zero = Read {
        at: Some(Revision(0)),
        ..read(1)
    };
    refused(zero.check(), "revision 0");
    for (from, to) in [("b", "a"), ("a", "a"), ("a", ""), ("", "\0")] {
        let span = Span::Between(from.into(), to.into());
        refused(Read::latest(vec![Range::of(span)]).check(), "empty range");
    }
}

#[test]
fn a_transaction_without_writes_too_large_or_with_a_key_twice_is_refused() {
    let txn = |guards: Vec<Guard>, writes: Vec<Write>| Txn { guards, writes };
    let many = |count: usize| (0..count).map(|i| put(&format!("k{i}"))).collect();
    refused(txn(vec![], vec![]).check(), "without a write");
    refused(txn(vec![], many(MAX_WRITES + 1)).check(), "121 writes");
    assert!(txn(vec![], many(MAX_WRITES)).check().is_ok());
    let guards = vec![Guard::Absent("a".into()); MAX_GUARDS + 1];
    refused(txn(guards, vec![put("a")]).check(), "121 guards");
    let large = Write::Put("a".into(), vec![0; MAX_TXN_BYTES]);
    refused(txn(vec![], vec![large]).check(), "1560001 bytes");
    let exact = Write::Put("a".into(), vec![0; MAX_TXN_BYTES - 1]);
    assert!(txn(vec![], vec![exact]).check().is_ok());
    let twice = vec![put("a"), put("b"), Write::Delete("a".into())];
    refused(txn(vec![], twice).check(), "key a is written twice");
    refused(txn(vec![], vec![put("")]).check(), "empty key");
    let empty = Guard::NoneCreated(Span::Between("b".into(), "a".into()), Revision(1));
    refused(txn(vec![empty], vec![put("a")]).check(), "empty range");
}
