//! The configuration of address management.

use crate::blocks::Cooldown;
use crate::unknown::Unknown;

/// The record at `/calico/ipam/v2/config`. An absent record is [`Config::default`]; a present one
/// without members is not (automatic claiming is off then).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Never assign from a block of another node.
    pub strict_affinity: bool,
    /// Claim blocks when a node needs them.
    pub auto_allocate_blocks: bool,
    /// Most blocks of a family that a node owns; 0 for the built-in limit.
    pub max_blocks_per_host: i64,
    /// Whether KubeVirt machines keep their addresses: `Enabled`, `Disabled` or not said.
    pub vm_address_persistence: Option<String>,
    /// Seconds for which a released address stays unusable; negative for none.
    pub cooldown_seconds: i64,
    /// Members that we do not know.
    pub unknown: Unknown,
}

impl Config {
    /// Returns the cool-down of released addresses.
    pub const fn cooldown(&self) -> Cooldown {
        Cooldown::from_seconds(self.cooldown_seconds)
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            strict_affinity: false,
            auto_allocate_blocks: true,
            max_blocks_per_host: 0,
            vm_address_persistence: None,
            cooldown_seconds: 0,
            unknown: Unknown::default(),
        }
    }
}
