//! The recorded operations on a store, at the recorded time, through the code of `examples/ops.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use block_ipam::datastore::Datastore;
use block_ipam::entropy::Entropy;
use block_ipam_testing::ops::Interpreter;
use serde_json::{Value, json};

use crate::answer::{Answer, ours};
use crate::load::{Records, Transition};

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) answer: Answer,
    /// The records that a transition compares.
    pub(crate) after: Records,
    /// Reads and commits.
    pub(crate) requests: u64,
}

/// The recorder left this record out, which Calico's stores always have.
const CLUSTER: (&str, &str) = (
    "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    r#"{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"9d8c3b9f-9b5c-49f0-aa9f-3381c08c5e81","creationTimestamp":"2026-11-21T08:37:41Z"},"spec":{"datastoreReady":true}}"#,
);

/// Does the operation on a store that has the recorded content and nothing else.
pub(crate) async fn run(store: &Arc<dyn Datastore>, transition: &Transition) -> Ended {
    let interpreter = Interpreter::new(Arc::clone(store), Arc::new(Counted::default()));
    let mut before = transition.before.clone();
    before.insert(CLUSTER.0.to_owned(), CLUSTER.1.to_owned());
    lay(&interpreter, &before).await;

    let mut operation = transition.operation.clone();
    operation["now"] = json!(transition.now.to_string());
    let result = interpreter.answer(operation).await;
    let number = |member: &str| result["requests"][member].as_u64().expect("a number");

    Ended {
        answer: ours(transition, &result),
        after: dump(&interpreter).await,
        requests: number("reads") + number("writes"),
    }
}

/// Does operations one after another, none of which may fail, on a store that has the given content and nothing else.
pub(crate) async fn run_all(store: &Arc<dyn Datastore>, before: &Records, operations: Vec<Value>) {
    let interpreter = Interpreter::new(Arc::clone(store), Arc::new(Counted::default()));
    lay(&interpreter, before).await;
    for operation in operations {
        done(&interpreter.answer(operation).await);
    }
}

async fn lay(interpreter: &Interpreter, records: &Records) {
    let records = records.iter();
    let records = records.map(|(key, value)| json!({ "key": key, "value": value }));
    let records: Vec<Value> = records.collect();
    let laid = json!({ "type": "putRecords", "replace": true, "records": records });
    done(&interpreter.answer(laid).await);
}

#[track_caller]
fn done(answer: &Value) {
    assert!(answer.get("error").is_none(), "{answer}");
}

async fn dump(interpreter: &Interpreter) -> Records {
    let dump = interpreter.answer(json!({ "type": "dumpRecords" })).await;
    let text = |record: &Value, member: &str| record[member].as_str().expect("text").to_owned();
    let records = dump["records"].as_array().expect("records").iter();
    records
        .map(|record| (text(record, "key"), text(record, "value")))
        .collect()
}

/// Bits that look random and are the same in each run (splitmix64).
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn bits(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
