//! `ipamctl node show`: the blocks of a node, and the addresses that it holds, its own and borrowed ones.
//!
//! Borrowed addresses are found by our index; those that Calico's plugin borrowed are not in it.

use block_ipam::blocks::{Block, BlockCidr, Family};
use block_ipam::datastore::codec::Record;
use block_ipam::datastore::{Span, keys};
use block_ipam::ids::{NodeName, Owner};
use block_ipam::plan::{CorruptRecord, RecordId, Scope};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, Table};
use crate::records::{self, Listing};
use crate::verbs::ipam_show::Format;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl node show rack1-n07
  ipamctl node show rack1-n07 -o json | jq -r '.addresses[].address'")]
pub(crate) struct NodeShowArgs {
    /// The node
    name: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What a node has.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) node: String,
    /// Whether it has a Node record.
    pub(super) registered: bool,
    pub(super) blocks: Vec<BlockRow>,
    pub(super) addresses: Vec<AddressRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockRow {
    pub(super) cidr: String,
    /// The state of the affinity; empty where none is recorded.
    affinity: &'static str,
    /// Whether the block says that the node owns it; `null` where there is no block.
    pub(super) owned: Option<bool>,
    pub(super) in_use: Option<usize>,
    pub(super) free: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct AddressRow {
    pub(super) address: String,
    pub(super) block: String,
    pub(super) borrowed: bool,
    pub(super) handle: Option<String>,
    pub(super) workload: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &NodeShowArgs) -> Result<(), Failure> {
    let node = NodeName::new(&args.name).map_err(|error| Failure::usage(error.to_string()))?;
    let (report, corrupt) = read(context, &node).await?;
    context.ui.data(&match args.output {
        Format::Table => text(&report),
        Format::Json => output::json(&report),
    })?;
    records::complain(corrupt.iter())
}

/// Reads what a node has, and which records about it do not parse.
pub(super) async fn read(
    context: &Context,
    node: &NodeName,
) -> Result<(Report, Vec<CorruptRecord>), Failure> {
    let store = &context.open(Access::Read).await?.store;
    let owner = Owner::host(node);
    let mut spans: Vec<Span> = Family::BOTH
        .into_iter()
        .map(|family| keys::span_of(&Scope::Affinities(owner.clone(), family)))
        .collect();
    spans.push(keys::borrowed_by(node));
    spans.push(Span::Key(keys::key_of(&RecordId::Node(node.clone()))));
    let had = records::spans(store.as_ref(), spans).await?;
    if had.found.is_empty() && had.corrupt.is_empty() {
        let error = format!(
            "node `{node}` is not known: it has no Node record, no block and no borrowed address"
        );
        return Err(Failure::refused(error).hint("`ipamctl node list` lists those that are"));
    }
    let mut blocks = records::spans(store.as_ref(), blocks_of(&had)).await?;
    let report = report(node, &owner, &had, &blocks);
    let mut corrupt = had.corrupt;
    corrupt.append(&mut blocks.corrupt);
    Ok((report, corrupt))
}

fn blocks_of(had: &Listing) -> Vec<Span> {
    let blocks = had.found.iter().filter_map(|found| match &found.id {
        RecordId::Affinity(_, block) | RecordId::Borrowed(_, block) => Some(*block),
        _ => None,
    });
    let keys = blocks.map(|block| Span::Key(keys::key_of(&RecordId::Block(block))));
    keys.collect()
}

fn report(node: &NodeName, owner: &Owner, had: &Listing, blocks: &Listing) -> Report {
    let block = |cidr: BlockCidr| {
        blocks.found.iter().find_map(|found| match &found.record {
            Record::Block(block) if block.cidr() == cidr => Some(block),
            _ => None,
        })
    };
    let mut report = Report {
        node: node.to_string(),
        registered: false,
        blocks: Vec::new(),
        addresses: Vec::new(),
    };
    let mut found: Vec<&records::Found> = had.found.iter().collect();
    found.sort_by_key(|found| match &found.id {
        RecordId::Affinity(_, cidr) | RecordId::Borrowed(_, cidr) => Some(*cidr),
        _ => None,
    });
    for found in found {
        match (&found.id, &found.record) {
            (RecordId::Node(_), _) => report.registered = true,
            (RecordId::Affinity(_, cidr), Record::Affinity(state)) => {
                let block = block(*cidr);
                report
                    .blocks
                    .push(block_row(*cidr, state.word(), block, owner));
                let own = block.filter(|block| block.owner() == Some(owner));
                report
                    .addresses
                    .extend(own.into_iter().flat_map(|block| held(block, node, owner)));
            }
            (RecordId::Borrowed(_, cidr), _) => {
                let block = block(*cidr).into_iter();
                report
                    .addresses
                    .extend(block.flat_map(|block| held(block, node, owner)));
            }
            _ => {}
        }
    }
    report
}

fn block_row(
    cidr: BlockCidr,
    affinity: &'static str,
    block: Option<&Block>,
    owner: &Owner,
) -> BlockRow {
    BlockRow {
        cidr: cidr.to_string(),
        affinity,
        owned: block.map(|block| block.owner() == Some(owner)),
        in_use: block.map(|block| usize::from(block.size()) - block.free_count()),
        free: block.map(Block::free_count),
    }
}

/// Returns the addresses of a block that the node holds: those that name it, and in its own block those that name nobody.
fn held(block: &Block, node: &NodeName, owner: &Owner) -> Vec<AddressRow> {
    let own = block.owner() == Some(owner);
    let entries = block.entries().filter(|entry| {
        let of = entry.attribute.secondary.get("node");
        of.map_or(own, |of| of == node.as_str())
    });
    let rows = entries.map(|entry| {
        let attribute = |name: &str| entry.attribute.secondary.get(name);
        let workload = match (attribute("namespace"), attribute("pod")) {
            (Some(namespace), Some(pod)) => Some(format!("{namespace}/{pod}")),
            (None, Some(pod)) => Some(pod.clone()),
            (_, None) => attribute("type").cloned(),
        };
        AddressRow {
            address: entry.address.to_string(),
            block: block.cidr().to_string(),
            borrowed: !own,
            handle: entry.attribute.handle.clone(),
            workload,
        }
    });
    rows.collect()
}

fn text(report: &Report) -> String {
    let mut blocks = Table::new([
        Column::Left("BLOCK"),
        Column::Left("AFFINITY"),
        Column::Right("IPS IN USE"),
        Column::Right("IPS FREE"),
    ]);
    let number = |number: Option<usize>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    for row in &report.blocks {
        let foreign = if row.owned == Some(false) {
            ", block of another"
        } else {
            ""
        };
        let affinity = format!("{}{foreign}", row.affinity);
        blocks.row([
            row.cidr.clone(),
            affinity,
            number(row.in_use),
            number(row.free),
        ]);
    }
    let mut addresses = Table::new([
        Column::Left("IP"),
        Column::Left("BLOCK"),
        Column::Left("BORROWED"),
        Column::Left("WORKLOAD"),
        Column::Left("HANDLE"),
    ]);
    for row in &report.addresses {
        addresses.row([
            row.address.clone(),
            row.block.clone(),
            if row.borrowed { "yes" } else { "no" }.to_owned(),
            row.workload.clone().unwrap_or_default(),
            row.handle.clone().unwrap_or_else(|| "<none>".to_owned()),
        ]);
    }
    format!("{}\n{}", blocks.render(), addresses.render())
}
