//! Calico's keys as text, and how it names them in its errors.

use block_ipam::blocks::{Cidr, Family};

pub(super) const CONFIG: &str = "/calico/ipam/v2/config";
pub(super) const BLOCKS: &str = "/calico/ipam/v2/assignment/";
pub(super) const HOSTS: &str = "/calico/ipam/v2/host/";
pub(super) const HANDLES: &str = "/calico/ipam/v2/handle/";
pub(super) const POOLS: &str = "/calico/resources/v3/projectcalico.org/ippools/";
pub(super) const RESERVATIONS: &str = "/calico/resources/v3/projectcalico.org/ipreservations/";
const NODES: &str = "/calico/resources/v3/projectcalico.org/nodes/";
const VIRTUAL: &str = "/calico/ipam/v2/virtual/";

pub(super) fn block(cidr: Cidr) -> String {
    format!("{}block/{}", blocks_of(cidr.family()), dashed(cidr))
}

pub(super) fn blocks_of(family: Family) -> String {
    format!("{BLOCKS}ipv{}/", family.digit())
}

/// `owner` is `host:NAME` or `virtual:NAME`.
pub(super) fn affinity(owner: &str, cidr: Cidr) -> String {
    format!("{}{}", affinities(owner, cidr.family()), dashed(cidr))
}

pub(super) fn affinities(owner: &str, family: Family) -> String {
    let (kind, name) = owner.split_once(':').unwrap_or(("host", owner));
    format!("/calico/ipam/v2/{kind}/{name}/ipv{}/block/", family.digit())
}

/// The owner that an affinity's key names, and the block.
pub(super) fn parse_affinity(key: &str) -> Option<(String, Cidr)> {
    let (kind, rest) = match (key.strip_prefix(HOSTS), key.strip_prefix(VIRTUAL)) {
        (Some(rest), _) => ("host", rest),
        (None, Some(rest)) => ("virtual", rest),
        (None, None) => return None,
    };
    let (name, rest) = rest.split_once('/')?;
    let block = rest
        .strip_prefix("ipv")?
        .get(1..)?
        .strip_prefix("/block/")?;
    Some((format!("{kind}:{name}"), parse_dashed(block)?))
}

pub(super) fn is_affinity(key: &str) -> bool {
    parse_affinity(key).is_some()
}

/// Looked for by whoever removes a node, and written by nobody today.
pub(super) fn legacy_marker(owner: &str) -> String {
    let (kind, name) = owner.split_once(':').unwrap_or(("host", owner));
    format!("/calico/ipam/v2/{kind}/{name}")
}

pub(super) fn handle(id: &str) -> String {
    format!("{HANDLES}{id}")
}

pub(super) fn node(name: &str) -> String {
    format!("{NODES}{name}")
}

pub(super) fn pool(name: &str) -> String {
    format!("{POOLS}{name}")
}

pub(super) fn reservation(name: &str) -> String {
    format!("{RESERVATIONS}{name}")
}

/// What Calico's errors call the record of a key.
pub(super) fn name(key: &str) -> String {
    for (prefix, kind) in [(NODES, "Node"), (POOLS, "IPPool")] {
        if let Some(name) = key.strip_prefix(prefix) {
            return format!("{kind}({name})");
        }
    }
    match key.strip_prefix(HANDLES) {
        Some(id) => format!("IPAMHandleKey(id={id})"),
        None => key.to_owned(),
    }
}

fn dashed(cidr: Cidr) -> String {
    cidr.to_string().replacen('/', "-", 1)
}

fn parse_dashed(text: &str) -> Option<Cidr> {
    text.replacen('-', "/", 1).parse().ok()
}
