//! `ipamctl convert`: what takes the place of a network configuration with host-local. Needs no store.

use block_ipam::cni::host_local;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::verbs::files::read_one;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl convert -f /etc/cni/net.d/10-net.conflist | ipamctl apply -f -
  ipamctl convert -f /etc/cni/net.d/10-net.conflist -o ipam     # the section `ipam` to write there")]
pub(crate) struct ConvertArgs {
    /// A CNI network configuration, or a list of them; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    filename: String,
    /// What to print: the pools and reservations, or the section of the configuration
    #[arg(short, long, value_enum, default_value_t = Part::Manifests)]
    output: Part,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Part {
    Manifests,
    Ipam,
}

pub(crate) fn run(context: &Context, args: &ConvertArgs) -> Result<(), Failure> {
    let source = read_one(&args.filename)?;
    let text = String::from_utf8_lossy(&source.bytes);
    let converted = host_local::convert(&text).map_err(|error| {
        Failure::refused(format!("{} is not converted", source.name)).caused_by(&error)
    })?;
    context.ui.data(&match args.output {
        Part::Manifests => converted.manifests(),
        Part::Ipam => output::json(&converted.ipam),
    })
}
