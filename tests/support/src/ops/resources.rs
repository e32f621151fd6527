//! What operators write: pools, reservations, nodes, the configuration.

use std::collections::BTreeMap;

use block_ipam::clock::Clock;
use block_ipam::datastore::codec::encode_pool;
use block_ipam::ids::ResourceName;
use block_ipam::plan::Step;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{
    Mode, Put, delete_reservation, put_node, put_pool, put_reservation,
};
use block_ipam::resources::reservation_rules::reservation;
use block_ipam::resources::{Config, FieldError, Metadata, Node, Pool, PoolSpec};
use block_ipam::unknown::Unknown;
use jiff::fmt::strtime;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ops::failure::Failure;
use crate::ops::operation::{Answer, Operation, World, node};

type Labels = BTreeMap<String, String>;

/// The `spec` of a pool, as in a manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Spec {
    cidr: Option<String>,
    block_size: Option<i64>,
    node_selector: Option<String>,
    namespace_selector: Option<String>,
    allowed_uses: Vec<String>,
    assignment_mode: Option<String>,
    ipip_mode: Option<String>,
    vxlan_mode: Option<String>,
    nat_outgoing: Option<bool>,
    disabled: Option<bool>,
    #[serde(rename = "disableBGPExport")]
    disable_bgp_export: Option<bool>,
}

impl Spec {
    fn pool(self, metadata: Metadata) -> Result<Pool, Failure> {
        let spec = PoolSpec {
            metadata,
            cidr: self.cidr,
            block_size: self.block_size,
            node_selector: self.node_selector,
            namespace_selector: self.namespace_selector,
            allowed_uses: self.allowed_uses,
            assignment_mode: self.assignment_mode,
            ipip_mode: self.ipip_mode,
            vxlan_mode: self.vxlan_mode,
            nat_outgoing: self.nat_outgoing,
            disabled: self.disabled,
            disable_bgp_export: self.disable_bgp_export,
        };
        spec.pool().map_err(|faults| invalid(&faults))
    }
}

fn invalid(faults: &[FieldError]) -> Failure {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::of("validation", "validation", texts.join("; "))
}

/// Creates a pool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePool {
    name: String,
    spec: Spec,
    #[serde(default)]
    labels: Labels,
}

impl Operation for CreatePool {
    async fn perform(self, world: &World) -> Answer {
        let value = self.spec.pool(metadata(world, self.name, self.labels))?;
        write_pool(world, value, Mode::Create).await
    }
}

async fn write_pool(world: &World, value: Pool, mode: Mode) -> Answer {
    let request = put(value, mode);
    let decide = |view: &_, context| put_pool(view, &request, context);
    world.allocator.run(decide).await?;
    Ok(json!({}))
}

const fn put<T>(value: T, mode: Mode) -> Put<T> {
    Put {
        value,
        mode,
        expected: None,
    }
}

/// Lays members over those of a stored pool, as an editor does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdatePool {
    name: String,
    spec: Map<String, Value>,
}

impl Operation for UpdatePool {
    async fn perform(self, world: &World) -> Answer {
        let name = ResourceName::stored(&self.name);
        let stored = world.allocator.run(|view, _| match view.pools() {
            Ok(pools) => Step::Done(pools.records.get(&name).map(|pool| pool.value.clone())),
            Err(stop) => Step::from(stop),
        });
        let not_found = || {
            Failure::of(
                "not found",
                "not found",
                format!("IPPool `{name}` does not exist"),
            )
        };
        let stored = stored.await?.ok_or_else(not_found)?;
        let record: Value =
            serde_json::from_slice(&encode_pool(&stored)).expect("records are JSON");
        let mut spec = record["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|member, _| KNOWN.contains(&member.as_str()));
        spec.extend(self.spec);
        let spec: Spec =
            serde_path_to_error::deserialize(Value::Object(spec)).map_err(|error| {
                Failure::bad_line(format!("spec.{}: {}", error.path(), error.inner()))
            })?;
        write_pool(world, spec.pool(stored.metadata)?, Mode::Replace).await
    }
}

/// The members of a stored pool that an operator writes; the others stay as they are.
const KNOWN: [&str; 11] = [
    "cidr",
    "blockSize",
    "nodeSelector",
    "namespaceSelector",
    "allowedUses",
    "assignmentMode",
    "ipipMode",
    "vxlanMode",
    "natOutgoing",
    "disabled",
    "disableBGPExport",
];

/// Drains a pool and deletes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletePool {
    name: String,
}

impl Operation for DeletePool {
    async fn perform(self, world: &World) -> Answer {
        world.allocator.delete_pool(&deletion(&self.name)).await?;
        Ok(json!({}))
    }
}

fn deletion(name: &str) -> Delete {
    Delete {
        name: ResourceName::stored(name),
        expected: None,
    }
}

/// Creates a reservation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateReservation {
    name: String,
    spec: Reserved,
    #[serde(default)]
    labels: Labels,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Reserved {
    #[serde(default, rename = "reservedCIDRs")]
    reserved_cidrs: Vec<String>,
}

impl Operation for CreateReservation {
    async fn perform(self, world: &World) -> Answer {
        let metadata = metadata(world, self.name, self.labels);
        let value = reservation(metadata, self.spec.reserved_cidrs).map_err(|f| invalid(&f))?;
        let request = put(value, Mode::Create);
        let decide = |view: &_, context| put_reservation(view, &request, context);
        world.allocator.run(decide).await?;
        Ok(json!({}))
    }
}

/// Deletes a reservation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteReservation {
    name: String,
}

impl Operation for DeleteReservation {
    async fn perform(self, world: &World) -> Answer {
        let request = deletion(&self.name);
        let decide = |view: &_, context| delete_reservation(view, &request, context);
        world.allocator.run(decide).await?;
        Ok(json!({}))
    }
}

/// Writes the record of a node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateNode {
    name: String,
    #[serde(default)]
    labels: Labels,
}

impl Operation for CreateNode {
    async fn perform(self, world: &World) -> Answer {
        let value = Node {
            metadata: metadata(world, self.name, self.labels),
            unknown: Unknown::default(),
        };
        let request = put(value, Mode::Create);
        let decide = |view: &_, context| put_node(view, &request, context);
        world.allocator.run(decide).await?;
        Ok(json!({}))
    }
}

/// Deletes a node with what it owns. Addresses stay held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteNode {
    name: String,
}

impl Operation for DeleteNode {
    async fn perform(self, world: &World) -> Answer {
        world.allocator.delete_node(&node(&self.name)?).await?;
        Ok(json!({}))
    }
}

/// Returns the metadata of a new resource.
fn metadata(world: &World, name: String, labels: Labels) -> Metadata {
    let seconds = world.clock.now().nanos().div_euclid(1_000_000_000);
    let created = jiff::Timestamp::from_second(seconds)
        .and_then(|time| strtime::format("%Y-%m-%dT%H:%M:%SZ", time))
        .expect("nanoseconds of 64 bits are within the years that have a text");
    let bits = u128::from(world.entropy.bits()) << 64 | u128::from(world.entropy.bits());
    let uuid = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
    Metadata {
        name,
        uid: Some(uuid.to_string()),
        created: Some(created),
        labels,
        ..Metadata::default()
    }
}

/// Writes the configuration whole: a member that is absent is zero.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetIpamConfig {
    config: Configuration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Configuration {
    strict_affinity: bool,
    auto_allocate_blocks: bool,
    max_blocks_per_host: i64,
    ip_cooldown_seconds: i64,
    #[serde(rename = "kubeVirtVMAddressPersistence")]
    vm_address_persistence: Option<String>,
}

impl Operation for SetIpamConfig {
    async fn perform(self, world: &World) -> Answer {
        let value = Config {
            strict_affinity: self.config.strict_affinity,
            auto_allocate_blocks: self.config.auto_allocate_blocks,
            max_blocks_per_host: self.config.max_blocks_per_host,
            vm_address_persistence: self.config.vm_address_persistence,
            cooldown_seconds: self.config.ip_cooldown_seconds,
            unknown: Unknown::default(),
        };
        let request = put(value, Mode::Apply);
        world.allocator.put_config(&request).await?;
        Ok(json!({}))
    }
}

/// Tells the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetIpamConfig {}

impl Operation for GetIpamConfig {
    async fn perform(self, world: &World) -> Answer {
        let config = world.allocator.config().await?;
        Ok(json!({ "config": {
            "strictAffinity": config.strict_affinity,
            "autoAllocateBlocks": config.auto_allocate_blocks,
            "maxBlocksPerHost": config.max_blocks_per_host,
            "ipCooldownSeconds": config.cooldown_seconds,
            "kubeVirtVMAddressPersistence": config.vm_address_persistence,
        }}))
    }
}
