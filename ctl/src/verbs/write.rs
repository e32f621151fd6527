//! `ipamctl create`, `apply` and `replace`: one reading of files, three modes of writing.

use std::io::Read;

use block_ipam::resources::Metadata;
use block_ipam::resources::plans::{self, Mode, Put, Written};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::{Failure, FailureKind};
use crate::manifest::{self, Manifest, Resource, Source};
use crate::output;

/// The files, and how to tell what was done.
#[derive(Debug, clap::Args)]
pub(crate) struct WriteArgs {
    /// A file with resources in YAML or JSON; `-` is standard input. May be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub(crate) filename: Vec<String>,
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
    let manifests = manifest::read(&sources(&args.filename)?)?;
    context.open(Access::Write).await?;
    let mut outcomes = Vec::new();
    let mut failures = Vec::new();
    for manifest in &manifests {
        let (kind, name) = (manifest.kind, &manifest.name);
        let written = write(context, manifest, mode).await;
        match &written {
            Ok(written) => context
                .ui
                .status(&format!("{} {kind} {name}", word(*written))),
            Err(failure) if failure.kind == FailureKind::Unreachable => return written.map(|_| ()),
            Err(failure) => context.ui.failure(failure),
        }
        outcomes.push(Outcome {
            kind: kind.to_string(),
            name,
            result: written
                .as_ref()
                .map_or("refused", |written| result(*written)),
            error: written.as_ref().err().map(Failure::sentence),
        });
        failures.extend(written.err());
    }
    if let Some(Format::Json) = args.output {
        context.ui.data(&output::json(&outcomes))?;
    }
    match failures.len() {
        0 => Ok(()),
        _ if manifests.len() == 1 => Err(Failure::told()),
        count => {
            let all = manifests.len();
            let error = format!("{count} of {all} resources were refused, the others were written");
            let error = if count == all {
                "all resources were refused".to_owned()
            } else {
                error
            };
            Err(Failure::refused(error))
        }
    }
}

/// Reads the files.
pub(crate) fn sources(names: &[String]) -> Result<Vec<Source>, Failure> {
    let read = |name: &String| {
        let (called, bytes) = if name == "-" {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        } else {
            (name.clone(), std::fs::read(name))
        };
        match bytes {
            Ok(bytes) => Ok(Source {
                name: called,
                bytes,
            }),
            Err(error) => {
                Err(Failure::refused(format!("{called} cannot be read")).caused_by(&error))
            }
        }
    };
    names.iter().map(read).collect()
}

async fn write(context: &Context, manifest: &Manifest, mode: Mode) -> Result<Written, Failure> {
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

const fn word(written: Written) -> &'static str {
    match written {
        Written::Created => "Created",
        Written::Replaced => "Changed",
        Written::Unchanged => "Unchanged:",
    }
}

const fn result(written: Written) -> &'static str {
    match written {
        Written::Created => "created",
        Written::Replaced => "changed",
        Written::Unchanged => "unchanged",
    }
}
