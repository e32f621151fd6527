//! The report in a file: calicoctl's members and ours, addresses one a line as they come.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use block_ipam::clock::Timestamp;
use block_ipam::datastore::keys;
use block_ipam::report::{Finding, FindingKind, Subject};
use block_ipam::revision::Revision;
use serde::Serialize;

use crate::failure::Failure;
use crate::report::{Allocation, Cluster, LeakedHandle};
use crate::time;

/// What stands above the addresses.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) revision: Revision,
    pub(crate) taken: Timestamp,
    pub(crate) knows_workloads: bool,
}

/// A report that is being written.
pub(crate) struct Writer<W> {
    out: W,
    is_first: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadJson<'a> {
    version: String,
    #[serde(rename = "clusterGUID")]
    cluster_guid: &'a str,
    datastore_locked: bool,
    cluster_information_revision: String,
    cluster_type: &'a str,
    taken_at: String,
    revision: String,
    store: String,
    knows_workloads: bool,
}

/// What stands below the addresses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FootJson {
    findings: Vec<FindingJson>,
    leaked_handles: Vec<LeakedHandle>,
}

#[derive(Serialize)]
struct FindingJson {
    severity: String,
    record: String,
    subject: String,
    finding: String,
    remedy: String,
    revision: Option<String>,
}

impl<W: Write> Writer<W> {
    /// Begins a report.
    pub(crate) fn begin(mut out: W, head: &Head<'_>) -> io::Result<Writer<W>> {
        let text = serde_json::to_string_pretty(&HeadJson::of(head))?;
        let open = text.strip_suffix("\n}").unwrap_or(&text);
        write!(out, "{open},\n  \"allocations\": {{")?;
        Ok(Writer {
            out,
            is_first: true,
        })
    }

    /// Writes an address.
    pub(crate) fn add(&mut self, allocation: &Allocation) -> io::Result<()> {
        let comma = if std::mem::take(&mut self.is_first) {
            ""
        } else {
            ","
        };
        write!(self.out, "{comma}\n    \"{}\": [", allocation.ip)?;
        serde_json::to_writer(&mut self.out, allocation)?;
        write!(self.out, "]")
    }

    /// Ends the report with what was found.
    pub(crate) fn end(mut self, findings: &[Finding]) -> io::Result<()> {
        let foot = FootJson {
            findings: findings.iter().map(FindingJson::of).collect(),
            leaked_handles: findings.iter().filter_map(leaked).collect(),
        };
        let text = serde_json::to_string_pretty(&foot)?;
        let members = text.strip_prefix("{\n").unwrap_or(&text);
        write!(self.out, "\n  }},\n{members}\n")?;
        self.out.flush()
    }
}

/// Writes a file beside its place and then puts it there, so that no reader sees half of it. Returns what to write to;
/// the second call does the latter. What is no file, such as a device or a pipe, is written to as it is, and a link stays.
pub(crate) fn replaced(
    path: &Path,
) -> Result<(std::fs::File, impl FnOnce() -> Result<(), Failure> + use<>), Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::refused(format!("{} cannot be written", path.display())).caused_by(error)
    };
    let is_file = std::fs::metadata(path).map_or(true, |found| found.is_file());
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = is_file.then(|| {
        let mut name = place.clone().into_os_string();
        name.push(".new");
        PathBuf::from(name)
    });
    let file = match &new {
        Some(new) => std::fs::File::create(new).map_err(|error| failed(new, &error))?,
        None => std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(|error| failed(path, &error))?,
    };
    let put = move || match new {
        Some(new) => std::fs::rename(&new, &place).map_err(|error| failed(&place, &error)),
        None => Ok(()),
    };
    Ok((file, put))
}

impl<'a> HeadJson<'a> {
    fn of(head: &Head<'a>) -> HeadJson<'a> {
        let cluster = head.cluster;
        HeadJson {
            version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned(),
            cluster_guid: &cluster.guid,
            datastore_locked: cluster.is_locked,
            cluster_information_revision: cluster
                .revision
                .map_or_else(String::new, |at| at.to_string()),
            cluster_type: &cluster.kind,
            taken_at: time::text(head.taken),
            revision: head.revision.to_string(),
            store: format!("{:016x}", cluster.store),
            knows_workloads: head.knows_workloads,
        }
    }
}

impl FindingJson {
    fn of(finding: &Finding) -> FindingJson {
        FindingJson {
            severity: finding.severity().to_string(),
            record: match &finding.subject {
                Subject::Record(id) => keys::key_of(id),
                Subject::Key(key) => key.clone(),
            },
            subject: finding.subject.to_string(),
            finding: finding.kind.to_string(),
            remedy: finding.kind.remedy().to_string(),
            revision: finding.revision.map(|revision| revision.to_string()),
        }
    }
}

fn leaked(finding: &Finding) -> Option<LeakedHandle> {
    match (&finding.kind, &finding.subject, finding.revision) {
        (
            FindingKind::HandleHoldsNothing { .. },
            Subject::Record(block_ipam::plan::RecordId::Handle(id)),
            Some(revision),
        ) => Some(LeakedHandle {
            id: id.to_string(),
            uid: None,
            revision: revision.to_string(),
        }),
        _ => None,
    }
}
