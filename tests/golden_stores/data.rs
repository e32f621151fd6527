//! The recorded stores and transitions as lists of records.

use block_ipam_testing::recordings::{self, Records, golden, transitions};

/// One record of one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    /// The file, such as `stores/holes`, or `transitions/auto-cold-v4 after`.
    pub(crate) file: String,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The records of all stores.
pub(crate) fn stores() -> Vec<Stored> {
    let stores = recordings::stores().into_iter();
    stores
        .flat_map(|(name, records)| placed(format!("stores/{name}"), records))
        .collect()
}

/// The records of all stores, and of all transitions before and after.
pub(crate) fn every_record() -> Vec<Stored> {
    let mut records = stores();
    for transition in transitions(&golden("transitions")) {
        let name = transition.name;
        let before = placed(format!("transitions/{name} before"), transition.before);
        let after = placed(format!("transitions/{name} after"), transition.after);
        records.extend(before.chain(after));
    }
    records
}

fn placed(file: String, records: Records) -> impl Iterator<Item = Stored> {
    records.into_iter().map(move |(key, value)| Stored {
        file: file.clone(),
        key,
        value,
    })
}
