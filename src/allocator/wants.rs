//! How what a decision wants to see is read, and how what was read comes into the view.

use crate::allocator::pages;
use crate::blocks::{BlockCidr, Cidr};
use crate::datastore::pages::MAX_KEYS;
use crate::datastore::port::{Entry, Found, MAX_RANGES, Range, Snapshot};
use crate::datastore::{codec, keys};
use crate::ids::ResourceName;
use crate::plan::{CorruptRecord, Footprint, Listing, RecordId, Recorded, Scope, Seen, View, Want};
use crate::revision::Revision;

/// A want and the ranges that it takes.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) want: Want,
    pub(super) ranges: usize,
}

/// Returns the ranges of as many wants as one read carries, from the front. What is left out is asked for again
/// by the next decision.
pub(super) fn ranges_of(view: &mut View, mut wants: Vec<Want>) -> (Vec<Asked>, Vec<Range>) {
    let mut asked: Vec<Asked> = Vec::new();
    let mut all = Vec::new();
    wants.reverse();
    while let Some(want) = wants.pop() {
        let ranges = ranges(view, &want);
        if MAX_RANGES < all.len() + ranges.len() {
            break;
        }
        if !asked.iter().any(|earlier| earlier.want == want) {
            asked.push(Asked {
                want,
                ranges: ranges.len(),
            });
            all.extend(ranges);
        }
    }
    (asked, all)
}

fn ranges(view: &mut View, want: &Want) -> Vec<Range> {
    match want {
        Want::Record(
            id @ (RecordId::ClusterInformation | RecordId::LegacyHost(_) | RecordId::Borrowed(..)),
        ) => {
            vec![Range::key(keys::key_of(id)).keys_only()]
        }
        Want::Record(id) => vec![Range::key(keys::key_of(id))],
        Want::Scope(scope) => vec![Range::of(keys::span_of(scope))],
        Want::BlocksInside(cidr) => {
            let spans = keys::block_spans_inside(*cidr).into_iter();
            let keys = |span| Range::of(span).keys_only().limit(MAX_KEYS);
            spans.map(keys).collect()
        }
        Want::Count(cidr) => {
            let spans = keys::block_spans_inside(*cidr).into_iter();
            let one = |span| Range::of(span).keys_only().limit(1);
            spans.map(one).collect()
        }
        Want::NextPage(cidr, start) => pages::next(view, *cidr, *start),
        Want::Footprint(cidr) => {
            let spans = keys::block_spans_inside(*cidr).into_iter();
            spans.map(Range::newest).collect()
        }
    }
}

/// Takes what a read or a refusal found into the view. Each record keeps its own revision; each range has that of its read.
pub(super) fn take(view: &mut View, asked: &[Asked], snapshot: &Snapshot) {
    let mut found = snapshot.found.as_slice();
    for asked in asked {
        let (own, rest) = found.split_at(asked.ranges.min(found.len()));
        absorb(view, &asked.want, own, snapshot.revision);
        found = rest;
    }
}

fn absorb(view: &mut View, want: &Want, found: &[Found], revision: Revision) {
    view.revision = view.revision.max(revision);
    match want {
        Want::Record(id) => {
            let entry = found.iter().flat_map(|found| &found.entries).next();
            absorb_record(view, id, entry, revision);
        }
        Want::Scope(scope) => absorb_scope(view, scope, found, revision),
        Want::BlocksInside(cidr) => absorb_keys(view, *cidr, found, revision),
        Want::Count(cidr) => {
            view.counts.insert(*cidr, footprint(found).blocks);
        }
        Want::NextPage(cidr, _) => pages::absorb(view, *cidr, found, revision),
        Want::Footprint(cidr) => {
            view.footprints.insert(*cidr, footprint(found));
        }
    }
}

/// Returns what the ranges of a footprint found together.
fn footprint(found: &[Found]) -> Footprint {
    let entries = found.iter().flat_map(|found| &found.entries);
    Footprint {
        blocks: found.iter().map(|found| found.count).sum(),
        newest: entries
            .map(|entry| entry.modified)
            .max()
            .unwrap_or_default(),
    }
}

/// Notes how large the record of a block is.
pub(super) fn note_size(view: &mut View, block: BlockCidr, entry: Option<&Entry>) {
    if let Some(entry) = entry {
        let size = (block.family(), block.cidr().length());
        let sizes = view.block_records.entry(size).or_default();
        sizes.records += 1;
        sizes.bytes += entry.value.len();
    }
}

fn absorb_record(view: &mut View, id: &RecordId, entry: Option<&Entry>, revision: Revision) {
    match id {
        RecordId::Block(block) => {
            note_size(view, *block, entry);
            let seen = seen(entry, |value| codec::decode_block(*block, value));
            match seen {
                Seen::Absent => view.existing.remove(block),
                Seen::Present(_) | Seen::Corrupt(_) => view.existing.insert(*block),
            };
            view.blocks.insert(*block, seen);
            view.blocks_at.insert(*block, revision);
        }
        RecordId::Affinity(owner, block) => {
            let seen = seen(entry, codec::decode_affinity);
            let listing = view.affinities.get_mut(&(owner.clone(), block.family()));
            if let Some(listing) = listing {
                relist(listing, *block, &seen);
            }
            if let Some(listing) = view.all_affinities.get_mut(&owner.kind) {
                relist(listing, (owner.clone(), *block), &seen);
            }
            view.affinity.insert((owner.clone(), *block), seen);
        }
        RecordId::Handle(handle) => {
            let seen = seen(entry, codec::decode_handle);
            view.handles.insert(handle.clone(), seen);
        }
        RecordId::Pool(name) => {
            let seen = seen(entry, |value| codec::decode_pool(name, value));
            if let Some(pools) = &mut view.pools {
                relist(pools, name.clone(), &seen);
            }
        }
        RecordId::Reservation(name) => {
            let seen = seen(entry, |value| codec::decode_reservation(name, value));
            if let Some(reservations) = &mut view.reservations {
                relist(reservations, name.clone(), &seen);
            }
        }
        RecordId::Node(node) => {
            let seen = seen(entry, |value| codec::decode_node(node, value));
            view.nodes.insert(node.clone(), seen);
        }
        RecordId::Config => view.config = Some(seen(entry, codec::decode_config)),
        RecordId::LegacyHost(node) => {
            let seen = seen(entry, |_| Ok(()));
            view.legacy_hosts.insert(node.clone(), seen);
        }
        RecordId::Borrowed(node, block) => {
            let seen = seen(entry, |_| Ok(()));
            if let Some(listing) = view.borrowings.get_mut(node) {
                relist(listing, *block, &seen);
            }
            view.borrowed.insert((node.clone(), *block), seen);
        }
        RecordId::Identity(node) => {
            let seen = seen(entry, codec::decode_identity);
            view.identities.insert(node.clone(), seen);
        }
        RecordId::ClusterInformation => view.cluster_information = Some(seen(entry, |_| Ok(()))),
    }
}

fn absorb_scope(view: &mut View, scope: &Scope, found: &[Found], revision: Revision) {
    match scope {
        Scope::Pools => {
            let listing = listing(found, revision, pool_name, codec::decode_pool);
            view.pools = Some(listing);
        }
        Scope::Reservations => {
            let decode = codec::decode_reservation;
            view.reservations = Some(listing(found, revision, reservation_name, decode));
        }
        Scope::Affinities(owner, family) => {
            let block = |id| match id {
                RecordId::Affinity(_, block) => Some(block),
                _ => None,
            };
            let listing = listing(found, revision, block, |_, value| {
                codec::decode_affinity(value)
            });
            view.affinity
                .retain(|(own, block), _| own != owner || block.family() != *family);
            view.affinities.insert((owner.clone(), *family), listing);
        }
        Scope::AllAffinities(kind) => {
            let pair = |id| match id {
                RecordId::Affinity(owner, block) => Some((owner, block)),
                _ => None,
            };
            let listing = listing(found, revision, pair, |_, value| {
                codec::decode_affinity(value)
            });
            view.all_affinities.insert(*kind, listing);
        }
        Scope::Borrowed(node) => {
            let block = |id| match id {
                RecordId::Borrowed(_, block) => Some(block),
                _ => None,
            };
            let listing = listing(found, revision, block, |_, value| {
                codec::decode_borrowed(value)
            });
            view.borrowings.insert(node.clone(), listing);
        }
    }
}

/// What was found is all there is: a block that is in none of the spans any more is gone.
fn absorb_keys(view: &mut View, cidr: Cidr, found: &[Found], revision: Revision) {
    let before: Vec<_> = view.existing_inside(cidr).collect();
    for block in before {
        view.existing.remove(&block);
    }
    for entry in found.iter().flat_map(|found| &found.entries) {
        if let Some(RecordId::Block(block)) = keys::parse(&entry.key) {
            view.existing.insert(block);
        }
    }
    view.inside.insert(cidr, revision);
}

fn pool_name(id: RecordId) -> Option<ResourceName> {
    match id {
        RecordId::Pool(name) => Some(name),
        _ => None,
    }
}

fn reservation_name(id: RecordId) -> Option<ResourceName> {
    match id {
        RecordId::Reservation(name) => Some(name),
        _ => None,
    }
}

fn listing<K: Ord, T>(
    found: &[Found],
    read_at: Revision,
    key_of: impl Fn(RecordId) -> Option<K>,
    decode: impl Fn(&K, &[u8]) -> Result<T, codec::DecodeError>,
) -> Listing<K, T> {
    let mut listing = Listing {
        read_at,
        ..Listing::default()
    };
    for entry in found.iter().flat_map(|found| &found.entries) {
        let Some(key) = keys::parse(&entry.key).and_then(&key_of) else {
            continue;
        };
        match seen(Some(entry), |value| decode(&key, value)) {
            Seen::Present(record) => {
                listing.records.insert(key, record);
            }
            Seen::Corrupt(record) => listing.corrupt.push(record),
            Seen::Absent => {}
        }
    }
    listing
}

fn relist<K: Ord, T: Clone>(listing: &mut Listing<K, T>, key: K, seen: &Seen<T>) {
    match seen.present() {
        Some(record) => listing.records.insert(key, record.clone()),
        None => listing.records.remove(&key),
    };
}

pub(super) fn seen<T>(
    entry: Option<&Entry>,
    decode: impl Fn(&[u8]) -> Result<T, codec::DecodeError>,
) -> Seen<T> {
    let Some(entry) = entry else {
        return Seen::Absent;
    };
    match decode(&entry.value) {
        Ok(value) => Seen::Present(Recorded {
            value,
            revision: entry.modified,
        }),
        Err(error) => Seen::Corrupt(CorruptRecord {
            key: entry.key.clone(),
            revision: entry.modified,
            detail: error.to_string(),
        }),
    }
}
