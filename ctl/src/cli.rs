//! The command line: one variant for each verb, and what all verbs have in common.

use clap::{Args, Parser, Subcommand};

use crate::context::Context;
use crate::failure::Failure;
use crate::verbs::{
    completion, convert, datastore_lock, delete, get, ipam_check, ipam_configure, ipam_explain,
    ipam_gc, ipam_release, ipam_repair, ipam_reserve, ipam_show, ipam_split, ipam_unreserve, label,
    node_list, node_register, node_release, node_resync, node_show, patch, status, store_adopt,
    store_doctor, store_print_role, validate, version, write,
};

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  refused, or failed
  2  the command line makes no sense
  3  a check found something
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
    /// Say what was asked of the store
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
    /// Taken for calicoctl's sake: no version of a cluster is refused
    #[arg(long, global = true, hide = true)]
    allow_version_mismatch: bool,
    /// Taken for calicoctl's sake: the store is never Kubernetes
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    context: Option<String>,
    /// Taken for calicoctl's sake: `--verbose` says what there is to say
    #[arg(short, long, global = true, hide = true, value_name = "LEVEL")]
    log_level: Option<String>,
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
    /// Change members of a resource
    Patch(patch::PatchArgs),
    /// Set or remove a label of a resource
    Label(label::LabelArgs),
    /// Tell everything that is wrong with resources in files
    Validate(validate::ValidateArgs),
    /// Show and release addresses
    #[command(subcommand, arg_required_else_help = true)]
    Ipam(IpamCommand),
    /// Show how many addresses a node has, and who holds them
    Status(status::StatusArgs),
    /// Look at nodes, and take back what dead ones have
    #[command(subcommand, arg_required_else_help = true)]
    Node(NodeCommand),
    /// Look at the store
    #[command(subcommand, arg_required_else_help = true)]
    Store(StoreCommand),
    /// Print what takes the place of a CNI configuration with host-local
    Convert(convert::ConvertArgs),
    /// Taken for calicoctl's sake: nothing here needs a lock
    #[command(subcommand, hide = true)]
    Datastore(datastore_lock::DatastoreCommand),
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
    /// Tell everything that is wrong in the store
    Check(ipam_check::CheckArgs),
    /// Set right what a check finds
    Repair(ipam_repair::RepairArgs),
    /// Tell why a workload would get the address that it would get, or none
    Explain(ipam_explain::ExplainArgs),
    /// Release an address, whoever holds it
    Release(ipam_release::ReleaseArgs),
    /// Release what nothing on a node holds any more
    Gc(ipam_gc::GcArgs),
    /// Change the configuration of address management
    Configure(ipam_configure::ConfigureArgs),
    /// Split a pool into several
    Split(ipam_split::SplitArgs),
    /// Give out addresses no more
    Reserve(ipam_reserve::ReserveArgs),
    /// Give out reserved addresses again
    Unreserve(ipam_unreserve::UnreserveArgs),
}

/// A verb of `node`.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Show all nodes with what they have, and which machine each is
    List(node_list::NodeListArgs),
    /// Show the blocks of a node, and the addresses that it holds
    Show(node_show::NodeShowArgs),
    /// Give a node its record
    Register(node_register::NodeRegisterArgs),
    /// Take back all that a dead node has: addresses, blocks, record
    Release(node_release::NodeReleaseArgs),
    /// Forget which machine a node is
    Resync(node_resync::NodeResyncArgs),
}

/// A verb of `store`.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Tell what ails the store, and what to do about it
    Doctor(store_doctor::DoctorArgs),
    /// Tell what to know and to do before a node of a Calico cluster is taken over
    Adopt(store_adopt::AdoptArgs),
    /// Print the roles of etcd that the programs need, as commands of etcdctl
    PrintRole(store_print_role::PrintRoleArgs),
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
        Command::Patch(args) => patch::run(context, args).await,
        Command::Label(args) => label::run(context, args).await,
        Command::Validate(args) => validate::run(context, args),
        Command::Status(args) => status::run(context, args).await,
        Command::Ipam(command) => ipam(context, command).await,
        Command::Node(command) => node(context, command).await,
        Command::Store(command) => store(context, command).await,
        Command::Datastore(_) => {
            datastore_lock::run(context);
            Ok(())
        }
        Command::Convert(args) => convert::run(context, args),
        Command::Version(args) => version::run(context, args).await,
        Command::Completion(args) => completion::run(context, args),
    }
}

async fn ipam(context: &Context, command: &IpamCommand) -> Result<(), Failure> {
    match command {
        IpamCommand::Show(args) => ipam_show::run(context, args).await,
        IpamCommand::Check(args) => ipam_check::run(context, args).await,
        IpamCommand::Repair(args) => ipam_repair::run(context, args).await,
        IpamCommand::Explain(args) => ipam_explain::run(context, args).await,
        IpamCommand::Release(args) => ipam_release::run(context, args).await,
        IpamCommand::Gc(args) => ipam_gc::run(context, args).await,
        IpamCommand::Configure(args) => ipam_configure::run(context, args).await,
        IpamCommand::Split(args) => ipam_split::run(context, args).await,
        IpamCommand::Reserve(args) => ipam_reserve::run(context, args).await,
        IpamCommand::Unreserve(args) => ipam_unreserve::run(context, args).await,
    }
}

async fn node(context: &Context, command: &NodeCommand) -> Result<(), Failure> {
    match command {
        NodeCommand::List(args) => node_list::run(context, args).await,
        NodeCommand::Show(args) => node_show::run(context, args).await,
        NodeCommand::Register(args) => node_register::run(context, args).await,
        NodeCommand::Release(args) => node_release::run(context, args).await,
        NodeCommand::Resync(args) => node_resync::run(context, args).await,
    }
}

async fn store(context: &Context, command: &StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Doctor(args) => store_doctor::run(context, args).await,
        StoreCommand::Adopt(args) => store_adopt::run(context, args).await,
        StoreCommand::PrintRole(args) => store_print_role::run(context, args),
    }
}
