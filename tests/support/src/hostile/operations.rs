//! Every operation, on whatever the keys of a store name.

use block_ipam::datastore::keys;
use block_ipam::plan::RecordId;
use serde_json::{Value, json};

use super::bytes::Records;

/// Things of one kind that are operated on, so that a run stays short.
const MOST: usize = 4;

/// Returns operations on the records, those that take little away first.
pub(super) fn operations(records: &Records) -> Vec<Value> {
    let ids: Vec<RecordId> = records.keys().filter_map(|key| keys::parse(key)).collect();
    let mut operations = nodes();
    for part in [blocks(&ids), handles(&ids), resources(&ids), endings()] {
        operations.extend(part);
    }
    operations
}

fn nodes() -> Vec<Value> {
    let slots = json!({"start": 3, "end": 1, "handle": "windows-reserved-ipam-handle"});
    let mut operations = vec![
        json!({"type": "getIPAMConfig"}),
        json!({"type": "getUtilization"}),
        json!({"type": "autoAssign", "host": "n2", "use": "LoadBalancer", "num4": 1, "num6": 1}),
        json!({"type": "autoAssign", "host": "n2", "use": "Tunnel", "num4": 70, "maxBlocks": 2}),
        json!({"type": "autoAssign", "host": "n1", "use": "Workload", "num4": 1, "reserved4": slots, "handle": "net.w"}),
        json!({"type": "ensureBlock", "host": "n2", "reserved4": slots, "reserved6": slots}),
    ];
    for host in ["n1", "n2", "n3"] {
        let handle = format!("net.{host}");
        operations.push(
            json!({"type": "autoAssign", "host": host, "use": "Workload", "num4": 1, "num6": 1,
            "handle": handle, "attrs": {"node": host}, "namespace": {"labels": {"a": "b"}}}),
        );
    }
    operations
}

fn blocks(ids: &[RecordId]) -> Vec<Value> {
    let blocks = ids.iter().filter_map(|id| match id {
        RecordId::Block(block) => Some(block.cidr()),
        _ => None,
    });
    blocks
        .take(MOST)
        .flat_map(|cidr| {
            let (ip, cidr) = (cidr.first().to_string(), cidr.to_string());
            [
                json!({"type": "getAttributes", "ip": ip}),
                json!({"type": "assignIP", "ip": ip, "host": "n1", "handle": "net.ip"}),
                json!({"type": "setOwnerAttributes", "ip": ip, "handle": "net.ip", "alternate": {"pod": "b"}}),
                json!({"type": "releaseIPs", "addresses": [{"ip": ip}, {"ip": ip, "handle": "net.ip", "sequence": 1}]}),
                json!({"type": "collectColdIPs", "cidr": cidr}),
                json!({"type": "claimAffinity", "cidr": cidr, "host": "n2"}),
                json!({"type": "releaseBlockAffinity", "cidr": cidr, "mustBeEmpty": true}),
                json!({"type": "releaseAffinity", "cidr": cidr, "host": "n1"}),
            ]
        })
        .collect()
}

fn handles(ids: &[RecordId]) -> Vec<Value> {
    let handles = ids.iter().filter_map(|id| match id {
        RecordId::Handle(handle) => Some(handle.as_str()),
        _ => None,
    });
    handles
        .take(MOST)
        .flat_map(|handle| {
            [
                json!({"type": "ipsByHandle", "handle": handle}),
                json!({"type": "autoAssign", "host": "n1", "use": "Workload", "num4": 2, "handle": handle, "maxPerHandle": 2}),
                json!({"type": "releaseByHandle", "handle": handle}),
            ]
        })
        .collect()
}

fn resources(ids: &[RecordId]) -> Vec<Value> {
    let mut operations = vec![
        json!({"type": "createPool", "name": "new", "spec": {"cidr": "10.0.0.0/8"}}),
        json!({"type": "createPool", "name": "apart", "spec": {"cidr": "192.0.2.0/24", "blockSize": 28}}),
        json!({"type": "createReservation", "name": "new", "spec": {"reservedCIDRs": ["192.0.2.0/25"]}}),
        json!({"type": "createNode", "name": "n9", "labels": {"a": "b"}}),
        json!({"type": "setIPAMConfig", "config": {"autoAllocateBlocks": true, "ipCooldownSeconds": 30}}),
        json!({"type": "promoteVMOwner", "network": "k8s-pod-network", "ns": "shop", "vm": "vm1", "pod": "p"}),
    ];
    for id in ids {
        match id {
            RecordId::Pool(name) => operations.extend([
                json!({"type": "updatePool", "name": name.as_str(), "spec": {"natOutgoing": true}}),
                json!({"type": "autoAssign", "host": "n1", "use": "Workload", "num4": 1, "num6": 1, "pools4": [name.as_str()], "pools6": [name.as_str()]}),
                json!({"type": "deletePool", "name": name.as_str()}),
            ]),
            RecordId::Reservation(name) => {
                operations.push(json!({"type": "deleteReservation", "name": name.as_str()}));
            }
            _ => {}
        }
    }
    operations
}

fn endings() -> Vec<Value> {
    vec![
        json!({"type": "releasePoolAffinities", "cidr": "10.0.0.0/8"}),
        json!({"type": "releaseHostAffinities", "host": "load-balancer", "affinityType": "virtual", "mustBeEmpty": true}),
        json!({"type": "removeIPAMHost", "host": "n1"}),
        json!({"type": "deleteNode", "name": "n2"}),
        json!({"type": "autoAssign", "host": "n3", "use": "Workload", "num4": 3, "num6": 3}),
    ]
}
