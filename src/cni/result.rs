//! The reply of a successful ADD in the shape of each version. Calico's plugin prints the same texts.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::blocks::{Address, Family};
use crate::cni::version::CniVersion;

/// One address of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// The address.
    pub address: Address,
    /// The prefix length that the interface is configured with.
    pub length: u8,
    /// The gateway.
    pub gateway: Option<Address>,
}

/// One route of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The destination: an address and a prefix length. Host bits may be set (Calico's are).
    pub destination: (Address, u8),
    /// The next hop.
    pub gateway: Option<Address>,
    /// What only version 1.1.0 knows.
    pub attributes: RouteAttributes,
}

/// The attributes of a route that came with version 1.1.0. Older results leave them out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RouteAttributes {
    /// MTU along the path, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Maximal segment size to advertise, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// Priority; lower is preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Routing table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// Scope of the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<u32>,
}

/// What an ADD gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Success {
    /// The addresses, IPv4 first.
    pub ips: Vec<Ip>,
    /// The routes.
    pub routes: Vec<Route>,
}

impl Success {
    /// Returns the reply in the shape of a version.
    pub fn render(&self, version: CniVersion) -> String {
        match version {
            CniVersion::V0_1_0 | CniVersion::V0_2_0 => indented(&self.by_family(version)),
            CniVersion::V0_3_0
            | CniVersion::V0_3_1
            | CniVersion::V0_4_0
            | CniVersion::V1_0_0
            | CniVersion::V1_1_0 => indented(&self.as_list(version)),
        }
    }

    fn by_family(&self, version: CniVersion) -> WireByFamily {
        WireByFamily {
            cni_version: version.text(),
            ip4: self.of_family(Family::V4),
            ip6: self.of_family(Family::V6),
            dns: Dns {},
        }
    }

    /// Routes are filed by the family of their destination, as the reference library does.
    fn of_family(&self, family: Family) -> Option<WireFamily> {
        let ip = self.ips.iter().find(|ip| ip.address.family() == family)?;
        let routes = self
            .routes
            .iter()
            .filter(|route| route.destination.0.family() == family);
        Some(WireFamily {
            ip: cidr_text((ip.address, ip.length)),
            gateway: ip.gateway.map(|gateway| gateway.to_string()),
            routes: routes
                .map(|route| WireRoute::of(route, CniVersion::V0_2_0))
                .collect(),
        })
    }

    fn as_list(&self, version: CniVersion) -> WireList {
        let old = version < CniVersion::V1_0_0;
        let ips = self.ips.iter().map(|ip| WireIp {
            version: old.then(|| ip.address.family().digit().to_string()),
            address: cidr_text((ip.address, ip.length)),
            gateway: ip.gateway.map(|gateway| gateway.to_string()),
        });
        WireList {
            cni_version: version.text(),
            ips: ips.collect(),
            routes: self
                .routes
                .iter()
                .map(|route| WireRoute::of(route, version))
                .collect(),
            dns: old.then_some(Dns {}),
        }
    }
}

/// Returns JSON as the reference library prints it: indented by four blanks, no newline at the end.
pub fn indented(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut out = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    value
        .serialize(&mut out)
        .expect("replies have text keys and are written to memory");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn cidr_text((address, length): (Address, u8)) -> String {
    format!("{address}/{length}")
}

#[derive(Serialize)]
struct Dns {}

#[derive(Serialize)]
struct WireByFamily {
    #[serde(rename = "cniVersion")]
    cni_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip4: Option<WireFamily>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip6: Option<WireFamily>,
    dns: Dns,
}

#[derive(Serialize)]
struct WireFamily {
    ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<WireRoute>,
}

#[derive(Serialize)]
struct WireList {
    #[serde(rename = "cniVersion")]
    cni_version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<WireIp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<WireRoute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns>,
}

#[derive(Serialize)]
struct WireIp {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
}

#[derive(Serialize)]
struct WireRoute {
    dst: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gw: Option<String>,
    #[serde(flatten)]
    attributes: RouteAttributes,
}

impl WireRoute {
    fn of(route: &Route, version: CniVersion) -> WireRoute {
        WireRoute {
            dst: cidr_text(route.destination),
            gw: route.gateway.map(|gateway| gateway.to_string()),
            attributes: if version < CniVersion::V1_1_0 {
                RouteAttributes::default()
            } else {
                route.attributes
            },
        }
    }
}

#[cfg(test)]
mod tests;
