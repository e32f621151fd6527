//! `prevResult`: what an earlier ADD gave, as far as it tells where to look. Never trusted, only read first.

use serde_json::Value;

use crate::blocks::{Address, BlockCidr, Cidr};
use crate::cni::config::network::NetworkConfig;

/// Returns the blocks that the addresses of `prevResult` seem to come from. A host's prefix tells nothing.
pub fn previous_blocks(config: &NetworkConfig) -> Vec<BlockCidr> {
    texts(config)
        .filter_map(|text| Cidr::parse_masking(text).ok())
        .filter(|cidr| cidr.length() < cidr.family().width())
        .filter_map(|cidr| BlockCidr::new(cidr).ok())
        .collect()
}

/// Returns the addresses of `prevResult`.
pub fn previous_addresses(config: &NetworkConfig) -> Vec<Address> {
    texts(config)
        .filter_map(|text| text.split('/').next()?.parse().ok())
        .collect()
}

fn texts(config: &NetworkConfig) -> impl Iterator<Item = &str> {
    let result = config.root().value("prevResult").unwrap_or(&Value::Null);
    let listed = result["ips"].as_array().into_iter().flatten();
    listed
        .map(|ip| &ip["address"])
        .chain([&result["ip4"]["ip"], &result["ip6"]["ip"]])
        .filter_map(Value::as_str)
}
