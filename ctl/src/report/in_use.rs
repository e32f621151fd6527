//! Who uses addresses, as far as the store tells: Calico's workload endpoints, and the tunnels of nodes.
//!
//! **Invariant:** where the store has no workload endpoints nothing is known about workloads, and no address of theirs
//! is called unused.

use block_ipam::blocks::block::Assigned;
use block_ipam::blocks::{Address, Cidr};
use block_ipam::datastore::{Datastore, Span, keys};
use block_ipam::revision::Revision;
use serde::Deserialize;

use crate::report::walk::{Ended, entries};

const ENDPOINTS: &str = "/calico/resources/v3/projectcalico.org/workloadendpoints/";
const NODES: &str = "/calico/resources/v3/projectcalico.org/nodes/";

/// The addresses that somebody uses, in order.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    used: Vec<Used>,
    endpoints: usize,
}

#[derive(Debug)]
struct Used {
    address: Address,
    by: Box<str>,
    is_held: bool,
}

/// What is known about the use of an address that is held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is used by these.
    Used(Vec<String>),
    /// Nobody uses it.
    Unused,
    /// The store does not tell.
    Unknown,
}

impl InUse {
    /// Reads who uses addresses at the revision of a check.
    pub(crate) async fn read(store: &dyn Datastore, at: Revision) -> Result<InUse, Ended> {
        let mut in_use = InUse::default();
        let node = |entry: block_ipam::datastore::Entry| {
            in_use.see_node(&entry.key, &entry.value);
            Ok(())
        };
        entries(store, keys::nodes(), Some(at), node).await?;
        let endpoint = |entry: block_ipam::datastore::Entry| {
            in_use.see_endpoint(&entry.key, &entry.value);
            Ok(())
        };
        entries(
            store,
            Span::Prefix(ENDPOINTS.to_owned()),
            Some(at),
            endpoint,
        )
        .await?;
        in_use.used.sort_by_key(|used| used.address);
        Ok(in_use)
    }

    fn see_node(&mut self, key: &str, value: &[u8]) {
        let name = key.strip_prefix(NODES).unwrap_or(key);
        if let Ok(node) = serde_json::from_slice::<NodeJson>(value) {
            let addresses = node.spec.tunnels();
            addresses.for_each(|text| self.add(&text, format!("Node({name})")));
        }
    }

    fn see_endpoint(&mut self, key: &str, value: &[u8]) {
        self.endpoints += 1;
        let name = key.strip_prefix(ENDPOINTS).unwrap_or(key);
        if let Ok(endpoint) = serde_json::from_slice::<EndpointJson>(value) {
            let networks = endpoint.spec.ip_networks.into_iter().flatten();
            networks.for_each(|text| self.add(&text, format!("Workload({name})")));
        }
    }

    fn add(&mut self, text: &str, by: String) {
        let address = text
            .parse()
            .ok()
            .or_else(|| Some(text.parse::<Cidr>().ok()?.first()));
        if let Some(address) = address {
            let by = by.into_boxed_str();
            self.used.push(Used {
                address,
                by,
                is_held: false,
            });
        }
    }

    /// Returns whether the store tells which workloads there are.
    pub(crate) const fn knows_workloads(&self) -> bool {
        0 < self.endpoints
    }

    /// Judges an address that is held, and notes that it is.
    pub(crate) fn judge(&mut self, entry: &Assigned<'_>) -> Judged {
        let begin = self
            .used
            .partition_point(|used| used.address < entry.address);
        let users = self.used[begin..].iter_mut();
        let users = users.take_while(|used| used.address == entry.address);
        let users = users.map(|used| {
            used.is_held = true;
            used.by.to_string()
        });
        let users: Vec<String> = users.collect();
        if !users.is_empty() || entry.attribute.is_reserved_slot() {
            return Judged::Used(users);
        }
        match entry.attribute.secondary.get("type") {
            Some(kind) if kind.ends_with("TunnelAddress") => Judged::Unused,
            // Those of services: only Kubernetes knows them.
            Some(_) => Judged::Unknown,
            None if self.knows_workloads() => Judged::Unused,
            None => Judged::Unknown,
        }
    }

    /// Returns what is used and was never judged, and so is held by nobody.
    pub(crate) fn not_held(&self) -> impl Iterator<Item = (Address, &str)> {
        let used = self.used.iter().filter(|used| !used.is_held);
        used.map(|used| (used.address, &*used.by))
    }
}

#[derive(Deserialize)]
struct NodeJson {
    #[serde(default)]
    spec: NodeSpec,
}

#[derive(Default, Deserialize)]
struct NodeSpec {
    #[serde(rename = "ipv4VXLANTunnelAddr")]
    vxlan_v4: Option<String>,
    #[serde(rename = "ipv6VXLANTunnelAddr")]
    vxlan_v6: Option<String>,
    bgp: Option<Bgp>,
    wireguard: Option<Wireguard>,
}

#[derive(Deserialize)]
struct Bgp {
    #[serde(rename = "ipv4IPIPTunnelAddr")]
    ipip: Option<String>,
}

#[derive(Deserialize)]
struct Wireguard {
    #[serde(rename = "interfaceIPv4Address")]
    v4: Option<String>,
    #[serde(rename = "interfaceIPv6Address")]
    v6: Option<String>,
}

impl NodeSpec {
    fn tunnels(self) -> impl Iterator<Item = String> {
        let ipip = self.bgp.and_then(|bgp| bgp.ipip);
        let (v4, v6) = self
            .wireguard
            .map_or((None, None), |guard| (guard.v4, guard.v6));
        [self.vxlan_v4, self.vxlan_v6, ipip, v4, v6]
            .into_iter()
            .flatten()
    }
}

#[derive(Deserialize)]
struct EndpointJson {
    #[serde(default)]
    spec: EndpointSpec,
}

#[derive(Default, Deserialize)]
struct EndpointSpec {
    #[serde(rename = "ipNetworks")]
    ip_networks: Option<Vec<String>>,
}
