//! `ipamctl ipam show --ip=ADDRESS`: calicoctl's lines, and more: the pool, its state, cooling, reservations.

use std::collections::BTreeMap;
use std::fmt::Write;

use block_ipam::blocks::Address;
use block_ipam::report::address::address_report;
use block_ipam::report::{AddressReport, Held};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;
use crate::time;
use crate::verbs::ipam_show::Format;

pub(super) async fn run(
    context: &Context,
    address: Address,
    format: Format,
) -> Result<(), Failure> {
    let allocator = &context.open(Access::Read).await?.allocator;
    let report = allocator
        .run(|view, _| address_report(view, address))
        .await?;
    context.ui.data(&match format {
        Format::Table => text(&report),
        Format::Json => output::json(&ReportJson::of(&report)),
    })
}

fn text(report: &AddressReport) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes all");
    let address = report.address;
    match &report.held {
        Held::Free => line(format!("{address} is not assigned")),
        Held::Cooling(since) => line(format!(
            "{address} is in cooldown: it was released at {}",
            time::text(*since)
        )),
        Held::By { handle, .. } => {
            line(format!("IP {address} is in use"));
            let handle = handle
                .as_deref()
                .map_or_else(|| "<none>".to_owned(), escaped);
            line(format!("Handle ID: {handle}"));
        }
    }
    if let Held::By {
        attributes,
        alternate,
        ..
    } = &report.held
    {
        if attributes.is_empty() {
            line("No Active Owner attributes defined".to_owned());
        }
        for (title, attributes) in [
            ("Active Owner Attributes:", attributes),
            ("Alternate Owner Attributes:", alternate),
        ] {
            if !attributes.is_empty() {
                line(title.to_owned());
            }
            for (name, value) in attributes {
                line(format!("  {}: {}", escaped(name), escaped(value)));
            }
        }
    }
    if let Some((block, owner)) = &report.block {
        let owner = owner
            .as_ref()
            .map_or_else(|| "nobody".to_owned(), ToString::to_string);
        line(format!("Block: {block} of {}", escaped(&owner)));
    }
    match &report.pool {
        Some((name, pool)) => {
            let disabled = if pool.disabled { ", disabled" } else { "" };
            line(format!("IP Pool: {name} ({}){disabled}", pool.cidr));
        }
        None => line("IP Pool: none".to_owned()),
    }
    if let Some(name) = &report.reservation {
        line(format!("Reserved by: {name}"));
    }
    text
}

/// What others wrote may hold line ends and escapes; a terminal must not act on them.
fn escaped(text: impl AsRef<str>) -> String {
    output::one_line(text.as_ref())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'a> {
    address: String,
    /// `free`, `cooling` or `assigned`.
    state: &'static str,
    handle: Option<&'a str>,
    attributes: Option<&'a BTreeMap<String, String>>,
    alternate_attributes: Option<&'a BTreeMap<String, String>>,
    released_at: Option<String>,
    block: Option<String>,
    block_owner: Option<String>,
    pool: Option<String>,
    pool_disabled: Option<bool>,
    reservation: Option<String>,
}

impl ReportJson<'_> {
    fn of(report: &AddressReport) -> ReportJson<'_> {
        let (state, released_at) = match &report.held {
            Held::Free => ("free", None),
            Held::Cooling(since) => ("cooling", Some(time::text(*since))),
            Held::By { .. } => ("assigned", None),
        };
        let (handle, attributes, alternate) = match &report.held {
            Held::By {
                handle,
                attributes,
                alternate,
            } => (handle.as_deref(), Some(attributes), Some(alternate)),
            Held::Free | Held::Cooling(_) => (None, None, None),
        };
        let block = report.block.as_ref();
        let pool = report.pool.as_ref();
        ReportJson {
            address: report.address.to_string(),
            state,
            handle,
            attributes,
            alternate_attributes: alternate,
            released_at,
            block: block.map(|(cidr, _)| cidr.to_string()),
            block_owner: block.and_then(|(_, owner)| owner.as_ref().map(ToString::to_string)),
            pool: pool.map(|(name, _)| name.to_string()),
            pool_disabled: pool.map(|(_, pool)| pool.disabled),
            reservation: report.reservation.as_ref().map(ToString::to_string),
        }
    }
}
