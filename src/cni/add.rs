//! ADD: addresses for an interface, both families in one transaction or nothing.

use std::collections::BTreeMap;

use crate::assign::{Assign, AssignAddresses, Grant, Granted};
use crate::blocks::Address;
use crate::cni::args::Args;
use crate::cni::call::{Call, Shown};
use crate::cni::choice;
use crate::cni::config::{Options, Prefix};
use crate::cni::error::CniError;
use crate::cni::go_time::go_time;
use crate::cni::result::{Ip, Route, RouteAttributes, Success};
use crate::cni::session::{Purpose, Session};
use crate::ids::NodeName;
use crate::workload::Choice;

/// Assigns what the configuration wants.
///
/// # Errors
/// [`CniError`]; nothing is left assigned then.
pub async fn add(call: &Call<'_>) -> Result<Success, CniError> {
    call.context.machine.check_namespace(call.environment)?;
    let args = Args::parse(call.environment.get("CNI_ARGS").unwrap_or_default())?;
    let options = Options::read(&call.config.ipam()?)?;
    let choice = choice::choose(call.config, &options, &args)?;
    let node = call.node()?;
    if choice.v4.count + choice.v6.count == 0 && choice.addresses.is_empty() {
        return Ok(Success::default());
    }
    let request = request(call, &choice, &args, node);
    let timeout = call.config.timeout()?;
    let session = Session::open(call, Some(&request.node), Purpose::Assign, timeout).await?;
    let session = session.on_terms(call, &options.gateways);
    let (allocator, hint) = (&session.allocator, &session.hint);
    let is_named = !choice.addresses.is_empty();
    let (grant, searched) = if is_named {
        let named = named(&request, choice.addresses);
        let grant = allocator.assign_addresses(&named, hint).await;
        (grant, hint.searched.clone())
    } else {
        let grant = allocator.assign(&request, hint).await;
        (grant, allocator.searched(&request.node).await)
    };
    let used = grant.iter().flat_map(|grant| &grant.addresses);
    session.remember_with(used.map(|granted| granted.block), searched);
    let grant =
        grant.map_err(|error| choice::with_source(session.explain(&error), &error, &request))?;
    let prefix = match options.prefix {
        Prefix::Block if is_named => Prefix::Host,
        prefix => prefix,
    };
    Ok(success(&grant, &options, prefix))
}

/// The addresses that are named are assigned alone, as Calico does; the result is a host's.
fn named(request: &Assign, addresses: Vec<Address>) -> AssignAddresses {
    let request = request.clone();
    AssignAddresses {
        addresses,
        handle: request.handle,
        interface: request.interface,
        node: request.node,
        attributes: request.attributes,
        purpose: Some(request.purpose),
        reserved_slots: None,
        max_per_handle: request.max_per_handle,
    }
}

fn request(call: &Call<'_>, choice: &Choice, args: &Args, node: NodeName) -> Assign {
    let attributes = attributes(call, args, &node);
    Assign {
        interface: Some(call.attachment.interface.clone()),
        attributes,
        v4: choice.v4.clone(),
        v6: choice.v6.clone(),
        ..Assign::workload(node, call.attachment.handle.clone())
    }
}

/// Calico: `pod` and `namespace` only where both are known. `container` and `boot` are ours, for collection.
fn attributes(call: &Call<'_>, args: &Args, node: &NodeName) -> BTreeMap<String, String> {
    let now = call.context.clock.now();
    let mut attributes = BTreeMap::from([
        ("node", node.to_string()),
        ("timestamp", go_time(now)),
        ("container", call.attachment.container.clone()),
    ]);
    if let (Some(pod), Some(namespace)) = (&args.pod, &args.namespace) {
        attributes.insert("pod", pod.clone());
        attributes.insert("namespace", namespace.clone());
    }
    if let Some(boot) = call.context.machine.files.boot() {
        attributes.insert("boot", boot);
    }
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    attributes.into_iter().map(owned).collect()
}

fn success(grant: &Grant, options: &Options, prefix: Prefix) -> Success {
    let ip = |granted: &Granted| Ip {
        address: granted.address,
        length: prefix_length(granted, prefix),
        gateway: options.gateway(
            granted.address.family(),
            granted.pool.as_ref().map(|(_, cidr)| *cidr),
        ),
    };
    let ips: Vec<Ip> = grant.addresses.iter().map(ip).collect();
    let calicos = options.prefix == Prefix::Block && options.gateways.is_empty();
    let routes = match &options.routes {
        Some(routes) => routes.clone(),
        None if calicos => ips.iter().map(own_route).collect(),
        None => Vec::new(),
    };
    Success { ips, routes }
}

/// An address that is held since its pool was deleted has no pool: it is a host then.
fn prefix_length(granted: &Granted, prefix: Prefix) -> u8 {
    let width = granted.address.family().width();
    match prefix {
        Prefix::Block => granted.block.cidr().length(),
        Prefix::Pool => granted
            .pool
            .as_ref()
            .map_or(width, |(_, cidr)| cidr.length()),
        Prefix::Host => width,
    }
}

/// Calico: a route whose destination is the address itself, with the block's mask.
const fn own_route(ip: &Ip) -> Route {
    Route {
        destination: (ip.address, ip.length),
        gateway: None,
        attributes: RouteAttributes {
            mtu: None,
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        },
    }
}

impl Shown for Success {
    fn shown(&self) -> String {
        let addresses: Vec<Address> = self.ips.iter().map(|ip| ip.address).collect();
        format!("{addresses:?}")
    }
}
