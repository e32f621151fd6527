//! `ipamctl ipam split`: a pool becomes several, in one transaction and without a lock.

use block_ipam::blocks::Cidr;
use block_ipam::ids::ResourceName;
use block_ipam::resources::Pool;
use block_ipam::resources::plans::{Split, Whole, split_pool};

use crate::context::{Access, Context};
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl ipam split 4 --name=rack1 --dry-run
  ipamctl ipam split 2 --cidr=10.64.0.0/16")]
pub(crate) struct SplitArgs {
    /// Into how many parts: a power of 2
    parts: usize,
    /// The pool, by its addresses
    #[arg(long, value_name = "CIDR", required_unless_present = "name")]
    cidr: Option<Cidr>,
    /// The pool, by its name
    #[arg(long, value_name = "POOL", conflicts_with = "cidr")]
    name: Option<String>,
    /// Show what would be written and deleted, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, args: &SplitArgs) -> Result<(), Failure> {
    let (whole, called) = match (&args.name, args.cidr) {
        (Some(name), _) => (Whole::Name(ResourceName::stored(name)), name.clone()),
        (None, Some(cidr)) => (Whole::Cidr(cidr), cidr.to_string()),
        (None, None) => return Err(Failure::usage("a pool is needed: --name or --cidr")),
    };
    let most = block_ipam::resources::plans::split_pool::MOST_PARTS;
    let uids = (0..args.parts.min(most)).map(|_| uuid::Uuid::new_v4().to_string());
    let request = Split {
        whole,
        parts: args.parts,
        uids: uids.collect(),
        created: context.now_text(),
    };
    let allocator = &context
        .open(Access::write_unless(args.dry_run))
        .await?
        .allocator;
    let parts = allocator
        .run(|view, now| split_pool(view, &request, now))
        .await?;
    if args.dry_run {
        return super::planned::show(context).await;
    }
    context.ui.result(&told(&called, &parts))
}

fn told(called: &str, parts: &[Pool]) -> String {
    let lines = parts.iter().map(|part| {
        let (name, cidr) = (&part.metadata.name, part.cidr);
        format!("Created {name} with CIDR {cidr}.")
    });
    let first = format!(
        "IP Pool {called} was successfully split into {} smaller pools.",
        parts.len()
    );
    std::iter::once(first)
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
