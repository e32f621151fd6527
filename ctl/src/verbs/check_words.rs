//! What a check tells, in words and counts.

use std::fmt::Write;

use block_ipam::allocator::reports::AsOf;
use block_ipam::blocks::block::Attribute;
use block_ipam::blocks::{Address, Block};
use block_ipam::datastore::codec::Record;
use block_ipam::report::CheckReport;

use crate::output::{Column, Table, one_line};
use crate::records::Found;
use crate::report::InUse;

/// Addresses that are held or used and should not be.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    unused: usize,
    /// In no enabled pool.
    outside: usize,
    not_held: usize,
    lines: Vec<String>,
}

impl Tally {
    /// Counts an address that is held and used by nobody.
    pub(crate) fn add_unused(&mut self, address: Address, attribute: &Attribute, is_told: bool) {
        self.unused += 1;
        if is_told {
            let what = attributes(attribute);
            self.lines.push(format!("  {address} leaked; attrs {what}"));
        }
    }

    /// Counts the addresses that are used and held by nobody.
    pub(crate) fn see_not_held(&mut self, in_use: &InUse, pools: &[Found]) {
        for (address, by) in in_use.not_held() {
            let is_around = pools.iter().any(|found| match &found.record {
                Record::Pool(pool) => !pool.disabled && pool.cidr.contains(address),
                _ => false,
            });
            let by = one_line(by);
            self.lines.push(if is_around {
                self.not_held += 1;
                format!(
                    "  {address} in use by {by} and in active IPAM pool but has no IPAM allocation."
                )
            } else {
                self.outside += 1;
                format!("  {address} in use by {by} is not in any active IP pool.")
            });
        }
    }

    pub(crate) const fn problems(&self) -> usize {
        self.unused + self.outside + self.not_held
    }
}

/// Returns what was looked at and found.
pub(crate) fn told(
    of: &AsOf<CheckReport>,
    tally: &Tally,
    knows_workloads: bool,
    all: bool,
) -> String {
    let looked = of.report.looked;
    let mut text = format!(
        "Looked at {} pools, {} blocks, {} addresses, {} affinities, {} handles and {} nodes at revision {}.\n",
        looked.pools,
        looked.blocks,
        looked.addresses,
        looked.affinities,
        looked.handles,
        looked.nodes,
        of.revision
    );
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes all");
    if !knows_workloads {
        line(
            "No workload endpoints are in this store: whether workloads use their addresses is not known.",
        );
    }
    line(&format!(
        "Found {} IPs that are allocated in IPAM but not actually in use.",
        tally.unused
    ));
    line(&format!(
        "Found {} in-use IPs that are not in active IP pools.",
        tally.outside
    ));
    line(&format!(
        "Found {} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.",
        tally.not_held
    ));
    if all {
        tally.lines.iter().for_each(|told| line(told));
    }
    text.push_str(&findings(&of.report));
    text
}

fn findings(report: &CheckReport) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let columns = ["SEVERITY", "RECORD", "FINDING", "WHAT ENDS IT"];
    let mut table = Table::new(columns.map(Column::Left));
    for finding in &report.findings {
        table.row([
            finding.severity().to_string(),
            finding.subject.to_string(),
            finding.kind.to_string(),
            finding.kind.remedy().to_string(),
        ]);
    }
    let mut text = table.render();
    if 0 < report.left_out {
        writeln!(text, "... and {} more", report.left_out).expect("a string takes all");
    }
    text
}

/// Tells a block, as calicoctl does.
pub(crate) fn block(lines: &mut String, block: &Block) {
    let owner = block
        .owner()
        .map_or_else(|| "<none>".to_owned(), ToString::to_string);
    let line = format!(
        " IPAM block {} affinity={}:",
        block.cidr(),
        one_line(&owner)
    );
    writeln!(lines, "{line}").expect("a string takes all");
}

/// Tells an address that is held, as calicoctl does.
pub(crate) fn held(lines: &mut String, address: Address, attribute: &Attribute) {
    let what = attributes(attribute);
    writeln!(lines, "  {address} allocated; attrs {what}").expect("a string takes all");
}

fn attributes(attribute: &Attribute) -> String {
    let list = |attributes: &std::collections::BTreeMap<String, String>| {
        let texts = attributes
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        texts.collect::<Vec<_>>().join(",")
    };
    let handle = attribute.handle.as_deref().unwrap_or("<none>");
    let mut text = format!("Main:{handle} Extra:{}", list(&attribute.secondary));
    if !attribute.alternate.is_empty() {
        write!(text, " Alternate:{}", list(&attribute.alternate)).expect("a string takes all");
    }
    one_line(&text)
}
