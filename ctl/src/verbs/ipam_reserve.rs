//! `ipamctl ipam reserve`: addresses that are given out no more, noted in a reservation.

use block_ipam::blocks::Cidr;
use block_ipam::ids::ResourceName;
use block_ipam::plan::{Context as Drawn, Scope, Step, View, Want};
use block_ipam::resources::plans::{Mode, Put, Written, put_reservation};
use block_ipam::resources::{Metadata, Reservation, reservation_rules};

use crate::context::{Access, Context};
use crate::failure::Failure;

/// The reservation that is used where none is named.
pub(super) const DEFAULT: &str = "ipamctl";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Addresses that are held stay held: `ipamctl ipam show --ip=ADDRESS` tells by whom.

Examples:
  ipamctl ipam reserve 10.64.0.0/30
  ipamctl ipam reserve 10.64.3.7 fd00:64::7 --name gateways")]
pub(crate) struct ReserveArgs {
    /// Addresses or CIDRs
    #[arg(required = true, value_parser = range)]
    ranges: Vec<Cidr>,
    /// The reservation that notes them; it is made if it does not exist
    #[arg(long, default_value = DEFAULT)]
    name: String,
    /// Show what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Reads an address or a CIDR. Host bits are refused: it is not clear then what is meant.
pub(super) fn range(text: &str) -> Result<Cidr, String> {
    let address = text.parse().map(block_ipam::blocks::Address::to_cidr);
    address
        .or_else(|_| text.parse::<Cidr>())
        .map_err(|error| error.to_string())
}

pub(crate) async fn run(context: &Context, args: &ReserveArgs) -> Result<(), Failure> {
    let born = Metadata {
        name: args.name.clone(),
        uid: Some(uuid::Uuid::new_v4().to_string()),
        created: Some(context.now_text()),
        ..Metadata::default()
    };
    if let Some(fault) = block_ipam::resources::name::fault(&args.name) {
        return Err(Failure::usage(fault.to_string()));
    }
    let allocator = &context
        .open(Access::write_unless(args.dry_run))
        .await?
        .allocator;
    let decide = |view: &View, drawn| reserve(view, &args.ranges, &born, drawn);
    let written = allocator.run(decide).await?;
    if args.dry_run {
        return super::planned::show(context).await;
    }
    let ranges: Vec<String> = args.ranges.iter().map(ToString::to_string).collect();
    let (ranges, name) = (ranges.join(", "), &args.name);
    context.ui.status(&match written {
        Written::Unchanged => format!("Reserved already by {name}: {ranges}"),
        Written::Created | Written::Replaced => format!("Reserved by {name}: {ranges}"),
    });
    Ok(())
}

/// Plans to note the ranges in the reservation as it is.
fn reserve(view: &View, ranges: &[Cidr], born: &Metadata, drawn: Drawn) -> Step<Written> {
    let Some(reservations) = &view.reservations else {
        return Step::Read(vec![Want::Scope(Scope::Reservations)]);
    };
    let old = reservations.records.get(&ResourceName::stored(&born.name));
    let (metadata, mut entries) = match old {
        Some(old) => (old.value.metadata.clone(), old.value.stored.clone()),
        None => (born.clone(), Vec::new()),
    };
    for range in ranges {
        let is_there = entries
            .iter()
            .any(|entry| Reservation::read_entry(entry) == Some(*range));
        if !is_there {
            entries.push(range.to_string());
        }
    }
    put(view, metadata, entries, drawn)
}

/// Plans to write a reservation with these entries. What was there already is not judged anew.
pub(super) fn put(
    view: &View,
    metadata: Metadata,
    entries: Vec<String>,
    drawn: Drawn,
) -> Step<Written> {
    let reserved = entries
        .iter()
        .filter_map(|entry| Reservation::read_entry(entry))
        .collect();
    let value = reservation_rules::reservation(metadata.clone(), entries.clone());
    let put = Put {
        value: value.unwrap_or(Reservation {
            metadata,
            reserved,
            stored: entries,
            ..Reservation::default()
        }),
        mode: Mode::Apply,
        expected: None,
    };
    put_reservation(view, &put, drawn)
}
