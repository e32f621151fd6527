//! The command line: one variant for each verb, and what all verbs have in common.

use clap::{Args, Parser, Subcommand};

use crate::context::Context;
use crate::failure::Failure;
use crate::verbs::{completion, delete, get, ipam_release, ipam_show, node_show, version, write};

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  refused, or failed
  2  the command line makes no sense
  3  a check found inconsistencies
  4  the store cannot be reached

Data goes to stdout, sentences go to stderr.";

/// Manages pools, blocks and addresses. Nouns and verbs are those of calicoctl.
#[derive(Debug, Parser)]
#[command(name = "ipamctl", version, after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The store: sqlite:PATH or etcd:URL[,URL..]
    #[arg(
        long,
        global = true,
        value_name = "STORE",
        help_heading = "Global options"
    )]
    pub(crate) datastore: Option<String>,
    /// A file with settings of the store: ours, or calicoctl's
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    pub(crate) config: Option<std::path::PathBuf>,
    /// Say nothing about what was done
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// A verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create resources that do not exist
    Create(write::WriteArgs),
    /// Create resources, or change them to what the file says
    Apply(write::WriteArgs),
    /// Change resources that exist to what the file says
    Replace(write::WriteArgs),
    /// Show resources
    Get(get::GetArgs),
    /// Delete resources
    Delete(delete::DeleteArgs),
    /// Show and release addresses
    #[command(subcommand, arg_required_else_help = true)]
    Ipam(IpamCommand),
    /// Look at a node
    #[command(subcommand, arg_required_else_help = true)]
    Node(NodeCommand),
    /// Show the version of this program
    Version(version::VersionArgs),
    /// Print a script that completes command lines: `source <(ipamctl completion bash)`
    Completion(completion::CompletionArgs),
}

/// A verb of `ipam`.
#[derive(Debug, Subcommand)]
pub(crate) enum IpamCommand {
    /// Show how much of each pool is in use, or who holds an address
    Show(ipam_show::ShowArgs),
    /// Release an address, whoever holds it
    Release(ipam_release::ReleaseArgs),
}

/// A verb of `node`.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Show the blocks of a node, and the addresses that it holds
    Show(node_show::NodeShowArgs),
}

/// Runs the verb.
pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    use block_ipam::resources::plans::Mode;
    match command {
        Command::Create(args) => write::run(context, args, Mode::Create).await,
        Command::Apply(args) => write::run(context, args, Mode::Apply).await,
        Command::Replace(args) => write::run(context, args, Mode::Replace).await,
        Command::Get(args) => get::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
        Command::Ipam(IpamCommand::Show(args)) => ipam_show::run(context, args).await,
        Command::Ipam(IpamCommand::Release(args)) => ipam_release::run(context, args).await,
        Command::Node(NodeCommand::Show(args)) => node_show::run(context, args).await,
        Command::Version(args) => version::run(context, args),
        Command::Completion(args) => completion::run(context, args),
    }
}
