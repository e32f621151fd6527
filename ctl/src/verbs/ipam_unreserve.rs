//! `ipamctl ipam unreserve`: takes ranges out of the reservations that note them as they are.

use block_ipam::blocks::Cidr;
use block_ipam::ids::ResourceName;
use block_ipam::plan::{Context as Drawn, Scope, Step, View, Want};
use block_ipam::resources::Reservation;
use block_ipam::resources::plans::delete_reservation;
use block_ipam::resources::plans::pool_delete::Delete;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::verbs::ipam_reserve::{put, range};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A reservation that is left without a range is deleted.

Examples:
  ipamctl ipam unreserve 10.64.0.0/30")]
pub(crate) struct UnreserveArgs {
    /// Addresses or CIDRs, as they were reserved
    #[arg(required = true, value_parser = range)]
    ranges: Vec<Cidr>,
    /// Show what would be written and deleted, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, args: &UnreserveArgs) -> Result<(), Failure> {
    let allocator = &context
        .open(Access::write_unless(args.dry_run))
        .await?
        .allocator;
    let noted = allocator.run(|view, _| noted(view, &args.ranges)).await?;
    let absent: Vec<String> = noted
        .absent
        .iter()
        .map(|range| unknown(*range, &noted))
        .collect();
    if !absent.is_empty() {
        return Err(Failure::refused("nothing was changed").details(absent));
    }
    for name in &noted.names {
        allocator
            .run(|view, drawn| take_out(view, name, &args.ranges, drawn))
            .await?;
    }
    if args.dry_run {
        return super::planned::show(context).await;
    }
    let ranges: Vec<String> = args.ranges.iter().map(ToString::to_string).collect();
    context
        .ui
        .status(&format!("Not reserved any more: {}", ranges.join(", ")));
    Ok(())
}

/// Where ranges are noted.
struct Noted {
    names: Vec<ResourceName>,
    /// Ranges that no reservation notes as they are.
    absent: Vec<Cidr>,
    /// All that is reserved, and by whom.
    all: Vec<(ResourceName, Cidr)>,
}

fn noted(view: &View, ranges: &[Cidr]) -> Step<Noted> {
    let Some(reservations) = &view.reservations else {
        return Step::Read(vec![Want::Scope(Scope::Reservations)]);
    };
    let all = reservations.records.iter();
    let all = all.flat_map(|(name, reservation)| {
        let reserved = reservation.value.reserved.iter();
        reserved.map(|range| (name.clone(), *range))
    });
    let all: Vec<(ResourceName, Cidr)> = all.collect();
    let names = all.iter().filter(|(_, range)| ranges.contains(range));
    let mut names: Vec<ResourceName> = names.map(|(name, _)| name.clone()).collect();
    names.dedup();
    let is_absent = |range: &&Cidr| !all.iter().any(|(_, own)| own == *range);
    Step::Done(Noted {
        names,
        absent: ranges.iter().filter(is_absent).copied().collect(),
        all,
    })
}

fn unknown(range: Cidr, noted: &Noted) -> String {
    match noted.all.iter().find(|(_, own)| own.covers(range)) {
        Some((name, own)) => {
            format!(
                "{range} is reserved as a part of {own} by {name}: unreserve that, and reserve the rest again"
            )
        }
        None => format!("{range} is not reserved"),
    }
}

fn take_out(view: &View, name: &ResourceName, ranges: &[Cidr], drawn: Drawn) -> Step<()> {
    let Some(reservations) = &view.reservations else {
        return Step::Read(vec![Want::Scope(Scope::Reservations)]);
    };
    let Some(old) = reservations.records.get(name) else {
        return Step::Done(());
    };
    let is_kept = |entry: &&String| {
        let range = Reservation::read_entry(entry);
        !range.is_some_and(|range| ranges.contains(&range))
    };
    let entries: Vec<String> = old.value.stored.iter().filter(is_kept).cloned().collect();
    if entries.is_empty() {
        let request = Delete {
            name: name.clone(),
            expected: None,
        };
        return delete_reservation(view, &request, drawn);
    }
    match put(view, old.value.metadata.clone(), entries, drawn) {
        Step::Read(wants) => Step::Read(wants),
        Step::Refuse(refusal) => Step::Refuse(refusal),
        Step::Done(_) => Step::Done(()),
        Step::Commit(plan) => Step::Commit(block_ipam::plan::Plan {
            guards: plan.guards,
            changes: plan.changes,
            outcome: (),
            more: plan.more,
        }),
    }
}
