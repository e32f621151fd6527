//! `ipamctl patch`.

use block_ipam::resources::Kind;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::value::Value;
use crate::verbs::edit::edit;
use crate::verbs::kinds::{self, Noun};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl patch ippool rack1 --patch '{\"spec\":{\"disabled\":true}}'
  ipamctl patch ippool rack1 --type json --patch '[{\"op\":\"remove\",\"path\":\"/spec/natOutgoing\"}]'")]
pub(crate) struct PatchArgs {
    /// What to change: ippool, ipreservation, node or ipamconfiguration
    kind: String,
    /// Its name
    name: String,
    /// The change, in JSON or YAML
    #[arg(short, long, value_name = "PATCH")]
    patch: String,
    /// How the change is written: members that take the place of others, or a list of operations
    #[arg(short, long = "type", value_enum, default_value_t = Type::Strategic)]
    kind_of_patch: Type,
    /// Show what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Type {
    /// As merge: no list here has a key by which its items could be merged
    Strategic,
    /// RFC 7396
    Merge,
    /// RFC 6902
    Json,
}

pub(crate) async fn run(context: &Context, args: &PatchArgs) -> Result<(), Failure> {
    let kind = resource(&args.kind)?;
    let patch: serde_json::Value = serde_saphyr::from_str(&args.patch)
        .map_err(|error| Failure::usage("the patch is neither JSON nor YAML").caused_by(&error))?;
    context.open(Access::write_unless(args.dry_run)).await?;
    edit(context, kind, &args.name, |old| {
        patched(old, &patch, args.kind_of_patch)
    })
    .await?;
    if args.dry_run {
        return super::planned::show(context).await;
    }
    context
        .ui
        .result(&format!("Successfully patched 1 '{kind}' resource"))
}

/// Reads a kind that can be written.
pub(super) fn resource(word: &str) -> Result<Kind, Failure> {
    match kinds::parse(word)? {
        Noun::Resource(kind) => Ok(kind),
        noun @ Noun::BlockAffinity => Err(Failure::usage(format!("{noun} can only be shown"))),
    }
}

fn patched(old: Value, patch: &serde_json::Value, how: Type) -> Result<Value, Failure> {
    let refused = |error: &dyn std::error::Error| {
        Failure::refused("the patch cannot be applied").caused_by(error)
    };
    let mut json = serde_json::to_value(old).map_err(|error| refused(&error))?;
    match how {
        Type::Strategic | Type::Merge => json_patch::merge(&mut json, patch),
        Type::Json => {
            let operations: json_patch::Patch =
                serde_json::from_value(patch.clone()).map_err(|error| {
                    Failure::usage("the patch is no list of operations").caused_by(&error)
                })?;
            json_patch::patch(&mut json, &operations).map_err(|error| refused(&error))?;
        }
    }
    serde_json::from_value(json).map_err(|error| refused(&error))
}
