//! `ipamctl ipam show`: the use of pools and blocks. One address is told about in `ipam_address`.

use block_ipam::blocks::{Address, Family, RangeSet};
use block_ipam::datastore::codec::Record;
use block_ipam::datastore::{Datastore, DatastoreError, keys};
use block_ipam::plan::{CorruptRecord, Scope};
use block_ipam::report::{BlockUsage, Numbers, PoolUsage, Tally, Usage};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, Table, five_digits, share};
use crate::records::{self, Listing};
use crate::verbs::ipam_address;

/// How often the store is counted before its compactions win.
const MOST_COUNTS: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Show the blocks of each pool too
    #[arg(long)]
    show_blocks: bool,
    /// Tell who holds an address
    #[arg(long, value_name = "ADDRESS", conflicts_with = "show_blocks")]
    ip: Option<Address>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// How to print a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

pub(crate) async fn run(context: &Context, args: &ShowArgs) -> Result<(), Failure> {
    if let Some(address) = args.ip {
        return ipam_address::run(context, address, args.output).await;
    }
    let (usage, corrupt) = usage(context).await?;
    let text = match args.output {
        Format::Table => table(&usage, args.show_blocks),
        Format::Json => output::json(&UsageJson::of(&usage)),
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

fn table(usage: &Usage, blocks: bool) -> String {
    let mut table = Table::new([
        Column::Left("GROUPING"),
        Column::Left("CIDR"),
        Column::Right("IPS TOTAL"),
        Column::Right("IPS IN USE"),
        Column::Right("IPS RESERVED"),
        Column::Right("IPS FREE"),
    ]);
    for pool in &usage.pools {
        row(&mut table, "IP Pool", pool.cidr.to_string(), pool.numbers);
        if blocks {
            pool.blocks
                .iter()
                .for_each(|block| block_row(&mut table, block));
        }
    }
    if blocks {
        usage
            .orphans
            .iter()
            .for_each(|block| block_row(&mut table, block));
    }
    table.render()
}

fn block_row(table: &mut Table, block: &BlockUsage) {
    row(table, "Block", block.cidr.to_string(), block.numbers);
}

fn row(table: &mut Table, grouping: &str, cidr: String, numbers: Numbers) {
    let total = numbers.total;
    table.row([
        grouping.to_owned(),
        cidr,
        five_digits(total),
        share(numbers.in_use, total),
        share(numbers.reserved, total),
        share(numbers.free, total),
    ]);
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
