//! The records themselves: laid into the store as they are, and told as they are. No guard, no rule.

use std::collections::BTreeMap;

use block_ipam::datastore::pages::Pages;
use block_ipam::datastore::port::{MAX_TXN_BYTES, MAX_WRITES};
use block_ipam::datastore::{Datastore, DatastoreError, Entry, Span, Txn, Write};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ops::failure::Failure;
use crate::ops::operation::{Answer, Operation, World};

/// What a recorded transition compares.
const COMPARED: [&str; 6] = [
    "/calico/ipam/",
    "/calico/resources/v3/projectcalico.org/ipamconfigurations/",
    "/calico/resources/v3/projectcalico.org/ippools/",
    "/calico/resources/v3/projectcalico.org/ipreservations/",
    "/calico/resources/v3/projectcalico.org/namespaces/",
    "/calico/resources/v3/projectcalico.org/nodes/",
];

/// What replacing all records begins with deleting.
const EVERYTHING: [&str; 2] = ["/block-ipam/", "/calico/"];

/// Puts records, each by its key; one without a value is deleted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutRecords {
    records: Vec<Record>,
    /// Whether all other records go.
    #[serde(default)]
    replace: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    key: String,
    value: Option<String>,
}

impl Operation for PutRecords {
    async fn perform(self, world: &World) -> Answer {
        let store = world.store.as_ref();
        let mut values: BTreeMap<String, Option<String>> = BTreeMap::new();
        if self.replace {
            let old = entries(store, &EVERYTHING).await?;
            values.extend(old.into_iter().map(|entry| (entry.key, None)));
        }
        values.extend(
            self.records
                .into_iter()
                .map(|record| (record.key, record.value)),
        );
        let writes = values.into_iter().map(|(key, value)| match value {
            Some(text) => Write::Put(key, text.into_bytes()),
            None => Write::Delete(key),
        });
        for writes in transactions(writes) {
            let txn = Txn {
                guards: Vec::new(),
                writes,
            };
            store.commit(txn).await?;
        }
        Ok(json!({}))
    }
}

impl From<DatastoreError> for Failure {
    fn from(error: DatastoreError) -> Failure {
        Failure::from(&error)
    }
}

/// Cuts writes into transactions that every store takes.
fn transactions(writes: impl Iterator<Item = Write>) -> Vec<Vec<Write>> {
    let mut transactions: Vec<Txn> = Vec::new();
    for write in writes {
        let alone = Txn {
            guards: Vec::new(),
            writes: vec![write.clone()],
        };
        match transactions.last_mut() {
            Some(txn)
                if txn.writes.len() < MAX_WRITES
                    && txn.bytes() + alone.bytes() <= MAX_TXN_BYTES =>
            {
                txn.writes.push(write);
            }
            _ => transactions.push(alone),
        }
    }
    transactions.into_iter().map(|txn| txn.writes).collect()
}

/// Tells records, sorted by key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DumpRecords {
    /// What their keys begin with; absent for what a recorded transition compares.
    prefixes: Option<Vec<String>>,
}

impl Operation for DumpRecords {
    async fn perform(self, world: &World) -> Answer {
        let store = world.store.as_ref();
        let found = match &self.prefixes {
            Some(prefixes) => entries(store, prefixes).await?,
            None => entries(store, &COMPARED).await?,
        };
        let values: BTreeMap<String, String> = found
            .into_iter()
            .map(|entry| {
                (
                    entry.key,
                    String::from_utf8_lossy(&entry.value).into_owned(),
                )
            })
            .collect();
        let records = values.into_iter();
        let records: Vec<Value> = records
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        Ok(json!({ "records": records }))
    }
}

async fn entries(
    store: &dyn Datastore,
    prefixes: &[impl AsRef<str>],
) -> Result<Vec<Entry>, DatastoreError> {
    let mut entries = Vec::new();
    for prefix in prefixes {
        let mut pages = Pages::of(store, Span::Prefix(prefix.as_ref().to_owned()));
        while let Some(page) = pages.next().await? {
            entries.extend(page.entries);
        }
    }
    Ok(entries)
}
