//! What stands in the store at the end, read as text from the records themselves and not by the programs that are shown.

use std::sync::Arc;
use std::time::Duration;

use block_ipam::datastore::settings::{Layer, Sources, resolve};
use block_ipam::datastore::{Datastore, OnAbsent, OpenOptions, Range, Read, open};
use block_ipam::entropy::SystemEntropy;
use serde_json::Value;

use crate::Failure;

const HANDLES: &str = "/calico/ipam/v2/handle/";
const BLOCKS: &str = "/calico/ipam/v2/assignment/";

/// Returns how many blocks stand in the store; fails where a handle is left or a block holds an address.
pub(crate) async fn check(store: &str) -> Result<usize, Failure> {
    let store = opened(store)?;
    let read = Read::latest(vec![
        Range::prefix(HANDLES).keys_only(),
        Range::prefix(BLOCKS),
    ]);
    let snapshot = store.read(read).await.map_err(|error| error.to_string())?;
    let [handles, blocks] = snapshot.found.as_slice() else {
        return Err("the store answered another question".to_owned());
    };
    if let Some(handle) = handles.entries.first() {
        return Err(format!(
            "{} handles are left, {} among them",
            handles.entries.len(),
            handle.key
        ));
    }
    for block in &blocks.entries {
        let record: Value = serde_json::from_slice(&block.value)
            .map_err(|error| format!("{}: {error}", block.key))?;
        let entries = record["allocations"]
            .as_array()
            .ok_or_else(|| format!("{} has no entries", block.key))?;
        if entries.iter().any(|entry| !entry.is_null()) {
            return Err(format!("{} still holds an address", block.key));
        }
    }
    Ok(blocks.entries.len())
}

fn opened(store: &str) -> Result<Arc<dyn Datastore>, Failure> {
    let sources = Sources {
        given: vec![Layer::flag(store)],
        variable: &|_| None,
        file: &|_| Ok(None),
    };
    let resolved = resolve(&sources).map_err(|error| error.to_string())?;
    let options = OpenOptions {
        on_absent: OnAbsent::Refuse,
        timeout: Duration::from_secs(5),
        prefer: None,
        entropy: &SystemEntropy,
    };
    open(&resolved.settings, &options).map_err(|error| error.to_string())
}
