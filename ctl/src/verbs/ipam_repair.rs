//! `ipamctl ipam repair`: sets right what a check finds, after it has shown what it will do. Each repair is decided
//! again from a fresh read, and changes nothing that somebody else changed meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use block_ipam::affinity::repair::Repaired;
use block_ipam::report::{Looks, Remedy, Repair, RepairKind, Severity, repairs};

use crate::context::{Access, Context};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::ui::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What may be the half step of a request under way is left alone until it has stood unchanged: an affinity without its
block for 2 minutes, a handle that counts too much for 15. A report of `ipamctl ipam check -o FILE` tells since when.

Examples:
  ipamctl ipam repair --dry-run
  ipamctl ipam check -o before.json; sleep 900; ipamctl ipam repair --from-report=before.json --yes")]
pub(crate) struct RepairArgs {
    /// A report of an earlier check: what stood unchanged since is set right too
    #[arg(long, value_name = "FILE")]
    from_report: Option<PathBuf>,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, args: &RepairArgs) -> Result<(), Failure> {
    let looks = match &args.from_report {
        Some(path) => report::read(path)?.looks(),
        None => Looks::default(),
    };
    let opened = context.open(Access::Read).await?;
    let checked = opened.allocator.check().await?;
    let findings = &checked.report.findings;
    let planned = repairs(findings, &looks, context.now());
    let lines = planned.iter().map(|repair| format!("{}\n", Words(repair)));
    context.ui.data(&lines.collect::<String>())?;
    let is_operators = |remedy: Remedy| remedy == Remedy::Operator;
    let left = findings.iter();
    let left = left.filter(|finding| finding.severity() != Severity::Note);
    let left = left
        .filter(|finding| is_operators(finding.kind.remedy()))
        .count();
    if 0 < left {
        context.ui.status(&format!(
            "An operator has to decide about {left} more: `ipamctl ipam check` tells them"
        ));
    }
    if planned.is_empty() {
        context.ui.status("There is nothing to repair");
        return Ok(());
    }
    if args.dry_run {
        return Ok(());
    }
    let answer = if args.yes { Answer::Yes } else { Answer::Ask };
    let question = format!("Set right these {}?", planned.len());
    context.ui.confirm(&question, answer)?;
    perform(context, &planned).await
}

async fn perform(context: &Context, planned: &[Repair]) -> Result<(), Failure> {
    let allocator = &context.open(Access::Read).await?.allocator;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = 0;
    for repair in planned {
        match allocator.repair(&repair.kind).await {
            Ok(done) => *counts.entry(word(done)).or_default() += 1,
            Err(error) => {
                let failure = Failure::from(error);
                if failure.kind == FailureKind::Unreachable {
                    return Err(failure);
                }
                context.ui.failure(&Failure::refused(format!(
                    "{}: {}",
                    Words(repair),
                    failure.sentence()
                )));
                failed += 1;
            }
        }
    }
    let counts = counts.iter().map(|(word, count)| format!("{count} {word}"));
    let counts: Vec<String> = counts.collect();
    context
        .ui
        .status(&format!("Repairs: {}", counts.join(", ")));
    match failed {
        0 => Ok(()),
        _ => Err(Failure::told()),
    }
}

const fn word(done: Repaired) -> &'static str {
    match done {
        Repaired::Done => "done",
        Repaired::NotNeeded => "not needed any more",
        Repaired::TooYoung => "left, for they may be half steps of requests under way",
    }
}

/// A repair in words.
struct Words<'a>(&'a Repair);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            RepairKind::ConfirmAffinity(owner, block) => {
                write!(f, "confirm the affinity of {owner} to block {block}")
            }
            RepairKind::DropAffinity(owner, block, _) => {
                write!(f, "drop the affinity of {owner} to block {block}")
            }
            RepairKind::SetCounts(request) => {
                write!(
                    f,
                    "set the counts of handle `{}` to what it holds",
                    request.handle
                )
            }
            RepairKind::DeleteBlock(block) => write!(f, "delete block {block}"),
            RepairKind::RewriteBlock(block) => write!(f, "write block {block} anew"),
            RepairKind::IndexBorrowing(node, block) => {
                write!(
                    f,
                    "set right the index of what `{node}` borrows from block {block}"
                )
            }
        }?;
        write!(f, ": {}", self.0.why.kind)
    }
}
