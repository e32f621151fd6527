//! `ipamctl node release`: takes everything back that a dead node has: its addresses, its blocks, its record.
//!
//! Every block is read, so that what Calico's plugin borrowed is found too. Each address goes only while its assignment is
//! the one that was seen, so that a node which lives after all loses no address that it assigned meanwhile.

use block_ipam::affinity::surrender::Surrendered;
use block_ipam::allocator::Hint;
use block_ipam::assign::{NodeHeld, Released};
use block_ipam::blocks::{Block, BlockCidr};
use block_ipam::ids::NodeName;
use block_ipam::node::MachineFiles;
use serde::Serialize;

use crate::context::{Access, Context, Opened};
use crate::failure::Failure;
use crate::output;
use crate::report;
use crate::ui::Answer;
use crate::verbs::node_show;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
For a node that is gone for good: what still runs on it would share its addresses with others.
`ipamctl delete node` deletes a node and leaves its addresses held; `ipamctl ipam gc` is for nodes that live.

Examples:
  ipamctl node release rack1-n07 --dry-run
  ipamctl node release rack1-n07 --yes")]
pub(crate) struct NodeReleaseArgs {
    /// The node
    name: String,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Show what would be written and deleted, and do nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print what was done as JSON
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
}

/// What was taken back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    node: String,
    /// Whether it had a Node record.
    had_record: bool,
    /// Addresses.
    released: Vec<String>,
    /// Blocks that were deleted with their affinities.
    deleted_blocks: Vec<String>,
    /// Blocks of nobody now, with addresses in them that do not name the node, or cool.
    left_blocks: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: &NodeReleaseArgs) -> Result<(), Failure> {
    let node = NodeName::new(&args.name).map_err(|error| Failure::usage(error.to_string()))?;
    let access = if args.dry_run {
        Access::DryRun
    } else {
        Access::Read
    };
    let opened = context.open(access).await?;
    let (shared, held): (Vec<NodeHeld>, Vec<NodeHeld>) = held(opened, &node)
        .await?
        .into_iter()
        .partition(|held| held.has_alternate);
    let blocks = match node_show::read(context, &node).await {
        Ok((report, _)) => report.blocks.len(),
        Err(_) if !(held.is_empty() && shared.is_empty()) => 0,
        Err(failure) => return Err(failure),
    };
    if !args.dry_run {
        let answer = if args.yes { Answer::Yes } else { Answer::Ask };
        let question = question(opened, &node, held.len(), blocks).await?;
        context.ui.confirm(&question, answer)?;
    }
    let (released, errors) = opened.allocator.release_held(&held).await;
    let deleted = opened.allocator.delete_node(&node).await?;
    if args.dry_run {
        super::planned::show(context).await?;
    } else {
        tell(
            context,
            args,
            &done(&node, deleted.had_record, &released, &deleted.surrendered),
        )?;
    }
    changed_meanwhile(context, &released);
    if !shared.is_empty() {
        let addresses: Vec<String> = shared.iter().map(|held| held.address.to_string()).collect();
        context.ui.status(&format!(
            "Left, for a second owner stands beside the node's: {}",
            addresses.join(", ")
        ));
    }
    match errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(Failure::from(error).hint(format!(
            "`ipamctl node release {node}` goes on where it ended"
        ))),
    }
}

/// Returns the addresses of the node, in whichever blocks they are.
async fn held(opened: &Opened, node: &NodeName) -> Result<Vec<NodeHeld>, Failure> {
    let mut blocks: Vec<BlockCidr> = Vec::new();
    let see = |block: &Block| {
        let names = |entry: &block_ipam::blocks::Assigned<'_>| {
            let of = entry.attribute.secondary.get("node");
            of.is_some_and(|of| of == node.as_str())
        };
        if block.entries().any(|entry| names(&entry)) {
            blocks.push(block.cidr());
        }
        Ok(())
    };
    let read = report::blocks(opened.store.as_ref(), None, see).await;
    read.map_err(Failure::from)?;
    let hint = Hint {
        blocks,
        ..Hint::default()
    };
    Ok(opened.allocator.held_by(node, &hint).await?.held)
}

async fn question(
    opened: &Opened,
    node: &NodeName,
    addresses: usize,
    blocks: usize,
) -> Result<String, Failure> {
    let own = MachineFiles::here().read().map(|machine| machine.machine);
    let bound = opened.allocator.identity_of(node).await?;
    let bound = bound.map(|identity| identity.machine.machine);
    let here = if bound.is_some() && bound == own {
        "This machine is the node! "
    } else {
        ""
    };
    Ok(format!(
        "{here}Release {addresses} addresses and {blocks} blocks of node {node}, and delete its record?"
    ))
}

fn done(node: &NodeName, had_record: bool, released: &Released, surrendered: &Surrendered) -> Done {
    let texts = |blocks: &[BlockCidr]| blocks.iter().map(ToString::to_string).collect();
    Done {
        node: node.to_string(),
        had_record,
        released: released.released.iter().map(ToString::to_string).collect(),
        deleted_blocks: texts(&surrendered.deleted),
        left_blocks: texts(&surrendered.disowned),
    }
}

fn tell(context: &Context, args: &NodeReleaseArgs, done: &Done) -> Result<(), Failure> {
    if args.output.is_some() {
        return context.ui.data(&output::json(done));
    }
    let record = if done.had_record {
        ", and its Node record"
    } else {
        ""
    };
    context.ui.status(&format!(
        "Released of node {}: {} addresses, {} blocks{record}",
        done.node,
        done.released.len(),
        done.deleted_blocks.len()
    ));
    if !done.left_blocks.is_empty() {
        context.ui.status(&format!(
            "Left as blocks of nobody, for addresses in them cool, or do not name the node: {}",
            done.left_blocks.join(", ")
        ));
    }
    Ok(())
}

/// What somebody assigned anew since it was seen stays.
fn changed_meanwhile(context: &Context, released: &Released) {
    let changed = released.refused.len() + released.not_assigned.len();
    if 0 < changed {
        context.ui.status(&format!(
            "{changed} addresses were changed by others meanwhile, and left"
        ));
    }
}
