//! `ipamctl node resync`: forgets which machine a node is, so that the next one that assigns under its name is bound to it.

use block_ipam::ids::NodeName;

use crate::context::{Access, Context};
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
For error 105, two machines under one name: first make sure that only one of them is left, or has another name.

Examples:
  ipamctl node list                            # tells which machine each node is
  ipamctl node resync rack1-n07")]
pub(crate) struct NodeResyncArgs {
    /// The node
    name: String,
    /// Show what would be deleted, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, args: &NodeResyncArgs) -> Result<(), Failure> {
    let node = NodeName::new(&args.name).map_err(|error| Failure::usage(error.to_string()))?;
    let access = if args.dry_run {
        Access::DryRun
    } else {
        Access::Read
    };
    let allocator = &context.open(access).await?.allocator;
    if !allocator.forget_identity(&node).await? {
        let error = format!("no machine is bound to node `{node}`");
        return Err(Failure::refused(error).hint("`ipamctl node list` tells which are bound"));
    }
    if args.dry_run {
        return super::planned::show(context).await;
    }
    context.ui.status(&format!(
        "Forgotten which machine {node} is: the next that assigns under this name is bound to it"
    ));
    Ok(())
}
