//! The rules of the configuration, which Calico applies when it writes one and never when it reads.

use crate::resources::config::Config;
use crate::resources::field::FieldError;

const PERSISTENCE: [&str; 2] = ["Enabled", "Disabled"];

/// Returns every rule that the configuration breaks.
pub fn validate(config: &Config) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if !config.strict_affinity && !config.auto_allocate_blocks {
        faults.push(FieldError::bare(
            "spec",
            "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time",
        ));
    }
    if !config.strict_affinity && 0 < config.max_blocks_per_host {
        faults.push(FieldError::of(
            "spec.maxBlocksPerHost",
            config.max_blocks_per_host,
            "MaxBlocksPerHost requires StrictAffinity to be enabled",
        ));
    }
    if let Some(word) = &config.vm_address_persistence
        && !PERSISTENCE.contains(&word.as_str())
    {
        faults.push(FieldError::of(
            "spec.kubeVirtVMAddressPersistence",
            word,
            "supported values: \"Enabled\", \"Disabled\"",
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::validate;
    use crate::resources::Config;

    fn config(strict: bool, claims: bool, limit: i64) -> Config {
        Config {
            strict_affinity: strict,
            auto_allocate_blocks: claims,
            max_blocks_per_host: limit,
            ..Config::default()
        }
    }

    #[test]
    fn a_limit_needs_strict_affinity_and_something_must_be_able_to_give_addresses() {
        for (config, fields) in [
            (Config::default(), vec![]),
            (config(true, false, 7), vec![]),
            // Calico stores negative numbers as given; they mean no limit.
            (config(true, true, -2), vec![]),
            (config(false, true, -2), vec![]),
            (config(false, true, 3), vec!["spec.maxBlocksPerHost"]),
            (config(false, false, 0), vec!["spec"]),
            (
                config(false, false, 1),
                vec!["spec", "spec.maxBlocksPerHost"],
            ),
        ] {
            let found: Vec<String> = validate(&config).into_iter().map(|f| f.field).collect();
            assert_eq!(found, fields, "{config:?}");
        }
    }

    #[test]
    fn persistence_is_one_of_two_words() {
        let mut config = Config::default();
        for (word, legal) in [("Enabled", true), ("Disabled", true), ("Sometimes", false)] {
            config.vm_address_persistence = Some(word.to_owned());
            assert_eq!(validate(&config).is_empty(), legal, "{word}");
        }
    }
}
