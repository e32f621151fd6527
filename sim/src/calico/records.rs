//! Calico's small records: affinity, handle, configuration; and times as it writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// Attributes of an assignment.
pub type Attributes = BTreeMap<String, String>;

pub(super) const PENDING: &str = "pending";
pub(super) const CONFIRMED: &str = "confirmed";
pub(super) const PENDING_DELETION: &str = "pendingDeletion";

/// A node's claim on a block.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Affinity {
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Affinity {
    pub(super) fn pending() -> Affinity {
        Affinity {
            state: PENDING.to_owned(),
            deleted: false,
        }
    }
}

/// What a handle is believed to hold in each block.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Handle {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) block: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Handle {
    /// Returns how many addresses of the block's family it counts.
    pub(super) fn of_family(&self, block: &str) -> i64 {
        let family = |block: &str| block.contains(':');
        let same = |(own, _): &(&String, &i64)| family(own) == family(block);
        self.block.iter().filter(same).map(|(_, count)| count).sum()
    }
}

/// The configuration. Absent it is not what `{}` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct Config {
    #[serde(default, rename = "strict_affinity", skip_serializing_if = "no")]
    pub strict: bool,
    #[serde(default, rename = "auto_allocate_blocks", skip_serializing_if = "no")]
    pub auto_allocate: bool,
    #[serde(default, rename = "maxBlocksPerHost", skip_serializing_if = "zero")]
    pub max_blocks: i64,
    #[serde(
        default,
        rename = "kubeVirtVMAddressPersistence",
        skip_serializing_if = "Option::is_none"
    )]
    pub persistence: Option<String>,
    #[serde(default, rename = "ipCooldownSeconds", skip_serializing_if = "zero")]
    pub cooldown_seconds: i64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            strict: false,
            auto_allocate: true,
            max_blocks: 0,
            persistence: Some("Enabled".to_owned()),
            cooldown_seconds: 0,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn no(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn zero(number: &i64) -> bool {
    *number == 0
}

/// Reads `null` as the default, as Go does.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Times in whole seconds, UTC.
pub(super) mod time {
    use block_ipam::clock::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    #[expect(clippy::ref_option, reason = "serde gives a reference")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let nanos = time.map(|time| i128::from(time.whole_seconds().nanos()));
        let time = nanos.map(jiff::Timestamp::from_nanosecond).transpose();
        match time.map_err(ser::Error::custom)? {
            None => serializer.serialize_none(),
            Some(time) => serializer.collect_str(&time),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let nanos = i64::try_from(time.as_nanosecond()).map_err(de::Error::custom)?;
        Ok(Some(Timestamp::from_nanos(nanos)))
    }
}
