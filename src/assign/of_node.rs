//! What a node holds, in its own blocks and in borrowed ones, and giving back chosen parts of it.
//!
//! **Invariant:** no block of another node is looked for or scanned: the node's affinities and our index of what it
//! borrowed name all that is read. An address is given back only while handle and sequence are those that were chosen (p6).

use std::collections::{BTreeMap, BTreeSet};

use crate::affinity::own::next_to_read;
use crate::assign::Released;
use crate::assign::held::NODE;
use crate::assign::release::{HANDLES_PER_TXN, Release};
use crate::assign::surroundings::cooldown_of;
use crate::blocks::block::Slot;
use crate::blocks::{Address, Assigned, Block, BlockCidr, Family, Ordinal};
use crate::ids::{HandleId, NodeName, Owner, comparable_handle};
use crate::plan::{
    Context, CorruptRecord, RecordId, Recorded, Scope, Seen, Step, Stop, View, Want,
};
use crate::refusal::Refusal;

/// An address that a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHeld {
    /// The address.
    pub address: Address,
    /// Its block.
    pub block: BlockCidr,
    /// Who holds it.
    pub handle: HandleId,
    /// The sequence number of its assignment.
    pub sequence: u64,
    /// What was recorded with it.
    pub attributes: BTreeMap<String, String>,
    /// Whether a second owner stands beside the first, as during the migration of a virtual machine.
    pub has_alternate: bool,
}

/// All that a node holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeHoldings {
    /// The addresses with a handle that name the node, in order of their blocks.
    pub held: Vec<NodeHeld>,
    /// Records of the node that do not parse.
    pub corrupt: Vec<CorruptRecord>,
}

/// Returns what [`decide_of_node`] reads first.
pub fn first_wants(node: &NodeName) -> Vec<Want> {
    let owner = Owner::host(node);
    let affinities = Family::BOTH.map(|family| Scope::Affinities(owner.clone(), family));
    let scopes = affinities
        .into_iter()
        .chain([Scope::Borrowed(node.clone())]);
    scopes.map(Want::Scope).collect()
}

/// Tells what a node holds: entries that name it in their attribute `node`, in blocks that it has an affinity to or
/// borrowed from, and in every other block that was read.
pub fn decide_of_node(view: &View, node: &NodeName) -> Step<NodeHoldings> {
    Step::from(of_node(view, node))
}

fn of_node(view: &View, node: &NodeName) -> Result<Step<NodeHoldings>, Stop> {
    let owner = Owner::host(node);
    let unread = |_| Stop::Read(first_wants(node));
    let mut holdings = NodeHoldings::default();
    let mut blocks = BTreeSet::new();
    for family in Family::BOTH {
        let affinities = view.affinities(&owner, family).map_err(unread)?;
        blocks.extend(affinities.records.keys().copied());
        holdings.corrupt.extend(affinities.corrupt.iter().cloned());
    }
    let borrowings = view.borrowings(node).map_err(unread)?;
    blocks.extend(borrowings.records.keys().copied());
    holdings.corrupt.extend(borrowings.corrupt.iter().cloned());
    let named: Vec<BlockCidr> = blocks.into_iter().collect();
    let wants = next_to_read(view, &named);
    if !wants.is_empty() {
        return Err(Stop::Read(wants));
    }
    for (cidr, seen) in &view.blocks {
        match seen {
            Seen::Present(record) => holdings.held.extend(held_by(&record.value, node)),
            Seen::Corrupt(record) if named.contains(cidr) => holdings.corrupt.push(record.clone()),
            Seen::Corrupt(_) | Seen::Absent => {}
        }
    }
    Ok(Step::Done(holdings))
}

fn held_by<'a>(block: &'a Block, node: &'a NodeName) -> impl Iterator<Item = NodeHeld> + 'a {
    let of_node = |entry: &Assigned<'_>| {
        let of = entry.attribute.secondary.get(NODE);
        of.is_some_and(|of| of == node.as_str()) && !entry.attribute.is_reserved_slot()
    };
    block.entries().filter(of_node).filter_map(|entry| {
        let handle = entry.attribute.handle.as_deref()?;
        Some(NodeHeld {
            address: entry.address,
            block: block.cidr(),
            handle: HandleId::stored(comparable_handle(handle)),
            sequence: entry.sequence,
            attributes: entry.attribute.secondary.clone(),
            has_alternate: !entry.attribute.alternate.is_empty(),
        })
    })
}

/// Decides about giving back addresses whose blocks are known, each only while its assignment is the one that was seen.
///
/// `done` holds what earlier transactions of the same request did.
pub fn decide_release_held(
    view: &View,
    chosen: &[NodeHeld],
    done: &[Released],
    context: Context,
) -> Step<Released> {
    Step::from(release_held(view, chosen, done, context))
}

fn release_held(
    view: &View,
    chosen: &[NodeHeld],
    done: &[Released],
    context: Context,
) -> Result<Step<Released>, Stop> {
    let released: BTreeSet<Address> = done.iter().flat_map(|one| one.released.clone()).collect();
    let open = || chosen.iter().filter(|one| !released.contains(&one.address));
    let unread = unread(view, open());
    if !unread.is_empty() {
        return Err(Stop::Read(unread));
    }
    let cooldown = cooldown_of(view.config()?);
    let mut told = Released::default();
    let mut wanted: BTreeMap<BlockCidr, Vec<Ordinal>> = BTreeMap::new();
    for one in open() {
        match judge(view, one)? {
            Ok(ordinal) => wanted.entry(one.block).or_default().push(ordinal),
            Err(Some(refusal)) => told.refused.push((one.address, refusal)),
            Err(None) => told.not_assigned.push(one.address),
        }
    }
    let mut release = Release::new(view, cooldown, context);
    release.free_all(wanted)?;
    release.step(Vec::new(), told)
}

/// Configuration, blocks and handles come with one read, as far as one transaction will go.
fn unread<'a>(view: &View, open: impl Iterator<Item = &'a NodeHeld>) -> Vec<Want> {
    let mut wants = BTreeSet::new();
    if view.config.is_none() {
        wants.insert(Want::Record(RecordId::Config));
    }
    let mut handles = BTreeSet::new();
    for one in open {
        if !view.blocks.contains_key(&one.block) {
            wants.insert(Want::Record(RecordId::Block(one.block)));
        }
        if handles.len() < HANDLES_PER_TXN && !view.handles.contains_key(&one.handle) {
            handles.insert(Want::Record(RecordId::Handle(one.handle.clone())));
        }
    }
    if !wants.is_empty() {
        wants.append(&mut handles);
    }
    wants.into_iter().take(crate::plan::MOST_WANTS).collect()
}

/// The ordinal to free, or why not; `None` where nobody holds the address.
type Judged = Result<Ordinal, Option<Refusal>>;

fn judge(view: &View, one: &NodeHeld) -> Result<Judged, Stop> {
    let block: &Recorded<Block> = match view.block(one.block)? {
        Seen::Present(record) => record,
        Seen::Absent => return Ok(Err(None)),
        Seen::Corrupt(record) => {
            return Ok(Err(Some(Refusal::Corrupt(vec![record.clone()]))));
        }
    };
    let Some(ordinal) = block.value.ordinal(one.address) else {
        return Ok(Err(None));
    };
    let Slot::Assigned(attribute) = block.value.slot(ordinal) else {
        return Ok(Err(None));
    };
    let sequence = block.value.sequence_at(ordinal);
    Ok(if !attribute.is_of(&one.handle) {
        Err(Some(Refusal::AddressTaken {
            address: one.address,
            holder: attribute.handle.as_deref().map(HandleId::stored),
        }))
    } else if sequence != one.sequence {
        Err(Some(Refusal::OtherAssignment {
            address: one.address,
            given: one.sequence,
            found: sequence,
        }))
    } else {
        Ok(ordinal)
    })
}

/// An address that a handle holds, for the tests of what judges such.
#[cfg(test)]
pub(crate) fn held(handle: &str, attributes: &[(&str, &str)]) -> NodeHeld {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    NodeHeld {
        address: "10.0.0.1".parse().expect("an address"),
        block: "10.0.0.0/30".parse().expect("a block"),
        handle: HandleId::stored(handle),
        sequence: 1,
        attributes: attributes.iter().map(owned).collect(),
        has_alternate: false,
    }
}
