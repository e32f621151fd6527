//! Reading many records, page by page, all at the revision of the first page.
//!
//! A page that finds its revision compacted ends the read; starting again is the caller's business, and what it tells
//! whoever waits.

use std::fmt;

use super::keys;
use super::port::{Datastore, DatastoreError, Entry, MAX_PAGE_BYTES, Range, Read, Snapshot, Span};
use crate::revision::Revision;

/// Most entries of one page where records may grow large.
const MAX_PAGE_ENTRIES: usize = 1_000;

/// Most entries of one page of handles, which are small and many. Smaller pages make etcd walk quadratically, for it
/// counts the rest for each: a million handles, a thousand at a time, take it more than a minute.
const MAX_PAGE_HANDLES: usize = 20_000;

/// Entries of the first page, before their size is known.
const FIRST_PAGE_ENTRIES: usize = 200;

/// Most keys that one range of a read brings: about 2 MB.
pub const MAX_KEYS: u32 = 20_000;

/// Reads what [`MAX_KEYS`] as the limit of a range left away, at the revision of the read.
///
/// # Errors
/// Those of the store, [`DatastoreError::Compacted`] among them.
pub async fn read_on(
    store: &dyn Datastore,
    ranges: &[Range],
    snapshot: &mut Snapshot,
) -> Result<(), DatastoreError> {
    let at = Some(snapshot.revision);
    for (range, found) in ranges.iter().zip(&mut snapshot.found) {
        while range.limit == MAX_KEYS
            && found.more
            && let Some(last) = found.entries.last()
        {
            let span = after(&range.span, &last.key);
            let ranges = vec![Range::of(span).keys_only().limit(MAX_KEYS)];
            let next = store.read(Read { ranges, at }).await?;
            let next = next.found.into_iter().next().unwrap_or_default();
            found.more = next.more;
            found.entries.extend(next.entries);
        }
    }
    Ok(())
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries, in key order; none of another page.
    pub entries: Vec<Entry>,
    /// The revision of the whole read: that of the first page.
    pub revision: Revision,
    /// Which store it is (see [`super::Snapshot::cluster`]).
    pub cluster: u64,
}

/// A read that is under way.
pub struct Pages<'a> {
    store: &'a dyn Datastore,
    /// What is left; `None` at the end.
    rest: Option<Range>,
    at: Option<Revision>,
    /// Most entries of a page.
    most: usize,
}

impl<'a> Pages<'a> {
    /// Starts a read of everything in the span, values included.
    pub fn of(store: &'a dyn Datastore, span: Span) -> Pages<'a> {
        let limit = count(FIRST_PAGE_ENTRIES);
        let most = if span == keys::handles() {
            MAX_PAGE_HANDLES
        } else {
            MAX_PAGE_ENTRIES
        };
        Pages {
            store,
            most,
            rest: Some(Range::of(span).limit(limit)),
            at: None,
        }
    }

    /// The same at a revision that an earlier read told, so that several spans are read as of one moment.
    #[must_use]
    pub const fn at(mut self, revision: Revision) -> Pages<'a> {
        self.at = Some(revision);
        self
    }

    /// Reads the next page; `None` after the last one. The first one always comes, and may be empty.
    ///
    /// # Errors
    /// [`DatastoreError::Compacted`] if the revision of the read is gone: start again. After any other error the same
    /// page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Page>, DatastoreError> {
        let Some(range) = self.rest.clone() else {
            return Ok(None);
        };
        let read = Read {
            ranges: vec![range.clone()],
            at: self.at,
        };
        let snapshot = self.store.read(read).await?;
        let revision = *self.at.get_or_insert(snapshot.revision);
        let found = snapshot.found.into_iter().next().unwrap_or_default();
        self.rest = found
            .entries
            .last()
            .filter(|_| found.more)
            .map(|last| Range {
                span: after(&range.span, &last.key),
                limit: limit_for(&found.entries, self.most),
                ..range
            });
        Ok(Some(Page {
            entries: found.entries,
            revision,
            cluster: snapshot.cluster,
        }))
    }
}

impl fmt::Debug for Pages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("rest", &self.rest)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Returns the part of the span after the key, which lies in it.
fn after(span: &Span, key: &str) -> Span {
    let from = format!("{key}\0");
    match span.bounds() {
        (_, Some(to)) => Span::Between(from, to),
        // Only the empty prefix has no end: nothing sorts above this.
        (_, None) => Span::Between(from, format!("{0}{0}{0}{0}", char::MAX)),
    }
}

/// Returns how many entries like these make a page that has so many at most.
fn limit_for(entries: &[Entry], most: usize) -> u32 {
    let bytes: usize = entries
        .iter()
        .map(|entry| entry.key.len() + entry.value.len())
        .sum();
    let each = bytes.div_ceil(entries.len().max(1)).max(1);
    count((MAX_PAGE_BYTES / each).clamp(1, most))
}

fn count(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::{Memory, Txn, Write};

    async fn fill(store: &Memory, count: usize, bytes: usize) {
        for i in 0..count {
            let write = Write::Put(format!("/p/{i:05}"), vec![b'x'; bytes]);
            let guards = vec![];
            store
                .commit(Txn {
                    guards,
                    writes: vec![write],
                })
                .await
                .unwrap();
        }
    }

    async fn sizes(mut pages: Pages<'_>) -> Vec<usize> {
        let mut sizes = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            sizes.push(page.entries.len());
        }
        sizes
    }

    #[tokio::test]
    async fn pages_are_bounded_in_entries_and_bytes() {
        let store = Memory::default();
        fill(&store, 2_300, 10).await;
        let span = || Span::Prefix("/p/".into());
        assert_eq!(
            sizes(Pages::of(&store, span())).await,
            [200, 1_000, 1_000, 100]
        );
        let store = Memory::default();
        fill(&store, 240, 200_000).await;
        assert_eq!(sizes(Pages::of(&store, span())).await, [200, 19, 19, 2]);
    }

    #[tokio::test]
    async fn many_handles_make_few_pages() {
        let store = Memory::default();
        let span = keys::handles();
        let write = |i| Write::Put(format!("/calico/ipam/v2/handle/{i:05}"), vec![b'x'; 10]);
        for i in 0..2_300 {
            let (guards, writes) = (vec![], vec![write(i)]);
            store.commit(Txn { guards, writes }).await.unwrap();
        }
        assert_eq!(sizes(Pages::of(&store, span)).await, [200, 2_100]);
    }

    #[tokio::test]
    async fn an_empty_span_is_one_empty_page_and_a_full_one_needs_no_other() {
        let store = Memory::default();
        fill(&store, 200, 1).await;
        assert_eq!(
            sizes(Pages::of(&store, Span::Prefix("/q/".into()))).await,
            [0]
        );
        assert_eq!(
            sizes(Pages::of(&store, Span::Prefix("/p/".into()))).await,
            [200]
        );
        assert_eq!(
            sizes(Pages::of(&store, Span::Key("/p/00007".into()))).await,
            [1]
        );
    }

    #[tokio::test]
    async fn what_is_written_meanwhile_is_not_seen_and_all_keys_come_once() {
        let store = Memory::default();
        fill(&store, 450, 1).await;
        let mut pages = Pages::of(&store, Span::Prefix(String::new()));
        let mut keys = Vec::new();
        let mut revisions = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            keys.extend(page.entries.into_iter().map(|entry| entry.key));
            revisions.push(page.revision);
            let writes = vec![
                Write::Put("/p/99999".into(), vec![]),
                Write::Delete("/p/00449".into()),
            ];
            store
                .commit(Txn {
                    guards: vec![],
                    writes,
                })
                .await
                .unwrap();
        }
        let expected: Vec<String> = (0..450).map(|i| format!("/p/{i:05}")).collect();
        assert_eq!(keys, expected);
        assert_eq!(revisions, [Revision(451); 2]);
    }

    #[tokio::test]
    async fn a_second_span_is_read_as_of_the_first() {
        let store = Memory::default();
        fill(&store, 3, 1).await;
        fill(&store, 3, 1).await;
        let pages = Pages::of(&store, Span::Prefix("/p/".into())).at(Revision(3));
        assert_eq!(sizes(pages).await, [2]);
    }

    #[tokio::test]
    async fn a_compaction_ends_the_read() {
        let store = Memory::default();
        fill(&store, 300, 1).await;
        let mut pages = Pages::of(&store, Span::Prefix("/p/".into()));
        pages.next().await.unwrap();
        fill(&store, 1, 1).await;
        store.compact(Revision(302)).unwrap();
        let error = pages.next().await.unwrap_err();
        assert!(
            matches!(error, DatastoreError::Compacted(Revision(301))),
            "{error}"
        );
    }
}
