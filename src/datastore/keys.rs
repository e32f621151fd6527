//! Where each record stands: the text of its key, built and read back. Names stand in keys as they are, unescaped.
//!
//! **Invariant:** `parse` takes a key only if [`key_of`] gives the same text back, so one record has one key.
//! Knows nothing of values.

mod cover;

use crate::blocks::{BlockCidr, Cidr, Family};
use crate::datastore::port::Span;
use crate::ids::{HandleId, NodeName, Owner, OwnerKind, ResourceName};
use crate::plan::{RecordId, Scope};

pub use cover::block_spans_inside;

/// Everything that Calico writes.
pub const CALICO: &str = "/calico/";
/// Everything that only we write.
pub const OURS: &str = "/block-ipam/v1/";

const IPAM: &str = "/calico/ipam/v2/";
const BLOCKS: &str = "/calico/ipam/v2/assignment/";
const HANDLES: &str = "/calico/ipam/v2/handle/";
const CONFIG: &str = "/calico/ipam/v2/config";
const POOLS: &str = "/calico/resources/v3/projectcalico.org/ippools/";
const RESERVATIONS: &str = "/calico/resources/v3/projectcalico.org/ipreservations/";
const NODES: &str = "/calico/resources/v3/projectcalico.org/nodes/";
const CLUSTER_INFORMATION: &str =
    "/calico/resources/v3/projectcalico.org/clusterinformations/default";
const BORROWED: &str = "/block-ipam/v1/borrowed/";
const IDENTITIES: &str = "/block-ipam/v1/nodes/";

/// Returns the key of a record.
pub fn key_of(id: &RecordId) -> String {
    match id {
        RecordId::Block(cidr) => block_prefix(cidr.family()) + &dashed(cidr.cidr()),
        RecordId::Affinity(owner, cidr) => {
            affinities_of(owner, cidr.family()) + &dashed(cidr.cidr())
        }
        RecordId::Handle(handle) => format!("{HANDLES}{handle}"),
        RecordId::Pool(name) => format!("{POOLS}{name}"),
        RecordId::Reservation(name) => format!("{RESERVATIONS}{name}"),
        RecordId::Node(name) => format!("{NODES}{name}"),
        RecordId::Config => CONFIG.to_owned(),
        RecordId::LegacyHost(node) => format!("{IPAM}host/{node}"),
        RecordId::ClusterInformation => CLUSTER_INFORMATION.to_owned(),
        RecordId::Identity(node) => format!("{IDENTITIES}{node}"),
        RecordId::Borrowed(node, cidr) => format!("{BORROWED}{node}/{}", dashed(cidr.cidr())),
    }
}

/// Returns the keys of a scope.
pub fn span_of(scope: &Scope) -> Span {
    Span::Prefix(match scope {
        Scope::Pools => POOLS.to_owned(),
        Scope::Reservations => RESERVATIONS.to_owned(),
        Scope::Affinities(owner, family) => affinities_of(owner, *family),
        Scope::AllAffinities(kind) => format!("{IPAM}{}/", kind.word()),
        Scope::Borrowed(node) => format!("{BORROWED}{node}/"),
    })
}

/// Returns the keys of all blocks of a family.
pub fn blocks_of(family: Family) -> Span {
    Span::Prefix(block_prefix(family))
}

/// Returns the keys of all handles.
pub fn handles() -> Span {
    Span::Prefix(HANDLES.to_owned())
}

/// Returns the keys of all nodes.
pub fn nodes() -> Span {
    Span::Prefix(NODES.to_owned())
}

/// Returns the keys of what tells which machine each node is.
pub fn identities() -> Span {
    Span::Prefix(IDENTITIES.to_owned())
}

/// Returns the keys of all blocks of both families.
pub fn blocks() -> Span {
    Span::Prefix(BLOCKS.to_owned())
}

/// Returns the keys of our index of what nodes borrowed.
pub fn borrowed() -> Span {
    Span::Prefix(BORROWED.to_owned())
}

/// Returns the keys of our index of what a node borrowed.
pub fn borrowed_by(node: &NodeName) -> Span {
    span_of(&Scope::Borrowed(node.clone()))
}

/// Reads a key. `None` for whatever is no record of ours to read: other kinds of Calico's, and keys that are not
/// spelled as [`key_of`] spells them (a CIDR with host bits or leading zeros, the digit of the other family).
pub fn parse(key: &str) -> Option<RecordId> {
    let id = if let Some(rest) = key.strip_prefix(IPAM) {
        parse_ipam(rest)
    } else if let Some(name) = key.strip_prefix(POOLS) {
        Some(RecordId::Pool(ResourceName::stored(segment(name)?)))
    } else if let Some(name) = key.strip_prefix(RESERVATIONS) {
        Some(RecordId::Reservation(ResourceName::stored(segment(name)?)))
    } else if let Some(name) = key.strip_prefix(NODES) {
        Some(RecordId::Node(NodeName::stored(segment(name)?)))
    } else if let Some(rest) = key.strip_prefix(BORROWED) {
        let (node, cidr) = rest.split_once('/')?;
        let node = NodeName::stored(segment(node)?);
        Some(RecordId::Borrowed(node, undashed(cidr)?))
    } else if let Some(name) = key.strip_prefix(IDENTITIES) {
        Some(RecordId::Identity(NodeName::stored(segment(name)?)))
    } else if key == CLUSTER_INFORMATION {
        Some(RecordId::ClusterInformation)
    } else {
        None
    }?;
    (key_of(&id) == key).then_some(id)
}

fn parse_ipam(rest: &str) -> Option<RecordId> {
    let Some((kind, rest)) = rest.split_once('/') else {
        return (rest == "config").then_some(RecordId::Config);
    };
    match kind {
        "assignment" => block_segments(rest).map(RecordId::Block),
        // A handle with a slash in it is never in Calico's lists; here it is, or its addresses would seem to have none.
        "handle" => (!rest.is_empty()).then(|| RecordId::Handle(HandleId::stored(rest))),
        "host" => parse_affinity(OwnerKind::Host, rest),
        "virtual" => parse_affinity(OwnerKind::Virtual, rest),
        _ => None,
    }
}

fn parse_affinity(kind: OwnerKind, rest: &str) -> Option<RecordId> {
    let (name, rest) = rest.split_once('/')?;
    let name = segment(name)?.to_owned();
    Some(RecordId::Affinity(
        Owner { kind, name },
        block_segments(rest)?,
    ))
}

/// Reads `ipv4/block/10.65.3.64-26`.
fn block_segments(text: &str) -> Option<BlockCidr> {
    let (family, cidr) = text.split_once("/block/")?;
    let cidr = undashed(cidr)?;
    (family == family_segment(cidr.family())).then_some(cidr)
}

fn segment(text: &str) -> Option<&str> {
    (!text.is_empty() && !text.contains('/')).then_some(text)
}

const fn family_segment(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

fn block_prefix(family: Family) -> String {
    format!("{BLOCKS}{}/block/", family_segment(family))
}

fn affinities_of(owner: &Owner, family: Family) -> String {
    let Owner { kind, name } = owner;
    let family = family_segment(family);
    format!("{IPAM}{}/{name}/{family}/block/", kind.word())
}

/// Spells a CIDR as keys do: its one slash is a dash.
fn dashed(cidr: Cidr) -> String {
    format!("{}-{}", cidr.first(), cidr.length())
}

fn undashed(text: &str) -> Option<BlockCidr> {
    text.replacen('-', "/", 1).parse().ok()
}

#[cfg(test)]
mod tests;
