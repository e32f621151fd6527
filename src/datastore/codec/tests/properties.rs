//! What holds of every record: it reads back as it was written, and nothing in a store can make the reader panic.

use proptest::prelude::*;

use super::*;
use crate::datastore::keys::key_of;
use crate::ids::{HandleId, ResourceName};
use crate::unknown::Unknown;

#[track_caller]
fn reads_back(id: &RecordId, record: &Record) {
    let value = record.encode().expect("a record that we write");
    let shown = String::from_utf8_lossy(&value).into_owned();
    let (read_id, read) = decode_any(&key_of(id), &value).expect("the key of a record");
    assert_eq!(&read_id, id);
    assert_eq!(read.as_ref(), Ok(record), "{shown}");
}

/// If the value can be read, what we write for it is read as the same.
fn is_read_or_refused(key: &str, value: &[u8]) {
    if let Ok(record) = read(key, value)
        && let Some(written) = record.encode()
    {
        let again = read(key, &written).expect("what we wrote");
        assert_eq!(
            again.encode(),
            Some(written),
            "{}",
            String::from_utf8_lossy(value)
        );
    }
}

fn with(unknown: &Unknown, object: &str) -> String {
    let members: Vec<String> = unknown
        .0
        .iter()
        .map(|(name, raw)| format!("{}:{raw}", serde_json::Value::from(name.as_str())))
        .collect();
    let comma = if members.is_empty() || object == "{}" {
        ""
    } else {
        ","
    };
    format!("{{{}{comma}{}", members.join(","), &object[1..])
}

proptest! {
    #[test]
    fn a_block_reads_back_as_it_was(block in strategies::block()) {
        reads_back(&RecordId::Block(block.cidr()), &Record::Block(block));
    }

    #[test]
    fn a_handle_reads_back_as_it_was(handle in strategies::handle()) {
        reads_back(&RecordId::Handle(HandleId::stored("h")), &Record::Handle(handle));
    }

    #[test]
    fn a_pool_reads_back_as_it_was(pool in strategies::pool()) {
        reads_back(&RecordId::Pool(ResourceName::stored("p")), &Record::Pool(pool));
    }

    #[test]
    fn any_bytes_are_read_or_refused(value in any::<Vec<u8>>(), text in ".{0,60}") {
        for key in KINDS {
            is_read_or_refused(key, &value);
            is_read_or_refused(key, text.as_bytes());
        }
    }

    #[test]
    fn any_json_is_read_or_refused(value in strategies::garbage()) {
        for key in KINDS {
            is_read_or_refused(key, value.to_string().as_bytes());
        }
    }

    #[test]
    fn a_block_with_one_senseless_member_is_read_or_refused(value in strategies::almost_a_block()) {
        is_read_or_refused(BLOCK, value.to_string().as_bytes());
    }

    #[test]
    fn members_that_we_do_not_know_survive_at_every_level(unknown in strategies::unknown()) {
        let holders = [
            (BLOCK, with(&unknown, r#"{"cidr":"10.65.3.64/30","allocations":[null,null,null,null]}"#)),
            (BLOCK, format!(
                r#"{{"cidr":"10.65.3.64/30","allocations":[0,null,null,null],"attributes":[{}]}}"#,
                with(&unknown, "{}"),
            )),
            (HANDLE, with(&unknown, "{}")),
            (CONFIG, with(&unknown, "{}")),
            (POOL, with(&unknown, r#"{"spec":{"cidr":"10.65.0.0/16"}}"#)),
            (POOL, format!(r#"{{"spec":{}}}"#, with(&unknown, r#"{"cidr":"10.65.0.0/16"}"#))),
            (POOL, format!(
                r#"{{"spec":{{"cidr":"10.65.0.0/16"}},"metadata":{},"status":{}}}"#,
                with(&unknown, "{}"), with(&unknown, "{}"),
            )),
            (RESERVATION, with(&unknown, "{}")),
            (RESERVATION, format!(r#"{{"spec":{}}}"#, with(&unknown, "{}"))),
            (NODE, with(&unknown, "{}")),
            (NODE, format!(r#"{{"spec":{}}}"#, with(&unknown, "{}"))),
        ];
        for (key, stored) in holders {
            let written = rewritten(key, &stored);
            for raw in unknown.0.values() {
                prop_assert!(written.contains(&format!(":{raw}")), "{stored} became {written}");
            }
        }
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let unknown = format!(r#"{{"x":{deep}}}"#);
    assert_eq!(rewritten(CONFIG, &unknown), unknown);
    for key in KINDS {
        is_read_or_refused(key, unknown.as_bytes());
        is_read_or_refused(key, deep.as_bytes());
        let known =
            format!(r#"{{"spec":{deep},"attributes":{deep},"block":{deep},"status":{deep}}}"#);
        is_read_or_refused(key, known.as_bytes());
    }
}
