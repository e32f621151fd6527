//! The recorded operations, as they stand in `tests/golden/transitions`, or in the folder that `TRANSITIONS_DIR` names.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Keys and the exact text of their values.
pub(crate) type Records = BTreeMap<String, String>;

/// One operation that Calico did.
#[derive(Debug, Clone)]
pub(crate) struct Transition {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Just before the operation ran.
    pub(crate) now: Timestamp,
    /// Among which blocks Calico chose where several would have been right, as the file says it.
    pub(crate) choice: String,
    pub(crate) operation: Value,
    pub(crate) result: Value,
    pub(crate) before: Records,
    pub(crate) after: Records,
    /// How many reads and writes it took, refused ones too.
    pub(crate) requests: u64,
}

#[derive(Deserialize)]
struct File {
    name: String,
    about: String,
    now: String,
    choice: String,
    op: Value,
    result: Value,
    before: Vec<Record>,
    after: Vec<Record>,
    requests: Requests,
}

#[derive(Deserialize)]
struct Requests {
    reads: u64,
    writes: u64,
}

#[derive(Deserialize)]
struct Record {
    key: String,
    value: String,
}

/// Where recordings stand, and whether they are the ones of the repository.
#[derive(Debug)]
pub(crate) struct Recordings {
    folder: PathBuf,
    pub(crate) ours: bool,
}

impl Recordings {
    /// The recordings of the repository.
    pub(crate) fn golden() -> Recordings {
        Recordings {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transitions"),
            ours: true,
        }
    }

    /// The recordings that `TRANSITIONS_DIR` names, else those of the repository.
    pub(crate) fn named() -> Recordings {
        match env::var_os("TRANSITIONS_DIR") {
            Some(folder) => Recordings {
                folder: PathBuf::from(folder),
                ours: false,
            },
            None => Recordings::golden(),
        }
    }

    /// Reads all of them, in order of their names.
    pub(crate) fn read(&self) -> Vec<Transition> {
        let folder = fs::read_dir(&self.folder);
        let folder = folder.unwrap_or_else(|error| panic!("{:?}: {error}", self.folder));
        let mut paths: Vec<_> = folder
            .map(|entry| entry.expect("a folder entry").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "{:?} has no recordings", self.folder);
        paths.iter().map(|path| transition(path)).collect()
    }
}

fn transition(path: &Path) -> Transition {
    let text = fs::read_to_string(path).expect("a readable file");
    let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    Transition {
        choice: file.choice,
        name: file.name,
        about: file.about,
        now: file.now.parse().expect("a time"),
        operation: file.op,
        result: file.result,
        before: records(file.before),
        after: records(file.after),
        requests: file.requests.reads + file.requests.writes,
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

    /// Whether Calico chose among such blocks: new ones (`block`), own ones, or foreign ones (`borrow`).
    pub(crate) fn may_choose(&self, among: &str) -> bool {
        self.choice.contains(among)
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
