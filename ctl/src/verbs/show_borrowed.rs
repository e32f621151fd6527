//! `ipamctl ipam show --show-borrowed`: addresses that a node holds in a block that is not its own.

use block_ipam::blocks::Block;
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, framed};
use crate::report::{self, Ended};

/// How often the store is read before its compactions win.
const MOST_STARTS: usize = 3;

/// What is borrowed, and how many addresses say nothing about their node.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    borrowed: Vec<Row>,
    without_node: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    address: String,
    node: String,
    block: String,
    block_owner: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    workload: String,
}

/// Prints them.
pub(super) async fn run(context: &Context, as_json: AsJson) -> Result<(), Failure> {
    let report = read(context).await?;
    context.ui.data(&match as_json {
        AsJson::Yes => output::json(&report),
        AsJson::No => text(&report),
    })
}

/// Whether a document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsJson {
    Yes,
    No,
}

async fn read(context: &Context) -> Result<Report, Failure> {
    let store = context.open(Access::Read).await?.store.as_ref();
    for _ in 0..MOST_STARTS {
        let mut report = Report::default();
        let each = |block: &Block| {
            report.see(block);
            Ok(())
        };
        match report::blocks(store, None, each).await {
            Ok(()) => return Ok(report),
            Err(Ended::Failed(failure)) => return Err(failure),
            Err(Ended::Compacted) => {
                let sentence = "The store was compacted while it was read: reading began again";
                context.ui.status(sentence);
            }
        }
    }
    Err(Failure::refused(
        "the store forgets revisions faster than it can be read",
    ))
}

impl Report {
    fn see(&mut self, block: &Block) {
        let owner = block.owner().map(|owner| owner.name.clone());
        self.without_node += block.cooling_count();
        for entry in block.entries() {
            let said = |name: &str| entry.attribute.secondary.get(name);
            let Some(node) = said("node") else {
                self.without_node += 1;
                continue;
            };
            if owner.as_ref() == Some(node) {
                continue;
            }
            let kind = match (said("vmi-name"), said("pod")) {
                (Some(_), _) => "vmi",
                (None, Some(_)) => "pod",
                (None, None) => said("type").map_or("", String::as_str),
            };
            let name = said("vmi-name").or_else(|| said("pod"));
            let workload = match (said("namespace"), name) {
                (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
                _ => name.cloned().unwrap_or_default(),
            };
            self.borrowed.push(Row {
                address: entry.address.to_string(),
                node: node.clone(),
                block: block.cidr().to_string(),
                block_owner: owner.clone(),
                kind: kind.to_owned(),
                workload,
            });
        }
    }
}

fn text(report: &Report) -> String {
    let titles = [
        "IP",
        "BORROWING-NODE",
        "BLOCK",
        "BLOCK OWNER",
        "TYPE",
        "ALLOCATED-TO",
    ];
    let rows = report.borrowed.iter().map(|row| {
        vec![
            row.address.clone(),
            row.node.clone(),
            row.block.clone(),
            row.block_owner.clone().unwrap_or_default(),
            row.kind.clone(),
            row.workload.clone(),
        ]
    });
    let mut text = framed(&titles.map(Column::Left), &rows.collect::<Vec<_>>());
    if 0 < report.without_node {
        text += &format!(
            "\nNote: found {} IP allocations without an explicit node association. Unable to determine if they are borrowed.\n",
            report.without_node
        );
    }
    text
}
