//! Reading records for showing: all of a span at one revision, each with its own.

use block_ipam::datastore::codec::{self, Record};
use block_ipam::datastore::port::{MAX_PAGE_BYTES, MAX_RANGES};
use block_ipam::datastore::{Datastore, DatastoreError, Entry, Range, Read, Span, keys};
use block_ipam::ids::{NodeName, OwnerKind, ResourceName};
use block_ipam::plan::{CorruptRecord, RecordId, Scope};
use block_ipam::resources::Kind;
use block_ipam::resources::plans::config::NAME;
use block_ipam::revision::Revision;

use crate::failure::Failure;

/// How many entries the first page of a walk brings; the others are as large as a page may be.
const FIRST_PAGE: u32 = 100;
const MOST_OF_PAGE: usize = 1_000;

/// A record that was read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) id: RecordId,
    pub(crate) record: Record,
    pub(crate) revision: Revision,
}

/// What a read brought.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) found: Vec<Found>,
    pub(crate) corrupt: Vec<CorruptRecord>,
    pub(crate) revision: Revision,
}

/// Reads all resources of a kind, or those of these names.
pub(crate) async fn resources(
    store: &dyn Datastore,
    kind: Kind,
    names: &[String],
) -> Result<Listing, DatastoreError> {
    if names.is_empty() {
        return spans(store, vec![span(kind)]).await;
    }
    let keys = names
        .iter()
        .map(|name| Span::Key(keys::key_of(&id(kind, name))));
    spans(store, keys.collect()).await
}

/// Reads all affinities, or those of these names.
pub(crate) async fn affinities(
    store: &dyn Datastore,
    names: &[String],
) -> Result<Listing, DatastoreError> {
    let kinds = [OwnerKind::Host, OwnerKind::Virtual];
    let all = kinds.map(|kind| keys::span_of(&Scope::AllAffinities(kind)));
    let mut listing = spans(store, all.to_vec()).await?;
    if !names.is_empty() {
        listing
            .found
            .retain(|found| names.contains(&name(&found.id)));
        listing.corrupt.clear();
    }
    Ok(listing)
}

/// Returns which record a resource is.
pub(crate) fn id(kind: Kind, name: &str) -> RecordId {
    match kind {
        Kind::Pool => RecordId::Pool(ResourceName::stored(name)),
        Kind::Reservation => RecordId::Reservation(ResourceName::stored(name)),
        Kind::Node => RecordId::Node(NodeName::stored(name)),
        Kind::Config => RecordId::Config,
    }
}

/// Returns the name of a resource.
pub(crate) fn name(id: &RecordId) -> String {
    match id {
        RecordId::Pool(name) | RecordId::Reservation(name) => name.to_string(),
        RecordId::Node(name) => name.to_string(),
        // As Calico names its resource.
        RecordId::Affinity(owner, block) => {
            format!("{}-{block}", owner.name).replace(['.', ':', '/'], "-")
        }
        _ => NAME.to_owned(),
    }
}

fn span(kind: Kind) -> Span {
    match kind {
        Kind::Pool => keys::span_of(&Scope::Pools),
        Kind::Reservation => keys::span_of(&Scope::Reservations),
        Kind::Node => keys::nodes(),
        Kind::Config => Span::Key(keys::key_of(&RecordId::Config)),
    }
}

/// Reads spans, 120 at most in one round trip.
pub(crate) async fn spans(
    store: &dyn Datastore,
    spans: Vec<Span>,
) -> Result<Listing, DatastoreError> {
    let mut listing = Listing::default();
    for chunk in spans.chunks(MAX_RANGES) {
        let ranges = chunk.iter().cloned().map(Range::of).collect();
        let snapshot = store.read(Read::latest(ranges)).await?;
        listing.revision = listing.revision.max(snapshot.revision);
        for entry in snapshot.found.into_iter().flat_map(|found| found.entries) {
            listing.take(entry);
        }
    }
    Ok(listing)
}

/// Walks over all keys of a prefix as they were at a revision, page by page, in bounded memory.
///
/// # Errors
/// Those of the store: [`DatastoreError::Compacted`] where the walk took longer than the store keeps the revision.
pub(crate) async fn walk(
    store: &dyn Datastore,
    prefix: &Span,
    at: Revision,
    mut each: impl FnMut(Listing),
) -> Result<(), DatastoreError> {
    let mut limit = FIRST_PAGE;
    let mut span = prefix.clone();
    loop {
        let read = Read {
            ranges: vec![Range::of(span).limit(limit)],
            at: Some(at),
        };
        let snapshot = store.read(read).await?;
        let mut listing = Listing {
            revision: at,
            ..Listing::default()
        };
        let (mut last, mut more) = (None, false);
        for found in snapshot.found {
            more = found.more;
            limit = next_limit(&found.entries);
            for entry in found.entries {
                last = Some(entry.key.clone());
                listing.take(entry);
            }
        }
        each(listing);
        match last {
            Some(last) if more => span = after(&last, prefix),
            Some(_) | None => return Ok(()),
        }
    }
}

/// As many entries as fill a page if they are as large as those of the page before.
fn next_limit(entries: &[Entry]) -> u32 {
    let bytes: usize = entries.iter().map(|entry| entry.value.len()).sum();
    let each = bytes.checked_div(entries.len()).unwrap_or(0).max(1);
    let limit = (MAX_PAGE_BYTES / each).clamp(1, MOST_OF_PAGE);
    u32::try_from(limit).expect("clamped")
}

/// What of the prefix comes after the key.
fn after(last: &str, prefix: &Span) -> Span {
    let (_, end) = prefix.bounds();
    let end = end.unwrap_or_else(|| char::MAX.to_string());
    Span::Between(format!("{last}\0"), end)
}

impl Listing {
    fn take(&mut self, entry: Entry) {
        match codec::decode_any(&entry.key, &entry.value) {
            None => {}
            Some((id, Ok(record))) => self.found.push(Found {
                id,
                record,
                revision: entry.modified,
            }),
            Some((_, Err(error))) => self.corrupt.push(CorruptRecord {
                key: entry.key,
                revision: entry.modified,
                detail: error.to_string(),
            }),
        }
    }
}

/// Says which records could not be read.
pub(crate) fn complain<'a>(
    corrupt: impl Iterator<Item = &'a CorruptRecord>,
) -> Result<(), Failure> {
    let lines = corrupt.map(|record| format!("{}: {}", record.key, record.detail));
    let lines: Vec<String> = lines.collect();
    match lines.len() {
        0 => Ok(()),
        count => {
            let error = format!("{count} records cannot be read and are not shown");
            Err(Failure::refused(error).details(lines))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use block_ipam::datastore::{Datastore, Memory, Read, Span, Txn, Write, keys};
    use block_ipam::plan::RecordId;
    use block_ipam::revision::Revision;

    use super::walk;

    async fn put(store: &Memory, nodes: impl Iterator<Item = u32>) -> Revision {
        let value = format!(
            r#"{{"metadata":{{"annotations":{{"a":"{}"}}}}}}"#,
            "x".repeat(9_000)
        );
        let writes = nodes.map(|node| {
            let key = keys::key_of(&super::id(super::Kind::Node, &format!("n{node}")));
            Write::Put(key, value.clone().into_bytes())
        });
        for writes in writes.collect::<Vec<_>>().chunks(100) {
            let txn = Txn {
                guards: vec![],
                writes: writes.to_vec(),
            };
            store.commit(txn).await.unwrap();
        }
        let read = Read::latest(vec![super::Range::key("x")]);
        store.read(read).await.unwrap().revision
    }

    #[tokio::test]
    async fn a_walk_sees_every_record_once_as_it_was_at_its_revision() {
        let store = Memory::default();
        let at = put(&store, 0..1_500).await;
        put(&store, 1_500..1_600).await;
        let mut seen = BTreeSet::new();
        let mut pages = 0;
        walk(&store, &keys::nodes(), at, |page| {
            pages += 1;
            for found in page.found {
                let RecordId::Node(node) = found.id else {
                    panic!("{:?}", found.id);
                };
                assert!(seen.insert(node), "once");
            }
        })
        .await
        .unwrap();
        assert_eq!(seen.len(), 1_500);
        assert_eq!(pages, 5, "100 records, then four pages of 4 MB");
    }

    #[tokio::test]
    async fn a_walk_over_nothing_is_one_empty_page() {
        let store = Memory::default();
        let at = put(&store, 0..1).await;
        let mut pages = 0;
        walk(&store, &Span::Prefix("/none/".to_owned()), at, |page| {
            pages += 1;
            assert!(page.found.is_empty());
        })
        .await
        .unwrap();
        assert_eq!(pages, 1);
    }
}
