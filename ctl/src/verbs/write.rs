//! `ipamctl create`, `apply` and `replace`: one reading of files, three modes of writing.

use std::collections::BTreeSet;

use block_ipam::resources::Metadata;
use block_ipam::resources::plans::{self, Mode, Put, Written};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::{Failure, FailureKind};
use crate::manifest::{Manifest, Resource};
use crate::output;
use crate::verbs::files::FileArgs;
use crate::verbs::pool_warnings;

/// The files, and how to tell what was done.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl apply -f pools.yaml
  ipamctl get ippool -o yaml | ipamctl apply -f - --dry-run")]
pub(crate) struct WriteArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Pass over what exists already
    #[arg(long)]
    skip_exists: bool,
    /// Make a pool although blocks of another size stand in it; what that breaks is said
    #[arg(long)]
    force: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print what was done as JSON: a list of kind, name, result and error
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
}

/// What became of a resource.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    kind: String,
    name: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &WriteArgs, mode: Mode) -> Result<(), Failure> {
    if args.files.filename.is_empty() {
        return Err(Failure::usage(
            "a file is needed: -f FILE, or -f - for standard input",
        ));
    }
    let manifests = args.files.manifests()?;
    let opened = context.open(Access::write_unless(args.dry_run)).await?;
    let mut outcomes = Vec::new();
    let mut failures = Vec::new();
    for manifest in &manifests {
        let written = write(context, manifest, mode).await;
        let written = match written {
            Err(failure) if args.force && failure.is_other_size() => {
                over_other_sizes(context, manifest, mode, &failure).await
            }
            Err(failure) if args.skip_exists && failure.is_existing() => Ok(Written::Unchanged),
            Err(failure) if failure.kind == FailureKind::Unreachable => return Err(failure),
            written => written,
        };
        match &written {
            Ok(written) => tell(context, args, manifest, *written),
            Err(failure) => context.ui.failure(failure),
        }
        outcomes.push(Outcome {
            kind: manifest.kind.to_string(),
            name: &manifest.name,
            result: written
                .as_ref()
                .map_or("refused", |written| result(*written)),
            error: written.as_ref().err().map(Failure::sentence),
        });
        failures.extend(written.err());
    }
    if !args.dry_run {
        pool_warnings::tell(context, opened.store.as_ref(), &manifests).await;
    }
    match args.output {
        Some(Format::Json) => context.ui.data(&output::json(&outcomes))?,
        None if args.dry_run || failures.len() == manifests.len() => {}
        None => {
            let done = manifests.len() - failures.len();
            context
                .ui
                .result(&successfully(done_word(mode), done, &manifests))?;
        }
    }
    summed(failures.len(), manifests.len())
}

/// Makes a pool over blocks of another size, and says what that breaks.
async fn over_other_sizes(
    context: &Context,
    manifest: &Manifest,
    mode: Mode,
    why: &Failure,
) -> Result<Written, Failure> {
    let Resource::Pool(mut pool) = manifest.resource.clone() else {
        return Err(Failure::refused(why.error.clone()));
    };
    identify(context, &mut pool.metadata, mode);
    let put = Put {
        value: pool,
        mode,
        expected: manifest.expected,
    };
    let allocator = &context.open(Access::Write).await?.allocator;
    let written = allocator.run(|view, now| plans::put_pool_over(view, &put, now));
    let written = written.await?;
    context.ui.status(&format!("Warning: {}", why.error));
    context.ui.status(
        "Warning: what is held there stays held, and nobody is given more of it; an affinity without a block may become a \
         block again by Calico's programs, and its addresses be given out twice",
    );
    Ok(written)
}

fn tell(context: &Context, args: &WriteArgs, manifest: &Manifest, written: Written) {
    let (kind, name) = (manifest.kind, &manifest.name);
    let word = if args.dry_run {
        would(written)
    } else {
        word(written)
    };
    context.ui.status(&format!("{word} {kind} {name}"));
}

fn summed(failures: usize, all: usize) -> Result<(), Failure> {
    match failures {
        0 => Ok(()),
        _ if all == 1 => Err(Failure::told()),
        count if count == all => Err(Failure::refused("all resources were refused")),
        count => {
            let error = format!("{count} of {all} resources were refused, the others were written");
            Err(Failure::refused(error))
        }
    }
}

/// Returns what calicoctl says of the resources that it changed.
pub(crate) fn successfully(word: &str, count: usize, manifests: &[Manifest]) -> String {
    let kinds: BTreeSet<String> = manifests
        .iter()
        .map(|found| found.kind.to_string())
        .collect();
    match (kinds.len(), kinds.first()) {
        (1, Some(kind)) => format!("Successfully {word} {count} '{kind}' resource(s)"),
        _ => format!("Successfully {word} {count} resource(s)"),
    }
}

/// Writes one resource.
pub(crate) async fn write(
    context: &Context,
    manifest: &Manifest,
    mode: Mode,
) -> Result<Written, Failure> {
    let allocator = &context.open(Access::Write).await?.allocator;
    let expected = manifest.expected;
    macro_rules! put {
        ($value:expr, $plan:path) => {{
            let put = Put {
                value: $value,
                mode,
                expected,
            };
            allocator.run(|view, now| $plan(view, &put, now)).await
        }};
    }
    let mut resource = manifest.resource.clone();
    if let Some(metadata) = metadata(&mut resource) {
        identify(context, metadata, mode);
    }
    let written = match resource {
        Resource::Pool(pool) => put!(pool, plans::put_pool),
        Resource::Reservation(reservation) => put!(reservation, plans::put_reservation),
        Resource::Node(node) => put!(node, plans::put_node),
        Resource::Config(config) => put!(config, plans::put_config),
    };
    Ok(written?)
}

fn metadata(resource: &mut Resource) -> Option<&mut Metadata> {
    match resource {
        Resource::Pool(pool) => Some(&mut pool.metadata),
        Resource::Reservation(reservation) => Some(&mut reservation.metadata),
        Resource::Node(node) => Some(&mut node.metadata),
        Resource::Config(_) => None,
    }
}

/// Gives identity and time of birth. What is created always gets its own: by it a repeated try knows its work.
fn identify(context: &Context, metadata: &mut Metadata, mode: Mode) {
    if mode == Mode::Create || metadata.uid.is_none() {
        metadata.uid = Some(uuid::Uuid::new_v4().to_string());
    }
    if mode == Mode::Create || metadata.created.is_none() {
        metadata.created = Some(context.now_text());
    }
}

const fn done_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Create => "created",
        Mode::Apply => "applied",
        Mode::Replace => "replaced",
    }
}

const fn word(written: Written) -> &'static str {
    match written {
        Written::Created => "Created",
        Written::Replaced => "Changed",
        Written::Unchanged => "Unchanged:",
    }
}

const fn would(written: Written) -> &'static str {
    match written {
        Written::Created => "Would create",
        Written::Replaced => "Would change",
        Written::Unchanged => "Would leave as it is:",
    }
}

const fn result(written: Written) -> &'static str {
    match written {
        Written::Created => "created",
        Written::Replaced => "changed",
        Written::Unchanged => "unchanged",
    }
}
