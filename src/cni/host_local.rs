//! What a configuration of host-local means here: pools, what of them is no workload's, and the members of `ipam`.
//!
//! Its rules: of a subnet it gives out what lies between `rangeStart` and `rangeEnd`, by default all but the network and
//! the broadcast address, and never the gateway, by default the first address; each list of ranges gives one address.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::blocks::{Address, AddressRange, Cidr, Family, RangeSet};
use crate::cni::config::{Members, NetworkConfig};
use crate::cni::error::CniError;
use crate::cni::manifest;

/// A configuration that has no like here.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// It is no network configuration.
    #[error("{}", .0.msg)]
    Config(CniError),
    /// No plugin of it has host-local.
    #[error("no plugin has an `ipam` section with ranges of host-local")]
    NoRanges,
    /// An interface would get two addresses of a family.
    #[error(
        "two lists of ranges give {0} addresses, and an interface gets at most one of each family"
    )]
    TwoLists(Family),
    /// A subnet leaves nothing to give out.
    #[error("subnet {0} has no address between start and end of its range")]
    Empty(Cidr),
    /// A part of a range lies outside of its subnet.
    #[error("{address} is outside of subnet {subnet}")]
    Outside {
        /// The address.
        address: Address,
        /// The subnet.
        subnet: Cidr,
    },
}

impl From<CniError> for ConvertError {
    fn from(error: CniError) -> ConvertError {
        ConvertError::Config(error)
    }
}

/// What does the same as a configuration of host-local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The subnets, each of which is a pool, with what of it is no workload's.
    pub pools: Vec<(Cidr, Vec<Cidr>)>,
    /// The section `ipam` that takes the place of host-local's.
    pub ipam: Value,
}

impl Converted {
    /// Returns the pools and reservations to apply.
    pub fn manifests(&self) -> String {
        let documents = self.pools.iter().flat_map(|(pool, reserved)| {
            let reservation =
                (!reserved.is_empty()).then(|| manifest::reservation_in(*pool, reserved));
            [Some(manifest::pool_over(*pool)), reservation]
        });
        documents.flatten().collect::<Vec<_>>().join("---\n")
    }
}

/// One subnet of a list of ranges.
struct Range {
    subnet: Cidr,
    gateway: Address,
    reserved: Vec<Cidr>,
}

/// Returns the first member of `ipam` that is host-local's.
pub fn member(ipam: &Members<'_>) -> Option<&'static str> {
    const OF_HOST_LOCAL: [&str; 4] = ["ranges", "subnet", "rangeStart", "rangeEnd"];
    OF_HOST_LOCAL
        .into_iter()
        .find(|name| ipam.value(name).is_some())
}

/// Converts a network configuration, or a list of them, whose plugin has host-local.
///
/// # Errors
/// [`ConvertError`].
pub fn convert(text: &str) -> Result<Converted, ConvertError> {
    let config = NetworkConfig::parse(text.as_bytes())?;
    let root = config.root();
    let listed = root.value("plugins").and_then(Value::as_array);
    let plugins: Vec<&Value> = listed
        .into_iter()
        .flatten()
        .map(|plugin| &plugin["ipam"])
        .collect();
    let own = root.value("ipam");
    let sections = plugins.into_iter().chain(own).filter_map(Value::as_object);
    let mut sections = sections.map(|map| Members::new("ipam.", map));
    let section = sections.find(|ipam| member(ipam).is_some());
    of_section(&section.ok_or(ConvertError::NoRanges)?)
}

/// Returns what to do about a configuration of host-local, as text for people.
pub fn way_out(ipam: &Members<'_>) -> String {
    match of_section(ipam) {
        Ok(converted) => format!(
            "`ipamctl convert -f CONFIGURATION` prints what takes its place; apply this with `ipamctl apply -f FILE`:\n{}",
            converted.manifests()
        ),
        Err(error) => format!(
            "{error}; apply a pool with `ipamctl apply -f FILE`:\n{}",
            manifest::example_pool(Family::V4)
        ),
    }
}

fn of_section(ipam: &Members<'_>) -> Result<Converted, ConvertError> {
    let lists = lists(ipam)?;
    if lists.is_empty() {
        return Err(ConvertError::NoRanges);
    }
    for family in Family::BOTH {
        let of = |list: &&Vec<Range>| list.iter().any(|range| range.subnet.family() == family);
        if 1 < lists.iter().filter(of).count() {
            return Err(ConvertError::TwoLists(family));
        }
    }
    let ranges: Vec<Range> = lists.into_iter().flatten().collect();
    Ok(Converted {
        ipam: Value::Object(section(ipam, &ranges)),
        pools: ranges
            .into_iter()
            .map(|range| (range.subnet, range.reserved))
            .collect(),
    })
}

/// The lists of ranges; the members of the old form are one more.
fn lists(ipam: &Members<'_>) -> Result<Vec<Vec<Range>>, ConvertError> {
    let mut lists = Vec::new();
    if ipam.value("subnet").is_some() {
        lists.push(vec![range(ipam)?]);
    }
    let nested = |value: &Value| -> Option<Vec<Vec<Map<String, Value>>>> {
        let list = |value: &Value| {
            value
                .as_array()?
                .iter()
                .map(|one| one.as_object().cloned())
                .collect()
        };
        value.as_array()?.iter().map(list).collect()
    };
    let given = ipam.typed("ranges", nested, "a list of lists of ranges")?;
    for list in given.unwrap_or_default() {
        let read = |map: &Map<String, Value>| range(&Members::new("ipam.ranges.", map));
        lists.push(list.iter().map(read).collect::<Result<_, _>>()?);
    }
    Ok(lists)
}

fn range(members: &Members<'_>) -> Result<Range, ConvertError> {
    let text = members.text("subnet")?;
    let text = text.ok_or_else(|| members.wrong("subnet", "missing"))?;
    let subnet = Cidr::parse_masking(text)
        .map_err(|error| members.wrong("subnet", &format!("wrong: {error}")))?;
    let address = |name: &str| -> Result<Option<Address>, ConvertError> {
        let given = members.text(name)?.map(str::parse::<Address>).transpose();
        let given = given.map_err(|error| members.wrong(name, &format!("wrong: {error}")))?;
        match given.filter(|address| !subnet.contains(*address)) {
            Some(address) => Err(ConvertError::Outside { address, subnet }),
            None => Ok(given),
        }
    };
    let [first, last] = usable(subnet)?;
    let start = address("rangeStart")?.unwrap_or(first);
    let end = address("rangeEnd")?.unwrap_or(last);
    let gateway = members
        .text("gateway")?
        .map(str::parse::<Address>)
        .transpose();
    let gateway = gateway.map_err(|error| members.wrong("gateway", &format!("wrong: {error}")))?;
    let gateway = gateway.unwrap_or(first);
    let reserved = left_out(subnet, start, end, gateway);
    Ok(Range {
        subnet,
        gateway,
        reserved: reserved.ok_or(ConvertError::Empty(subnet))?,
    })
}

/// The first address after the network's, and the last before the broadcast address, which only IPv4 has.
fn usable(subnet: Cidr) -> Result<[Address; 2], ConvertError> {
    let broadcast = u128::from(subnet.family() == Family::V4);
    let at = |bits: Option<u128>| bits.and_then(|bits| Address::new(subnet.family(), bits));
    let first = at(subnet.first().bits().checked_add(1));
    let last = at(subnet.last().bits().checked_sub(broadcast));
    let both = first.zip(last).filter(|(first, last)| first <= last);
    let (first, last) = both.ok_or(ConvertError::Empty(subnet))?;
    Ok([first, last])
}

/// What of a subnet lies before the start or after the end, and the gateway; `None` where the start comes after the end.
fn left_out(subnet: Cidr, start: Address, end: Address, gateway: Address) -> Option<Vec<Cidr>> {
    AddressRange::new(start, end)?;
    let beside = |address: Address, step: i8| {
        let bits = if step < 0 {
            address.bits().checked_sub(1)
        } else {
            address.bits().checked_add(1)
        };
        Address::new(address.family(), bits?)
    };
    let before = beside(start, -1).and_then(|last| AddressRange::new(subnet.first(), last));
    let after = beside(end, 1).and_then(|first| AddressRange::new(first, subnet.last()));
    let inside = start <= gateway && gateway <= end;
    let gateway = inside
        .then(|| AddressRange::new(gateway, gateway))
        .flatten();
    let ranges = [before, gateway, after].into_iter().flatten();
    let mut all = RangeSet::default();
    all.extend(ranges.flat_map(AddressRange::cidrs));
    Some(all.ranges().flat_map(AddressRange::cidrs).collect())
}

/// The section that takes the place of host-local's. `prefix` keeps the prefix lengths, `gateway` the gateways.
fn section(ipam: &Members<'_>, ranges: &[Range]) -> Map<String, Value> {
    let of = |family: Family| {
        ranges
            .iter()
            .filter(move |range| range.subnet.family() == family)
    };
    let mut section = Map::from_iter([("type".to_owned(), json!("block-ipam"))]);
    for (family, assign, pools) in [
        (Family::V4, "assign_ipv4", "ipv4_pools"),
        (Family::V6, "assign_ipv6", "ipv6_pools"),
    ] {
        let names: Vec<String> = of(family)
            .map(|range| manifest::pool_name(range.subnet))
            .collect();
        section.insert(assign.to_owned(), json!(!names.is_empty()));
        if !names.is_empty() {
            section.insert(pools.to_owned(), json!(names));
        }
    }
    section.insert("prefix".to_owned(), json!("pool"));
    let mut gateways: Vec<String> = ranges
        .iter()
        .map(|range| range.gateway.to_string())
        .collect();
    gateways.dedup();
    section.insert("gateway".to_owned(), json!(gateways));
    if let Some(routes) = ipam.value("routes") {
        section.insert("routes".to_owned(), routes.clone());
    }
    section
}

#[cfg(test)]
mod tests;
