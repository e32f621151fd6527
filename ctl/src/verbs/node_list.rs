//! `ipamctl node list`: every node that the store knows, with what it has and which machine it is, at one revision.

use std::collections::BTreeMap;

use block_ipam::blocks::Block;
use block_ipam::datastore::codec::{self, Record};
use block_ipam::datastore::{Entry, keys};
use block_ipam::ids::OwnerKind;
use block_ipam::plan::{CorruptRecord, RecordId, Scope};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, Table};
use crate::report::{self, Ended};
use crate::verbs::ipam_show::Format;
use crate::{records, time};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A node is known by its Node record, by a block that it claims, by an address that names it, or by the machine that is
bound to its name. Every block is read.

Examples:
  ipamctl node list
  ipamctl node list -o json | jq -r '.[] | select(.registered | not) | .node'")]
pub(crate) struct NodeListArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What a node has.
#[derive(Debug, Default, Serialize)]
struct Row {
    node: String,
    /// Whether it has a Node record.
    registered: bool,
    /// Blocks that it claims.
    blocks: usize,
    /// Addresses that it holds, borrowed ones included.
    addresses: usize,
    borrowed: usize,
    /// The machine that is bound to its name.
    machine: Option<String>,
    /// Since when.
    since: Option<String>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Nodes {
    rows: BTreeMap<String, Row>,
    corrupt: Vec<CorruptRecord>,
}

pub(crate) async fn run(context: &Context, args: &NodeListArgs) -> Result<(), Failure> {
    let store = context.open(Access::Read).await?.store.as_ref();
    let at = records::newest(store).await?;
    let mut nodes = Nodes::default();
    let affinities = keys::span_of(&Scope::AllAffinities(OwnerKind::Host));
    for span in [
        keys::nodes(),
        affinities,
        keys::identities(),
        keys::blocks(),
    ] {
        let see = |entry| {
            nodes.see(entry);
            Ok(())
        };
        let read = report::entries(store, span, Some(at), see).await;
        read.map_err(|ended: Ended| Failure::from(ended))?;
    }
    let rows: Vec<Row> = nodes.rows.into_values().collect();
    context.ui.data(&match args.output {
        Format::Table => text(&rows),
        Format::Json => output::json(&rows),
    })?;
    records::complain(nodes.corrupt.iter())
}

impl Nodes {
    fn row(&mut self, name: &str) -> &mut Row {
        self.rows.entry(name.to_owned()).or_insert_with(|| Row {
            node: name.to_owned(),
            ..Row::default()
        })
    }

    fn see(&mut self, entry: Entry) {
        let (id, record) = match codec::decode_any(&entry.key, &entry.value) {
            None => return,
            Some((id, Ok(record))) => (id, record),
            Some((_, Err(error))) => {
                self.corrupt.push(CorruptRecord {
                    key: entry.key,
                    revision: entry.modified,
                    detail: error.to_string(),
                });
                return;
            }
        };
        match (&id, record) {
            (RecordId::Node(name), _) => self.row(name.as_str()).registered = true,
            (RecordId::Affinity(owner, _), _) => self.row(&owner.name).blocks += 1,
            (RecordId::Identity(name), Record::Identity(identity)) => {
                let row = self.row(name.as_str());
                row.machine = Some(identity.machine.machine);
                row.since = Some(time::text(identity.since));
            }
            (_, Record::Block(block)) => self.see_block(&block),
            _ => {}
        }
    }

    /// An address is its node's that it names; one that names none is the owner's of its block.
    fn see_block(&mut self, block: &Block) {
        let owner = block
            .owner()
            .filter(|owner| owner.kind == OwnerKind::Host)
            .map(|owner| owner.name.clone());
        for entry in block.entries() {
            let named = entry.attribute.secondary.get("node");
            let Some(node) = named.or(owner.as_ref()) else {
                continue;
            };
            let is_borrowed = owner.as_ref() != Some(node);
            let row = self.row(node);
            row.addresses += 1;
            row.borrowed += usize::from(is_borrowed);
        }
    }
}

fn text(rows: &[Row]) -> String {
    let mut table = Table::new([
        Column::Left("NODE"),
        Column::Left("REGISTERED"),
        Column::Right("BLOCKS"),
        Column::Right("IPS"),
        Column::Right("BORROWED"),
        Column::Left("MACHINE"),
        Column::Left("SINCE"),
    ]);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    for row in rows {
        table.row([
            row.node.clone(),
            if row.registered { "yes" } else { "no" }.to_owned(),
            row.blocks.to_string(),
            row.addresses.to_string(),
            row.borrowed.to_string(),
            or_dash(&row.machine),
            or_dash(&row.since),
        ]);
    }
    table.render()
}
