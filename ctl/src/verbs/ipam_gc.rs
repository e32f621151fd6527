//! `ipamctl ipam gc`: gives back what nothing on a node holds any more, seen so in two looks.
//!
//! For runtimes that never call GC, and main plugins that do not forward it. What lives is told by the machine itself, by
//! a command, or by a file; when in doubt, it lives.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use block_ipam::allocator::Hint;
use block_ipam::assign::NodeHeld;
use block_ipam::clock::{Clock, SystemClock};
use block_ipam::ids::NodeName;
use block_ipam::node::alive::{Evidence, Life, gone_in_both, judge};
use block_ipam::node::evidence::Places;
use block_ipam::node::{Configured, Host, MachineFiles, resolve};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, Table};
use crate::verbs::ipam_show::Format;

const HELP: &str = "\
What lives on this machine is told by the results that runtimes keep below /var/lib/cni, by its network namespaces and
their addresses, and by the boot in which an address was assigned. What is in doubt is kept.
For another node, or beside runtimes that keep no results, a command or a file has to tell.

Examples:
  ipamctl ipam gc
  ipamctl ipam gc --yes --interval 60
  ipamctl ipam gc --exec 'crictl pods -q' --yes
  ipamctl ipam gc --node rack1-n07 --alive-file ids.txt --yes";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct GcArgs {
    /// The node; this machine's where it is left out
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Seconds between the two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    interval: u32,
    /// A command that prints the container ids or handles of what lives, one a line; it is run for each look
    #[arg(long, value_name = "COMMAND", conflicts_with = "alive_file")]
    exec: Option<String>,
    /// A file with container ids or handles of what lives, one a line; it is read for each look
    #[arg(long, value_name = "FILE")]
    alive_file: Option<PathBuf>,
    /// Where runtimes keep their results, in place of /var/lib/cni/results and /var/lib/cni/cache/results
    #[arg(long, value_name = "DIRECTORY")]
    results: Vec<PathBuf>,
    /// Show what would be released, and release nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Release it; without this it is shown only
    #[arg(short, long)]
    yes: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What was found, and what became of it.
#[derive(Debug, Serialize)]
struct Report {
    node: String,
    /// Addresses of nobody.
    gone: Vec<Row>,
    /// Addresses that live.
    alive: usize,
    /// Addresses of which nothing tells, or that were not gone at both looks.
    doubted: usize,
    released: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    address: String,
    handle: String,
    reason: &'static str,
}

pub(crate) async fn run(context: &Context, args: &GcArgs) -> Result<(), Failure> {
    let (node, is_here) = node(context, args).await?;
    let before = look(context, args, &node, is_here).await?;
    if before.iter().any(|(_, life)| matches!(life, Life::Gone(_))) {
        wait(context, args.interval).await;
    }
    let now = look(context, args, &node, is_here).await?;
    let stale = gone_in_both(&before, &now);
    let chosen: Vec<NodeHeld> = stale.iter().map(|(held, _)| held.clone()).collect();
    let mut report = report(&node, &now, &stale);
    let mut failures = Vec::new();
    if args.yes && !chosen.is_empty() {
        let allocator = &context.open(Access::Read).await?.allocator;
        let (released, errors) = allocator.release_held(&chosen).await;
        report.released = released.released.iter().map(ToString::to_string).collect();
        failures = errors;
    }
    context.ui.data(&match args.output {
        Format::Table => text(&report),
        Format::Json => output::json(&report),
    })?;
    tell(context, args, &report);
    let more = failures.len().saturating_sub(1);
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) if more == 0 => Err(first.into()),
        Some(first) => Err(Failure::from(first).details([format!("and {more} more failed")])),
    }
}

/// Returns the node, and whether it is this machine: by the record of its machine, else by its name.
async fn node(context: &Context, args: &GcArgs) -> Result<(NodeName, bool), Failure> {
    let variable = std::env::var("NODENAME").ok();
    let own = resolve(&Configured::default(), variable.as_deref(), &Host::here());
    let node = match (&args.node, &own) {
        (Some(name), _) => {
            NodeName::new(name).map_err(|error| Failure::usage(error.to_string()))?
        }
        (None, Ok(own)) => own.clone(),
        (None, Err(error)) => {
            return Err(Failure::refused("this machine has no node name").caused_by(error));
        }
    };
    let allocator = &context.open(Access::Read).await?.allocator;
    let machine = MachineFiles::here().read().map(|machine| machine.machine);
    let is_here = match allocator.identity_of(&node).await? {
        Some(identity) => Some(identity.machine.machine) == machine,
        None => own.is_ok_and(|own| own == node),
    };
    if !is_here && args.exec.is_none() && args.alive_file.is_none() {
        let error =
            format!("node `{node}` is another machine, and nothing here tells what lives on it");
        return Err(Failure::usage(error).hint("give `--exec` or `--alive-file`"));
    }
    Ok((node, is_here))
}

fn tell(context: &Context, args: &GcArgs, report: &Report) {
    let (gone, doubted) = (report.gone.len(), report.doubted);
    let sentence = if args.yes {
        let released = report.released.len();
        format!("{released} of {} released.", counted(gone))
    } else if gone == 0 {
        "Nothing is to be released.".to_owned()
    } else {
        format!("{} would be released with `--yes`.", counted(gone))
    };
    context.ui.status(&sentence);
    if 0 < doubted {
        context
            .ui
            .status(&format!("{} in doubt, and kept.", counted(doubted)));
    }
}

fn counted(addresses: usize) -> String {
    let word = if addresses == 1 {
        "address"
    } else {
        "addresses"
    };
    format!("{addresses} {word}")
}

/// One look: what the node holds, each with what is known of it.
async fn look(
    context: &Context,
    args: &GcArgs,
    node: &NodeName,
    is_here: bool,
) -> Result<Vec<(NodeHeld, Life)>, Failure> {
    let allocator = &context.open(Access::Read).await?.allocator;
    let holdings = allocator.held_by(node, &Hint::default()).await?;
    let evidence = evidence(args, is_here)?;
    for corrupt in &holdings.corrupt {
        context.ui.status(&format!(
            "Record {} is corrupt: {}",
            corrupt.key, corrupt.detail
        ));
    }
    let judged = holdings.held.into_iter().map(|held| {
        let life = judge(&held, &evidence);
        (held, life)
    });
    Ok(judged.collect())
}

fn evidence(args: &GcArgs, is_here: bool) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    if is_here {
        let mut places = Places::here();
        if !args.results.is_empty() {
            places.results.clone_from(&args.results);
        }
        evidence = places.look().map_err(|error| {
            Failure::refused("this machine cannot be looked at").caused_by(&error)
        })?;
    }
    evidence.named = named(args)?;
    Ok(evidence)
}

/// Who somebody says to live.
fn named(args: &GcArgs) -> Result<Option<BTreeSet<String>>, Failure> {
    let text = if let Some(command) = &args.exec {
        Some(printed(command)?)
    } else if let Some(path) = &args.alive_file {
        let read = std::fs::read_to_string(path);
        Some(read.map_err(|error| {
            Failure::refused(format!("{} cannot be read", path.display())).caused_by(&error)
        })?)
    } else {
        None
    };
    let ids = |text: String| {
        let lines = text.lines().map(str::trim);
        let said = lines.filter(|line| !line.is_empty());
        said.map(str::to_owned).collect()
    };
    Ok(text.map(ids))
}

/// A command that fails has told nothing.
fn printed(command: &str) -> Result<String, Failure> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let failed = || Failure::refused(format!("`{command}` did not tell what lives"));
    let output = output.map_err(|error| failed().caused_by(&error))?;
    if !output.status.success() {
        return Err(failed().details([output.status.to_string()]));
    }
    String::from_utf8(output.stdout).map_err(|error| failed().caused_by(&error))
}

async fn wait(context: &Context, seconds: u32) {
    if 0 < seconds {
        context.ui.status(&format!("Looking again in {seconds} s."));
        SystemClock
            .sleep(Duration::from_secs(u64::from(seconds)))
            .await;
    }
}

fn report(node: &NodeName, now: &[(NodeHeld, Life)], stale: &[&(NodeHeld, Life)]) -> Report {
    let alive = now
        .iter()
        .filter(|(_, life)| matches!(life, Life::Lives(_)))
        .count();
    let row = |(held, life): &&(NodeHeld, Life)| Row {
        address: held.address.to_string(),
        handle: held.handle.to_string(),
        reason: match life {
            Life::Lives(reason) | Life::Gone(reason) | Life::Unknown(reason) => reason,
        },
    };
    Report {
        node: node.to_string(),
        gone: stale.iter().map(row).collect(),
        alive,
        doubted: now.len() - alive - stale.len(),
        released: Vec::new(),
    }
}

fn text(report: &Report) -> String {
    if report.gone.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::Left("IP"),
        Column::Left("HANDLE"),
        Column::Left("REASON"),
    ]);
    for row in &report.gone {
        table.row([
            row.address.clone(),
            row.handle.clone(),
            row.reason.to_owned(),
        ]);
    }
    table.render()
}
