//! Which other choices among blocks that were there are as right as Calico's, and which ends are not.

use serde_json::{Value, json};

use crate::answer::calicos;
use crate::calicos::{block_key, handle_key};
use crate::compare::differences_between;
use crate::load::{Records, Transition};
use crate::run::Ended;

/// Two blocks with two free addresses each, which begin at different places.
const BLOCKS: [&str; 2] = ["10.0.0.0/30", "10.0.0.4/30"];

fn pool(disabled: bool) -> (String, String) {
    let spec = json!({ "cidr": "10.0.0.0/29", "blockSize": 30, "disabled": disabled });
    let key = "/calico/resources/v3/projectcalico.org/ippools/p".to_owned();
    (key, json!({ "spec": spec }).to_string())
}

/// A block of n1 whose queue and slots are these; what is taken is the new handle's where the number says so.
fn block(cidr: &str, slots: [Option<u64>; 4], queue: &[u64], number: u64) -> (String, String) {
    let entries: serde_json::Map<String, Value> = (0..4_usize)
        .filter_map(|at| slots[at].map(|index| (at.to_string(), json!(10 + index))))
        .collect();
    let holders = ["net.old", "net.new"].map(|handle| json!({ "handle_id": handle }));
    let used = usize::from(slots.contains(&Some(0))) + usize::from(slots.contains(&Some(1)));
    let record = json!({
        "cidr": cidr, "affinity": "host:n1", "allocations": slots, "unallocated": queue,
        "attributes": &holders[..used], "sequenceNumber": number,
        "sequenceNumberForAllocation": entries, "deleted": false,
    });
    (block_key(cidr), record.to_string())
}

fn untaken(block_number: usize) -> (String, String) {
    let queue = [&[3, 1][..], &[1, 3]][block_number];
    block(
        BLOCKS[block_number],
        [Some(0), None, Some(0), None],
        queue,
        11,
    )
}

fn taken(block_number: usize) -> (String, String) {
    block(
        BLOCKS[block_number],
        [Some(0), Some(1), Some(0), Some(1)],
        &[],
        12,
    )
}

fn handle(counts: &Value) -> (String, String) {
    let record = json!({ "block": counts, "deleted": false });
    (handle_key("net.new"), record.to_string())
}

/// Calico took both addresses of the first block and the head of the second, and counted as it does.
fn recorded(choice: &str, host: &str) -> Transition {
    let second = block(BLOCKS[1], [Some(0), Some(1), Some(0), None], &[3], 12);
    let counts = handle(&json!({ "10.0.0.0/30": 3, "10.0.0.4/30": 1 }));
    Transition {
        name: "choice".to_owned(),
        now: "2026-11-21T08:00:00Z".parse().expect("a time"),
        choice: choice.to_owned(),
        operation: json!({ "type": "autoAssign", "num4": 3, "host": host, "use": "Workload", "handle": "net.new" }),
        result: json!({ "v4": { "ips": ["10.0.0.3/30", "10.0.0.1/30", "10.0.0.5/30"], "requested": 3 } }),
        before: Records::from([pool(false), untaken(0), untaken(1)]),
        after: Records::from([pool(false), taken(0), second, counts]),
        ..Transition::default()
    }
}

/// We took both of the second block, and one of the first.
fn ours(first: (String, String), address: &str) -> Ended {
    let counts = handle(&json!({ "10.0.0.0/30": 1, "10.0.0.4/30": 2 }));
    Ended {
        answer: Ok(
            json!({ "v4": ["10.0.0.5/30", "10.0.0.7/30", address], "v6": [], "short": null }),
        ),
        after: Records::from([pool(false), first, taken(1), counts]),
        requests: 0,
    }
}

fn head_of_the_first() -> (String, String) {
    block(BLOCKS[0], [Some(0), None, Some(0), Some(1)], &[1], 12)
}

#[test]
fn another_order_of_own_or_of_foreign_blocks_is_no_difference_where_there_was_a_choice() {
    let ours = ours(head_of_the_first(), "10.0.0.3/30");
    for (choice, host) in [("own", "n1"), ("borrow", "n3"), ("block+borrow", "n3")] {
        let lines = differences_between(&recorded(choice, host), &ours);
        assert_eq!(lines, [""; 0], "{choice} {host}");
    }
    for (choice, host) in [
        ("none", "n1"),
        ("borrow", "n1"),
        ("own", "n3"),
        ("block", "n3"),
    ] {
        let lines = differences_between(&recorded(choice, host), &ours);
        assert!(!lines.is_empty(), "{choice} {host}");
    }
}

#[test]
fn calicos_own_choice_stays_right_and_its_counts_too() {
    let transition = recorded("borrow", "n3");
    let same = Ended {
        answer: calicos(&transition),
        after: transition.after.clone(),
        requests: 0,
    };
    assert_eq!(differences_between(&transition, &same), [""; 0]);
}

#[test]
fn a_block_that_may_be_chosen_is_still_used_from_the_head_of_its_queue_and_written_once() {
    let transition = recorded("borrow", "n3");
    let differs = |first, address| {
        let lines = differences_between(&transition, &ours(first, address));
        lines.join("\n")
    };
    let passed_over = block(BLOCKS[0], [Some(0), Some(1), Some(0), None], &[3], 12);
    let queue = r#"assignment/ipv4/block/10.0.0.0-30 queue: "[3]"; Calico "[1]""#;
    assert!(differs(passed_over, "10.0.0.1/30").contains(queue));
    let unnumbered = block(BLOCKS[0], [Some(0), None, Some(0), Some(1)], &[1], 11);
    assert!(differs(unnumbered, "10.0.0.3/30").contains("sequence number: 11"));
}

#[test]
fn a_reserved_address_is_passed_over_in_the_block_of_our_choice_too() {
    let mut transition = recorded("borrow", "n3");
    let reservation = json!({ "spec": { "reservedCIDRs": ["10.0.0.3"] } }).to_string();
    let key = "/calico/resources/v3/projectcalico.org/ipreservations/r".to_owned();
    transition.before.insert(key.clone(), reservation.clone());
    transition.after.insert(key.clone(), reservation.clone());
    let first = block(BLOCKS[0], [Some(0), Some(1), Some(0), None], &[3], 12);
    let mut ours = ours(first, "10.0.0.1/30");
    ours.after.insert(key, reservation);
    assert_eq!(differences_between(&transition, &ours), [""; 0]);
}

#[test]
fn a_block_that_serves_no_such_request_is_no_choice() {
    let ours = ours(head_of_the_first(), "10.0.0.3/30");
    let mut disabled = recorded("borrow", "n3");
    disabled.before.extend([pool(true)]);
    let mut others = recorded("borrow", "n3");
    others.operation["pools4"] = json!(["10.9.0.0/29"]);
    let mut tunnels = recorded("borrow", "n3");
    let spec = json!({ "cidr": "10.0.0.0/29", "blockSize": 30, "allowedUses": ["Tunnel"] });
    let tunnel = json!({ "spec": spec }).to_string();
    tunnels.before.insert(pool(false).0, tunnel);
    for transition in [disabled, others, tunnels] {
        assert!(!differences_between(&transition, &ours).is_empty());
    }
}
