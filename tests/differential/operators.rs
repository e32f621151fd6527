//! What operators do, on our plans: pools, reservations, nodes, configuration.

use block_ipam::allocator::Allocator;
use block_ipam::ids::ResourceName;
use block_ipam::plan::Step;
use block_ipam::report::{BlockUsage, Numbers, PoolUsage};
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{
    Mode, Put, delete_pool, delete_reservation, put_node, put_pool, put_reservation,
};
use block_ipam::resources::reservation_rules::reservation;
use block_ipam::resources::{Config, FieldError, Metadata, Node, Pool, PoolSpec};
use block_ipam::unknown::Unknown;
use serde_json::{Value, json};

use crate::load::Transition;
use crate::run::{Stopped, labels, stopped};

/// Does the operation if it is one of these.
pub(crate) async fn perform(
    allocator: &Allocator,
    transition: &Transition,
) -> Option<Result<Value, Stopped>> {
    Some(match transition.kind() {
        "createPool" => create_pool(allocator, transition).await,
        "updatePool" => update_pool(allocator, transition).await,
        "deletePool" => {
            let request = deletion(transition);
            let done = allocator.run(|view, context| delete_pool(view, &request, context));
            done.await.map_err(|e| stopped(&e)).map(|()| json!({}))
        }
        "createReservation" => create_reservation(allocator, transition).await,
        "deleteReservation" => {
            let request = deletion(transition);
            let done = allocator.run(|view, context| delete_reservation(view, &request, context));
            done.await.map_err(|e| stopped(&e)).map(|()| json!({}))
        }
        "createNode" => create_node(allocator, transition).await,
        "setIPAMConfig" => set_config(allocator, &transition.operation["config"]).await,
        "getIPAMConfig" => get_config(allocator).await,
        "getUtilization" => get_utilization(allocator, transition).await,
        _ => return None,
    })
}

async fn create_pool(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let spec = pool_spec(metadata(transition), &transition.operation["spec"]);
    put(allocator, Mode::Create, spec.pool().map_err(invalid)?).await
}

/// The members of the operation are laid over the stored pool, as an editor does.
async fn update_pool(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let name = ResourceName::stored(transition.text("name"));
    let stored = allocator.run(|view, _| match view.pools() {
        Ok(pools) => Step::Done(pools.records.get(&name).map(|pool| pool.value.clone())),
        Err(stop) => Step::from(stop),
    });
    let stored = stored
        .await
        .map_err(|e| stopped(&e))?
        .expect("a stored pool");
    let mut spec = json!({ "cidr": stored.cidr.to_string(), "blockSize": stored.block_length });
    let edited = transition.operation["spec"].as_object().expect("members");
    for (member, value) in edited {
        spec[member] = value.clone();
    }
    let edited = pool_spec(stored.metadata, &spec).pool();
    put(allocator, Mode::Replace, edited.map_err(invalid)?).await
}

async fn put(allocator: &Allocator, mode: Mode, value: Pool) -> Result<Value, Stopped> {
    let request = Put {
        value,
        mode,
        expected: None,
    };
    let done = allocator.run(|view, context| put_pool(view, &request, context));
    done.await.map_err(|e| stopped(&e)).map(|_| json!({}))
}

fn pool_spec(metadata: Metadata, spec: &Value) -> PoolSpec {
    let text = |member: &str| spec[member].as_str().map(str::to_owned);
    let flag = |member: &str| spec[member].as_bool();
    let uses = spec["allowedUses"].as_array().into_iter().flatten();
    PoolSpec {
        metadata,
        cidr: text("cidr"),
        block_size: spec["blockSize"].as_i64(),
        node_selector: text("nodeSelector"),
        namespace_selector: text("namespaceSelector"),
        allowed_uses: uses.filter_map(Value::as_str).map(str::to_owned).collect(),
        assignment_mode: text("assignmentMode"),
        ipip_mode: text("ipipMode"),
        vxlan_mode: text("vxlanMode"),
        nat_outgoing: flag("natOutgoing"),
        disabled: flag("disabled"),
        disable_bgp_export: flag("disableBGPExport"),
    }
}

fn deletion(transition: &Transition) -> Delete {
    Delete {
        name: ResourceName::stored(transition.text("name")),
        expected: None,
    }
}

async fn create_reservation(
    allocator: &Allocator,
    transition: &Transition,
) -> Result<Value, Stopped> {
    let entries = transition.operation["spec"]["reservedCIDRs"].as_array();
    let entries = entries.into_iter().flatten().filter_map(Value::as_str);
    let entries = entries.map(str::to_owned).collect();
    let request = Put {
        value: reservation(metadata(transition), entries).map_err(invalid)?,
        mode: Mode::Create,
        expected: None,
    };
    let done = allocator.run(|view, context| put_reservation(view, &request, context));
    done.await.map_err(|e| stopped(&e)).map(|_| json!({}))
}

async fn create_node(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let request = Put {
        value: Node {
            metadata: metadata(transition),
            unknown: Unknown::default(),
        },
        mode: Mode::Create,
        expected: None,
    };
    let done = allocator.run(|view, context| put_node(view, &request, context));
    done.await.map_err(|e| stopped(&e)).map(|_| json!({}))
}

fn metadata(transition: &Transition) -> Metadata {
    Metadata {
        name: transition.text("name").to_owned(),
        uid: Some("0f6d4a52-7c1e-4b5a-9d3f-2a8e61c04b17".to_owned()),
        created: Some(transition.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        labels: labels(&transition.operation["labels"]),
        ..Metadata::default()
    }
}

async fn set_config(allocator: &Allocator, config: &Value) -> Result<Value, Stopped> {
    let flag = |member: &str| config[member].as_bool().expect("a switch");
    let persistence = config["kubeVirtVMAddressPersistence"].as_str();
    let request = Put {
        value: Config {
            strict_affinity: flag("strictAffinity"),
            auto_allocate_blocks: flag("autoAllocateBlocks"),
            max_blocks_per_host: config["maxBlocksPerHost"].as_i64().expect("a number"),
            vm_address_persistence: persistence.map(str::to_owned),
            cooldown_seconds: config["ipCooldownSeconds"].as_i64().expect("a number"),
            unknown: Unknown::default(),
        },
        mode: Mode::Apply,
        expected: None,
    };
    let done = allocator.put_config(&request).await;
    done.map_err(|e| stopped(&e)).map(|_| json!({}))
}

async fn get_config(allocator: &Allocator) -> Result<Value, Stopped> {
    let config = allocator.config().await.map_err(|e| stopped(&e))?;
    Ok(json!({ "config": {
        "strictAffinity": config.strict_affinity,
        "autoAllocateBlocks": config.auto_allocate_blocks,
        "maxBlocksPerHost": config.max_blocks_per_host,
        "ipCooldownSeconds": config.cooldown_seconds,
        "kubeVirtVMAddressPersistence": config.vm_address_persistence,
    }}))
}

/// Pools may be named by name or CIDR; the blocks of none are told where no pool is named.
async fn get_utilization(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let usage = allocator.usage().await.map_err(|e| stopped(&e))?.report;
    let numbers = |numbers: Numbers| {
        json!({ "capacity": numbers.total, "inUse": numbers.in_use,
                "reserved": numbers.reserved, "available": numbers.free })
    };
    let with = |mut told: Value, member: &str, value: Value| {
        told[member] = value;
        told
    };
    let blocks = |blocks: &[BlockUsage]| -> Value {
        let block = |block: &BlockUsage| {
            with(
                numbers(block.numbers),
                "cidr",
                json!(block.cidr.to_string()),
            )
        };
        blocks.iter().map(block).collect()
    };
    let named = transition.operation["pools"].as_array();
    let wanted = |pool: &&PoolUsage| {
        let is = |name: &Value| *name == *pool.name.as_str() || *name == *pool.cidr.to_string();
        named.is_none_or(|names| names.iter().any(is))
    };
    let pool = |name: &str, cidr: &str, sums: Numbers, own: &[BlockUsage]| {
        let told = with(numbers(sums), "name", json!(name));
        with(with(told, "cidr", json!(cidr)), "blocks", blocks(own))
    };
    let pools = usage.pools.iter().filter(wanted);
    let mut told: Vec<Value> = pools
        .map(|own| {
            pool(
                own.name.as_str(),
                &own.cidr.to_string(),
                own.numbers,
                &own.blocks,
            )
        })
        .collect();
    if named.is_none() {
        let none = Numbers::default();
        told.push(pool(
            "orphaned allocation blocks",
            "0.0.0.0/0",
            none,
            &usage.orphans,
        ));
    }
    Ok(json!({ "pools": told }))
}

fn invalid(_: Vec<FieldError>) -> Stopped {
    Stopped::Refused("validation".to_owned())
}
