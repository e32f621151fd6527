//! Pools, reservations and nodes as the allocator reads them, and which pools serve a request.

use std::collections::BTreeMap;

use block_ipam::blocks::{Cidr, Family, RangeSet};
use block_ipam::selector::Selector;
use serde_json::Value;

use super::block::Reserved;
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::process::Calico;
use super::records::Attributes;

/// A pool with Calico's defaults.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) cidr: Cidr,
    pub(super) block_size: u8,
    pub(super) uses: Vec<String>,
    enabled: bool,
    automatic: bool,
    node_selector: String,
    namespace_selector: String,
}

impl Pool {
    /// Reads the resource; `None` where its CIDR is none.
    pub(super) fn of(resource: &Value) -> Option<Pool> {
        let spec = &resource["spec"];
        let text = |member: &str| spec[member].as_str().unwrap_or_default().to_owned();
        let cidr: Cidr = Cidr::parse_masking(spec["cidr"].as_str()?).ok()?;
        let size = spec["blockSize"].as_u64().filter(|size| *size != 0);
        let size = size.and_then(|size| u8::try_from(size).ok());
        let uses = spec["allowedUses"].as_array().map(|uses| {
            uses.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        });
        let uses: Option<Vec<String>> = uses.filter(|uses: &Vec<String>| !uses.is_empty());
        let conditions = resource["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        let mut refusing = conditions.filter(|condition| {
            condition["type"] == "Allocatable" && condition["status"] == "False"
        });
        Some(Pool {
            name: resource["metadata"]["name"].as_str()?.to_owned(),
            cidr,
            block_size: size.unwrap_or_else(|| cidr.family().default_block_length()),
            uses: uses.unwrap_or_else(|| vec!["Workload".to_owned(), "Tunnel".to_owned()]),
            enabled: spec["disabled"] != true
                && resource["metadata"]["deletionTimestamp"].is_null()
                && refusing.next().is_none(),
            automatic: text("assignmentMode") != "Manual",
            node_selector: text("nodeSelector"),
            namespace_selector: text("namespaceSelector"),
        })
    }

    pub(super) fn selects_node(&self, labels: &Attributes) -> Result<bool, Failure> {
        selects(&self.node_selector, labels)
    }
}

fn selects(selector: &str, labels: &BTreeMap<String, String>) -> Result<bool, Failure> {
    let selector = Selector::parse(selector).map_err(|error| Failure::other(error.to_string()))?;
    Ok(selector.matches(labels))
}

/// What decides which pools serve a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) family: Family,
    pub(super) node: &'a str,
    pub(super) labels: &'a Attributes,
    pub(super) namespace: &'a Attributes,
    pub(super) requested: &'a [Cidr],
    pub(super) reserved: Option<&'a Reserved>,
    pub(super) usage: &'a str,
}

/// The pools of a request: those that serve it, and those it looked at before it asked for their use.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) serving: Vec<Pool>,
    pub(super) selected: Vec<Pool>,
}

/// Returns the longest block prefix that leaves room beside the slots set aside.
pub(super) fn longest_prefix(family: Family, reserved: Option<&Reserved>) -> Result<u8, Failure> {
    let Some(reserved) = reserved else {
        return Ok(family.width());
    };
    match reserved.start + reserved.end {
        0 => Err(Failure::other("HostReservedAttr has wrong parameters")),
        slots => {
            let bits = u8::try_from(slots.ilog2() + 1).expect("at most 64");
            Ok(family.width().saturating_sub(bits))
        }
    }
}

/// Chooses among the enabled pools of the family.
pub(super) fn choose(enabled: &[Pool], longest: u8, wish: Wish<'_>) -> Result<Chosen, Failure> {
    let fitting: Vec<&Pool> = enabled
        .iter()
        .filter(|pool| pool.block_size <= longest)
        .collect();
    if fitting.is_empty() {
        return Err(Failure::other("cannot find a qualified ippool"));
    }
    let selected = if wish.requested.is_empty() {
        admitting(enabled, wish)?
    } else {
        named(&fitting, wish.requested)?
    };
    if selected.is_empty() {
        let node = wish.node;
        return Err(Failure::other(format!(
            "no configured Calico pools for node {node}"
        )));
    }
    let serves = |pool: &&Pool| pool.uses.iter().any(|usage| usage == wish.usage);
    let serving: Vec<Pool> = selected.iter().filter(serves).cloned().collect();
    if serving.is_empty() {
        return Err(Failure::other(format!(
            "cannot find a qualified ippool, no pools match the required use ({})",
            wish.usage
        )));
    }
    Ok(Chosen { serving, selected })
}

/// A pool that is too small for the slots set aside is not left out here, as in Calico.
fn admitting(enabled: &[Pool], wish: Wish<'_>) -> Result<Vec<Pool>, Failure> {
    let mut admitting = Vec::new();
    for pool in enabled.iter().filter(|pool| pool.automatic) {
        if selects(&pool.node_selector, wish.labels)?
            && selects(&pool.namespace_selector, wish.namespace)?
        {
            admitting.push(pool.clone());
        }
    }
    Ok(admitting)
}

fn named(fitting: &[&Pool], requested: &[Cidr]) -> Result<Vec<Pool>, Failure> {
    let find = |cidr: &Cidr| fitting.iter().find(|pool| pool.cidr == *cidr);
    let found = requested.iter().map(|cidr| {
        let pool = find(cidr).map(|pool| (*pool).clone());
        pool.ok_or_else(|| {
            Failure::other(format!(
                "the given pool ({cidr}) does not exist, or is not enabled"
            ))
        })
    });
    found.collect()
}

impl Calico {
    pub(super) async fn pools(&self) -> Result<Vec<Pool>, Failure> {
        let found: Vec<Kv<Value>> = self.client.list(keys::POOLS).await?;
        Ok(found.iter().filter_map(|kv| Pool::of(&kv.value)).collect())
    }

    pub(super) async fn enabled_pools(&self, family: Family) -> Result<Vec<Pool>, Failure> {
        let mut pools = self.pools().await?;
        pools.retain(|pool| pool.enabled && pool.cidr.family() == family);
        Ok(pools)
    }

    /// Reads what is never given out automatically. What does not parse counts for nothing.
    pub(super) async fn reservations(&self) -> Result<RangeSet, Failure> {
        let found: Vec<Kv<Value>> = self.client.list(keys::RESERVATIONS).await?;
        let texts = found.iter().flat_map(|kv| {
            let texts = kv.value["spec"]["reservedCIDRs"].as_array();
            texts.into_iter().flatten().filter_map(Value::as_str)
        });
        Ok(texts.filter_map(reserved_range).collect())
    }

    pub(super) async fn labels(&self, node: &str) -> Result<Attributes, Failure> {
        let found: Kv<Value> = self.client.get(&keys::node(node)).await?;
        let labels = found.value["metadata"]["labels"].as_object();
        let text =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Ok(labels.into_iter().flatten().filter_map(text).collect())
    }
}

fn reserved_range(text: &str) -> Option<Cidr> {
    let text = text.trim();
    let single = || text.parse().ok().map(block_ipam::blocks::Address::to_cidr);
    Cidr::parse_masking(text).ok().or_else(single)
}
