//! Owners against affinities, nodes and our index of borrowed addresses. An owner is kept once and numbered.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::pools::Fit;
use crate::affinity::AffinityState;
use crate::blocks::BlockCidr;
use crate::ids::{NodeName, Owner};
use crate::plan::RecordId;
use crate::report::finding::{Finding, FindingKind};

/// Who owns and who borrows.
#[derive(Debug, Default)]
pub(super) struct Owners {
    numbers: BTreeMap<Owner, u32>,
    owners: Vec<Owner>,
    /// Nodes with a record.
    pub(super) nodes: BTreeSet<NodeName>,
    /// Whether Calico runs on this store.
    pub(super) is_calicos: bool,
    /// Nodes, as owners, that hold addresses in blocks of others.
    borrowing: BTreeSet<(u32, BlockCidr)>,
}

impl Owners {
    pub(super) fn number(&mut self, owner: &Owner) -> u32 {
        if let Some(number) = self.numbers.get(owner) {
            return *number;
        }
        let number = u32::try_from(self.owners.len()).expect("fewer than 2^32 owners");
        self.numbers.insert(owner.clone(), number);
        self.owners.push(owner.clone());
        number
    }

    pub(super) fn borrow(&mut self, node: &NodeName, block: BlockCidr) {
        let number = self.number(&Owner::host(node));
        self.borrowing.insert((number, block));
    }

    fn owner(&self, number: u32) -> &Owner {
        &self.owners[number as usize]
    }
}

impl Check {
    /// Takes an affinity; `None` where its record cannot be read.
    pub(super) fn see_affinity(
        &mut self,
        owner: &Owner,
        block: BlockCidr,
        state: Option<AffinityState>,
    ) {
        self.looked.affinities += 1;
        let number = self.owners.number(owner);
        let kept = self.blocks.kept.get_mut(&block);
        let is_own = kept.as_ref().is_some_and(|kept| kept.owner == Some(number));
        let is_readable = kept.as_ref().is_none_or(|kept| kept.is_readable);
        let other = kept.as_ref().map(|kept| kept.owner);
        if let Some(kept) = kept.filter(|_| is_own) {
            kept.has_affinity = true;
        }
        let Some(state) = state.filter(|_| is_readable) else {
            return;
        };
        let kind = match (is_own, other, state) {
            (true, _, AffinityState::Confirmed | AffinityState::Unset) => return,
            (true, _, AffinityState::Pending | AffinityState::PendingDeletion) => {
                FindingKind::AffinityHalfDone(state)
            }
            (false, None, _) => self.forgotten(block, state),
            (false, Some(other), _) => FindingKind::AffinityOfOther {
                state,
                owner: other.map(|other| self.owners.owner(other).clone()),
            },
        };
        let id = RecordId::Affinity(owner.clone(), block);
        self.find(Finding::of(id, kind));
    }

    fn forgotten(&self, block: BlockCidr, state: AffinityState) -> FindingKind {
        match self.pools.fit(block) {
            Fit::OtherSize(pool, length) => FindingKind::AffinityOfOtherSize { pool, length },
            Fit::Fits | Fit::NoPool => FindingKind::AffinityWithoutBlock(state),
        }
    }

    pub(super) fn see_borrowed(&mut self, node: NodeName, block: BlockCidr) {
        let number = self.owners.number(&Owner::host(&node));
        let kept = self.blocks.kept.get(&block);
        let is_known = self.owners.borrowing.remove(&(number, block))
            || kept.is_some_and(|kept| kept.is_anonymous);
        if !is_known {
            let id = RecordId::Borrowed(node, block);
            self.find(Finding::of(id, FindingKind::BorrowingStale));
        }
    }

    /// Finds what is known only when all records came.
    pub(super) fn finish_owners(&mut self) {
        let mut owned: BTreeMap<NodeName, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for (block, kept) in &self.blocks.kept {
            let owner = kept.owner.map(|number| self.owners.owner(number));
            if let Some(node) = owner.and_then(Owner::node) {
                *owned.entry(node).or_default() += 1;
            }
            let kind = match owner {
                Some(owner) if !kept.has_affinity => {
                    FindingKind::OwnerWithoutAffinity(owner.clone())
                }
                None if !kept.is_used => FindingKind::OwnerlessEmpty,
                Some(_) | None => continue,
            };
            found.push(Finding::of(RecordId::Block(*block), kind));
        }
        found.extend(self.without_record(owned));
        found.extend(self.not_indexed());
        for finding in found {
            self.find(finding);
        }
    }

    fn without_record(&self, owned: BTreeMap<NodeName, usize>) -> Vec<Finding> {
        let owners = &self.owners;
        let unknown = owned
            .into_iter()
            .filter(|(node, _)| owners.is_calicos && !owners.nodes.contains(node));
        unknown
            .map(|(node, blocks)| {
                let id = RecordId::Node(node.clone());
                Finding::of(id, FindingKind::NodeWithoutRecord { node, blocks })
            })
            .collect()
    }

    fn not_indexed(&self) -> Vec<Finding> {
        let pairs = self.owners.borrowing.iter();
        pairs
            .filter_map(|(number, block)| {
                let node = self.owners.owner(*number).node()?;
                let id = RecordId::Borrowed(node, *block);
                Some(Finding::of(id, FindingKind::BorrowingNotIndexed))
            })
            .collect()
    }
}
