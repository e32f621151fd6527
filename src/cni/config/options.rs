//! What an ADD is configured to give: families, pools, and the shape of the result.

use serde_json::Value;

use crate::assign::{PoolRef, Wanted};
use crate::blocks::{Address, Cidr, Family};
use crate::cni::config::members::Members;
use crate::cni::error::{CniError, Code};
use crate::cni::host_local;
use crate::cni::result::{Route, RouteAttributes};

/// Which prefix length an address is given with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefix {
    /// That of its block: Calico's shape.
    #[default]
    Block,
    /// That of its pool: for plugins that want the gateway inside the prefix, such as `bridge` and `ptp`.
    Pool,
    /// /32 or /128: for plugins that route each address by themselves.
    Host,
}

/// What an ADD is configured to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What is wanted of IPv4.
    pub v4: Wanted,
    /// What is wanted of IPv6.
    pub v6: Wanted,
    /// Which prefix length the addresses are given with.
    pub prefix: Prefix,
    /// The gateways of all pools.
    pub gateways: Vec<Address>,
    /// The routes; `None` where none are configured.
    pub routes: Option<Vec<Route>>,
}

impl Options {
    /// Reads the members of `ipam`.
    ///
    /// # Errors
    /// [`Code::Config`] naming the member at fault.
    pub fn read(ipam: &Members<'_>) -> Result<Options, CniError> {
        refuse_ranges(ipam)?;
        Ok(Options {
            v4: wanted(ipam, Family::V4)?,
            v6: wanted(ipam, Family::V6)?,
            prefix: prefix(ipam)?,
            gateways: gateways(ipam)?,
            routes: routes(ipam)?,
        })
    }

    /// Returns the gateway of an address: the first that lies in its pool, else the first of its family.
    pub fn gateway(&self, family: Family, pool: Option<Cidr>) -> Option<Address> {
        let of_family = |gateway: &Address| gateway.family() == family;
        let inside = |gateway: &Address| pool.is_some_and(|pool| pool.contains(*gateway));
        let gateways = || self.gateways.iter().copied();
        gateways()
            .find(inside)
            .or_else(|| gateways().find(of_family))
    }
}

/// Calico: IPv4 unless switched off, IPv6 only when switched on.
fn wanted(ipam: &Members<'_>, family: Family) -> Result<Wanted, CniError> {
    let (flag, pools, default) = match family {
        Family::V4 => ("assign_ipv4", "ipv4_pools", true),
        Family::V6 => ("assign_ipv6", "ipv6_pools", false),
    };
    let assign = ipam.flag(flag)?.unwrap_or(default);
    let texts = ipam.texts(pools)?;
    Ok(Wanted {
        count: usize::from(assign),
        pools: texts.into_iter().map(PoolRef::parse).collect(),
        ..Wanted::default()
    })
}

fn prefix(ipam: &Members<'_>) -> Result<Prefix, CniError> {
    let read = |value: &Value| match value.as_str()? {
        "block" => Some(Prefix::Block),
        "pool" => Some(Prefix::Pool),
        "host" => Some(Prefix::Host),
        _ => None,
    };
    let given = ipam.typed("prefix", read, "\"block\", \"pool\" or \"host\"")?;
    Ok(given.unwrap_or_default())
}

fn gateways(ipam: &Members<'_>) -> Result<Vec<Address>, CniError> {
    let wrong = |error| ipam.wrong("gateway", &format!("wrong: {error}"));
    let texts = ipam.text_or_texts("gateway")?.into_iter();
    texts.map(|text| text.parse().map_err(wrong)).collect()
}

fn routes(ipam: &Members<'_>) -> Result<Option<Vec<Route>>, CniError> {
    let Some(list) = ipam.typed("routes", Value::as_array, "a list of routes")? else {
        return Ok(None);
    };
    let read = |(index, value): (usize, &Value)| {
        let path = format!("ipam.routes[{index}].");
        let map = value
            .as_object()
            .ok_or_else(|| ipam.wrong("routes", &format!("wrong: entry {index} is no object")))?;
        route(&Members::new(&path, map))
    };
    list.iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn route(members: &Members<'_>) -> Result<Route, CniError> {
    let destination = members
        .text("dst")?
        .ok_or_else(|| members.wrong("dst", "missing"))?;
    let network = Cidr::parse_masking(destination)
        .map_err(|error| members.wrong("dst", &format!("wrong: {error}")))?;
    let gateway = members.text("gw")?.map(str::parse::<Address>).transpose();
    let gateway = gateway.map_err(|error| members.wrong("gw", &format!("wrong: {error}")))?;
    if gateway.is_some_and(|gateway| gateway.family() != network.family()) {
        return Err(members.wrong("gw", &format!("not of the family of {network}")));
    }
    Ok(Route {
        destination: (network.first(), network.length()),
        gateway,
        attributes: RouteAttributes {
            mtu: members.number("mtu")?,
            advmss: members.number("advmss")?,
            priority: members.number("priority")?,
            table: members.number("table")?,
            scope: members.number("scope")?,
        },
    })
}

/// A configuration written for host-local would give out other addresses than its author thinks. Calico's own
/// configurations may carry `subnet`, which its plugin ignores.
fn refuse_ranges(ipam: &Members<'_>) -> Result<(), CniError> {
    match host_local::member(ipam) {
        Some(member) if ipam.text("type")? != Some("calico-ipam") => {
            let msg = format!(
                "ipam.{member} is a member of host-local; here addresses come from pools in the store"
            );
            Err(CniError::new(Code::Config, msg).details(host_local::way_out(ipam)))
        }
        _ => Ok(()),
    }
}
