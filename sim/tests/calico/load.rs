//! The recorded operations with their traces, as they stand in `tests/golden/transitions` of the repository.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Keys and the exact text of their values.
pub(crate) type Records = BTreeMap<String, String>;

/// One operation that Calico did.
#[derive(Debug)]
pub(crate) struct Transition {
    pub(crate) name: String,
    pub(crate) now: Timestamp,
    pub(crate) operation: Value,
    pub(crate) result: Value,
    pub(crate) before: Records,
    pub(crate) after: Records,
    /// Its requests, of the records that are modelled.
    pub(crate) trace: Vec<String>,
    /// Whether the recording stopped before its end.
    pub(crate) is_cut: bool,
    /// Reads and writes, refused ones too, of the records that are modelled.
    pub(crate) requests: Requests,
    about: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Requests {
    pub(crate) reads: usize,
    pub(crate) writes: usize,
}

#[derive(Deserialize)]
struct File {
    name: String,
    about: String,
    now: String,
    op: Value,
    result: Value,
    before: Vec<Record>,
    after: Vec<Record>,
    requests: Requests,
    trace: Vec<String>,
}

#[derive(Deserialize)]
struct Record {
    key: String,
    value: String,
}

/// Records that Calico's client touches beside those of address management.
const OTHERS: [&str; 7] = [
    "res/tiers",
    "res/clusterinformations",
    "res/workloadendpoints",
    "res/bgppeers",
    "res/felixconfigurations",
    "res/bgpconfigurations",
    "res/hostendpoints",
];
/// A read of a key that cannot be: Calico's client refuses it without a request.
const UNSENT: &str = "IPAMHandleKey(id=)";

/// Reads all of them, in order of their names.
pub(crate) fn transitions() -> Vec<Transition> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/transitions");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the recorded transitions")
        .map(|entry| entry.expect("a folder entry").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| transition(path)).collect()
}

fn transition(path: &Path) -> Transition {
    let text = fs::read_to_string(path).expect("a readable file");
    let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let is_cut = file
        .trace
        .last()
        .is_some_and(|line| line.ends_with(" more"));
    let mut requests = file.requests;
    let mut trace = Vec::new();
    for line in &file.trace[..file.trace.len() - usize::from(is_cut)] {
        if OTHERS.iter().any(|other| line.contains(other)) || line.contains(UNSENT) {
            let is_read = line.starts_with("GET") || line.starts_with("LIST");
            requests.reads -= usize::from(is_read);
            requests.writes -= usize::from(!is_read);
        } else {
            trace.push(line.trim_end_matches('/').to_owned());
        }
    }
    Transition {
        name: file.name,
        now: file.now.parse().expect("a time"),
        operation: file.op,
        result: file.result,
        before: records(file.before),
        after: records(file.after),
        trace,
        is_cut,
        requests,
        about: file.about,
    }
}

fn records(list: Vec<Record>) -> Records {
    list.into_iter()
        .map(|record| (record.key, record.value))
        .collect()
}

impl Transition {
    /// Returns what kind of operation it is.
    pub(crate) fn kind(&self) -> &str {
        self.text("type")
    }

    /// Returns a member of the operation; absent is empty.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.operation[member].as_str().unwrap_or_default()
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.name, self.about, self.operation)
    }
}
