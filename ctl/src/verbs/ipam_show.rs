//! `ipamctl ipam show`: the use of pools and blocks. One address is told about in `ipam_address`; what is borrowed, the
//! configuration and the tables stand in files of their own.

use block_ipam::blocks::{Address, Family, RangeSet};
use block_ipam::datastore::codec::Record;
use block_ipam::datastore::{Datastore, DatastoreError, keys};
use block_ipam::plan::{CorruptRecord, Scope};
use block_ipam::report::{BlockUsage, Numbers, PoolUsage, Tally, Usage};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;
use crate::records::{self, Listing};
use crate::verbs::show_borrowed::{self, AsJson};
use crate::verbs::{ipam_address, show_configuration, show_table};

/// How often the store is counted before its compactions win.
const MOST_COUNTS: usize = 3;

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
    let (usage, corrupt) = usage(context).await?;
    let text = match args.output {
        ShowFormat::Table => show_table::table(&usage, args.show_blocks),
        ShowFormat::Json => output::json(&UsageJson::of(&usage)),
        ShowFormat::Prometheus => show_table::prometheus(&usage),
    };
    context.ui.data(&text)?;
    records::complain(corrupt.iter())
}

/// Counts everything at one revision. A store that is compacted meanwhile is counted again.
async fn usage(context: &Context) -> Result<(Usage, Vec<CorruptRecord>), Failure> {
    let store = context.open(Access::Read).await?.store.as_ref();
    for _ in 1..MOST_COUNTS {
        match count(store).await {
            Err(DatastoreError::Compacted(_)) => {
                let sentence = "The store was compacted while it was read: counting again";
                context.ui.status(sentence);
            }
            counted => return Ok(counted?),
        }
    }
    Ok(count(store).await?)
}

async fn count(store: &dyn Datastore) -> Result<(Usage, Vec<CorruptRecord>), DatastoreError> {
    let scopes = [Scope::Pools, Scope::Reservations];
    let mut given = records::spans(store, scopes.iter().map(keys::span_of).collect()).await?;
    let mut pools = Vec::new();
    let mut reserved = RangeSet::default();
    for found in given.found {
        match found.record {
            Record::Pool(pool) => pools.push(pool),
            Record::Reservation(reservation) => reserved.extend(reservation.reserved),
            _ => {}
        }
    }
    let mut tally = Tally::new(&pools, reserved);
    for family in Family::BOTH {
        let blocks = keys::blocks_of(family);
        let each = |page: Listing| {
            given.corrupt.extend(page.corrupt);
            for found in &page.found {
                if let Record::Block(block) = &found.record {
                    tally.add(block);
                }
            }
        };
        records::walk(store, &blocks, given.revision, each).await?;
    }
    Ok((tally.finish(), given.corrupt))
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
