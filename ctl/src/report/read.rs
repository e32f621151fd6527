//! Reports read back, ours and calicoctl's. Of a million addresses only those are kept that nobody used.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use block_ipam::clock::Timestamp;
use block_ipam::datastore::keys;
use block_ipam::report::{Finding, FindingKind, Looks, Subject};
use block_ipam::revision::Revision;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::failure::Failure;
use crate::report::{Allocation, LeakedHandle};
use crate::time;

/// What a report says to those who act on it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The identity of Calico's cluster; empty where there is none.
    #[serde(default, rename = "clusterGUID")]
    pub(crate) cluster_guid: String,
    /// The identity of the store; calicoctl's reports have none.
    #[serde(default)]
    pub(crate) store: Option<String>,
    #[serde(default)]
    taken_at: Option<String>,
    #[serde(default)]
    findings: Vec<FindingRead>,
    /// Addresses that nobody used.
    #[serde(rename = "allocations", deserialize_with = "unused")]
    pub(crate) unused: Vec<Allocation>,
    /// Handles that held nothing.
    #[serde(default)]
    pub(crate) leaked_handles: Option<Vec<LeakedHandle>>,
    /// When the file was last changed, for reports that do not say when they were taken.
    #[serde(skip)]
    changed: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct FindingRead {
    record: String,
    revision: Option<String>,
}

/// Reads a report.
pub(crate) fn read(path: &Path) -> Result<Report, Failure> {
    let failed = |what: &str, error: &dyn std::error::Error| {
        Failure::refused(format!("{} {what}", path.display())).caused_by(error)
    };
    let file = File::open(path).map_err(|error| failed("cannot be read", &error))?;
    let changed = file.metadata().and_then(|found| found.modified()).ok();
    let mut report: Report = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| failed("is no report of `ipam check`", &error))?;
    report.changed = changed.and_then(time::of);
    Ok(report)
}

impl Report {
    /// Returns when it was taken: what it says, or when its file was last changed.
    pub(crate) fn taken(&self) -> Option<Timestamp> {
        let said = self.taken_at.as_deref().and_then(time::parse);
        said.or(self.changed)
    }

    /// Returns what it saw, for repairs of what has to stand unchanged for a time.
    pub(crate) fn looks(&self) -> Looks {
        let Some(taken) = self.taken() else {
            return Looks::default();
        };
        let findings: Vec<Finding> = self.findings.iter().filter_map(FindingRead::seen).collect();
        Looks::default().and(&findings, taken)
    }
}

impl FindingRead {
    /// Which record was found, and as of when. What was wrong with it is decided anew.
    fn seen(&self) -> Option<Finding> {
        let revision: u64 = self.revision.as_deref()?.parse().ok()?;
        Some(Finding {
            subject: Subject::Record(keys::parse(&self.record)?),
            kind: FindingKind::UnreadableKey,
            revision: Some(Revision(revision)),
        })
    }
}

/// Keeps the addresses that were neither used nor cooling.
fn unused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Allocation>, D::Error> {
    deserializer.deserialize_map(Unused)
}

struct Unused;

impl<'de> Visitor<'de> for Unused {
    type Value = Vec<Allocation>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("addresses with what holds them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<Allocation>, A::Error> {
        let mut unused = Vec::new();
        while entries.next_key::<IgnoredAny>()?.is_some() {
            let holders: Vec<Allocation> = entries.next_value()?;
            let holders = holders.into_iter();
            unused.extend(holders.filter(|holder| !holder.in_use && !holder.cooling_down));
        }
        Ok(unused)
    }
}
