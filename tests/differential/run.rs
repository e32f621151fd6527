//! The recorded operations on our allocator, at the recorded time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::affinity::RangeRefusal;
use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{Assign, Grant, PoolRef, ReleaseAddress, ReleaseHandle, Shortage, Wanted};
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::blocks::{Address, Family};
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::port::MAX_WRITES;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Memory, Txn, Write};
use block_ipam::entropy::Entropy;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::refusal::Refusal;
use block_ipam::resources::{ChangeRefusal, Use};
use serde_json::{Value, json};

use crate::affinities;
use crate::calico::Answer;
use crate::counting::Counting;
use crate::load::{Records, Transition};
use crate::{addresses, operators};

/// What became of a recorded operation.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was done.
    Ended(Ended),
    /// We have no such operation.
    NotYet(String),
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) answer: Answer,
    pub(crate) after: Records,
    /// Reads and commits.
    pub(crate) requests: u64,
}

/// Why an operation gave no answer.
pub(crate) enum Stopped {
    NotYet(String),
    Refused(String),
}

/// Does the operation on a store with the recorded content.
pub(crate) async fn run(transition: &Transition) -> Outcome {
    let store = Arc::new(Memory::default());
    load(&store, &transition.before).await;
    let nanos = i64::try_from(transition.now.as_nanosecond()).expect("a time of this age");
    let counting = Arc::new(Counting::new(Arc::clone(&store)));
    let allocator = Allocator::new(
        Arc::clone(&counting) as Arc<dyn Datastore>,
        Arc::new(Fixed(Timestamp::from_nanos(nanos))),
        Arc::new(Counted::default()),
    );
    let answer = match perform(&allocator, transition).await {
        Ok(answer) => Ok(answer),
        Err(Stopped::Refused(word)) => Err(word),
        Err(Stopped::NotYet(operation)) => return Outcome::NotYet(operation),
    };
    Outcome::Ended(Ended {
        answer,
        after: content(&store),
        requests: counting.requests(),
    })
}

/// The recorder left this record out, which Calico's stores always have.
const CLUSTER: (&str, &str) = (
    "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    r#"{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"9d8c3b9f-9b5c-49f0-aa9f-3381c08c5e81","creationTimestamp":"2026-11-21T08:37:41Z"},"spec":{"datastoreReady":true}}"#,
);

async fn load(store: &Memory, records: &Records) {
    let cluster = [(CLUSTER.0.to_owned(), CLUSTER.1.to_owned())];
    let writes: Vec<Write> = records
        .clone()
        .into_iter()
        .chain(cluster)
        .map(|(key, value)| Write::Put(key, value.into_bytes()))
        .collect();
    for writes in writes.chunks(MAX_WRITES) {
        let txn = Txn {
            guards: vec![],
            writes: writes.to_vec(),
        };
        let done = store.commit(txn).await.expect("the memory store commits");
        assert!(matches!(done, Commit::Applied(_)));
    }
}

fn content(store: &Memory) -> Records {
    store
        .entries()
        .into_iter()
        .filter(|entry| entry.key != CLUSTER.0)
        .map(|entry| (entry.key, String::from_utf8(entry.value).expect("text")))
        .collect()
}

async fn perform(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    match transition.kind() {
        "autoAssign" => auto_assign(allocator, transition).await,
        "releaseByHandle" => release_by_handle(allocator, transition).await,
        "releaseIPs" => release_ips(allocator, transition).await,
        other => {
            let mut done = addresses::perform(allocator, transition).await;
            if done.is_none() {
                done = affinities::perform(allocator, transition).await;
            }
            if done.is_none() {
                done = operators::perform(allocator, transition).await;
            }
            done.unwrap_or_else(|| Err(Stopped::NotYet(other.to_owned())))
        }
    }
}

/// Asks for what there is, as Calico does; a refusal is an answer without addresses.
async fn auto_assign(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let granted = match request(&transition.operation) {
        Ok(request) => allocator.assign(&request, &Hint::default()).await,
        Err(refused) => return short(refused),
    };
    match granted {
        Ok(grant) => Ok(json!({
            "v4": addresses(&grant, Family::V4),
            "v6": addresses(&grant, Family::V6),
            "short": grant.shortages.first().map(word),
        })),
        Err(error) => short(stopped(&error)),
    }
}

fn short(stopped: Stopped) -> Result<Value, Stopped> {
    match stopped {
        Stopped::Refused(word) => Ok(json!({ "v4": [], "v6": [], "short": word })),
        Stopped::NotYet(_) => Err(stopped),
    }
}

fn request(operation: &Value) -> Result<Assign, Stopped> {
    let wanted = |count: &str, pools: &str, slots: &str| Wanted {
        count: number(&operation[count]),
        pools: texts(&operation[pools]).map(PoolRef::parse).collect(),
        reserved_slots: reserved(&operation[slots]),
    };
    let namespace = &operation["namespace"];
    Ok(Assign {
        handle: operation["handle"].as_str().map(handle).transpose()?,
        interface: None,
        node: NodeName::new(operation["host"].as_str().expect("a host")).map_err(bad)?,
        attributes: labels(&operation["attrs"]),
        v4: wanted("num4", "pools4", "reserved4"),
        v6: wanted("num6", "pools6", "reserved6"),
        purpose: purpose(operation["use"].as_str().unwrap_or_default())?,
        namespace: namespace.is_object().then(|| labels(&namespace["labels"])),
        shortage: Shortage::Accept,
        max_blocks: number(&operation["maxBlocks"]),
        max_per_handle: number(&operation["maxPerHandle"]),
    })
}

pub(crate) fn reserved(slots: &Value) -> Option<ReservedSlots> {
    let text = |member: &str| slots[member].as_str().unwrap_or_default().to_owned();
    let count = |member: &str| u16::try_from(number(&slots[member])).expect("few slots");
    slots.is_object().then(|| ReservedSlots {
        start: count("start"),
        end: count("end"),
        handle: text("handle"),
        note: text("note"),
    })
}

/// Calico prints a new address with the length of its block, and one that was held before with its own.
fn addresses(grant: &Grant, family: Family) -> Vec<String> {
    let of_family = grant
        .addresses
        .iter()
        .filter(|granted| granted.block.family() == family);
    of_family
        .map(|granted| match (grant.repeated, family) {
            (false, _) => format!("{}/{}", granted.address, granted.block.cidr().length()),
            (true, Family::V4) => format!("{}/32", granted.address),
            (true, Family::V6) => format!("{}/128", granted.address),
        })
        .collect()
}

async fn release_by_handle(
    allocator: &Allocator,
    transition: &Transition,
) -> Result<Value, Stopped> {
    let id = transition.text("handle");
    let handle = match id {
        "" => handle(id)?,
        _ => HandleId::stored(id),
    };
    let request = ReleaseHandle {
        handle,
        interface: None,
        aliases: Vec::new(),
    };
    let released = allocator
        .release_by_handle(&request, &Hint::default())
        .await;
    released.map_err(|error| stopped(&error))?;
    Ok(json!({}))
}

/// A refused address is the answer, as it is for Calico; the records tell what was released all the same.
async fn release_ips(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let list = transition.operation["addresses"].as_array();
    let addresses = list.expect("addresses").iter().map(release_address);
    let addresses: Vec<ReleaseAddress> = addresses.collect::<Result<_, _>>()?;
    let done = allocator.release_addresses(&addresses).await;
    let done = done.map_err(|error| stopped(&error))?;
    match done.refused.first() {
        Some((_, refusal)) => Err(Stopped::Refused(word(refusal).to_owned())),
        None => Ok(json!({
            "released": distinct(&done.released),
            "notAssigned": distinct(&done.not_assigned),
        })),
    }
}

fn release_address(one: &Value) -> Result<ReleaseAddress, Stopped> {
    Ok(ReleaseAddress {
        address: one["ip"].as_str().expect("text").parse().map_err(bad)?,
        handle: one["handle"].as_str().map(HandleId::stored),
        sequence: one["sequence"].as_u64(),
    })
}

fn distinct(addresses: &[Address]) -> BTreeSet<String> {
    addresses.iter().map(ToString::to_string).collect()
}

pub(crate) fn number(value: &Value) -> usize {
    let number = value.as_u64().unwrap_or_default();
    usize::try_from(number).expect("a small number")
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

pub(crate) fn labels(members: &Value) -> BTreeMap<String, String> {
    let members = members.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
        .collect()
}

fn handle(id: &str) -> Result<HandleId, Stopped> {
    HandleId::new(id).map_err(bad)
}

pub(crate) fn purpose(word: &str) -> Result<Use, Stopped> {
    [Use::Workload, Use::Tunnel, Use::LoadBalancer]
        .into_iter()
        .find(|purpose| purpose.word() == word)
        .ok_or_else(|| bad(word))
}

/// What our types do not let anybody ask.
pub(crate) fn bad(_: impl std::fmt::Debug) -> Stopped {
    Stopped::Refused("bad request".to_owned())
}

pub(crate) fn stopped(error: &AllocatorError) -> Stopped {
    let word = match error {
        AllocatorError::Refused(refusal) => word(refusal),
        AllocatorError::Store(DatastoreError::Corrupt { .. }) => "corrupt",
        other => return Stopped::Refused(other.to_string()),
    };
    Stopped::Refused(word.to_owned())
}

fn word(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::NoPool(_) | Refusal::NoAdmissiblePool { .. } => "no pool admits it",
        Refusal::BadPool { .. } => "bad pool",
        Refusal::Exhausted { .. } | Refusal::NoAutoAllocation { .. } => "exhausted",
        Refusal::BlockLimit { .. } => "block limit",
        Refusal::AddressTaken { .. } => "taken",
        Refusal::OtherAssignment { .. } => "other assignment",
        Refusal::OutsidePools(_) => "outside pools",
        Refusal::NotAssigned(_) | Refusal::HoldsNothing(_) => "not found",
        Refusal::HandleFull { .. } => "handle full",
        Refusal::StrictAffinity { .. } => "strict affinity",
        Refusal::OtherBlockSize { .. } => "other block size",
        Refusal::OtherOwner { .. } => "update conflict",
        Refusal::NoAlternateOwner(_) => "alternate owner empty",
        Refusal::UnknownNode(_) => "no node record",
        Refusal::Corrupt(_) => "corrupt",
        Refusal::Change(ChangeRefusal::Exists(..)) => "taken",
        Refusal::Change(ChangeRefusal::NotFound(..)) => "not found",
        Refusal::Change(ChangeRefusal::InUse { .. }) => "in use",
        Refusal::Change(_) => "validation",
        Refusal::Range(RangeRefusal::OutsidePools(_)) => "outside pools",
        Refusal::Range(RangeRefusal::BelowBlockSize { .. }) => "below block size",
        Refusal::Rule(text) => text,
        _ => "a refusal that the comparison does not know",
    }
}

/// A clock that stands at the recorded time.
#[derive(Debug)]
struct Fixed(Timestamp);

#[async_trait]
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
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
