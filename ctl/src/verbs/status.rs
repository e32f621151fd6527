//! `ipamctl status`: one node at a glance, as Cilium's agent prints it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use block_ipam::blocks::Family;
use block_ipam::ids::NodeName;
use block_ipam::node::name::{self, Configured, Host};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, one_line};
use crate::verbs::ipam_show::Format;
use crate::verbs::node_show::{self, Report};

const NODENAME_FILE: &str = "/var/lib/calico/nodename";
const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl status                               # of the node that this runs on
  ipamctl status --node rack1-n07 --all-addresses")]
pub(crate) struct StatusArgs {
    /// The node; that which this runs on if none is named
    #[arg(long)]
    node: Option<String>,
    /// Tell every address with its owner
    #[arg(long)]
    all_addresses: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(crate) async fn run(context: &Context, args: &StatusArgs) -> Result<(), Failure> {
    let node = node(args)?;
    let (report, corrupt) = node_show::read(context, &node).await?;
    context.ui.data(&match args.output {
        Format::Table => text(&report, args.all_addresses),
        Format::Json => output::json(&report),
    })?;
    crate::records::complain(corrupt.iter())
}

/// The node that was named, or as the plugin finds out on which it runs.
fn node(args: &StatusArgs) -> Result<NodeName, Failure> {
    let configured = Configured {
        nodename: args.node.clone(),
        ..Configured::default()
    };
    let host = Host {
        nodename_file: PathBuf::from(NODENAME_FILE),
        hostname: std::fs::read_to_string(HOSTNAME_FILE).ok(),
    };
    let environment = std::env::var("NODENAME").ok();
    name::resolve(&configured, environment.as_deref(), &host)
        .map_err(|error| Failure::usage(error.to_string()).hint("`--node NAME` names one"))
}

fn text(report: &Report, all_addresses: bool) -> String {
    let mut lines = vec![format!("Node:  {}", one_line(&report.node))];
    if !report.registered {
        lines.push("       it has no Node record".to_owned());
    }
    for family in Family::BOTH {
        let is_of = |cidr: &str| cidr.contains(':') == (family == Family::V6);
        let own = report
            .blocks
            .iter()
            .filter(|block| block.owned == Some(true) && is_of(&block.cidr));
        let (mut used, mut total, mut from) = (0, 0, Vec::new());
        for block in own {
            let in_use = block.in_use.unwrap_or(0);
            used += in_use;
            total += in_use + block.free.unwrap_or(0);
            from.push(block.cidr.as_str());
        }
        if !from.is_empty() {
            lines.push(format!(
                "{family}:  {used}/{total} allocated from {}",
                from.join(", ")
            ));
        }
        let mut borrowed: BTreeMap<&str, usize> = BTreeMap::new();
        let addresses = report.addresses.iter();
        for row in addresses.filter(|row| row.borrowed && is_of(&row.address)) {
            *borrowed.entry(&row.block).or_default() += 1;
        }
        let borrowed = borrowed
            .iter()
            .map(|(block, count)| format!("{family}:  {count} borrowed from {block}"));
        lines.extend(borrowed);
    }
    if all_addresses {
        lines.push("Allocated addresses:".to_owned());
        lines.extend(report.addresses.iter().map(|row| {
            let owner = row.workload.as_deref().or(row.handle.as_deref());
            format!(
                "  {} ({})",
                row.address,
                one_line(owner.unwrap_or("nobody named"))
            )
        }));
    }
    lines.join("\n") + "\n"
}
