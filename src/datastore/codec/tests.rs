//! The values of records: read in every spelling, written in one, and read back as the same.

mod faults;
mod properties;
mod spellings;
mod strategies;

use super::*;
use crate::plan::RecordId;

/// The key of a record of each kind that has an object for a value.
const BLOCK: &str = "/calico/ipam/v2/assignment/ipv4/block/10.65.3.64-30";
const AFFINITY: &str = "/calico/ipam/v2/host/n1/ipv4/block/10.65.3.64-30";
const HANDLE: &str = "/calico/ipam/v2/handle/net.a";
const CONFIG: &str = "/calico/ipam/v2/config";
const POOL: &str = "/calico/resources/v3/projectcalico.org/ippools/p";
const RESERVATION: &str = "/calico/resources/v3/projectcalico.org/ipreservations/r";
const NODE: &str = "/calico/resources/v3/projectcalico.org/nodes/n1";
const BORROWED: &str = "/block-ipam/v1/borrowed/n1/10.65.3.64-30";
const KINDS: [&str; 8] = [
    BLOCK,
    AFFINITY,
    HANDLE,
    CONFIG,
    POOL,
    RESERVATION,
    NODE,
    BORROWED,
];

/// Reads the record of that key.
fn read(key: &str, value: &[u8]) -> Result<Record, DecodeError> {
    let (_, record) = decode_any(key, value).expect("the key of a record");
    record
}

/// Reads the record of that key and returns how we write it.
#[track_caller]
fn rewritten(key: &str, value: &str) -> String {
    let record = read(key, value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"));
    text(&record)
}

fn text(record: &Record) -> String {
    let value = record.encode().expect("a record that we write");
    String::from_utf8(value).expect("JSON is text")
}

#[test]
fn records_of_others_are_not_read() {
    assert_eq!(
        decode_any(
            "/calico/resources/v3/projectcalico.org/tiers/default",
            b"{}"
        ),
        None
    );
    let mark = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
    let (id, record) = decode_any(mark, b"whatever").expect("the mark of Calico");
    assert_eq!(id, RecordId::ClusterInformation);
    assert_eq!(record.map(|record| record.encode()), Ok(None));
}

/// What the rules of assignment keep below what a store takes is told without writing a record.
#[test]
fn the_size_of_a_block_is_told_about_right() {
    use crate::blocks::{Attribute, Block, BlockCidr, RangeSet};
    use crate::clock::Timestamp;
    use crate::ids::{NodeName, Owner};
    let owner = Owner::host(&NodeName::new("rack1-n07.example.com").expect("a name"));
    let cidr: BlockCidr = "10.64.0.0/22".parse().expect("a block");
    let mut block = Block::create(cidr, owner, Timestamp::from_seconds(1), 1 << 60, None);
    for held in 0..1024 {
        let told = block.text_size();
        let length = super::encode_block(&block).len();
        assert!(
            length <= told && told <= length + length / 4 + 400,
            "{held} held: {told} for {length}"
        );
        let attribute = Attribute {
            handle: Some(format!("k8s-pod-network.{held:064}")),
            secondary: [("pod", "checkout"), ("node", "rack1-n07")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Attribute::default()
        };
        block.assign_next(1, &attribute, &RangeSet::default());
        block.bump();
    }
}
