//! `kind: IPAMConfiguration`. It becomes the configuration that assignments look at; calicoctl on etcd stores the
//! same manifest where no assignment looks.

use block_ipam::resources::plans::config::NAME;
use block_ipam::resources::{Config, FieldError, Metadata, config_rules};

use crate::manifest::fields::Fields;
use crate::value::Value;

pub(super) fn config(metadata: &Metadata, spec: Option<&Value>) -> Result<Config, Vec<FieldError>> {
    let mut fields = Fields::open("spec", spec);
    let default = Config::default();
    let config = Config {
        strict_affinity: fields
            .flag("strictAffinity")
            .unwrap_or(default.strict_affinity),
        auto_allocate_blocks: fields
            .flag("autoAllocateBlocks")
            .unwrap_or(default.auto_allocate_blocks),
        max_blocks_per_host: fields.whole("maxBlocksPerHost").unwrap_or_default(),
        vm_address_persistence: fields.text("kubeVirtVMAddressPersistence"),
        cooldown_seconds: fields.whole("ipCooldownSeconds").unwrap_or_default(),
        ..default
    };
    let mut errors = fields.close();
    if metadata.name != NAME {
        let rule = format!("resource name has to be \"{NAME}\"");
        errors.push(FieldError::of("metadata.name", &metadata.name, rule));
    }
    errors.extend(config_rules::validate(&config));
    if errors.is_empty() {
        Ok(config)
    } else {
        Err(errors)
    }
}
