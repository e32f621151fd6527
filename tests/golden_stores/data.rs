//! The recorded stores and transitions as lists of records.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One record of one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    /// The file, such as `stores/holes`, or `transitions/auto-cold-v4 after`.
    pub(crate) file: String,
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    value: String,
}

#[derive(Deserialize)]
struct Transition {
    before: Vec<Entry>,
    after: Vec<Entry>,
}

/// The records of all stores.
pub(crate) fn stores() -> Vec<Stored> {
    let mut records = Vec::new();
    for (name, text) in files("stores") {
        let entries: Vec<Entry> = serde_json::from_str(&text).expect("a golden file is JSON");
        records.extend(placed(&format!("stores/{name}"), entries));
    }
    records
}

/// The records of all stores, and of all transitions before and after.
pub(crate) fn every_record() -> Vec<Stored> {
    let mut records = stores();
    for (name, text) in files("transitions") {
        let Transition { before, after } =
            serde_json::from_str(&text).expect("a golden file is JSON");
        records.extend(placed(&format!("transitions/{name} before"), before));
        records.extend(placed(&format!("transitions/{name} after"), after));
    }
    records
}

fn placed(file: &str, entries: Vec<Entry>) -> impl Iterator<Item = Stored> {
    entries.into_iter().map(move |entry| Stored {
        file: file.to_owned(),
        key: entry.key,
        value: entry.value,
    })
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let entries = fs::read_dir(folder).expect("the golden data are in the repository");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder is listed").path())
        .collect();
    paths.sort();
    let name = |path: &Path| {
        path.file_stem()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned()
    };
    paths
        .iter()
        .map(|path| {
            (
                name(path),
                fs::read_to_string(path).expect("a file is read"),
            )
        })
        .collect()
}
