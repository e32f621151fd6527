//! Blocks: each by itself, against its pool, and against the others.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::pools::Fit;
use crate::blocks::{Address, Attribute, BlockCidr, BlockParts, Ordinal};
use crate::ids::{HandleId, NodeName, OwnerKind, comparable_handle};
use crate::plan::RecordId;
use crate::report::finding::{Finding, FindingKind};

/// What is kept of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Its owner, as a number of [`super::owners::Owners`].
    pub(super) owner: Option<u32>,
    pub(super) is_readable: bool,
    /// Somebody holds an address, or one cools.
    pub(super) is_used: bool,
    /// Somebody who does not say on which node holds an address.
    pub(super) is_anonymous: bool,
    /// Its owner has an affinity to it.
    pub(super) has_affinity: bool,
}

/// The blocks of a store.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) kept: BTreeMap<BlockCidr, Kept>,
    /// Blocks that overlap others.
    overlapping: BTreeSet<BlockCidr>,
    /// Who holds the addresses of those, as far as they came again.
    holders: BTreeMap<Address, (BlockCidr, Option<HandleId>)>,
}

impl Blocks {
    pub(super) fn insert_unreadable(&mut self, block: BlockCidr) {
        let kept = Kept {
            owner: None,
            is_readable: false,
            is_used: true,
            is_anonymous: true,
            has_affinity: true,
        };
        self.kept.insert(block, kept);
    }

    pub(super) fn is_unreadable(&self, block: BlockCidr) -> bool {
        self.kept.get(&block).is_some_and(|kept| !kept.is_readable)
    }

    pub(super) fn has_overlaps(&self) -> bool {
        !self.overlapping.is_empty()
    }
}

/// Returns the addresses that are held, as far as the record can be read; Windows slots and cooling ones are not.
fn entries(parts: &BlockParts) -> impl Iterator<Item = (Address, &Attribute)> {
    let held = |index: &Option<usize>| parts.attributes.get((*index)?);
    let attributes = parts.allocations.iter().enumerate();
    attributes
        .filter_map(move |(ordinal, index)| {
            let address = parts.cidr.address(Ordinal::from_index(ordinal)?)?;
            Some((address, held(index)?))
        })
        .filter(|(_, attribute)| attribute.released_at.is_none() && !attribute.is_reserved_slot())
}

fn holder(attribute: &Attribute) -> Option<&str> {
    attribute.handle.as_deref().map(comparable_handle)
}

impl Check {
    pub(super) fn see_block(&mut self, parts: &BlockParts) {
        self.looked.blocks += 1;
        let id = RecordId::Block(parts.cidr);
        for fault in parts.faults_at(self.now) {
            self.find(Finding::of(id.clone(), FindingKind::Structure(fault)));
        }
        match self.pools.fit(parts.cidr) {
            Fit::Fits => {}
            Fit::NoPool => self.find(Finding::of(id, FindingKind::BlockInNoPool)),
            Fit::OtherSize(pool, length) => {
                self.find(Finding::of(
                    id,
                    FindingKind::BlockOfOtherSize { pool, length },
                ));
            }
        }
        self.keep(parts);
        self.count_entries(parts);
    }

    fn keep(&mut self, parts: &BlockParts) {
        let owner = parts.owner.as_ref().map(|owner| self.owners.number(owner));
        let is_cooling = |index: &usize| {
            let attribute = parts.attributes.get(*index);
            attribute.is_some_and(|attribute| attribute.released_at.is_some())
        };
        let is_cooling = parts.allocations.iter().flatten().any(is_cooling);
        let kept = Kept {
            owner,
            is_readable: true,
            is_used: is_cooling || entries(parts).next().is_some(),
            is_anonymous: entries(parts).any(|(_, attribute)| node_of(attribute).is_none()),
            has_affinity: false,
        };
        self.blocks.kept.insert(parts.cidr, kept);
    }

    fn count_entries(&mut self, parts: &BlockParts) {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut nodes: BTreeSet<&str> = BTreeSet::new();
        for (_, attribute) in entries(parts) {
            self.looked.addresses += 1;
            nodes.extend(node_of(attribute));
            if let Some(handle) = holder(attribute) {
                *counts.entry(handle).or_default() += 1;
            }
        }
        for (handle, count) in counts {
            self.claims.hold(handle, parts.cidr, count);
        }
        let owner = parts.owner.as_ref();
        if owner.is_some_and(|owner| owner.kind == OwnerKind::Virtual) {
            return;
        }
        let own = owner.map(|owner| owner.name.as_str());
        for node in nodes.into_iter().filter(|node| Some(*node) != own) {
            self.owners.borrow(&NodeName::stored(node), parts.cidr);
        }
    }

    /// Finds the blocks that lie inside others. In order a larger block stands before those inside it.
    pub(super) fn see_overlaps(&mut self) {
        let mut around: Vec<BlockCidr> = Vec::new();
        let mut pairs = Vec::new();
        for block in self.blocks.kept.keys() {
            while around
                .last()
                .is_some_and(|last| !last.cidr().covers(block.cidr()))
            {
                around.pop();
            }
            pairs.extend(around.last().map(|larger| (*larger, *block)));
            around.push(*block);
        }
        for (larger, block) in pairs {
            self.blocks.overlapping.extend([larger, block]);
            let kind = FindingKind::BlocksOverlap(larger);
            self.find(Finding::of(RecordId::Block(block), kind));
        }
    }

    /// Takes a block for the second time: names the entries that no handle counts, and the addresses that are held twice.
    pub fn see_block_again(&mut self, parts: &BlockParts) {
        let handles: BTreeSet<&str> = entries(parts)
            .filter_map(|(_, attribute)| holder(attribute))
            .collect();
        for handle in handles {
            if let Some(finding) = self.claims.uncounted(handle, parts.cidr) {
                self.find(finding);
            }
        }
        if self.blocks.overlapping.contains(&parts.cidr) {
            for (address, attribute) in entries(parts) {
                self.see_holder(address, parts.cidr, holder(attribute).map(HandleId::stored));
            }
        }
    }

    fn see_holder(&mut self, address: Address, block: BlockCidr, holder: Option<HandleId>) {
        let before = self.blocks.holders.insert(address, (block, holder.clone()));
        if let Some((other, other_holder)) = before {
            let kind = FindingKind::HeldTwice {
                address,
                holder,
                other,
                other_holder,
            };
            self.find(Finding::of(RecordId::Block(block), kind));
        }
    }
}

fn node_of(attribute: &Attribute) -> Option<&str> {
    let node = attribute.secondary.get(crate::assign::held::NODE);
    node.map(String::as_str)
}
