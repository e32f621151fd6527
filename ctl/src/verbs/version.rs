//! `ipamctl version`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(context: &Context, args: &VersionArgs) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match args.output {
        Format::Text => format!("Client Version:    v{version}\n"),
        Format::Json => {
            output::json(&serde_json::json!({ "clientVersion": format!("v{version}") }))
        }
    };
    context.ui.data(&text)
}
