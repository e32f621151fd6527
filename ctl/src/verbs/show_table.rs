//! The use of pools and blocks as calicoctl's table, in the order of its keys, and for Prometheus.

use std::fmt::Write;

use block_ipam::blocks::BlockCidr;
use block_ipam::datastore::keys;
use block_ipam::plan::RecordId;
use block_ipam::report::{BlockUsage, Numbers, PoolUsage, Usage};

use crate::output::{Column, five_digits, framed, share};

/// Returns calicoctl's table.
pub(super) fn table(usage: &Usage, blocks: bool) -> String {
    let columns = [
        Column::Left("GROUPING"),
        Column::Left("CIDR"),
        Column::Right("IPS TOTAL"),
        Column::Right("IPS IN USE"),
        Column::Right("IPS RESERVED"),
        Column::Right("IPS FREE"),
    ];
    let mut rows = Vec::new();
    let mut pools: Vec<&PoolUsage> = usage.pools.iter().collect();
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    for pool in pools {
        rows.push(row("IP Pool", pool.cidr.to_string(), pool.numbers));
        if blocks {
            rows.extend(block_rows(&pool.blocks));
        }
    }
    if blocks {
        rows.extend(block_rows(&usage.orphans));
    }
    framed(&columns, &rows)
}

fn block_rows(blocks: &[BlockUsage]) -> impl Iterator<Item = Vec<String>> {
    let key = |cidr: BlockCidr| keys::key_of(&RecordId::Block(cidr));
    let mut blocks: Vec<&BlockUsage> = blocks.iter().collect();
    blocks.sort_by_cached_key(|block| key(block.cidr));
    let rows = blocks.into_iter();
    rows.map(|block| row("Block", block.cidr.to_string(), block.numbers))
}

fn row(grouping: &str, cidr: String, numbers: Numbers) -> Vec<String> {
    let total = numbers.total;
    vec![
        grouping.to_owned(),
        cidr,
        five_digits(total),
        share(numbers.in_use, total),
        share(numbers.reserved, total),
        share(numbers.free, total),
    ]
}

/// Returns gauges in Prometheus' text format.
pub(super) fn prometheus(usage: &Usage) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes all");
    line("# HELP block_ipam_pool_addresses Addresses of a pool by state; reserved ones count as reserved too when held.".to_owned());
    line("# TYPE block_ipam_pool_addresses gauge".to_owned());
    for pool in &usage.pools {
        let (labels, numbers) = (labels(pool), pool.numbers);
        for (state, number) in [
            ("total", numbers.total),
            ("in_use", numbers.in_use),
            ("reserved", numbers.reserved),
            ("free", numbers.free),
        ] {
            line(format!(
                "block_ipam_pool_addresses{{{labels},state=\"{state}\"}} {number}"
            ));
        }
    }
    line("# HELP block_ipam_pool_cooling_addresses Addresses in use that are cooling.".to_owned());
    line("# TYPE block_ipam_pool_cooling_addresses gauge".to_owned());
    for pool in &usage.pools {
        let cooling: usize = pool.blocks.iter().map(|block| block.cooling).sum();
        line(format!(
            "block_ipam_pool_cooling_addresses{{{}}} {cooling}",
            labels(pool)
        ));
    }
    line("# HELP block_ipam_pool_blocks Blocks of a pool.".to_owned());
    line("# TYPE block_ipam_pool_blocks gauge".to_owned());
    for pool in &usage.pools {
        line(format!(
            "block_ipam_pool_blocks{{{}}} {}",
            labels(pool),
            pool.blocks.len()
        ));
    }
    line("# HELP block_ipam_orphaned_blocks Blocks in no pool.".to_owned());
    line("# TYPE block_ipam_orphaned_blocks gauge".to_owned());
    line(format!(
        "block_ipam_orphaned_blocks {}",
        usage.orphans.len()
    ));
    text
}

fn labels(pool: &PoolUsage) -> String {
    let name = pool
        .name
        .as_str()
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!(
        "pool=\"{name}\",cidr=\"{}\",disabled=\"{}\"",
        pool.cidr, pool.disabled
    )
}
