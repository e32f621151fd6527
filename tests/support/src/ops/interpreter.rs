//! From one operation to one result: its time, its requests, its faults.

use std::sync::Arc;

use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, SystemClock, Timestamp};
use block_ipam::datastore::Datastore;
use block_ipam::datastore::observe::Counting;
use block_ipam::entropy::Entropy;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::ops::clock::GivenClock;
use crate::ops::failure::Failure;
use crate::ops::operation::{Answer, Operation, World};
use crate::ops::{addresses, affinities, assign, machines, queries, records, resources};

/// Performs operations on a store, one after another.
#[derive(Debug)]
pub struct Interpreter {
    world: World,
    counting: Arc<Counting>,
}

impl Interpreter {
    /// Returns an interpreter on this store. What a process remembers is remembered from one operation to the next.
    pub fn new(store: Arc<dyn Datastore>, entropy: Arc<dyn Entropy>) -> Interpreter {
        let counting = Arc::new(Counting::new(store));
        let store: Arc<dyn Datastore> = Arc::<Counting>::clone(&counting);
        let clock = Arc::new(GivenClock::default());
        let given: Arc<dyn Clock> = Arc::<GivenClock>::clone(&clock);
        let allocator = Allocator::new(Arc::clone(&store), given, Arc::clone(&entropy));
        let world = World {
            allocator,
            store,
            clock,
            entropy,
        };
        Interpreter { world, counting }
    }

    /// Answers one line. A line that is no operation is answered too, with an error that names what is wrong.
    pub async fn answer_line(&self, line: &[u8]) -> Value {
        match serde_json::from_slice(line) {
            Ok(operation) => self.answer(operation).await,
            Err(error) => self.told(Err(Failure::bad_line(format!("not JSON: {error}")))),
        }
    }

    /// Performs one operation and returns its result, with the `requests` that it took.
    pub async fn answer(&self, operation: Value) -> Value {
        let answer = self.perform(operation).await;
        self.told(answer)
    }

    async fn perform(&self, operation: Value) -> Answer {
        let Value::Object(mut members) = operation else {
            return Err(Failure::bad_line(format!(
                "an operation is an object, not {operation}"
            )));
        };
        // Absent and null are the same: the zero value.
        members.retain(|_, value| !value.is_null());
        self.world.clock.set(time(members.remove("now"))?);
        match members.remove("type") {
            Some(Value::String(name)) => dispatch(&name, members, &self.world).await,
            Some(other) => Err(Failure::bad_line(format!("type: {other} is not text"))),
            None => Err(Failure::bad_line("missing field `type`")),
        }
    }

    fn told(&self, answer: Answer) -> Value {
        let mut told = answer.unwrap_or_else(|failure| failure.beside(json!({})));
        let counts = self.counting.take();
        told["requests"] = json!({ "reads": counts.reads, "writes": counts.commits });
        told
    }
}

/// Reads the time of an operation; that of the machine where it names none.
fn time(now: Option<Value>) -> Result<Timestamp, Failure> {
    let Some(now) = now else {
        return Ok(SystemClock.now());
    };
    let wrong = || {
        Failure::bad_line(format!(
            "now: {now} is not a time such as 2026-03-02T09:14:55Z"
        ))
    };
    let time: jiff::Timestamp = now
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(wrong)?;
    let nanos = i64::try_from(time.as_nanosecond()).map_err(|_| wrong())?;
    Ok(Timestamp::from_nanos(nanos))
}

/// Makes the table of operations: their names, and what each is read as.
macro_rules! operations {
    ($($name:literal => $operation:ty,)*) => {
        /// The operations, by the names that `type` has.
        pub const OPERATIONS: &[&str] = &[$($name),*];

        async fn dispatch(name: &str, members: Map<String, Value>, world: &World) -> Answer {
            match name {
                $($name => read::<$operation>(members)?.perform(world).await,)*
                other => Err(Failure::bad_line(format!(
                    "type: unknown operation `{other}`, known are {}",
                    OPERATIONS.join(", ")
                ))),
            }
        }
    };
}

operations! {
    "autoAssign" => assign::AutoAssign,
    "assignIP" => addresses::AssignIp,
    "releaseIPs" => addresses::ReleaseIps,
    "releaseByHandle" => addresses::ReleaseByHandle,
    "ipsByHandle" => queries::IpsByHandle,
    "getAttributes" => queries::GetAttributes,
    "setOwnerAttributes" => machines::SetOwnerAttributes,
    "promoteVMOwner" => machines::PromoteVmOwner,
    "vmHandle" => machines::VmHandle,
    "claimAffinity" => affinities::ClaimAffinity,
    "releaseAffinity" => affinities::ReleaseAffinity,
    "releaseBlockAffinity" => affinities::ReleaseBlockAffinity,
    "releaseHostAffinities" => affinities::ReleaseHostAffinities,
    "releasePoolAffinities" => affinities::ReleasePoolAffinities,
    "removeIPAMHost" => affinities::RemoveIpamHost,
    "ensureBlock" => affinities::EnsureBlock,
    "getIPAMConfig" => resources::GetIpamConfig,
    "setIPAMConfig" => resources::SetIpamConfig,
    "getUtilization" => queries::GetUtilization,
    "collectColdIPs" => affinities::CollectColdIps,
    "upgradeHost" => affinities::UpgradeHost,
    "createPool" => resources::CreatePool,
    "updatePool" => resources::UpdatePool,
    "deletePool" => resources::DeletePool,
    "createReservation" => resources::CreateReservation,
    "deleteReservation" => resources::DeleteReservation,
    "createNode" => resources::CreateNode,
    "deleteNode" => resources::DeleteNode,
    "putRecords" => records::PutRecords,
    "dumpRecords" => records::DumpRecords,
}

/// Reads the members of an operation. What is wrong is named by its path.
fn read<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        match error.path().to_string().as_str() {
            "." => Failure::bad_line(error.inner()),
            path => Failure::bad_line(format!("{path}: {}", error.inner())),
        }
    })
}
