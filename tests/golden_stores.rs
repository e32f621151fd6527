//! Every record that real Calico left is read, and written back unchanged byte for byte, but for a table of differences.
//!
//! The data stand in `tests/golden`, which says how each store was made.

#[path = "golden_stores/data.rs"]
mod data;
#[path = "golden_stores/differences.rs"]
mod differences;

use std::collections::BTreeSet;

use block_ipam::datastore::codec::{DecodeError, Record, decode_any};
use block_ipam::datastore::keys;
use block_ipam::plan::RecordId;

use crate::data::{Stored, every_record, stores};
use crate::differences::{TABLE, with_empty_attributes};

const CONFIG: &str = "/calico/ipam/v2/config";
const HANDLE: &str = "/calico/ipam/v2/handle/z";
const BAD_POOL: &str = "/calico/resources/v3/projectcalico.org/ippools/bad";
const BAD_RESERVATION: &str = "/calico/resources/v3/projectcalico.org/ipreservations/bad";

/// The records that cannot be read: transition, key, and what is said about it.
const UNREADABLE: [(&str, &str, &str); 7] = [
    ("zero-length-config", CONFIG, "it is empty"),
    ("zero-length-config", HANDLE, "it is empty"),
    ("zero-length-handle", HANDLE, "it is empty"),
    (
        "auto-odd-resources",
        BAD_POOL,
        "member `spec`: member `cidr`: `nonsense` is not a CIDR",
    ),
    ("auto-odd-resources", BAD_RESERVATION, "it is not JSON"),
    (
        "utilization-minimal-pool",
        BAD_POOL,
        "member `spec`: member `cidr`: `nonsense` is not a CIDR",
    ),
    (
        "utilization-minimal-pool",
        BAD_RESERVATION,
        "it is not JSON",
    ),
];

fn decoded(record: &Stored) -> Option<Result<Record, DecodeError>> {
    decode_any(&record.key, record.value.as_bytes()).map(|(_, decoded)| decoded)
}

fn written(record: &Record) -> Option<String> {
    record
        .encode()
        .map(|value| String::from_utf8(value).expect("JSON is text"))
}

/// Where a record stands, for messages.
fn place(record: &Stored) -> String {
    format!("{}: {}", record.file, record.key)
}

#[test]
fn every_record_is_written_back_as_it_was_or_as_the_table_says() {
    let mut compared = 0;
    for record in every_record() {
        let Some(Ok(value)) = decoded(&record) else {
            continue;
        };
        let Some(ours) = written(&value) else {
            continue;
        };
        let difference = TABLE.iter().find(|difference| difference.is_of(&record));
        let expected = difference.map_or(record.value.clone(), |known| known.apply(&record.value));
        let why = difference.map_or("unchanged", |known| known.why);
        assert_eq!(
            ours,
            with_empty_attributes(&expected),
            "{} ({why})",
            place(&record)
        );
        compared += 1;
    }
    assert!(4000 < compared, "only {compared} records were compared");
}

#[test]
fn every_difference_of_the_table_is_one() {
    let records = every_record();
    for difference in &TABLE {
        let mut changed = records
            .iter()
            .filter(|record| difference.is_of(record))
            .map(|record| difference.apply(&record.value) != record.value);
        assert!(
            changed.any(|changed| changed),
            "{}: nothing differs",
            difference.why
        );
    }
}

#[test]
fn what_we_wrote_reads_the_same_and_is_written_the_same() {
    for record in every_record() {
        let Some((id, Ok(first))) = decode_any(&record.key, record.value.as_bytes()) else {
            continue;
        };
        let Some(text) = written(&first) else {
            continue;
        };
        let (_, second) = decode_any(&keys::key_of(&id), text.as_bytes()).unwrap();
        let second = second.unwrap();
        assert_eq!(written(&second), Some(text), "{}", place(&record));
    }
}

#[test]
fn the_records_that_cannot_be_read_are_those_we_know_and_hide_no_other() {
    let mut unreadable = BTreeSet::new();
    for record in every_record() {
        if let Some(Err(error)) = decoded(&record) {
            let name = record.file.split([' ', '/']).nth(1).unwrap();
            let known = UNREADABLE
                .iter()
                .find(|(file, key, _)| *file == name && *key == record.key);
            let (.., words) = known.unwrap_or_else(|| panic!("{}: {error}", place(&record)));
            assert!(error.to_string().starts_with(words), "{error}");
            unreadable.insert((name.to_owned(), record.key.clone()));
        }
    }
    assert_eq!(unreadable.len(), UNREADABLE.len());
    for (name, _, _) in UNREADABLE {
        let before = format!("transitions/{name} before");
        let others = every_record()
            .into_iter()
            .filter(|record| record.file == before);
        let readable = others.filter(|record| matches!(decoded(record), Some(Ok(_))));
        assert!(4 < readable.count(), "{name}: the others are not read");
    }
}

#[test]
fn the_stores_hold_every_kind_of_record_of_calico() {
    let mut kinds = BTreeSet::new();
    for record in stores() {
        if let Some(id) = keys::parse(&record.key) {
            kinds.insert(match id {
                RecordId::Block(_) => "block",
                RecordId::Affinity(..) => "affinity",
                RecordId::Handle(_) => "handle",
                RecordId::Pool(_) => "pool",
                RecordId::Reservation(_) => "reservation",
                RecordId::Node(_) => "node",
                RecordId::Config => "config",
                RecordId::LegacyHost(_) => "legacy host",
                RecordId::ClusterInformation => "cluster information",
                RecordId::Borrowed(..) => "borrowed",
                RecordId::Identity(_) => "identity",
            });
        }
    }
    let expected = [
        "affinity",
        "block",
        "cluster information",
        "config",
        "handle",
        "node",
        "pool",
        "reservation",
    ];
    assert_eq!(Vec::from_iter(kinds), expected);
}

#[test]
fn records_of_other_kinds_are_passed_over() {
    let others = every_record()
        .into_iter()
        .filter(|record| keys::parse(&record.key).is_none());
    let kinds: BTreeSet<String> = others
        .map(|record| record.key.rsplit_once('/').unwrap().0.to_owned())
        .collect();
    let expected = [
        "/calico/ipam/v2/host",
        "/calico/resources/v3/projectcalico.org/kubecontrollersconfigurations",
        "/calico/resources/v3/projectcalico.org/tiers",
    ];
    assert_eq!(Vec::from_iter(kinds), expected);
}
