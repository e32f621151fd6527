//! The columns of resources in tables: calicoctl's in its order, then ours.

use block_ipam::datastore::codec::Record;
use block_ipam::plan::RecordId;
use block_ipam::resources::{Config, Kind, Pool};

use crate::failure::Failure;
use crate::output;
use crate::records::{self, Found};
use crate::similar;
use crate::verbs::documents;
use crate::verbs::kinds::Noun;

/// A column: its title, in which tables it stands, and its cell.
struct Column {
    title: &'static str,
    is_narrow: bool,
    cell: fn(&Found) -> String,
}

const fn narrow(title: &'static str, cell: fn(&Found) -> String) -> Column {
    Column {
        title,
        is_narrow: true,
        cell,
    }
}

const fn wide(title: &'static str, cell: fn(&Found) -> String) -> Column {
    Column {
        title,
        is_narrow: false,
        cell,
    }
}

const NAME: Column = narrow("NAME", |found| records::name(&found.id));

const POOL: &[Column] = &[
    NAME,
    narrow("CIDR", |found| of_pool(found, |pool| pool.cidr.to_string())),
    wide("NAT", |found| {
        of_pool(found, |pool| pool.nat_outgoing.to_string())
    }),
    wide("IPIPMODE", |found| {
        of_pool(found, |pool| pool.ipip.word().to_owned())
    }),
    wide("VXLANMODE", |found| {
        of_pool(found, |pool| pool.vxlan.word().to_owned())
    }),
    wide("DISABLED", |found| {
        of_pool(found, |pool| pool.disabled.to_string())
    }),
    wide("DISABLEBGPEXPORT", |found| {
        of_pool(found, |pool| pool.disable_bgp_export.to_string())
    }),
    narrow("SELECTOR", |found| {
        of_pool(found, |pool| pool.node_selector.clone())
    }),
    wide("ASSIGNMENTMODE", |found| {
        of_pool(found, |pool| pool.assignment.word().to_owned())
    }),
    wide("BLOCKSIZE", |found| {
        of_pool(found, |pool| pool.block_length.to_string())
    }),
    wide("ALLOWEDUSES", |found| of_pool(found, uses)),
    wide("NAMESPACESELECTOR", |found| {
        of_pool(found, |pool| pool.namespace_selector.clone())
    }),
];

const RESERVATION: &[Column] = &[
    NAME,
    wide("CIDRS", |found| match &found.record {
        Record::Reservation(reservation) => reservation.stored.join(","),
        _ => String::new(),
    }),
];

const NODE: &[Column] = &[
    NAME,
    wide("ASN", |found| in_spec(found, "asNumber")),
    wide("IPV4", |found| in_spec(found, "ipv4Address")),
    wide("IPV6", |found| in_spec(found, "ipv6Address")),
    wide("LABELS", |found| match &found.record {
        Record::Node(node) => {
            let labels = node.metadata.labels.iter();
            let labels = labels.map(|(key, value)| format!("{key}={value}"));
            labels.collect::<Vec<_>>().join(",")
        }
        _ => String::new(),
    }),
];

const CONFIG: &[Column] = &[
    NAME,
    narrow("STRICTAFFINITY", |found| {
        of_config(found, |config| config.strict_affinity.to_string())
    }),
    narrow("AUTOALLOCATEBLOCKS", |found| {
        of_config(found, |config| config.auto_allocate_blocks.to_string())
    }),
    narrow("MAXBLOCKSPERHOST", |found| {
        of_config(found, |config| config.max_blocks_per_host.to_string())
    }),
    narrow("IPCOOLDOWNSECONDS", |found| {
        of_config(found, |config| config.cooldown_seconds.to_string())
    }),
];

const AFFINITY: &[Column] = &[
    NAME,
    narrow("CIDR", |found| match &found.id {
        RecordId::Affinity(_, block) => block.to_string(),
        _ => String::new(),
    }),
    narrow("OWNER", |found| match &found.id {
        RecordId::Affinity(owner, _) => owner.to_string(),
        _ => String::new(),
    }),
    narrow("STATE", |found| match &found.record {
        Record::Affinity(state) => state.word().to_owned(),
        _ => String::new(),
    }),
];

/// Which columns to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    Narrow,
    Wide,
    /// Those of these titles, in this order.
    Named(&'a [String]),
}

/// Returns the table.
///
/// # Errors
/// A column that the kind does not have.
pub(super) fn table(noun: Noun, found: &[Found], shown: Shown<'_>) -> Result<String, Failure> {
    let all = of(noun);
    let columns: Vec<&Column> = match shown {
        Shown::Narrow => all.iter().filter(|column| column.is_narrow).collect(),
        Shown::Wide => all.iter().collect(),
        Shown::Named(titles) => {
            let named = titles.iter().map(|title| named(noun, title));
            named.collect::<Result<_, _>>()?
        }
    };
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    let row = |found: &Found| columns.iter().map(|column| (column.cell)(found)).collect();
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    Ok(output::padded(&titles, &rows))
}

fn named(noun: Noun, title: &str) -> Result<&'static Column, Failure> {
    let all = of(noun);
    all.iter()
        .find(|column| column.title == title)
        .ok_or_else(|| {
            let failure = Failure::usage(format!("{noun} has no column `{title}`"));
            match similar::to(title, all.iter().map(|column| column.title)) {
                Some(similar) => failure.hint(format!("did you mean {similar}?")),
                None => {
                    let titles: Vec<&str> = all.iter().map(|column| column.title).collect();
                    failure.hint(format!("there are {}", titles.join(", ")))
                }
            }
        })
}

const fn of(noun: Noun) -> &'static [Column] {
    match noun {
        Noun::Resource(Kind::Pool) => POOL,
        Noun::Resource(Kind::Reservation) => RESERVATION,
        Noun::Resource(Kind::Node) => NODE,
        Noun::Resource(Kind::Config) => CONFIG,
        Noun::BlockAffinity => AFFINITY,
    }
}

fn of_pool(found: &Found, cell: fn(&Pool) -> String) -> String {
    match &found.record {
        Record::Pool(pool) => cell(pool),
        _ => String::new(),
    }
}

fn of_config(found: &Found, cell: fn(&Config) -> String) -> String {
    match &found.record {
        Record::Config(config) => cell(config),
        _ => String::new(),
    }
}

fn uses(pool: &Pool) -> String {
    let uses: Vec<&str> = pool.allowed_uses.iter().map(|own| own.word()).collect();
    uses.join(",")
}

/// What Calico's agent found out about the node.
fn in_spec(found: &Found, member: &str) -> String {
    let value = documents::manifest(found).ok();
    let value = value
        .as_ref()
        .and_then(|value| value.get("spec")?.get("bgp")?.get(member));
    value.map(ToString::to_string).unwrap_or_default()
}
