//! The recorded operations on the writer, at the recorded time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::blocks::Address;
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::{Commit, Datastore, Memory, Range, Read, Txn, Write};
use block_ipam::revision::Revision;
use block_ipam_sim::calico::{
    Assigned, Attributes, Block, Calico, Config, Failure, InUse, Kv, Released,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::load::{Records, Requests, Transition};
use crate::starts;
use crate::trace::Tracing;

/// What became of a recorded operation.
#[derive(Debug)]
pub(crate) enum Perform {
    Done(Ended),
    Unknown,
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) answer: Value,
    pub(crate) after: Records,
    pub(crate) trace: Vec<String>,
    pub(crate) requests: Requests,
}

/// Does the operation on a store with the recorded content.
pub(crate) async fn run(transition: &Transition) -> Perform {
    let store = Arc::new(Tracing::default());
    load(&store.memory, &transition.before).await;
    let nanos = i64::try_from(transition.now.as_nanosecond()).expect("a time of this age");
    let clock = Arc::new(Fixed(Timestamp::from_nanos(nanos)));
    let calico = Calico::new(
        Arc::clone(&store) as Arc<dyn Datastore>,
        clock,
        starts::of(transition),
    );
    let Some(answer) = perform(&calico, &store, transition).await else {
        return Perform::Unknown;
    };
    Perform::Done(Ended {
        answer,
        after: content(&store.memory),
        trace: store.lines(),
        requests: store.requests(),
    })
}

async fn perform(calico: &Calico, store: &Tracing, transition: &Transition) -> Option<Value> {
    let text = |member: &str| transition.text(member);
    let cidr = || text("cidr").parse().expect("a CIDR");
    let in_use = if transition.operation["mustBeEmpty"] == true {
        InUse::Refuse
    } else {
        InUse::Disown
    };
    Some(match transition.kind() {
        "autoAssign" => {
            let done = calico.auto_assign(&of(&transition.operation)).await;
            let mut told = json!({ "v4": family(done.v4), "v6": family(done.v6) });
            tell(&mut told, done.failure);
            told
        }
        "assignIP" => ended(calico.assign_ip(&of(&transition.operation)).await),
        "releaseIPs" => {
            let options: Vec<_> = of(&transition.operation["addresses"]);
            released(calico.release_ips(&options).await)
        }
        "releaseByHandle" => ended(calico.release_by_handle(text("handle")).await),
        "ipsByHandle" => {
            let held = calico.ips_by_handle(text("handle")).await;
            answered(held.map(|ips| json!({ "ips": texts(&ips) })))
        }
        "getAttributes" => {
            let address = text("ip").parse().expect("an address");
            let looked = calico.attributes(address).await;
            answered(looked.map(|looked| {
                json!({ "handle": looked.handle, "active": looked.active, "alternate": looked.alternate })
            }))
        }
        "claimAffinity" => {
            let claimed = calico.claim_affinity(cidr(), &owner(transition)).await;
            answered(claimed.map(
                |(claimed, failed)| json!({ "claimed": texts(&claimed), "failed": texts(&failed) }),
            ))
        }
        "releaseAffinity" => ended(calico.release_affinity(cidr(), text("host"), in_use).await),
        "releaseBlockAffinity" => {
            let block = block_in(&store.memory, text("cidr")).await;
            ended(calico.release_block_affinity(&block.value, in_use).await)
        }
        "releaseHostAffinities" => ended(
            calico
                .release_host_affinities(&owner(transition), in_use)
                .await,
        ),
        "releasePoolAffinities" => ended(calico.release_pool_affinities(cidr()).await),
        "removeIPAMHost" => ended(calico.remove_host(&owner(transition)).await),
        "ensureBlock" => {
            let blocks = calico.ensure_block(&of(&transition.operation)).await;
            answered(blocks.map(|(v4, v6)| {
                let text =
                    |block: Option<block_ipam::blocks::Cidr>| block.map(|block| block.to_string());
                json!({ "v4": text(v4), "v6": text(v6) })
            }))
        }
        "collectColdIPs" => {
            let block = block_in(&store.memory, text("cidr")).await;
            let config = config_in(&store.memory).await;
            ended(calico.collect_cold(block, &config).await)
        }
        _ => return operator(calico, transition).await,
    })
}

async fn operator(calico: &Calico, transition: &Transition) -> Option<Value> {
    let (name, operation) = (transition.text("name"), &transition.operation);
    Some(match transition.kind() {
        "getIPAMConfig" => answered(calico.config().await.map(|config| {
            json!({ "config": {
                "strictAffinity": config.strict,
                "autoAllocateBlocks": config.auto_allocate,
                "maxBlocksPerHost": config.max_blocks,
                "ipCooldownSeconds": config.cooldown_seconds,
                "kubeVirtVMAddressPersistence": config.persistence,
            }})
        })),
        "setIPAMConfig" => ended(calico.set_config(&config_of(&operation["config"])).await),
        "createPool" => ended(calico.create_pool(name, &operation["spec"]).await),
        "updatePool" => {
            let members = operation["spec"].as_object().expect("members");
            ended(calico.update_pool(name, members).await)
        }
        "deletePool" => ended(calico.delete_pool(name).await),
        "createReservation" => {
            let cidrs: Vec<String> = of(&operation["spec"]["reservedCIDRs"]);
            ended(calico.create_reservation(name, &cidrs).await)
        }
        "deleteReservation" => ended(calico.delete_reservation(name).await),
        "createNode" => {
            let labels: Option<Attributes> = of(&operation["labels"]);
            ended(calico.create_node(name, &labels.unwrap_or_default()).await)
        }
        "deleteNode" => ended(calico.delete_node(name).await),
        _ => return None,
    })
}

fn config_of(config: &Value) -> Config {
    let flag = |member: &str| config[member].as_bool().expect("a switch");
    let number = |member: &str| config[member].as_i64().expect("a number");
    Config {
        strict: flag("strictAffinity"),
        auto_allocate: flag("autoAllocateBlocks"),
        max_blocks: number("maxBlocksPerHost"),
        persistence: of(&config["kubeVirtVMAddressPersistence"]),
        cooldown_seconds: number("ipCooldownSeconds"),
    }
}

fn of<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"))
}

fn owner(transition: &Transition) -> String {
    let kind = match transition.text("affinityType") {
        "virtual" => "virtual",
        _ => "host",
    };
    format!("{kind}:{}", transition.text("host"))
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn family(got: Option<Assigned>) -> Value {
    let Some(got) = got else { return Value::Null };
    let ips: Vec<String> = got
        .ips
        .iter()
        .map(|(address, length)| format!("{address}/{length}"))
        .collect();
    let mut told = json!({ "ips": ips, "requested": got.requested });
    if !got.messages.is_empty() {
        told["messages"] = json!(got.messages);
    }
    told
}

fn released(mut done: Released) -> Value {
    let sorted = |addresses: &[Address]| {
        let mut texts = texts(addresses);
        texts.sort();
        texts
    };
    let mut told = json!({
        "notAllocated": sorted(&done.not_allocated),
        "completed": sorted(&done.completed),
    });
    tell(&mut told, done.failure.take());
    told
}

fn ended(done: Result<(), Failure>) -> Value {
    answered(done.map(|()| json!({})))
}

fn answered(done: Result<Value, Failure>) -> Value {
    match done {
        Ok(told) => told,
        Err(failure) => {
            let mut told = json!({});
            tell(&mut told, Some(failure));
            told
        }
    }
}

fn tell(told: &mut Value, failure: Option<Failure>) {
    if let Some(failure) = failure {
        let mut text = failure.to_string();
        if let Some(at) = text.find("value=not JSON") {
            text.truncate(at);
        }
        told["error"] = json!(text);
    }
}

async fn block_in(store: &Memory, cidr: &str) -> Kv<Block> {
    let family = if cidr.contains(':') { 6 } else { 4 };
    let dashed = cidr.replacen('/', "-", 1);
    let key = format!("/calico/ipam/v2/assignment/ipv{family}/block/{dashed}");
    let (value, revision) = found(store, &key).await.expect("the block");
    Kv {
        value: serde_json::from_slice(&value).expect("a block"),
        key,
        revision,
    }
}

async fn config_in(store: &Memory) -> Config {
    let found = found(store, "/calico/ipam/v2/config").await;
    found.map_or_else(Config::default, |(value, _)| {
        serde_json::from_slice(&value).expect("a configuration")
    })
}

async fn found(store: &Memory, key: &str) -> Option<(Vec<u8>, Revision)> {
    let snapshot = store.read(Read::latest(vec![Range::key(key)])).await;
    let mut entries = snapshot
        .expect("the memory store reads")
        .found
        .remove(0)
        .entries;
    entries.pop().map(|entry| (entry.value, entry.modified))
}

async fn load(store: &Memory, records: &Records) {
    for (key, value) in records.clone() {
        let txn = Txn {
            guards: vec![],
            writes: vec![Write::Put(key, value.into_bytes())],
        };
        let done = store.commit(txn).await.expect("the memory store commits");
        assert!(matches!(done, Commit::Applied(_)));
    }
}

fn content(store: &Memory) -> Records {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let entries = store.entries().into_iter();
    entries
        .map(|entry| (entry.key, text(entry.value)))
        .collect()
}

/// A clock that stands still and never waits.
#[derive(Debug)]
struct Fixed(Timestamp);

#[async_trait]
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}
