//! Every spelling that other writers used, and the one that we use.

use super::*;
use crate::clock::Timestamp;
use crate::resources::{AssignmentMode, Encapsulation, Use};

#[track_caller]
fn each_becomes(key: &str, expected: &str, spellings: &[&str]) {
    for spelling in spellings {
        assert_eq!(rewritten(key, spelling), expected, "{spelling}");
    }
}

#[track_caller]
fn unchanged(key: &str, values: &[&str]) {
    for value in values {
        assert_eq!(rewritten(key, value), *value);
    }
}

#[test]
fn a_block_is_written_as_calico_does() {
    unchanged(
        BLOCK,
        &[
            r#"{"cidr":"10.65.3.64/30","affinity":"host:n1","affinity_claim_time":"2026-03-02T09:14:55Z","allocations":[0,null,1,0],"unallocated":[1],"attributes":[{"handle_id":"net.a","secondary":{"node":"n1","pod":"web-1"},"alternateOwnerAttrs":{"node":"n2"}},{"releasedAt":"2026-03-02T09:20:00Z"}],"sequenceNumber":18446744073709551615,"sequenceNumberForAllocation":{"0":9007199254740993,"2":18446744073709551614},"deleted":false}"#,
            r#"{"cidr":"10.65.3.64/30","affinity":null,"allocations":[null,null,null,0],"unallocated":[2,0,1],"attributes":[{}],"sequenceNumber":0,"sequenceNumberForAllocation":{},"deleted":true,"hostAffinity":"n1"}"#,
        ],
    );
    let eleven = "/calico/ipam/v2/assignment/ipv6/block/fd00::-124";
    let slots = vec!["null"; 16].join(",");
    let queue: Vec<String> = (0..16).map(|ordinal: u8| ordinal.to_string()).collect();
    unchanged(
        eleven,
        &[&format!(
            r#"{{"cidr":"fd00::/124","affinity":"virtual:load-balancer","allocations":[{slots}],"unallocated":[{}],"attributes":[],"sequenceNumber":7,"sequenceNumberForAllocation":{{"0":1,"1":1,"10":1,"11":1,"2":1,"9":1}},"deleted":false}}"#,
            queue.join(","),
        )],
    );
}

#[test]
fn strings_are_escaped_as_go_does() {
    let block = |handle: &str| {
        format!(
            r#"{{"cidr":"10.65.3.64/30","affinity":"host:a\u003cb","allocations":[0,null,null,null],"unallocated":[1,2,3],"attributes":[{{"handle_id":"{handle}"}}],"sequenceNumber":1,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
        )
    };
    let escaped = block(r#"\u003c\u003e\u0026 \"\\/ \r\n\t\b\f\u0000\u001f \u2028\u2029"#);
    let plain = block("é ü \u{7f} \u{1f600} \u{2027}");
    unchanged(BLOCK, &[&escaped, &plain]);
    let other_escapes =
        block(r#"<>& \u0022\u005C\/ \u000d\u000a\u0009\u0008\u000C\u0000\u001F \u2028\u2029"#);
    assert_eq!(
        rewritten(BLOCK, &other_escapes.replace("a\\u003cb", "a<b")),
        escaped
    );
    let surrogates = block(r"\u00e9 \u00fc \u007f \ud83d\ude00 \u2027");
    assert_eq!(rewritten(BLOCK, &surrogates), plain);
}

#[test]
fn old_and_odd_blocks_become_todays() {
    each_becomes(
        BLOCK,
        r#"{"cidr":"10.65.3.64/30","affinity":"host:n1","allocations":[0,null,1,null],"unallocated":[1,3],"attributes":[{},{"handle_id":"net.z\r\nmore"}],"sequenceNumber":0,"sequenceNumberForAllocation":{},"deleted":false}"#,
        &[
            // Without sequence members, with the nulls of the versions up to 3.31.
            r#"{"cidr":"10.65.3.64/30","affinity":"host:n1","allocations":[0,null,1,null],"unallocated":[1,3],"attributes":[{"handle_id":null,"secondary":null},{"handle_id":"net.z\r\nmore","secondary":{}}],"deleted":false}"#,
            // Nulls wherever Go takes one.
            r#"{"cidr":"10.65.3.64/30","affinity":"host:n1","affinity_claim_time":null,"allocations":[0,null,1,null],"unallocated":null,"attributes":[null,{"handle_id":"net.z\r\nmore","secondary":null,"alternateOwnerAttrs":null,"releasedAt":null}],"sequenceNumber":null,"sequenceNumberForAllocation":null,"deleted":null}"#,
            // Names in any case, blanks, any order, the last of two counts, and a null does not undo a value.
            "\n{ \"DELETED\" : false , \"Attributes\":[{},{\"Handle_ID\":\"net.z\\r\\nmore\"}],\r\n\t\"cidr\":\"192.168.0.0/30\",\"CIDR\":\"10.65.3.64/30\",\"cidr\":null,\"unallocated\":[2],\"unallocated\":[1,3],\"allocations\":[0,null,1,null],\"affinity\":\"host:n1\" } ",
            // Sequence numbers of nothing, and a queue that is wrong in every way.
            r#"{"cidr":"10.65.3.64/30","affinity":"host:n1","allocations":[0,null,1,null],"unallocated":[-1,0,1,1,9,9223372036854775807],"attributes":[{},{"handle_id":"net.z\r\nmore"}],"sequenceNumberForAllocation":{"4":1,"01":1,"+1":1,"-1":1,"x":1,"":1,"99999999999999999999":1}}"#,
        ],
    );
}

#[test]
fn times_of_every_offset_become_whole_seconds_in_utc() {
    let block = |time: &str| {
        format!(
            r#"{{"cidr":"10.65.3.64/30","affinity":"host:n1","affinity_claim_time":"{time}","allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],"sequenceNumber":0,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
        )
    };
    let table = [
        ("2026-03-02T09:14:55Z", "2026-03-02T09:14:55Z"),
        ("2026-03-02T09:14:55.999999999Z", "2026-03-02T09:14:55Z"),
        ("2026-03-02T10:14:55+01:00", "2026-03-02T09:14:55Z"),
        ("1969-12-31T23:59:58.5Z", "1969-12-31T23:59:58Z"),
        ("0001-01-01T00:00:00Z", "1677-09-21T00:12:44Z"),
        ("9999-12-30T00:00:00Z", "2262-04-11T23:47:16Z"),
    ];
    for (stored, written) in table {
        assert_eq!(rewritten(BLOCK, &block(stored)), block(written), "{stored}");
    }
    assert_eq!(
        time::render(Timestamp::from_nanos(-1)),
        "1969-12-31T23:59:59Z"
    );
}

#[test]
fn affinities_are_their_state() {
    unchanged(
        AFFINITY,
        &[
            r#"{"state":"confirmed","deleted":false}"#,
            r#"{"state":"pending","deleted":false}"#,
            r#"{"state":"pendingDeletion","deleted":false}"#,
        ],
    );
    let unset = r#"{"state":"","deleted":false}"#;
    each_becomes(
        AFFINITY,
        unset,
        &["", "{}", "null", r#"{"state":null}"#, unset],
    );
    let confirmed = r#"{"state":"confirmed","deleted":false}"#;
    each_becomes(
        AFFINITY,
        confirmed,
        &[r#"{"STATE":"confirmed","deleted":"true","more":[]}"#],
    );
}

#[test]
fn handles_are_counts_of_blocks() {
    unchanged(HANDLE, &[
        r#"{"block":{"10.65.3.64/30":2,"10.65.30.0/30":1,"10.7.0.0/26":18446744073709551615,"fd00::/122":1},"deleted":false}"#
            .replace("18446744073709551615", "9223372036854775807").as_str(),
        r#"{"block":{"10.65.3.64/30":0},"deleted":true,"vendor":{"a":[1, 2]}}"#,
    ]);
    each_becomes(
        HANDLE,
        r#"{"block":{},"deleted":false}"#,
        &["{}", "null", r#"{"block":null}"#, r#"{"block":{}}"#],
    );
    each_becomes(
        HANDLE,
        r#"{"block":{"10.65.3.64/30":0,"fd00::/122":3},"deleted":false}"#,
        &[r#"{"block":{"10.65.3.64/30":-4,"FD00:0::/122":1,"fd00::/122":2}}"#],
    );
}

#[test]
fn a_configuration_without_members_does_not_claim() {
    unchanged(
        CONFIG,
        &[
            "{}",
            r#"{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":4,"kubeVirtVMAddressPersistence":"Enabled","ipCooldownSeconds":30}"#,
            r#"{"auto_allocate_blocks":true,"maxBlocksPerHost":-1,"ipCooldownSeconds":-5,"later":null}"#,
        ],
    );
    each_becomes(
        CONFIG,
        "{}",
        &[
            r#"{"strict_affinity":false,"auto_allocate_blocks":false,"maxBlocksPerHost":0,"kubeVirtVMAddressPersistence":null,"ipCooldownSeconds":0}"#,
            "null",
        ],
    );
    let Ok(Record::Config(config)) = read(CONFIG, b"{}") else {
        panic!("a configuration");
    };
    assert!(!config.auto_allocate_blocks);
}

const FULL_POOL: &str = r#"{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","uid":"u-1","creationTimestamp":"2026-03-02T08:00:00Z","deletionTimestamp":"2026-03-02T09:00:00Z","labels":{"block-ipam/pool-group":"g"},"annotations":{"note":"\u003ca\u003e"},"generation":3},"spec":{"cidr":"10.65.0.0/16","vxlanMode":"CrossSubnet","ipipMode":"Never","natOutgoing":true,"disabled":true,"disableBGPExport":true,"blockSize":28,"nodeSelector":"rack == 'r1' \u0026\u0026 has(a)","namespaceSelector":"team == 'a'","allowedUses":["Tunnel","LoadBalancer"],"assignmentMode":"Manual","later":{"x":1}},"status":{"conditions":[{"type":"Allocatable","status":"False","reason":"r"}]},"vendor":1}"#;

#[test]
fn a_pool_is_written_as_calico_does() {
    let mut expected = FULL_POOL.to_owned();
    assert_eq!(rewritten(POOL, FULL_POOL), expected);
    expected = expected
        .replace("CrossSubnet", "Sometimes")
        .replace("Manual", "Later");
    expected = expected.replace(r#""LoadBalancer"]"#, r#""Spare"]"#);
    assert_eq!(rewritten(POOL, &expected), expected);
}

#[test]
fn a_pool_says_what_its_record_says() {
    let Ok(Record::Pool(pool)) = read(POOL, FULL_POOL.as_bytes()) else {
        panic!("a pool");
    };
    assert!(pool.not_allocatable && pool.disabled && pool.nat_outgoing && pool.disable_bgp_export);
    assert_eq!(pool.cidr, "10.65.0.0/16".parse().unwrap());
    assert_eq!(pool.block_length, 28);
    assert_eq!(pool.allowed_uses, [Use::Tunnel, Use::LoadBalancer]);
    assert_eq!(pool.assignment, AssignmentMode::Manual);
    assert_eq!(
        (pool.vxlan, pool.ipip),
        (Encapsulation::CrossSubnet, Encapsulation::Never)
    );
    assert_eq!(
        pool.metadata.deletion_requested.as_deref(),
        Some("2026-03-02T09:00:00Z")
    );
}

#[test]
fn a_pool_gets_calicos_defaults() {
    let written = |cidr: &str, size: u8| {
        format!(
            r#"{{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{{"name":"p"}},"spec":{{"cidr":"{cidr}","vxlanMode":"Never","ipipMode":"Never","blockSize":{size},"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}}}}"#
        )
    };
    each_becomes(
        POOL,
        &written("10.65.0.0/16", 26),
        &[
            r#"{"spec":{"cidr":"10.65.0.0/16"}}"#,
            r#"{"kind":"ippool","apiVersion":null,"metadata":null,"spec":{"cidr":"10.65.0.0/16"}}"#,
            r#"{"metadata":{"name":"other","labels":{},"annotations":null},"spec":{"cidr":"10.65.1.2/16","vxlanMode":"","ipipMode":null,"natOutgoing":false,"blockSize":0,"nodeSelector":"","namespaceSelector":"","allowedUses":[],"assignmentMode":""}}"#,
        ],
    );
    each_becomes(
        POOL,
        &written("fd00:65::/48", 122),
        &[r#"{"spec":{"cidr":"FD00:65:0::/48"}}"#],
    );
}

#[test]
fn words_of_later_versions_are_kept_until_they_are_replaced() {
    let stored = r#"{"spec":{"cidr":"10.65.0.0/16","ipipMode":"Later","allowedUses":["Later","Tunnel"],"assignmentMode":"Later"}}"#;
    let Ok(Record::Pool(mut pool)) = read(POOL, stored.as_bytes()) else {
        panic!("a pool");
    };
    assert_eq!(pool.allowed_uses, [Use::Tunnel]);
    assert_eq!(
        pool.assignment,
        AssignmentMode::Manual,
        "it serves those that name it"
    );
    let kept = text(&Record::Pool(pool.clone()));
    assert!(kept.contains(r#""ipipMode":"Later""#), "{kept}");
    assert!(
        kept.contains(r#""allowedUses":["Tunnel","Later"],"assignmentMode":"Later""#),
        "{kept}"
    );
    pool.assignment = AssignmentMode::Automatic;
    pool.ipip = Encapsulation::Always;
    let replaced = text(&Record::Pool(pool));
    assert!(replaced.contains(r#""ipipMode":"Always""#), "{replaced}");
    assert!(
        replaced.contains(r#""assignmentMode":"Automatic"}"#),
        "{replaced}"
    );
}

#[test]
fn only_a_false_allocatable_condition_takes_a_pool_out() {
    let table = [
        (
            r#"{"conditions":[{"type":"Allocatable","status":"False"}]}"#,
            true,
        ),
        (
            r#"{"Conditions":[null,{"TYPE":"Allocatable","Status":"False"}]}"#,
            true,
        ),
        (
            r#"{"conditions":[{"type":"Allocatable","status":"True"}]}"#,
            false,
        ),
        (
            r#"{"conditions":[{"type":"Ready","status":"False"}]}"#,
            false,
        ),
        (r#"{"conditions":null}"#, false),
        ("{}", false),
        ("null", false),
    ];
    for (status, expected) in table {
        let stored = format!(r#"{{"spec":{{"cidr":"10.65.0.0/16"}},"status":{status}}}"#);
        let Ok(Record::Pool(pool)) = read(POOL, stored.as_bytes()) else {
            panic!("a pool with {status}");
        };
        assert_eq!(pool.not_allocatable, expected, "{status}");
    }
}

#[test]
fn a_reservation_keeps_its_entries_and_reserves_those_that_parse() {
    let stored = r#"{"kind":"IPReservation","apiVersion":"projectcalico.org/v3","metadata":{"name":"r"},"spec":{"reservedCIDRs":["10.65.0.0/30"," 10.65.255.255 ","10.65.1.5/31","fd00::7","","x"],"later":1},"vendor":2}"#;
    unchanged(RESERVATION, &[stored]);
    let Ok(Record::Reservation(reservation)) = read(RESERVATION, stored.as_bytes()) else {
        panic!("a reservation");
    };
    let reserved: Vec<String> = reservation
        .reserved
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        reserved,
        [
            "10.65.0.0/30",
            "10.65.255.255/32",
            "10.65.1.4/31",
            "fd00::7/128"
        ]
    );
    let empty = r#"{"kind":"IPReservation","apiVersion":"projectcalico.org/v3","metadata":{"name":"r"},"spec":{}}"#;
    each_becomes(
        RESERVATION,
        empty,
        &["{}", r#"{"spec":null}"#, r#"{"spec":{"reservedCIDRs":[]}}"#],
    );
}

#[test]
fn a_node_keeps_everything() {
    unchanged(
        NODE,
        &[
            r#"{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1","labels":{"rack":"r1"},"ownerReferences":[{"a": 1}]},"spec":{"bgp":{"asNumber":64512},"orchRefs":[{"nodeName":"n1","orchestrator":"k8s"}]},"status":{"wireguardPublicKey":"k"},"vendor":true}"#,
        ],
    );
    let empty = r#"{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1"},"spec":{},"status":{}}"#;
    each_becomes(
        NODE,
        empty,
        &["{}", r#"{"spec":null}"#, r#"{"metadata":{"name":"other"}}"#],
    );
}

#[test]
fn an_index_entry_is_an_empty_object() {
    unchanged(BORROWED, &["{}"]);
    each_becomes(BORROWED, "{}", &[" { } "]);
}
