//! The values of records, read in odd spellings and written in one.

use super::*;
use crate::datastore::keys;

const FRESH: &str = r#"{"cidr":"10.65.3.64/29","affinity":"host:n1","affinity_claim_time":"2026-03-02T09:14:55Z","allocations":[0,null,1,null,null,null,null,null],"unallocated":[4,5,6,7,1,3],"attributes":[{"handle_id":"net.\u003ca\u003e","secondary":{"node":"n1","pod":"web \"1\"\u2028"},"later":[1, 2]},{"releasedAt":"2026-03-02T09:20:00Z"}],"sequenceNumber":18446744073709551615,"sequenceNumberForAllocation":{"0":9007199254740993,"2":18446744073709551614},"deleted":false,"hostAffinity":"n1"}"#;

#[test]
fn a_block_is_written_as_it_was_read() {
    let key = "/calico/ipam/v2/assignment/ipv4/block/10.65.3.64-29";
    let (id, record) = decode_any(key, FRESH.as_bytes()).unwrap();
    assert_eq!(keys::key_of(&id), key);
    let written = record.unwrap().encode().unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), FRESH);
}
