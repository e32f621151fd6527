//! `ipamctl ipam release`: one address, or what reports of checks call unused.

use std::path::PathBuf;

use block_ipam::assign::ReleaseAddress;
use block_ipam::blocks::Address;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;
use crate::verbs::release_report::{self, Say};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl ipam release --ip=10.64.0.99
  ipamctl ipam check -o before.json; sleep 900; ipamctl ipam check -o after.json
  ipamctl ipam release --from-report=before.json --from-report=after.json")]
pub(crate) struct ReleaseArgs {
    /// The address
    #[arg(long, value_name = "ADDRESS", required_unless_present = "from_report")]
    ip: Option<Address>,
    /// Release what every one of these reports of `ipam check` calls unused, and is still as they saw it
    #[arg(long, value_name = "FILE", conflicts_with = "ip")]
    from_report: Vec<PathBuf>,
    /// Taken for calicoctl's sake: the store needs no lock, for each assignment is compared with the reports
    #[arg(long, hide = true)]
    force: bool,
    /// Show what would be released, and release nothing
    #[arg(long)]
    dry_run: bool,
    /// Print what was done as JSON
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
}

pub(crate) async fn run(context: &Context, args: &ReleaseArgs) -> Result<(), Failure> {
    let access = if args.dry_run {
        Access::DryRun
    } else {
        Access::Read
    };
    context.open(access).await?;
    let (released, failure) = match args.ip {
        Some(address) => (one(context, address).await?, None),
        None => release_report::run(context, &args.from_report, say(args)).await?,
    };
    if args.dry_run {
        return super::planned::show(context).await;
    }
    match (args.output, args.ip) {
        (Some(Format::Json), _) => {
            let released: Vec<String> = released.iter().map(ToString::to_string).collect();
            let released = serde_json::json!({ "released": released });
            context.ui.data(&output::json(&released))?;
        }
        (None, Some(address)) => {
            context
                .ui
                .result(&format!("Successfully released IP address {address}"))?;
        }
        (None, None) => {}
    }
    failure.map_or(Ok(()), Err)
}

const fn say(args: &ReleaseArgs) -> Say {
    match (args.dry_run, args.output) {
        (true, _) => Say::Nothing,
        (false, Some(Format::Json)) => Say::Aside,
        (false, None) => Say::There,
    }
}

async fn one(context: &Context, address: Address) -> Result<Vec<Address>, Failure> {
    let allocator = &context.open(Access::Read).await?.allocator;
    let request = ReleaseAddress {
        address,
        handle: None,
        sequence: None,
    };
    let mut released = allocator.release_addresses(&[request]).await?;
    if let Some((_, refusal)) = released.refused.pop() {
        return Err(refusal.into());
    }
    if released.released.is_empty() {
        let hint = format!("`ipamctl ipam show --ip={address}` tells about the address");
        let error = format!("IP address {address} is not assigned");
        return Err(Failure::refused(error).hint(hint));
    }
    Ok(released.released)
}
