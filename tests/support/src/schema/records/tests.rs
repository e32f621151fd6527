//! The schema against what Calico itself wrote, and against records that it could not have written.

use super::faults;
use crate::recordings::{Records, Transition, golden, transitions};

/// What the schema refuses though Calico wrote it: beginning of the recording's name, and the fault.
const REFUSED: [(&str, &str); 3] = [
    // Calico's library takes negative numbers, calicoctl does not; we refuse them.
    ("set-config-negative", "is not Positive"),
    // A member of very old releases, which stays once it is there.
    ("deleted-true-", "hostAffinity is no member"),
    // Put by hand, and kept: versions up to 3.32 left such entries.
    ("deleted-true-", "an entry of an ordinal that is free"),
];

/// Returns the records that a recorded operation of Calico wrote: those that were not there before.
fn written(transition: &Transition) -> Records {
    let mut written = transition.after.clone();
    written.retain(|key, value| transition.before.get(key) != Some(value));
    written
}

#[test]
fn what_calico_wrote_passes() {
    let mut number = 0;
    let mut found = Vec::new();
    for transition in transitions(&golden("transitions")) {
        let (name, about) = (&transition.name, &transition.about);
        for (key, value) in written(&transition) {
            number += 1;
            for fault in faults(&key, value.as_bytes()) {
                found.push(format!("{name} ({about}): {fault}"));
            }
        }
    }
    assert_eq!(number, 298, "{number} records were written");
    let known = |fault: &&String| {
        let is = |(name, what): &(&str, &str)| fault.starts_with(name) && fault.contains(what);
        REFUSED.iter().any(is)
    };
    assert_eq!(found.iter().filter(known).count(), 6);
    found.retain(|fault| !known(&fault));
    assert!(found.is_empty(), "{found:#?}");
}

/// Records that Calico's encoder could not have written, with what is said of them.
#[test]
fn what_calico_could_not_have_written_is_told() {
    let block = r#"{"cidr":"10.0.0.0/30","affinity":"host:a","affinity_claim_time":"2026-03-02T09:14:55Z","allocations":[0,null,null,null],"unallocated":[1,2,3],"attributes":[{"handle_id":"h"}],"sequenceNumber":7,"sequenceNumberForAllocation":{"0":6},"deleted":false}"#;
    let key = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30";
    assert_eq!(faults(key, block.as_bytes()), Vec::<String>::new());
    let table = [
        (r#""deleted":false"#, r#""deleted":0"#, "is not Bool"),
        (r#","deleted":false"#, "", "deleted is missing"),
        (
            r#""deleted":false"#,
            r#""deleted":false,"extra":1"#,
            "extra is no member",
        ),
        (
            r#""cidr":"10.0.0.0/30","affinity":"host:a""#,
            r#""affinity":"host:a","cidr":"10.0.0.0/30""#,
            "cidr is missing, or out of order",
        ),
        ("10.0.0.0/30", "10.0.0.4/30", "its key says another CIDR"),
        (
            "[0,null,null,null]",
            "[0,null,null]",
            "not as many as addresses",
        ),
        ("[0,null", "[1,null", "point at each other"),
        (
            r#"[{"handle_id":"h"}]"#,
            r#"[{"handle_id":"h"},{}]"#,
            "point at each other",
        ),
        ("[1,2,3]", "[1,2,2]", "each free ordinal once"),
        ("[1,2,3]", "[0,1,2,3]", "each free ordinal once"),
        (r#""host:a""#, r#""a""#, "neither host:NAME"),
        (r#""host:a""#, "null", "time of its claim"),
        (r#"{"0":6}"#, r#"{"0":7}"#, "not below the number"),
        (r#"{"0":6}"#, r#"{"1":6}"#, "ordinal that is free"),
        (r#""handle_id":"h""#, r#""handle_id":null"#, "is not Filled"),
        (
            r#""handle_id":"h""#,
            r#""handle_id":"h","secondary":{}"#,
            "is not FilledMap",
        ),
        (
            r#""handle_id":"h""#,
            r#""handle_id":"h","secondary":{"b":"","a":""}"#,
            "not sorted",
        ),
        (
            r#""handle_id":"h""#,
            r#""handle_id":"h","releasedAt":"2026-03-02T09:14:55Z""#,
            "carries something else",
        ),
        (r#""handle_id":"h""#, r#""handle_id":"<""#, "Go escapes"),
        ("09:14:55Z", "09:14:55.5Z", "is not Time"),
        (
            r#""sequenceNumber":7"#,
            r#""sequenceNumber":7e3"#,
            "is not Unsigned",
        ),
        (r#""deleted":false"#, r#""deleted": false"#, "blanks"),
    ];
    for (from, to, said) in table {
        let changed = block.replacen(from, to, 1);
        assert_ne!(changed, block, "{from}");
        let faults = faults(key, changed.as_bytes());
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "{changed}: {faults:?}"
        );
    }
}
