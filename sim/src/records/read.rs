//! From keys and JSON to records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::block::block;
use super::kinds::{BUILT_IN_LIMIT, Config, Key, Pool, Record};
use crate::net::Net;

/// Reads the key of a record; `None` for keys that are not ours to look at.
pub fn key(text: &str) -> Option<Key> {
    let parts: Vec<&str> = text.trim_start_matches('/').split('/').collect();
    Some(match parts.as_slice() {
        ["calico", "ipam", "v2", "assignment", _, "block", net] => Key::Block(Net::parse(net)?),
        [
            "calico",
            "ipam",
            "v2",
            kind @ ("host" | "virtual"),
            name,
            _,
            "block",
            net,
        ] => Key::Affinity(format!("{kind}:{name}"), Net::parse(net)?),
        ["calico", "ipam", "v2", "handle", id] => Key::Handle((*id).to_owned()),
        ["calico", "ipam", "v2", "config"] => Key::Config,
        ["calico", "resources", "v3", _, kind, name] => match *kind {
            "ippools" => Key::Pool((*name).to_owned()),
            "ipreservations" => Key::Reservation((*name).to_owned()),
            "nodes" => Key::Node((*name).to_owned()),
            _ => return None,
        },
        ["block-ipam", "v1", "borrowed", node, net] => {
            Key::Borrowed((*node).to_owned(), Net::parse(net)?)
        }
        _ => return None,
    })
}

/// Reads a record.
///
/// # Errors
/// What is wrong with it (p12).
pub fn read(key: &Key, text: &[u8]) -> Result<Record, String> {
    let value: Value =
        serde_json::from_slice(text).map_err(|error| format!("{key:?} is not JSON: {error}"))?;
    Ok(match key {
        Key::Block(net) => Record::Block(block(*net, &value)?),
        Key::Affinity(owner, net) => {
            let state = value["state"].as_str().unwrap_or_default();
            Record::Affinity(owner.clone(), *net, state.to_owned())
        }
        Key::Handle(id) => Record::Handle(id.clone(), counts(&value)?),
        Key::Pool(name) => Record::Pool(pool(name, &value)?),
        Key::Reservation(name) => {
            let entries = value["spec"]["reservedCIDRs"].as_array();
            let entries = entries.into_iter().flatten().filter_map(Value::as_str);
            let nets = entries.filter_map(Net::parse_loosely);
            Record::Reservation(name.clone(), nets.collect())
        }
        Key::Node(name) => {
            let rack = value["metadata"]["labels"]["rack"].as_str();
            Record::Node(name.clone(), rack.unwrap_or_default().to_owned())
        }
        Key::Config => Record::Config(config(&value)),
        Key::Borrowed(node, net) => Record::Borrowed(node.clone(), *net),
    })
}

fn config(value: &Value) -> Config {
    let limit = value["maxBlocksPerHost"].as_u64().unwrap_or(0);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Config {
        strict: value["strict_affinity"].as_bool().unwrap_or(false),
        auto: value["auto_allocate_blocks"].as_bool().unwrap_or(false),
        max_blocks: if limit == 0 { BUILT_IN_LIMIT } else { limit },
        cool_down: value["ipCooldownSeconds"].as_i64().unwrap_or(0).max(0),
    }
}

fn counts(value: &Value) -> Result<BTreeMap<Net, i64>, String> {
    let counts = value["block"].as_object().ok_or("a handle without a map")?;
    let counts = counts.iter().map(|(net, count)| {
        let net = Net::parse(net).ok_or_else(|| format!("a handle names {net}"))?;
        let count = count.as_i64().ok_or("a count that is no number")?;
        Ok((net, count))
    });
    counts.collect()
}

fn pool(name: &str, value: &Value) -> Result<Pool, String> {
    let spec = &value["spec"];
    let cidr = spec["cidr"].as_str().and_then(Net::parse);
    let net = cidr.ok_or_else(|| format!("pool {name} has no CIDR"))?;
    let default = if net.is_v6() { 122 } else { 26 };
    let length = spec["blockSize"].as_u64().unwrap_or(default);
    let selector = spec["nodeSelector"].as_str().unwrap_or_default();
    let rack = selector
        .strip_prefix("rack == '")
        .and_then(|rest| rest.strip_suffix('\''));
    let uses = spec["allowedUses"].as_array();
    let mut uses = uses.into_iter().flatten().filter_map(Value::as_str);
    Ok(Pool {
        name: name.to_owned(),
        net,
        block_length: u8::try_from(length).unwrap_or(u8::MAX),
        disabled: spec["disabled"].as_bool().unwrap_or(false),
        rack: rack.map(str::to_owned),
        load_balancer: uses.any(|one| one == "LoadBalancer"),
    })
}
