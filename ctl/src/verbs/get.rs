//! `ipamctl get`.

use block_ipam::datastore::codec::Record;
use block_ipam::resources::{AssignmentMode, Config, Encapsulation, Kind, Pool};
use block_ipam::revision::Revision;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, Table};
use crate::records::{self, Found, Listing};
use crate::value::Value;
use crate::verbs::kinds;

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// What to show: ippool, ipreservation, node or ipamconfiguration
    kind: String,
    /// Names; all if there are none
    names: Vec<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The columns that matter most
    #[value(alias = "ps")]
    Table,
    /// All columns
    Wide,
    /// Manifests that `apply` takes
    Yaml,
    /// The same in JSON
    Json,
    /// KIND/NAME, one a line
    Name,
}

pub(crate) async fn run(context: &Context, args: &GetArgs) -> Result<(), Failure> {
    let kind = kinds::parse(&args.kind)?;
    let store = &context.open(Access::Read).await?.store;
    let mut listing = records::resources(store.as_ref(), kind, &args.names).await?;
    sort(&mut listing.found);
    let single = args.names.len() == 1;
    let text = match args.output {
        Format::Table => table(kind, &listing.found, Width::Narrow),
        Format::Wide => table(kind, &listing.found, Width::Wide),
        Format::Name => names(kind, &listing.found),
        Format::Json => document(kind, &listing, single)?.map(|value| output::json(&value)),
        Format::Yaml => document(kind, &listing, single)?.map(output::yaml),
    };
    if let Some(text) = text {
        context.ui.data(&text)?;
    }
    complain(kind, &args.names, &listing)
}

/// Pools stand in order of their addresses, everything else in order of its name.
fn sort(found: &mut [Found]) {
    found.sort_by_cached_key(|found| {
        let cidr = match &found.record {
            Record::Pool(pool) => Some(pool.cidr),
            _ => None,
        };
        (cidr, records::name(&found.id))
    });
}

/// What is missing or unreadable is told after what could be shown.
fn complain(kind: Kind, names: &[String], listing: &Listing) -> Result<(), Failure> {
    let found: Vec<String> = listing
        .found
        .iter()
        .map(|found| records::name(&found.id))
        .collect();
    let is_corrupt = |name: &str| {
        let own = format!("/{name}");
        listing
            .corrupt
            .iter()
            .any(|record| record.key.ends_with(&own))
    };
    let missing = names
        .iter()
        .filter(|name| !found.contains(name) && !is_corrupt(name));
    let missing = missing.map(|name| format!("{kind} `{name}` does not exist"));
    let corrupt = listing.corrupt.iter();
    let corrupt =
        corrupt.map(|record| format!("record {} is corrupt: {}", record.key, record.detail));
    let mut faults: Vec<String> = missing.chain(corrupt).collect();
    match faults.len() {
        0 => Ok(()),
        1 => Err(Failure::refused(faults.remove(0))),
        count => {
            Err(Failure::refused(format!("{count} resources cannot be shown")).details(faults))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Narrow,
    Wide,
}

fn table(kind: Kind, found: &[Found], width: Width) -> Option<String> {
    let columns = columns(kind, width);
    let mut table = Table::new(columns.iter().map(|title| Column::Left(title)));
    for found in found {
        table.row(cells(found, width));
    }
    Some(table.render())
}

fn columns(kind: Kind, width: Width) -> &'static [&'static str] {
    match (kind, width) {
        (Kind::Pool, Width::Narrow) => &["NAME", "CIDR", "SELECTOR"],
        (Kind::Pool, Width::Wide) => &[
            "NAME",
            "CIDR",
            "BLOCKSIZE",
            "NAT",
            "IPIPMODE",
            "VXLANMODE",
            "DISABLED",
            "DISABLEBGPEXPORT",
            "SELECTOR",
            "NAMESPACESELECTOR",
            "ALLOWEDUSES",
            "ASSIGNMENTMODE",
        ],
        (Kind::Reservation, Width::Narrow) | (Kind::Node, Width::Narrow) => &["NAME"],
        (Kind::Reservation, Width::Wide) => &["NAME", "CIDRS"],
        (Kind::Node, Width::Wide) => &["NAME", "LABELS"],
        (Kind::Config, _) => &[
            "NAME",
            "STRICTAFFINITY",
            "AUTOALLOCATEBLOCKS",
            "MAXBLOCKSPERHOST",
            "IPCOOLDOWNSECONDS",
        ],
    }
}

fn cells(found: &Found, width: Width) -> Vec<String> {
    let name = records::name(&found.id);
    match (&found.record, width) {
        (Record::Pool(pool), Width::Narrow) => {
            vec![name, pool.cidr.to_string(), pool.node_selector.clone()]
        }
        (Record::Pool(pool), Width::Wide) => wide_pool(name, pool),
        (Record::Reservation(reservation), Width::Wide) => {
            vec![name, reservation.stored.join(",")]
        }
        (Record::Node(node), Width::Wide) => {
            let labels = node.metadata.labels.iter();
            let labels: Vec<String> = labels
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            vec![name, labels.join(",")]
        }
        (Record::Config(config), _) => vec![
            name,
            config.strict_affinity.to_string(),
            config.auto_allocate_blocks.to_string(),
            config.max_blocks_per_host.to_string(),
            config.cooldown_seconds.to_string(),
        ],
        _ => vec![name],
    }
}

fn wide_pool(name: String, pool: &Pool) -> Vec<String> {
    let uses: Vec<&str> = pool.allowed_uses.iter().map(|own| own.word()).collect();
    vec![
        name,
        pool.cidr.to_string(),
        pool.block_length.to_string(),
        pool.nat_outgoing.to_string(),
        mode(pool.ipip),
        mode(pool.vxlan),
        pool.disabled.to_string(),
        pool.disable_bgp_export.to_string(),
        pool.node_selector.clone(),
        pool.namespace_selector.clone(),
        uses.join(","),
        match pool.assignment {
            AssignmentMode::Automatic => "Automatic",
            AssignmentMode::Manual => "Manual",
        }
        .to_owned(),
    ]
}

fn mode(encapsulation: Encapsulation) -> String {
    match encapsulation {
        Encapsulation::Never => "Never",
        Encapsulation::Always => "Always",
        Encapsulation::CrossSubnet => "CrossSubnet",
    }
    .to_owned()
}

fn names(kind: Kind, found: &[Found]) -> Option<String> {
    let noun = crate::failure::noun(kind);
    let lines = found
        .iter()
        .map(|found| format!("{noun}/{}\n", records::name(&found.id)));
    Some(lines.collect())
}

/// Returns one manifest where one name was given, else a list. `None` where the one does not exist.
fn document(kind: Kind, listing: &Listing, single: bool) -> Result<Option<Value>, Failure> {
    let manifests: Result<Vec<Value>, Failure> = listing.found.iter().map(manifest).collect();
    let mut manifests = manifests?;
    if single {
        return Ok(manifests.pop());
    }
    let version = Value::Map(vec![revision(listing.revision)]);
    Ok(Some(Value::Map(vec![
        ("kind".to_owned(), Value::Text(format!("{kind}List"))),
        ("apiVersion".to_owned(), "projectcalico.org/v3".into()),
        ("metadata".to_owned(), version),
        ("items".to_owned(), Value::List(manifests)),
    ])))
}

/// Returns the record as a manifest: as it is stored, defaults filled in, with its revision.
fn manifest(found: &Found) -> Result<Value, Failure> {
    if let Record::Config(config) = &found.record {
        return Ok(config_manifest(config, found.revision));
    }
    let bytes = found.record.encode().unwrap_or_default();
    let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        let name = records::name(&found.id);
        Failure::refused(format!("`{name}` cannot be shown")).caused_by(&error)
    })?;
    if let Value::Map(members) = &mut value
        && let Some((_, Value::Map(metadata))) =
            members.iter_mut().find(|(name, _)| name == "metadata")
    {
        let after = metadata
            .iter()
            .position(|(name, _)| name != "name" && name != "uid");
        metadata.insert(after.unwrap_or(metadata.len()), revision(found.revision));
    }
    Ok(value)
}

fn revision(revision: Revision) -> (String, Value) {
    (
        "resourceVersion".to_owned(),
        Value::Text(revision.to_string()),
    )
}

/// The configuration is stored without a head; its manifest has one.
fn config_manifest(config: &Config, stored: Revision) -> Value {
    let number = |number: i64| Value::Number(number.into());
    let mut spec = vec![
        (
            "strictAffinity".to_owned(),
            Value::Flag(config.strict_affinity),
        ),
        (
            "autoAllocateBlocks".to_owned(),
            Value::Flag(config.auto_allocate_blocks),
        ),
        (
            "maxBlocksPerHost".to_owned(),
            number(config.max_blocks_per_host),
        ),
        (
            "ipCooldownSeconds".to_owned(),
            number(config.cooldown_seconds),
        ),
    ];
    if let Some(word) = &config.vm_address_persistence {
        let member = "kubeVirtVMAddressPersistence";
        spec.push((member.to_owned(), Value::Text(word.clone())));
    }
    Value::Map(vec![
        ("kind".to_owned(), Value::Text(Kind::Config.to_string())),
        ("apiVersion".to_owned(), "projectcalico.org/v3".into()),
        (
            "metadata".to_owned(),
            Value::Map(vec![
                (
                    "name".to_owned(),
                    block_ipam::resources::plans::config::NAME.into(),
                ),
                revision(stored),
            ]),
        ),
        ("spec".to_owned(), Value::Map(spec)),
    ])
}
