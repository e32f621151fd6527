//! `ipamctl ipam check`: everything that is wrong in the store, from reads at one revision; no lock, no Kubernetes.

use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use block_ipam::allocator::Allocator;
use block_ipam::allocator::reports::AsOf;
use block_ipam::blocks::ordinal::Ordinal;
use block_ipam::blocks::{Block, Slot};
use block_ipam::clock::SystemClock;
use block_ipam::entropy::SystemEntropy;
use block_ipam::report::{CheckReport, Severity};
use block_ipam::revision::Revision;

use crate::context::{Access, Context, Opened};
use crate::failure::{Failure, FailureKind};
use crate::report::{self, Allocation, Alongside, Cluster, Ended, Head, InUse, Judged};
use crate::ui::{self, Ui};
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

pub(crate) async fn run(context: &Context, args: &CheckArgs) -> Result<(), Failure> {
    let opened = context.open(Access::Read).await?;
    for start in 1.. {
        match check(context, args, opened).await {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(Failure::new(FailureKind::Found, "problems were found")),
            Err(Ended::Compacted) if start < MOST_STARTS => {
                let sentence = "The store was compacted while it was read: the check began again";
                context.ui.status(sentence);
            }
            Err(Ended::Compacted) => break,
            Err(Ended::Failed(failure)) => return Err(failure),
        }
    }
    let error = "the store forgets revisions faster than it can be read";
    Err(Failure::refused(error).hint("compact it less often, or keep more revisions"))
}

/// Reads everything once, tells all, and returns the number of problems.
async fn check(context: &Context, args: &CheckArgs, opened: &Opened) -> Result<usize, Ended> {
    let store = opened.store.as_ref();
    let at = crate::records::newest(store).await?;
    let in_use = InUse::read(store, at).await?;
    let knows_workloads = in_use.knows_workloads();
    let head = Head {
        cluster: &Cluster::read(store, Some(at)).await?,
        revision: at,
        taken: context.now(),
        knows_workloads,
    };
    let (out, put) = target(args)?;
    let unwritable = |error: std::io::Error| ui::unwritable(&error);
    let begin = |out| report::Writer::begin(out, &head).map_err(unwritable);
    let looker = Looker {
        ui: context.ui,
        show_all_ips: args.show_all_ips,
        show_problem_ips: args.show_problem_ips,
        in_use,
        tally: Tally::default(),
        writer: out.map(begin).transpose()?,
        failure: None,
    };
    let looker = Arc::new(Mutex::new(looker));
    let of = read(opened, at, &looker).await?;
    let pools = crate::records::resources(store, block_ipam::resources::Kind::Pool, &[]).await?;
    let mut looker = lock(&looker);
    if let Some(failure) = looker.failure.take() {
        return Err(failure.into());
    }
    if let Some(writer) = looker.writer.take() {
        writer.end(&of.report.findings).map_err(unwritable)?;
    }
    put()?;
    let Looker { tally, in_use, .. } = &mut *looker;
    tally.see_not_held(in_use, &pools.found);
    let counted = problems(&of.report) + tally.problems();
    if args.output.as_deref() != Some("-") {
        let told = check_words::told(&of, tally, knows_workloads, args.show_problem_ips);
        context.ui.data(&told)?;
        let last = format!("Check complete; found {counted} problems.\n");
        context.ui.data(&last)?;
    }
    Ok(counted)
}

/// Checks the store as of the revision, and shows each block that is read for it.
async fn read(
    opened: &Opened,
    at: Revision,
    looker: &Arc<Mutex<Looker>>,
) -> Result<AsOf<CheckReport>, Ended> {
    let looking = Arc::clone(looker);
    let see = move |block: &Block| lock(&looking).see(block);
    let store = Arc::new(Alongside::new(Arc::clone(&opened.store), at, see));
    let allocator = Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy));
    Ok(allocator.check().await?)
}

fn lock(looker: &Mutex<Looker>) -> MutexGuard<'_, Looker> {
    looker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn problems(report: &CheckReport) -> usize {
    let findings = report.findings.iter();
    let counted = findings.filter(|finding| finding.severity() != Severity::Note);
    counted.count() + report.left_out
}

type Out = Box<dyn Write + Send>;
type Put = Box<dyn FnOnce() -> Result<(), Failure> + Send>;

/// Where the report goes, and what puts it in its place once it is whole.
fn target(args: &CheckArgs) -> Result<(Option<Out>, Put), Failure> {
    match args.output.as_deref() {
        None => Ok((None, Box::new(|| Ok(())))),
        Some("-") => {
            let (file, put) = spooled().map_err(|error| ui::unwritable(&error))?;
            Ok((Some(Box::new(file)), put))
        }
        Some(path) => {
            let (file, put) = report::replaced(Path::new(path))?;
            Ok((Some(Box::new(std::io::BufWriter::new(file))), Box::new(put)))
        }
    }
}

/// A report on standard output waits in a file without a name until it is whole: a check that begins again begins it again.
fn spooled() -> std::io::Result<(impl Write + Send, Put)> {
    let mut file = tempfile::tempfile()?;
    let out = std::io::BufWriter::new(file.try_clone()?);
    let put = move || {
        let mut copy = || {
            let mut pieces = ui::pieces();
            file.rewind()?;
            std::io::copy(&mut file, &mut pieces)?;
            pieces.flush()
        };
        copy().map_err(|error| ui::unwritable(&error))
    };
    Ok((out, Box::new(put)))
}

/// Who looks at each block beside the check: who uses its addresses, and what the report says of them.
struct Looker {
    ui: Ui,
    show_all_ips: bool,
    show_problem_ips: bool,
    in_use: InUse,
    tally: Tally,
    writer: Option<report::Writer<Out>>,
    /// Why nothing more can be told.
    failure: Option<Failure>,
}

impl Looker {
    fn see(&mut self, block: &Block) {
        if self.failure.is_none() {
            self.failure = self.try_see(block).err();
        }
    }

    fn try_see(&mut self, block: &Block) -> Result<(), Failure> {
        let mut lines = String::new();
        if self.show_all_ips {
            check_words::block(&mut lines, block);
        }
        let judged = block
            .entries()
            .map(|entry| (entry.ordinal, self.in_use.judge(&entry)));
        let judged: BTreeMap<Ordinal, Judged> = judged.collect();
        for ordinal in Ordinal::all(block.size()) {
            if let Slot::Assigned(attribute) = block.slot(ordinal) {
                let address = block.address(ordinal);
                if judged.get(&ordinal) == Some(&Judged::Unused) {
                    self.tally
                        .add_unused(address, attribute, self.show_problem_ips);
                }
                if self.show_all_ips {
                    check_words::held(&mut lines, address, attribute);
                }
            }
            let allocation = Allocation::of(block, ordinal, judged.get(&ordinal));
            if let (Some(allocation), Some(writer)) = (allocation, &mut self.writer) {
                writer
                    .add(&allocation)
                    .map_err(|error| ui::unwritable(&error))?;
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.ui.data(&lines)
    }
}
