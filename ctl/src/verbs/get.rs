//! `ipamctl get`.

use crate::context::{Access, Context};
use crate::failure::{self, Failure};
use crate::output::{self, Format};
use crate::records::{self, Found, Listing};
use crate::similar;
use crate::verbs::columns::{self, Shown};
use crate::verbs::documents;
use crate::verbs::files::FileArgs;
use crate::verbs::kinds::{self, Noun};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl get ippool -o wide
  ipamctl get node n1 -o yaml --export > n1.yaml
  ipamctl get blockaffinity -o custom-columns=CIDR,OWNER")]
pub(crate) struct GetArgs {
    /// What to show: ippool, ipreservation, node, ipamconfiguration or blockaffinity
    #[arg(required_unless_present = "filename", conflicts_with = "filename")]
    kind: Option<String>,
    /// Names; all if there are none
    names: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// How to print it: table, wide, yaml, json, name or custom-columns=TITLE,..
    #[arg(short, long, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Leave out what is of this cluster alone: uid, resourceVersion, creationTimestamp
    #[arg(long)]
    export: bool,
}

pub(crate) async fn run(context: &Context, args: &GetArgs) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let mut failures = Vec::new();
    for (noun, names) in wanted {
        match show(context, args, noun, &names).await {
            Err(failure) if failure.kind == failure::FailureKind::Refused => failures.push(failure),
            shown => shown?,
        }
    }
    match (failures.pop(), failures.is_empty()) {
        (None, _) => Ok(()),
        (Some(last), true) => Err(last),
        (Some(last), false) => {
            failures
                .iter()
                .for_each(|failure| context.ui.failure(failure));
            Err(last)
        }
    }
}

/// What is asked for, by kind.
fn wanted(args: &GetArgs) -> Result<Vec<(Noun, Vec<String>)>, Failure> {
    if let Some(kind) = &args.kind {
        return Ok(vec![(kinds::parse(kind)?, args.names.clone())]);
    }
    let mut wanted: Vec<(Noun, Vec<String>)> = Vec::new();
    for manifest in args.files.manifests()? {
        let noun = Noun::Resource(manifest.kind);
        match wanted.iter_mut().find(|(own, _)| *own == noun) {
            Some((_, names)) => names.push(manifest.name),
            None => wanted.push((noun, vec![manifest.name])),
        }
    }
    Ok(wanted)
}

async fn show(
    context: &Context,
    args: &GetArgs,
    noun: Noun,
    names: &[String],
) -> Result<(), Failure> {
    let store = &context.open(Access::Read).await?.store;
    let mut listing = match noun {
        Noun::Resource(kind) => records::resources(store.as_ref(), kind, names).await?,
        Noun::BlockAffinity => records::affinities(store.as_ref(), names).await?,
    };
    listing
        .found
        .sort_by_cached_key(|found| records::name(&found.id));
    let is_single = names.len() == 1;
    let found = &listing.found;
    let document = || documents::document(noun, &listing, is_single, args.export);
    let is_missing = found.is_empty() && !names.is_empty();
    let text = match &args.output {
        Format::Table | Format::Wide | Format::Columns(_) if is_missing => None,
        Format::Table => Some(columns::table(noun, found, Shown::Narrow)?),
        Format::Wide => Some(columns::table(noun, found, Shown::Wide)?),
        Format::Columns(titles) => Some(columns::table(noun, found, Shown::Named(titles))?),
        Format::Name => Some(name_lines(noun, found)),
        Format::Json => document()?.map(|value| output::json(&value)),
        Format::Yaml => document()?.map(output::yaml),
    };
    if let Some(text) = text {
        context.ui.data(&text)?;
    }
    match complain(noun, names, &listing) {
        Err(failure) if is_single && listing.corrupt.is_empty() => {
            Err(hinted(store.as_ref(), noun, &names[0], failure).await)
        }
        told => told,
    }
}

/// Names that were probably meant stand in a second read, which only a wrong name costs.
async fn hinted(
    store: &dyn block_ipam::datastore::Datastore,
    noun: Noun,
    name: &str,
    failure: Failure,
) -> Failure {
    let Noun::Resource(kind) = noun else {
        return failure;
    };
    let Ok(all) = records::resources(store, kind, &[]).await else {
        return failure;
    };
    let all: Vec<String> = all
        .found
        .iter()
        .map(|found| records::name(&found.id))
        .collect();
    match similar::to(name, all.iter().map(String::as_str)) {
        Some(similar) => failure.hint(format!("did you mean {similar}?")),
        None => failure,
    }
}

/// What is missing or unreadable is told after what could be shown.
fn complain(noun: Noun, names: &[String], listing: &Listing) -> Result<(), Failure> {
    let found: Vec<String> = listing
        .found
        .iter()
        .map(|found| records::name(&found.id))
        .collect();
    let is_corrupt = |name: &str| {
        let own = format!("/{name}");
        listing
            .corrupt
            .iter()
            .any(|record| record.key.ends_with(&own))
    };
    let missing = names
        .iter()
        .filter(|name| !found.contains(name) && !is_corrupt(name));
    let missing = missing.map(|name| format!("{noun} `{name}` does not exist"));
    let corrupt = listing.corrupt.iter();
    let corrupt =
        corrupt.map(|record| format!("record {} is corrupt: {}", record.key, record.detail));
    let mut faults: Vec<String> = missing.chain(corrupt).collect();
    match faults.len() {
        0 => Ok(()),
        1 => Err(Failure::refused(faults.remove(0))),
        count => {
            Err(Failure::refused(format!("{count} resources cannot be shown")).details(faults))
        }
    }
}

fn name_lines(noun: Noun, found: &[Found]) -> String {
    let noun = noun.to_string().to_lowercase();
    let lines = found
        .iter()
        .map(|found| format!("{noun}/{}\n", records::name(&found.id)));
    lines.collect()
}
