//! `kind: Node`. Of its `spec` nothing is used here; Calico's other parts use it, so its fields are kept as they are.

use block_ipam::resources::{FieldError, Metadata, Node, name};
use block_ipam::unknown::Unknown;

use crate::manifest::fields::Fields;
use crate::manifest::metadata::raw;
use crate::value::Value;

const SPEC: [&str; 9] = [
    "addresses",
    "bgp",
    "interfaces",
    "ipv4VXLANTunnelAddr",
    "ipv6VXLANTunnelAddr",
    "orchRefs",
    "vxlanTunnelMACAddr",
    "vxlanTunnelMACAddrV6",
    "wireguard",
];

pub(super) fn node(metadata: Metadata, spec: Option<&Value>) -> Result<Node, Vec<FieldError>> {
    let mut fields = Fields::open("spec", spec);
    for field in SPEC {
        let _ = fields.any(field);
    }
    let mut errors = fields.close();
    errors.extend(name::fault(&metadata.name));
    if !errors.is_empty() {
        return Err(errors);
    }
    let spec = spec.map_or_else(|| "{}".to_owned(), raw);
    Ok(Node {
        metadata,
        unknown: Unknown([("spec".to_owned(), spec)].into()),
    })
}
