//! `ipamctl label`.

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::value::Value;
use crate::verbs::edit::edit;
use crate::verbs::patch::resource;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl label node n1 rack=r1
  ipamctl label node n1 rack=r2 --overwrite
  ipamctl label ippool blue-1 block-ipam/pool-group --remove")]
pub(crate) struct LabelArgs {
    /// What to label: node, ippool or ipreservation
    kind: String,
    /// Its name
    name: String,
    /// The label, KEY=VALUE, or KEY to remove it
    label: String,
    /// Give the label another value if it has one
    #[arg(long, conflicts_with = "remove")]
    overwrite: bool,
    /// Remove the label
    #[arg(long)]
    remove: bool,
    /// Show what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, args: &LabelArgs) -> Result<(), Failure> {
    let kind = resource(&args.kind)?;
    let label = match (args.label.split_once('='), args.remove) {
        (Some((key, value)), false) => (key, Some(value)),
        (None, true) => (args.label.as_str(), None),
        (Some(_), true) => return Err(Failure::usage("to remove a label, give its key alone")),
        (None, false) => return Err(Failure::usage("a label is KEY=VALUE, or --remove KEY")),
    };
    context.open(Access::write_unless(args.dry_run)).await?;
    let mut had = None;
    edit(context, kind, &args.name, |old| {
        let (new, before) = labelled(old, label, args)?;
        had = before;
        Ok(new)
    })
    .await?;
    if args.dry_run {
        return super::planned::show(context).await;
    }
    let (key, nouns) = (label.0, format!("{}s", kind.to_string().to_lowercase()));
    context.ui.result(&match (label.1, had) {
        (None, _) => format!(
            "Successfully removed label {key} from {nouns} {}.",
            args.name
        ),
        (Some(_), Some(_)) => format!("Successfully updated label {key} on {nouns} {}.", args.name),
        (Some(_), None) => format!("Successfully set label {key} on {nouns} {}.", args.name),
    })
}

/// Returns the changed document, and the value that the label had.
fn labelled(
    mut document: Value,
    (key, value): (&str, Option<&str>),
    args: &LabelArgs,
) -> Result<(Value, Option<Value>), Failure> {
    let metadata = document.members_mut("metadata");
    let metadata = metadata.ok_or_else(|| Failure::refused("it has no metadata"))?;
    if !metadata.iter().any(|(name, _)| name == "labels") {
        metadata.push(("labels".to_owned(), Value::Map(Vec::new())));
    }
    let labels = metadata.iter_mut().find(|(name, _)| name == "labels");
    let Some((_, Value::Map(labels))) = labels else {
        return Err(Failure::refused("its labels are no map"));
    };
    let place = labels.iter().position(|(name, _)| name == key);
    let had = place.map(|place| labels.remove(place).1);
    match (value, &had) {
        (None, None) => {
            let error = format!("{} `{}` has no label {key}", args.kind, args.name);
            return Err(Failure::refused(error));
        }
        (Some(value), Some(had)) if !args.overwrite && had.text() != Some(value) => {
            let error = format!(
                "failed to update label of {} {}, key {key} is already present. please use '--overwrite' to set a new value.",
                args.kind, args.name
            );
            return Err(Failure::refused(error));
        }
        (Some(value), _) => labels.push((key.to_owned(), value.into())),
        (None, Some(_)) => {}
    }
    Ok((document, had))
}
