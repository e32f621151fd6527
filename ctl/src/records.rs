//! Reading records for showing: all of a span at one revision, each with its own.

use block_ipam::datastore::codec::{self, Record};
use block_ipam::datastore::port::MAX_RANGES;
use block_ipam::datastore::{Datastore, DatastoreError, Entry, Range, Read, Span, keys};
use block_ipam::ids::{NodeName, OwnerKind, ResourceName};
use block_ipam::plan::{CorruptRecord, RecordId, Scope};
use block_ipam::resources::Kind;
use block_ipam::resources::plans::config::NAME;
use block_ipam::revision::Revision;

use crate::failure::Failure;

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

/// Returns the newest revision of the store.
pub(crate) async fn newest(store: &dyn Datastore) -> Result<Revision, DatastoreError> {
    let key = Span::Key(keys::key_of(&RecordId::Config));
    let read = Read::latest(vec![Range::of(key).keys_only()]);
    Ok(store.read(read).await?.revision)
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
