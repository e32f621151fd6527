//! Releasing what reports call unused. Each assignment must still have the handle and the number that the reports saw,
//! so nothing has to be locked and a newer assignment is never taken.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use block_ipam::affinity::repair::{Repaired, Standing};
use block_ipam::assign::ReleaseAddress;
use block_ipam::assign::repair_handle::RepairCounts;
use block_ipam::blocks::Address;
use block_ipam::clock::Timestamp;
use block_ipam::ids::HandleId;
use block_ipam::report::RepairKind;
use block_ipam::revision::Revision;

use crate::context::{Access, Context, Opened};
use crate::failure::Failure;
use crate::report::{self, Cluster, Report};

/// Addresses that are released in one request, between two words about the progress.
const AT_ONCE: usize = 1_000;

/// Where the words about the progress go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Say {
    /// To stdout, where calicoctl says them.
    There,
    /// To stderr, for stdout is a document's.
    Aside,
    /// Nowhere: nothing is done.
    Nothing,
}

impl Say {
    fn say(self, context: &Context, sentence: &str) -> Result<(), Failure> {
        match self {
            Say::There => context.ui.result(sentence),
            Say::Aside => {
                context.ui.status(sentence);
                Ok(())
            }
            Say::Nothing => Ok(()),
        }
    }
}

/// Releases, and returns the addresses and what went wrong.
pub(super) async fn run(
    context: &Context,
    paths: &[PathBuf],
    say: Say,
) -> Result<(Vec<Address>, Option<Failure>), Failure> {
    let reports: Result<Vec<Report>, Failure> =
        paths.iter().map(|path| report::read(path)).collect();
    let reports = reports?;
    let opened = context.open(Access::Read).await?;
    is_of_this_store(opened, paths, &reports).await?;
    let (released, first) = addresses(context, opened, &reports, say).await?;
    let second = handles(context, opened, &reports, say).await?;
    Ok((released, first.or(second)))
}

/// A report of another cluster names other workloads by the same addresses.
async fn is_of_this_store(
    opened: &Opened,
    paths: &[PathBuf],
    reports: &[Report],
) -> Result<(), Failure> {
    let cluster = Cluster::read(opened.store.as_ref(), None).await?;
    let store = format!("{:016x}", cluster.store);
    for (path, report) in paths.iter().zip(reports) {
        let is_other = report.cluster_guid != cluster.guid
            || report.store.as_ref().is_some_and(|own| *own != store);
        if is_other {
            let error = format!("{} is a report of another cluster", path.display());
            return Err(Failure::refused(error));
        }
    }
    Ok(())
}

async fn addresses(
    context: &Context,
    opened: &Opened,
    reports: &[Report],
    say: Say,
) -> Result<(Vec<Address>, Option<Failure>), Failure> {
    let leaked = leaked(reports)?;
    if leaked.is_empty() {
        let sentence = "Report didn't contain any leaked IPs to clean up.";
        say.say(context, sentence)?;
        return Ok((Vec::new(), None));
    }
    context
        .ui
        .result(&format!("Releasing {} old IPs...", leaked.len()))?;
    let (mut released, mut gone, mut changed) = (Vec::new(), 0, Vec::new());
    for part in leaked.chunks(AT_ONCE) {
        let done = opened.allocator.release_addresses(part).await?;
        released.extend(done.released);
        gone += done.not_assigned.len();
        let told = done
            .refused
            .into_iter()
            .map(|(_, refusal)| refusal.to_string());
        changed.extend(told);
    }
    context
        .ui
        .result(&format!("Released {} IPs successfully", released.len()))?;
    if 0 < gone {
        say.say(
            context,
            &format!(
                "{gone} addresses marked as leaked in the report had already been cleaned up."
            ),
        )?;
    }
    let failure = (!changed.is_empty()).then(|| {
        let error = format!(
            "{} addresses are not what the report saw, and were left",
            changed.len()
        );
        Failure::refused(error)
            .details(changed)
            .hint("a new report of `ipamctl ipam check` tells what they are now")
    });
    Ok((released, failure))
}

/// What is unused in every report, by the same holder and number.
fn leaked(reports: &[Report]) -> Result<Vec<ReleaseAddress>, Failure> {
    let mut counts: BTreeMap<Address, (ReleaseAddress, usize)> = BTreeMap::new();
    for held in reports.iter().flat_map(|report| &report.unused) {
        let bad = || {
            Failure::refused(format!(
                "the report names `{}`, which is no address",
                held.ip
            ))
        };
        let address = held.ip.parse().map_err(|_| bad())?;
        let request = ReleaseAddress {
            address,
            handle: held.handle.as_deref().map(HandleId::stored),
            sequence: held.sequence_number,
        };
        let entry = counts
            .entry(address)
            .or_insert_with(|| (request.clone(), 0));
        if entry.0 == request {
            entry.1 += 1;
        }
    }
    let all = counts.into_values();
    let all = all.filter(|(_, count)| *count == reports.len());
    Ok(all.map(|(request, _)| request).collect())
}

async fn handles(
    context: &Context,
    opened: &Opened,
    reports: &[Report],
    say: Say,
) -> Result<Option<Failure>, Failure> {
    let leaked = leaked_handles(reports, context.now());
    if leaked.is_empty() {
        let sentence = "Report didn't contain any handles to clean up.";
        say.say(context, sentence)?;
        return Ok(None);
    }
    context
        .ui
        .result(&format!("Deleting {} handles...", leaked.len()))?;
    let (mut released, mut skipped, mut young, mut errors) = (0, 0, 0, Vec::new());
    for repair in leaked {
        match opened.allocator.repair(&repair).await {
            Ok(Repaired::Done) => released += 1,
            Ok(Repaired::NotNeeded) => skipped += 1,
            Ok(Repaired::TooYoung) => young += 1,
            Err(error) => errors.push(Failure::from(error).sentence()),
        }
    }
    say.say(
        context,
        &format!(
            "Released {released} handles; {} skipped; {} errors.",
            skipped + young,
            errors.len()
        ),
    )?;
    if 0 < young {
        context.ui.status(&format!(
            "{young} handles changed since, or stood for less than 15 minutes: they may be half steps of requests under way"
        ));
    }
    let error = format!("{} handles could not be released", errors.len());
    Ok((!errors.is_empty()).then(|| Failure::refused(error).details(errors)))
}

/// The handles that held nothing in every report, unchanged since the first.
fn leaked_handles(reports: &[Report], now: Timestamp) -> Vec<RepairKind> {
    let first = reports.iter().filter_map(Report::taken).min();
    let unchanged_for = first.map_or(Duration::ZERO, |first| now.since(first));
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for leaked in reports
        .iter()
        .flat_map(|report| report.leaked_handles.iter().flatten())
    {
        *counts.entry((&leaked.id, &leaked.revision)).or_default() += 1;
    }
    let all = counts
        .into_iter()
        .filter(|(_, count)| *count == reports.len());
    all.filter_map(|((id, revision), _)| {
        Some(RepairKind::SetCounts(RepairCounts {
            handle: HandleId::stored(id),
            standing: Some(Standing {
                revision: Revision(revision.parse().ok()?),
                unchanged_for,
            }),
            blocks: std::collections::BTreeSet::new(),
        }))
    })
    .collect()
}
