//! Where we differ from Calico on purpose: the table `tests/golden/deviations.toml`, and what a run makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Deserialize;
use toml_edit::{DocumentMut, de};

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviations {
    /// The decisions, each once.
    pub(crate) decisions: BTreeMap<String, Decision>,
    /// The recorded files that a decision makes end otherwise, by name.
    pub(crate) files: BTreeMap<String, Deviation>,
    /// The recorded stores that a decision makes end otherwise when everything is given back, by name.
    #[serde(default)]
    pub(crate) stores: BTreeMap<String, Deviation>,
}

/// What was decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// What we do, and what Calico does.
    pub(crate) why: String,
    /// The section of a document that decided it, as a link from the root of the repository.
    pub(crate) section: String,
}

/// How one recorded operation ends otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    /// The decision.
    pub(crate) decision: String,
    /// The whole difference, so that another one in the same file is noticed.
    pub(crate) looks: String,
}

/// What became of one recorded operation on one store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    Deviates,
    /// What somebody has to look at.
    Wrong(String),
}

impl Deviations {
    /// Reads the table.
    pub(crate) fn read() -> Deviations {
        Deviations::parse(&text())
    }

    /// Reads a table.
    pub(crate) fn parse(text: &str) -> Deviations {
        de::from_str(text).unwrap_or_else(|error| panic!("deviations.toml: {error}"))
    }

    /// Judges the differences of one operation.
    pub(crate) fn judge(&self, name: &str, lines: &[String]) -> Verdict {
        judge(self.files.get(name), lines)
    }

    /// Judges the differences of one store from which everything was given back.
    pub(crate) fn judge_store(&self, name: &str, lines: &[String]) -> Verdict {
        judge(self.stores.get(name), lines)
    }

    /// Returns the lines that name no decision, decisions that no line names, and lines of files that are not there.
    pub(crate) fn idle(&self, files: &BTreeSet<&str>) -> Vec<String> {
        let used: BTreeSet<&str> = self
            .files
            .values()
            .chain(self.stores.values())
            .map(|file| file.decision.as_str())
            .collect();
        let known: BTreeSet<&str> = self.decisions.keys().map(String::as_str).collect();
        let gone = self
            .files
            .keys()
            .filter(|name| !files.contains(name.as_str()));
        let unknown = used
            .difference(&known)
            .map(|name| format!("{name}: no such decision"));
        let unused = known
            .difference(&used)
            .map(|name| format!("{name}: decides nothing"));
        unknown
            .chain(unused)
            .chain(gone.map(|name| format!("{name}: no such recording")))
            .collect()
    }
}

fn judge(known: Option<&Deviation>, lines: &[String]) -> Verdict {
    let found = lines.join("\n");
    match (known, lines) {
        (None, []) => Verdict::Same,
        (None, _) => Verdict::Wrong(format!("a difference that nobody decided:\n{found}")),
        (Some(_), []) => Verdict::Wrong(
            "no difference any more: take its line out of deviations.toml".to_owned(),
        ),
        (Some(known), _) if known.looks.trim_end() == found => Verdict::Deviates,
        (Some(known), _) => Verdict::Wrong(format!(
            "another difference than decided:\n{found}\ndecided was:\n{}",
            known.looks
        )),
    }
}

/// Writes how the known deviations of a section look now; the rest of the table stays as it is.
pub(crate) fn update(section: &str, found: &BTreeMap<String, Vec<String>>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().expect("nobody fails in its turn");
    let mut table: DocumentMut = text().parse().expect("deviations.toml is TOML");
    for (name, lines) in found.iter().filter(|(_, lines)| !lines.is_empty()) {
        if let Some(file) = table[section].get_mut(name) {
            let literal = format!("'''\n{}'''", lines.join("\n"));
            file["looks"] = toml_edit::Item::Value(literal.parse().expect("a literal"));
        }
    }
    fs::write(path(), table.to_string()).expect("deviations.toml can be written");
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/deviations.toml")
}

fn text() -> String {
    fs::read_to_string(path()).expect("deviations.toml is in the repository")
}
