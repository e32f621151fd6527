//! `ipamctl completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(ipamctl completion bash)
  ipamctl completion zsh > \"${fpath[1]}/_ipamctl\"
  ipamctl completion fish > ~/.config/fish/completions/ipamctl.fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &CompletionArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ipamctl", &mut script);
    context.ui.data(&String::from_utf8_lossy(&script))
}
