//! What the store holds when a run begins: pools, nodes, the configuration, and what dead processes of Calico left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fate::climate::Climate;
use crate::fate::mix::Leftover;
use crate::net::Net;
use crate::operation::Pool;

const RESOURCES: &str = "/calico/resources/v3/projectcalico.org";

/// Returns the records, by key.
pub(super) fn store(climate: &Climate, dice: &Dice) -> BTreeMap<String, String> {
    let mut records: BTreeMap<String, Value> = BTreeMap::new();
    for wanted in &climate.pools {
        records.insert(format!("{RESOURCES}/ippools/{}", wanted.name), pool(wanted));
    }
    for (index, node) in climate.nodes.iter().enumerate() {
        if climate.calico_runs || index != 1 {
            let rack = if dice.below(4) == 0 { "r2" } else { "r1" };
            let value = json!({"kind": "Node", "apiVersion": "projectcalico.org/v3",
                "metadata": {"name": node, "labels": {"rack": rack}}, "spec": {}, "status": {}});
            records.insert(format!("{RESOURCES}/nodes/{node}"), value);
        }
    }
    if climate.calico_runs {
        let key = format!("{RESOURCES}/clusterinformations/default");
        records.insert(key, json!({}));
    }
    if climate.strict || 0 < climate.max_blocks || 0 < climate.cool_down {
        records.insert("/calico/ipam/v2/config".to_owned(), config(climate));
    }
    if climate.half_states {
        half_states(climate, dice, &mut records);
    }
    let text = records.into_iter();
    text.map(|(key, value)| (key, value.to_string())).collect()
}

fn pool(wanted: &Pool) -> Value {
    let mut spec = json!({"cidr": wanted.cidr, "blockSize": wanted.block_length,
        "disabled": wanted.disabled});
    if let Some(rack) = &wanted.rack {
        spec["nodeSelector"] = format!("rack == '{rack}'").into();
    }
    if wanted.load_balancer {
        spec["allowedUses"] = json!(["LoadBalancer"]);
    }
    json!({"kind": "IPPool", "apiVersion": "projectcalico.org/v3",
        "metadata": {"name": wanted.name}, "spec": spec})
}

fn config(climate: &Climate) -> Value {
    json!({"strict_affinity": climate.strict, "auto_allocate_blocks": true,
        "maxBlocksPerHost": climate.max_blocks, "ipCooldownSeconds": climate.cool_down})
}

/// Leaves some of the pairs that a process of Calico leaves when it dies between two writes.
fn half_states(climate: &Climate, dice: &Dice, records: &mut BTreeMap<String, Value>) {
    let Some(pool) = climate.pools.first() else {
        return;
    };
    let blocks = Net::parse(&pool.cidr).into_iter();
    let blocks = blocks.flat_map(|net| net.parts(pool.block_length));
    for net in blocks.take(4) {
        let node = dice.pick(&climate.nodes).map_or("n1", String::as_str);
        let state = ["pending", "pendingDeletion", ""];
        let state = dice.pick(&state).copied().unwrap_or_default();
        let affinity = json!({"state": state, "deleted": false});
        let affinity = (affinity_key(node, net), affinity);
        let owner = format!("host:{node}");
        let own = (block_key(net), block(net, Some(&owner)));
        let count = |id: &str| {
            let counts = json!({"block": {net.to_string(): 1}, "deleted": false});
            (format!("/calico/ipam/v2/handle/{id}"), counts)
        };
        let confirmed = json!({"state": "confirmed", "deleted": false});
        let confirmed = (affinity_key(node, net), confirmed);
        let holder = format!("c{}", dice.below(6));
        match climate.mix.leftovers.draw(dice) {
            Some(Leftover::AffinityAlone) | None => records.extend([affinity]),
            Some(Leftover::Own) => records.extend([affinity, own]),
            Some(Leftover::Anothers) => {
                records.extend([affinity, (block_key(net), block(net, Some("host:gone")))]);
            }
            Some(Leftover::WithoutAffinity) => records.extend([own]),
            Some(Leftover::Nobodys) => records.extend([(block_key(net), block(net, None))]),
            Some(Leftover::Count) => records.extend([count(&holder)]),
            Some(Leftover::CountTooHigh) => records.extend([confirmed, own, count(&holder)]),
            Some(Leftover::OtherSize) => {
                let halves = net.parts((net.length + 1).min(32));
                let half = halves.last().unwrap_or(net);
                records.extend([(affinity_key(node, half), affinity.1)]);
            }
        }
    }
}

fn block_key(net: Net) -> String {
    format!("/calico/ipam/v2/assignment/ipv4/block/{}", dashed(net))
}

fn affinity_key(node: &str, net: Net) -> String {
    format!("/calico/ipam/v2/host/{node}/ipv4/block/{}", dashed(net))
}

fn dashed(net: Net) -> String {
    net.to_string().replace('/', "-")
}

fn block(net: Net, owner: Option<&str>) -> Value {
    let size = usize::try_from(net.size()).unwrap_or(0);
    json!({"cidr": net.to_string(), "affinity": owner, "allocations": vec![Value::Null; size],
        "unallocated": (0..size).collect::<Vec<usize>>(), "attributes": [],
        "sequenceNumber": 1_700_000_000_000_000_000_u64, "sequenceNumberForAllocation": {},
        "deleted": false})
}
