//! `ipamctl ipam show`: the use of pools and blocks. One address is told about in `ipam_address`; what is borrowed, the
//! configuration and the tables stand in files of their own.

use block_ipam::blocks::Address;
use block_ipam::report::{BlockUsage, Numbers, PoolUsage, Usage};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;
use crate::records;
use crate::verbs::show_borrowed::{self, AsJson};
use crate::verbs::{ipam_address, show_configuration, show_table};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl ipam show --show-blocks
  ipamctl ipam show --ip=10.64.0.99
  ipamctl ipam show -o prometheus > /var/lib/node_exporter/ipam.prom")]
pub(crate) struct ShowArgs {
    /// Show the blocks of each pool too
    #[arg(long)]
    show_blocks: bool,
    /// Tell who holds an address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<Address>,
    /// Tell the addresses that nodes hold in blocks of others
    #[arg(long)]
    show_borrowed: bool,
    /// Tell the configuration
    #[arg(long)]
    show_configuration: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = ShowFormat::Table)]
    output: ShowFormat,
}

/// How to print what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ShowFormat {
    Table,
    Json,
    /// The use of pools as gauges, for the text file collector of a node exporter
    Prometheus,
}

/// How to print a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

pub(crate) async fn run(context: &Context, args: &ShowArgs) -> Result<(), Failure> {
    // Of several of these calicoctl takes the first.
    let is_whole =
        args.ip.is_none() && (args.show_blocks || !(args.show_borrowed || args.show_configuration));
    let (format, as_json) = match args.output {
        ShowFormat::Table => (Format::Table, AsJson::No),
        ShowFormat::Json => (Format::Json, AsJson::Yes),
        ShowFormat::Prometheus if is_whole => (Format::Table, AsJson::No),
        ShowFormat::Prometheus => {
            let error = "only the use of pools can be told to Prometheus";
            return Err(Failure::usage(error));
        }
    };
    if let Some(address) = args.ip {
        return ipam_address::run(context, address, format).await;
    }
    if !is_whole && args.show_borrowed {
        return show_borrowed::run(context, as_json).await;
    }
    if !is_whole {
        return show_configuration::run(context, as_json).await;
    }
    let opened = context.open(Access::Read).await?;
    let counted = opened.allocator.usage().await?;
    if 0 < counted.restarts {
        let sentence = "The store was compacted while it was read: counting began again";
        context.ui.status(sentence);
    }
    let usage = counted.report;
    let text = match args.output {
        ShowFormat::Table => show_table::table(&usage, args.show_blocks),
        ShowFormat::Json => output::json(&UsageJson::of(&usage)),
        ShowFormat::Prometheus => show_table::prometheus(&usage),
    };
    context.ui.data(&text)?;
    records::complain(usage.corrupt.iter())
}

#[derive(Serialize)]
struct UsageJson {
    pools: Vec<PoolJson>,
    #[serde(rename = "orphanedBlocks")]
    orphaned_blocks: Vec<BlockJson>,
}

#[derive(Serialize)]
struct PoolJson {
    name: String,
    cidr: String,
    disabled: bool,
    #[serde(flatten)]
    numbers: NumbersJson,
    blocks: Vec<BlockJson>,
}

#[derive(Serialize)]
struct BlockJson {
    cidr: String,
    owner: Option<String>,
    #[serde(flatten)]
    numbers: NumbersJson,
    cooling: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumbersJson {
    total: u128,
    in_use: u128,
    reserved: u128,
    free: u128,
}

impl UsageJson {
    fn of(usage: &Usage) -> UsageJson {
        UsageJson {
            pools: usage.pools.iter().map(PoolJson::of).collect(),
            orphaned_blocks: usage.orphans.iter().map(BlockJson::of).collect(),
        }
    }
}

impl PoolJson {
    fn of(pool: &PoolUsage) -> PoolJson {
        PoolJson {
            name: pool.name.to_string(),
            cidr: pool.cidr.to_string(),
            disabled: pool.disabled,
            numbers: NumbersJson::of(pool.numbers),
            blocks: pool.blocks.iter().map(BlockJson::of).collect(),
        }
    }
}

impl BlockJson {
    fn of(block: &BlockUsage) -> BlockJson {
        BlockJson {
            cidr: block.cidr.to_string(),
            owner: block.owner.as_ref().map(ToString::to_string),
            numbers: NumbersJson::of(block.numbers),
            cooling: block.cooling,
        }
    }
}

impl NumbersJson {
    const fn of(numbers: Numbers) -> NumbersJson {
        NumbersJson {
            total: numbers.total,
            in_use: numbers.in_use,
            reserved: numbers.reserved,
            free: numbers.free,
        }
    }
}
