//! What was recorded from real Calico: whole stores, and single operations with the records before and after.
//!
//! They stand in `tests/golden/`, whose `README.md` tells their members.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Keys and the exact text of their values.
pub type Records = BTreeMap<String, String>;

/// One operation that Calico did.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Transition {
    /// The name of its file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// Just before the operation ran.
    #[serde(deserialize_with = "time")]
    pub now: Timestamp,
    /// Among which blocks Calico chose where several would have been right.
    pub choice: String,
    /// What was asked.
    #[serde(rename = "op")]
    pub operation: Value,
    /// What Calico answered.
    pub result: Value,
    /// The store before.
    #[serde(deserialize_with = "by_key")]
    pub before: Records,
    /// The store after.
    #[serde(deserialize_with = "by_key")]
    pub after: Records,
    /// What it cost.
    pub requests: Requests,
    /// Its requests, one line each; a last line that ends with ` more` says that the rest was left out.
    pub trace: Vec<String>,
}

/// Requests to the store, refused ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Requests {
    /// Reads of a key or a range.
    pub reads: u64,
    /// Puts, deletes and transactions.
    pub writes: u64,
}

impl Requests {
    /// Returns how many there were.
    pub fn total(self) -> u64 {
        self.reads + self.writes
    }

    /// Returns the number to which a line of a trace belongs.
    pub fn of_kind(&mut self, line: &str) -> &mut u64 {
        if line.starts_with("GET") || line.starts_with("LIST") {
            &mut self.reads
        } else {
            &mut self.writes
        }
    }
}

#[derive(Deserialize)]
struct Record {
    key: String,
    value: String,
}

fn time<'de, D: Deserializer<'de>>(text: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(text)?;
    text.parse().map_err(D::Error::custom)
}

fn by_key<'de, D: Deserializer<'de>>(list: D) -> Result<Records, D::Error> {
    let list = Vec::<Record>::deserialize(list)?;
    Ok(pairs(list))
}

fn pairs(list: Vec<Record>) -> Records {
    list.into_iter()
        .map(|record| (record.key, record.value))
        .collect()
}

impl Transition {
    /// Returns what kind of operation it is.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// Whether Calico chose among such blocks: new ones (`block`), own ones, or foreign ones (`borrow`).
    pub fn may_choose(&self, among: &str) -> bool {
        self.choice.contains(among)
    }

    /// Whether the trace was cut: it tells the first requests only.
    pub fn is_cut(&self) -> bool {
        let last = self.trace.last();
        last.is_some_and(|line| line.ends_with(" more"))
    }

    /// Returns the requests that the trace tells.
    pub fn sent(&self) -> &[String] {
        &self.trace[..self.trace.len() - usize::from(self.is_cut())]
    }

    /// Returns a member of the operation; absent is empty.
    pub fn text(&self, member: &str) -> &str {
        self.operation[member].as_str().unwrap_or_default()
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.name, self.about, self.operation)
    }
}

/// Returns a folder of the recordings of the repository: `stores` or `transitions`.
pub fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../golden")
        .join(folder)
}

/// Reads the recorded operations of a folder, in order of their names.
///
/// # Panics
///
/// If it has none, or one that is not a recording.
pub fn transitions(folder: &Path) -> Vec<Transition> {
    let files = texts(folder);
    assert!(!files.is_empty(), "{folder:?} has no recordings");
    let parse = |(name, text): (String, String)| {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    files.into_iter().map(parse).collect()
}

/// Reads the recorded stores of the repository by their names.
///
/// # Panics
///
/// If one cannot be read.
pub fn stores() -> BTreeMap<String, Records> {
    let parse = |(name, text): (String, String)| {
        let list: Vec<Record> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, pairs(list))
    };
    texts(&golden("stores")).into_iter().map(parse).collect()
}

/// Reads one recorded store of the repository.
///
/// # Panics
///
/// If there is none of the name.
pub fn store(name: &str) -> Records {
    let store = stores().remove(name);
    store.unwrap_or_else(|| panic!("no recorded store is named {name:?}"))
}

/// Returns the JSON files of a folder by their names without the ending.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = files.map(|entry| entry.expect("a folder entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a readable file");
            let name = path.file_stem().expect("a file has a name");
            (name.to_string_lossy().into_owned(), text)
        })
        .collect()
}
