//! What is legal and probably not meant: a pool over the networks that the nodes themselves are in.

use block_ipam::blocks::Cidr;
use block_ipam::datastore::pages::Pages;
use block_ipam::datastore::{Datastore, DatastoreError, Entry, keys};
use block_ipam::resources::Pool;
use serde::Deserialize;

use crate::context::Context;
use crate::manifest::{Manifest, Resource};
use crate::output::one_line;

/// Warns about each pool that holds the address of a node, as Calico's agent found it. Nothing is refused for it, and
/// a store that does not answer here has done what was asked of it.
pub(super) async fn tell(context: &Context, store: &dyn Datastore, manifests: &[Manifest]) {
    let pools = manifests
        .iter()
        .filter_map(|manifest| match &manifest.resource {
            Resource::Pool(pool) if !pool.disabled => Some(pool),
            _ => None,
        });
    let pools: Vec<&Pool> = pools.collect();
    if pools.is_empty() {
        return;
    }
    if let Ok(warnings) = warnings(store, &pools).await {
        warnings
            .iter()
            .for_each(|warning| context.ui.status(warning));
    }
}

async fn warnings(store: &dyn Datastore, pools: &[&Pool]) -> Result<Vec<String>, DatastoreError> {
    let mut found: Vec<(usize, Option<(String, Cidr)>)> = vec![(0, None); pools.len()];
    let mut pages = Pages::of(store, keys::nodes());
    while let Some(page) = pages.next().await? {
        for (name, network) in page.entries.iter().flat_map(networks) {
            for (pool, (count, example)) in pools.iter().zip(&mut found) {
                if pool.cidr.overlaps(network) {
                    *count += 1;
                    example.get_or_insert_with(|| (name.clone(), network));
                }
            }
        }
    }
    let told = pools.iter().zip(found).filter_map(|(pool, (count, example))| {
        let (node, network) = example?;
        let (name, cidr) = (&pool.metadata.name, pool.cidr);
        let others = if 1 < count { format!(" and {} more", count - 1) } else { String::new() };
        Some(format!(
            "Warning: pool {name} ({cidr}) overlaps the network of node {} ({network}){others}: workloads may get addresses of machines",
            one_line(&node)
        ))
    });
    Ok(told.collect())
}

/// The networks that a node says it is in.
fn networks(entry: &Entry) -> Vec<(String, Cidr)> {
    let Ok(node) = serde_json::from_slice::<NodeJson>(&entry.value) else {
        return Vec::new();
    };
    let bgp = node
        .spec
        .bgp
        .into_iter()
        .flat_map(|bgp| [bgp.v4, bgp.v6])
        .flatten();
    let own = node
        .spec
        .addresses
        .into_iter()
        .flatten()
        .map(|address| address.address);
    let networks = bgp.chain(own).filter_map(|text| network(&text));
    networks
        .map(|network| (node.metadata.name.clone(), network))
        .collect()
}

fn network(text: &str) -> Option<Cidr> {
    let address = text.parse().map(block_ipam::blocks::Address::to_cidr);
    address.ok().or_else(|| Cidr::parse_masking(text).ok())
}

#[derive(Deserialize)]
struct NodeJson {
    metadata: MetadataJson,
    #[serde(default)]
    spec: SpecJson,
}

#[derive(Deserialize)]
struct MetadataJson {
    name: String,
}

#[derive(Default, Deserialize)]
struct SpecJson {
    bgp: Option<BgpJson>,
    addresses: Option<Vec<AddressJson>>,
}

#[derive(Deserialize)]
struct BgpJson {
    #[serde(rename = "ipv4Address")]
    v4: Option<String>,
    #[serde(rename = "ipv6Address")]
    v6: Option<String>,
}

#[derive(Deserialize)]
struct AddressJson {
    address: String,
}
