//! The value of the configuration of address management.

use serde::de::MapAccess;

use super::read::{DecodeError, Object, object, set};
use super::write;
use crate::resources::Config;
use crate::unknown::Unknown;

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

impl Object for Stored {
    const MEMBERS: &'static [&'static str] = &[
        "strict_affinity",
        "auto_allocate_blocks",
        "maxBlocksPerHost",
        "kubeVirtVMAddressPersistence",
        "ipCooldownSeconds",
    ];

    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error> {
        let Stored(config) = self;
        match name {
            "strict_affinity" => set(&mut config.strict_affinity, from),
            "auto_allocate_blocks" => set(&mut config.auto_allocate_blocks, from),
            "maxBlocksPerHost" => set(&mut config.max_blocks_per_host, from),
            "kubeVirtVMAddressPersistence" => {
                config.vm_address_persistence = from.next_value()?;
                Ok(())
            }
            "ipCooldownSeconds" => set(&mut config.cooldown_seconds, from),
            _ => unreachable!("only members of the list come here"),
        }
    }

    fn unknown(&mut self) -> Option<&mut Unknown> {
        Some(&mut self.0.unknown)
    }
}
