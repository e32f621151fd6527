//! What nobody should ask and somebody will: sizes, numbers, names and times at the edge of what is legal and behind it.

use std::sync::Arc;

use block_ipam::datastore::Memory;
use block_ipam_testing::ops::Interpreter;
use block_ipam_testing::world::Dice;
use serde_json::{Value, json};

/// A store in memory that operations are performed on at one time.
struct Store(Interpreter);

impl Store {
    fn new() -> Store {
        Store(Interpreter::new(
            Arc::new(Memory::new(1)),
            Arc::new(Dice::new(7)),
        ))
    }

    async fn at(&self, now: &str, mut operation: Value) -> Value {
        operation["now"] = json!(now);
        self.0.answer(operation).await
    }

    async fn answer(&self, operation: Value) -> Value {
        self.at("2026-03-02T09:00:00Z", operation).await
    }

    #[track_caller]
    fn done(answer: &Value) {
        assert!(answer.get("error").is_none(), "{answer}");
    }

    async fn pool(&self, name: &str, cidr: &str, block_size: u8) {
        let spec = json!({"cidr": cidr, "blockSize": block_size});
        let done = self.answer(json!({"type": "createPool", "name": name, "spec": spec}));
        Store::done(&done.await);
    }
}

fn assign(handle: &str, num4: usize, num6: usize) -> Value {
    json!({"type": "autoAssign", "host": "n1", "use": "Workload", "num4": num4, "num6": num6, "handle": handle})
}

fn given(answer: &Value, family: &str) -> Vec<String> {
    let ips = answer[family]["ips"].as_array().into_iter().flatten();
    ips.map(|ip| ip.as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn pools_of_every_legal_size_of_blocks_serve_and_others_are_refused() {
    let v4 = (20..=32).map(|length| (format!("10.0.0.0/{}", length.min(24)), length, "v4"));
    let v6 = (116..=128).map(|length| (format!("fd00::/{}", length.min(64)), length, "v6"));
    for (cidr, length, family) in v4.chain(v6) {
        let store = Store::new();
        store.pool("p", &cidr, length).await;
        let (num4, num6) = if family == "v4" { (1, 0) } else { (0, 1) };
        let first = store.answer(assign("net.a", num4, num6)).await;
        let second = store.answer(assign("net.b", num4, num6)).await;
        for answer in [&first, &second] {
            Store::done(answer);
            let ips = given(answer, family);
            assert!(
                ips.len() == 1 && ips[0].ends_with(&format!("/{length}")),
                "{cidr}: {answer}"
            );
        }
        assert_ne!(given(&first, family), given(&second, family), "{cidr}");
        for handle in ["net.a", "net.b"] {
            Store::done(
                &store
                    .answer(json!({"type": "releaseByHandle", "handle": handle}))
                    .await,
            );
        }
        Store::done(
            &store
                .answer(json!({"type": "deletePool", "name": "p"}))
                .await,
        );
    }
    for (cidr, length) in [
        ("10.0.0.0/16", 19),
        ("10.0.0.0/16", 33),
        ("10.0.0.0/28", 26),
        ("fd00::/64", 115),
        ("fd00::/64", 129),
    ] {
        let spec = json!({"cidr": cidr, "blockSize": length});
        let store = Store::new();
        let answer = store
            .answer(json!({"type": "createPool", "name": "p", "spec": spec}))
            .await;
        assert_eq!(
            answer["errorKind"], "validation",
            "{cidr} {length}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_request_for_nothing_takes_nothing_and_one_for_a_million_takes_what_there_is() {
    let store = Store::new();
    store.pool("p", "10.0.0.0/24", 26).await;
    let answer = store.answer(assign("net.none", 0, 0)).await;
    Store::done(&answer);
    assert_eq!((&answer["v4"], &answer["v6"]), (&Value::Null, &Value::Null));
    let dump = store.answer(json!({"type": "dumpRecords"})).await;
    assert_eq!(
        dump["records"].as_array().map(Vec::len),
        Some(1),
        "the pool alone"
    );
    let answer = store.answer(assign("net.all", 1_000_000, 0)).await;
    assert_eq!(given(&answer, "v4").len(), 256, "{answer}");
    assert_eq!(answer["v4"]["refusal"], "exhausted", "{answer}");
    let none = store
        .answer(json!({"type": "releaseIPs", "addresses": []}))
        .await;
    assert_eq!(none["completed"], json!([]));
    Store::done(
        &store
            .answer(json!({"type": "releaseByHandle", "handle": "net.all"}))
            .await,
    );
    assert_eq!(
        given(&store.answer(assign("net.one", 1, 0)).await, "v4").len(),
        1
    );
}

#[tokio::test]
async fn three_hundred_pools_and_three_hundred_reservations_are_guarded_by_range() {
    let store = Store::new();
    for index in 0..300 {
        let (high, low) = (index / 256, index % 256);
        store
            .pool(&format!("p{index}"), &format!("10.{high}.{low}.0/24"), 28)
            .await;
        let spec = json!({"reservedCIDRs": [format!("10.{high}.{low}.0/28")]});
        let name = format!("r{index}");
        let create = json!({"type": "createReservation", "name": name, "spec": spec});
        Store::done(&store.answer(create).await);
    }
    for handle in ["net.a", "net.b"] {
        let answer = store.answer(assign(handle, 1, 0)).await;
        Store::done(&answer);
        let ips = given(&answer, "v4");
        let ordinal: u8 = ips[0]
            .split(['.', '/'])
            .nth(3)
            .and_then(|n| n.parse().ok())
            .expect("an address");
        assert!(16 <= ordinal, "{ips:?} is reserved");
        assert!(answer["requests"]["reads"].as_u64() <= Some(2), "{answer}");
        assert_eq!(answer["requests"]["writes"], 1, "{answer}");
    }
    let last = json!({"type": "autoAssign", "host": "n2", "use": "Workload", "num4": 1, "handle": "net.c", "pools4": ["p299"]});
    assert!(given(&store.answer(last).await, "v4")[0].starts_with("10.1.43."));
}

#[tokio::test]
async fn names_that_cannot_stand_in_a_key_are_refused_with_the_rule_and_others_serve() {
    let store = Store::new();
    store.pool("p", "10.0.0.0/24", 26).await;
    let long = "x".repeat(254);
    for (name, rule) in [
        ("", "it is empty"),
        ("a/b", "it contains `/`"),
        ("a b", "it contains white space"),
        ("a\u{0}b", "it contains white space or a control character"),
        ("a\nb", "it contains white space or a control character"),
        (long.as_str(), "it is longer than 253 bytes"),
    ] {
        for member in ["host", "handle"] {
            let mut operation = assign("net.a", 1, 0);
            operation[member] = json!(name);
            let answer = store.answer(operation).await;
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(error.contains(rule), "{member} {name:?}: {answer}");
            assert_eq!(answer["requests"]["reads"], 0, "{member} {name:?}");
        }
    }
    for name in [
        "n",
        "Node_1.example",
        "é",
        "..",
        "%2f",
        "host:n1",
        "<&>\"'",
        &long[1..],
    ] {
        let mut operation = assign(&format!("net.{}", &name[..name.len().min(200)]), 1, 0);
        operation["host"] = json!(name);
        let answer = store.answer(operation.clone()).await;
        assert_eq!(given(&answer, "v4").len(), 1, "{name}: {answer}");
        let released =
            store.answer(json!({"type": "releaseByHandle", "handle": operation["handle"]}));
        Store::done(&released.await);
        let removed = store
            .answer(json!({"type": "removeIPAMHost", "host": name}))
            .await;
        Store::done(&removed);
    }
    let dump = store.answer(json!({"type": "dumpRecords"})).await;
    assert_eq!(dump["records"].as_array().map(Vec::len), Some(1), "{dump}");
}

#[tokio::test]
async fn a_clock_that_goes_back_gives_no_address_twice_and_none_that_cools() {
    let store = Store::new();
    store.pool("p", "10.0.0.0/29", 30).await;
    let cool = json!({"autoAllocateBlocks": true, "ipCooldownSeconds": 60});
    Store::done(
        &store
            .answer(json!({"type": "setIPAMConfig", "config": cool}))
            .await,
    );
    let (late, early) = ("2030-01-01T00:00:00Z", "1999-12-31T23:59:59Z");
    let first = given(&store.at(late, assign("net.a", 1, 0)).await, "v4");
    Store::done(
        &store
            .at(late, json!({"type": "releaseByHandle", "handle": "net.a"}))
            .await,
    );
    let mut all = Vec::new();
    for index in 0..7 {
        let answer = store.at(early, assign(&format!("net.{index}"), 1, 0)).await;
        all.extend(given(&answer, "v4"));
    }
    assert_eq!(all.len(), 7);
    let before = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), before, "an address was given twice");
    assert!(
        !all.contains(&first[0]),
        "an address cools until its time, whatever the clock says"
    );
    let full = store.at(early, assign("net.7", 1, 0)).await;
    assert_eq!(full["v4"]["refusal"], "exhausted", "{full}");
    for index in 0..7 {
        let handle = format!("net.{index}");
        Store::done(
            &store
                .at(early, json!({"type": "releaseByHandle", "handle": handle}))
                .await,
        );
    }
    let after = given(
        &store
            .at("2030-01-01T00:02:00Z", assign("net.8", 8, 0))
            .await,
        "v4",
    );
    assert_eq!(after.len(), 8, "all have cooled");
}
