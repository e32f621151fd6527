//! The value of the configuration of address management.

use super::read::{DecodeError, members, object, set, set_optional};
use super::write;
use crate::resources::Config;

/// Reads the configuration. A member that is missing is off or zero; automatic claiming too.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_config(value: &[u8]) -> Result<Config, DecodeError> {
    let Stored(config) = object(value)?;
    Ok(config)
}

/// Writes the configuration. What is off or zero is left out.
pub fn encode_config(config: &Config) -> Vec<u8> {
    write::object(|record| {
        record.flag("strict_affinity", config.strict_affinity);
        record.flag("auto_allocate_blocks", config.auto_allocate_blocks);
        if config.max_blocks_per_host != 0 {
            record.plain("maxBlocksPerHost", config.max_blocks_per_host);
        }
        record.optional_text(
            "kubeVirtVMAddressPersistence",
            config.vm_address_persistence.as_deref(),
        );
        if config.cooldown_seconds != 0 {
            record.plain("ipCooldownSeconds", config.cooldown_seconds);
        }
        record.unknown(&config.unknown);
    })
}

struct Stored(Config);

impl Default for Stored {
    fn default() -> Stored {
        Stored(Config {
            auto_allocate_blocks: false,
            ..Config::default()
        })
    }
}

members! { Stored: |stored, from|
    "strict_affinity" => set(&mut stored.0.strict_affinity, from),
    "auto_allocate_blocks" => set(&mut stored.0.auto_allocate_blocks, from),
    "maxBlocksPerHost" => set(&mut stored.0.max_blocks_per_host, from),
    "kubeVirtVMAddressPersistence" => set_optional(&mut stored.0.vm_address_persistence, from),
    "ipCooldownSeconds" => set(&mut stored.0.cooldown_seconds, from),
    others => stored.0.unknown
}
