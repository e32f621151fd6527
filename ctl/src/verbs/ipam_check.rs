//! `ipamctl ipam check`: everything that is wrong in the store, from reads at one revision; no lock, no Kubernetes.

use std::path::Path;

use block_ipam::allocator::reports::AsOf;
use block_ipam::blocks::ordinal::Ordinal;
use block_ipam::blocks::{Block, Slot};
use block_ipam::clock::Timestamp;
use block_ipam::report::{CheckReport, Severity};

use crate::context::{Access, Context, Opened};
use crate::failure::{Failure, FailureKind};
use crate::report::{self, Allocation, Cluster, Ended, Head, InUse, Judged};
use crate::ui;
use crate::verbs::check_words::{self, Tally};

/// How often a check begins before the compactions of its store win.
const MOST_STARTS: usize = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with status 3 if it finds errors or warnings. It reads at one revision: nothing has to be locked.

Examples:
  ipamctl ipam check
  ipamctl ipam check --show-problem-ips
  ipamctl ipam check -o - | jq '.findings[].finding'")]
pub(crate) struct CheckArgs {
    /// Tell every address that is held
    #[arg(long)]
    show_all_ips: bool,
    /// Tell every address at fault
    #[arg(long)]
    show_problem_ips: bool,
    /// Write a report: what `ipam release` and `ipam repair` take as --from-report. `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Taken for calicoctl's sake: nothing here needs Kubernetes
    #[arg(long, hide = true, value_name = "FILE")]
    kubeconfig: Option<String>,
}

/// A check that is done, and what it looks at further.
struct Checked<'a> {
    context: &'a Context,
    args: &'a CheckArgs,
    opened: &'a Opened,
    taken: Timestamp,
    of: AsOf<CheckReport>,
}

pub(crate) async fn run(context: &Context, args: &CheckArgs) -> Result<(), Failure> {
    let opened = context.open(Access::Read).await?;
    for start in 1.. {
        let taken = context.now();
        let of = opened.allocator.check().await?;
        if 0 < of.restarts {
            begun_again(context);
        }
        let checked = Checked {
            context,
            args,
            opened,
            taken,
            of,
        };
        match checked.tell().await {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(Failure::new(FailureKind::Found, "problems were found")),
            Err(Ended::Compacted) if start < MOST_STARTS => begun_again(context),
            Err(Ended::Compacted) => break,
            Err(Ended::Failed(failure)) => return Err(failure),
        }
    }
    let error = "the store forgets revisions faster than it can be read";
    Err(Failure::refused(error).hint("compact it less often, or keep more revisions"))
}

fn begun_again(context: &Context) {
    let sentence = "The store was compacted while it was read: the check began again";
    context.ui.status(sentence);
}

impl Checked<'_> {
    /// Tells all, and returns the number of problems.
    async fn tell(&self) -> Result<usize, Ended> {
        let store = self.opened.store.as_ref();
        let at = self.of.revision;
        let mut in_use = InUse::read(store, at).await?;
        let mut tally = Tally::default();
        match self.args.output.as_deref() {
            Some("-") => {
                self.write(&mut in_use, &mut tally, self.context.ui.pieces())
                    .await?;
            }
            Some(path) => {
                let (file, put) = report::replaced(Path::new(path))?;
                let out = std::io::BufWriter::new(file);
                self.write(&mut in_use, &mut tally, out).await?;
                put()?;
            }
            None => {
                let each =
                    |block: &Block| self.see_block(block, &mut in_use, &mut tally, |_| Ok(()));
                report::blocks(store, Some(at), each).await?;
            }
        }
        let pools = crate::records::resources(store, block_ipam::resources::Kind::Pool, &[]);
        tally.see_not_held(&in_use, &pools.await?.found);
        let counted = self.problems() + tally.problems();
        if self.args.output.as_deref() != Some("-") {
            let knows = in_use.knows_workloads();
            let told = check_words::told(&self.of, &tally, knows, self.args.show_problem_ips);
            self.context.ui.data(&told)?;
            let last = format!("Check complete; found {counted} problems.\n");
            self.context.ui.data(&last)?;
        }
        Ok(counted)
    }

    fn problems(&self) -> usize {
        let found = self.of.report.findings.iter();
        let counted = found.filter(|finding| finding.severity() != Severity::Note);
        counted.count() + self.of.report.left_out
    }

    async fn write(
        &self,
        in_use: &mut InUse,
        tally: &mut Tally,
        out: impl std::io::Write,
    ) -> Result<(), Ended> {
        let store = self.opened.store.as_ref();
        let cluster = Cluster::read(store, Some(self.of.revision)).await?;
        let head = Head {
            cluster: &cluster,
            revision: self.of.revision,
            taken: self.taken,
            knows_workloads: in_use.knows_workloads(),
            findings: &self.of.report.findings,
        };
        let unwritable = |error: std::io::Error| ui::unwritable(&error);
        let mut writer = report::Writer::begin(out, &head).map_err(unwritable)?;
        let each = |block: &Block| {
            self.see_block(block, in_use, tally, |allocation| writer.add(&allocation))
        };
        report::blocks(store, Some(self.of.revision), each).await?;
        writer.end().map_err(unwritable)?;
        Ok(())
    }

    fn see_block(
        &self,
        block: &Block,
        in_use: &mut InUse,
        tally: &mut Tally,
        mut write: impl FnMut(Allocation) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let mut lines = String::new();
        if self.args.show_all_ips {
            check_words::block(&mut lines, block);
        }
        let judged = block
            .entries()
            .map(|entry| (entry.ordinal, in_use.judge(&entry)));
        let judged: std::collections::BTreeMap<Ordinal, Judged> = judged.collect();
        for ordinal in Ordinal::all(block.size()) {
            if let Slot::Assigned(attribute) = block.slot(ordinal) {
                let address = block.address(ordinal);
                let is_unused = judged.get(&ordinal) == Some(&Judged::Unused);
                if is_unused {
                    tally.add_unused(address, attribute, self.args.show_problem_ips);
                }
                if self.args.show_all_ips {
                    check_words::held(&mut lines, address, attribute);
                }
            }
            let allocation = Allocation::of(block, ordinal, judged.get(&ordinal));
            if let Some(allocation) = allocation {
                write(allocation).map_err(|error| ui::unwritable(&error))?;
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.context.ui.data(&lines)
    }
}
