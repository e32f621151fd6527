//! `ipamctl ipam release`.

use block_ipam::assign::ReleaseAddress;
use block_ipam::blocks::Address;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// The address
    #[arg(long, value_name = "ADDRESS")]
    ip: Address,
    /// Print what was done as JSON
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
}

pub(crate) async fn run(context: &Context, args: &ReleaseArgs) -> Result<(), Failure> {
    let address = args.ip;
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
        return Err(
            Failure::refused(format!("IP address {address} is not assigned")).hint(format!(
                "`ipamctl ipam show --ip={address}` tells about the address"
            )),
        );
    }
    context
        .ui
        .status(&format!("Successfully released IP address {address}"));
    if let Some(Format::Json) = args.output {
        let released = serde_json::json!({ "released": [address.to_string()] });
        context.ui.data(&output::json(&released))?;
    }
    Ok(())
}
