//! What operators change: pools, reservations, nodes and the configuration, by our plans.

use block_ipam::allocator::Allocator;
use block_ipam::entropy::Entropy;
use block_ipam::ids::ResourceName;
use block_ipam::resources::metadata::Metadata;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{
    Mode, Put, delete_reservation, put_node, put_pool, put_reservation,
};
use block_ipam::resources::pool_spec::PoolSpec;
use block_ipam::resources::{Config, Node, Pool, Reservation};

use crate::actor::Client;
use crate::operation::{self, Operation};
use crate::ours::{Stopped, misspelled};

/// Changes what an operator asks for. What is no operator's business is refused.
pub(crate) async fn change(
    allocator: &Allocator,
    operation: Operation,
    client: &Client,
) -> Result<(), Stopped> {
    match operation {
        Operation::PutPool(wanted) => {
            let request = put(pool(&wanted, client.entropy.as_ref())?);
            allocator
                .run(|view, context| put_pool(view, &request, context))
                .await?;
        }
        Operation::DeletePool { name } => {
            allocator.delete_pool(&delete(&name)).await?;
        }
        Operation::PutReservation { name, cidrs } => {
            let request = put(reservation(&name, cidrs));
            allocator
                .run(|view, context| put_reservation(view, &request, context))
                .await?;
        }
        Operation::DeleteReservation { name } => {
            let request = delete(&name);
            allocator
                .run(|view, context| delete_reservation(view, &request, context))
                .await?;
        }
        Operation::PutNode { node, rack } => {
            let request = put(labelled(&node, &rack));
            allocator
                .run(|view, context| put_node(view, &request, context))
                .await?;
        }
        Operation::PutConfig(wanted) => {
            allocator.put_config(&put(config(&wanted))).await?;
        }
        other => return Err(misspelled(format!("no operator's business: {other:?}"))),
    }
    Ok(())
}

fn put<T>(value: T) -> Put<T> {
    Put {
        value,
        mode: Mode::Apply,
        expected: None,
    }
}

fn delete(name: &str) -> Delete {
    Delete {
        name: ResourceName::stored(name),
        expected: None,
    }
}

fn named(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        ..Metadata::default()
    }
}

fn pool(wanted: &operation::Pool, entropy: &dyn Entropy) -> Result<Pool, Stopped> {
    let spec = PoolSpec {
        metadata: Metadata {
            uid: Some(format!("{:016x}", entropy.bits())),
            ..named(&wanted.name)
        },
        cidr: Some(wanted.cidr.clone()),
        block_size: Some(i64::from(wanted.block_length)),
        node_selector: wanted.rack.as_ref().map(|rack| format!("rack == '{rack}'")),
        allowed_uses: wanted
            .load_balancer
            .then(|| "LoadBalancer".to_owned())
            .into_iter()
            .collect(),
        disabled: Some(wanted.disabled),
        ..PoolSpec::default()
    };
    spec.pool()
        .map_err(|faults| misspelled(format!("{faults:?}")))
}

fn reservation(name: &str, cidrs: Vec<String>) -> Reservation {
    let reserved = cidrs
        .iter()
        .filter_map(|entry| Reservation::read_entry(entry));
    Reservation {
        metadata: named(name),
        reserved: reserved.collect(),
        stored: cidrs,
        ..Reservation::default()
    }
}

fn labelled(node: &str, rack: &str) -> Node {
    let labels = [("rack".to_owned(), rack.to_owned())].into();
    Node {
        metadata: Metadata {
            labels,
            ..named(node)
        },
        ..Node::default()
    }
}

fn config(wanted: &operation::Config) -> Config {
    Config {
        strict_affinity: wanted.strict,
        max_blocks_per_host: i64::from(wanted.max_blocks),
        cooldown_seconds: i64::from(wanted.cool_down),
        ..Config::default()
    }
}
