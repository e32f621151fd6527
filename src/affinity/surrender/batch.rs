//! One transaction of a surrender.

use std::collections::BTreeSet;

use crate::affinity::surrender::{InUse, Surrender, Surrendered, Which};
use crate::assign::release::borrowers;
use crate::assign::surroundings::cooldown_of;
use crate::blocks::{Block, BlockCidr, Cooldown};
use crate::ids::{Owner, OwnerKind};
use crate::plan::{Change, Context, Guard, RecordId, Recorded, Seen, Stop, View, Want};

/// Guards or changes after which no further block is added: each brings a few.
const MOST: usize = 90;
/// Most addresses of the blocks that one transaction rewrites.
const ADDRESSES: usize = 8192;

/// A surrender that is being put together.
pub(super) struct Batch<'a> {
    view: &'a View,
    request: &'a Surrender,
    cooldown: Cooldown,
    context: Context,
    addresses: usize,
    pub(super) guards: Vec<Guard>,
    pub(super) changes: Vec<Change>,
    pub(super) outcome: Surrendered,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        view: &'a View,
        request: &'a Surrender,
        context: Context,
    ) -> Result<Batch<'a>, Stop> {
        Ok(Batch {
            view,
            request,
            cooldown: cooldown_of(view.config()?),
            context,
            addresses: 0,
            guards: Vec::new(),
            changes: Vec::new(),
            outcome: Surrendered::default(),
        })
    }

    pub(super) fn is_full(&self) -> bool {
        MOST <= self.guards.len() || MOST <= self.changes.len() || ADDRESSES <= self.addresses
    }

    /// Adds a block and the affinities of these owners to it.
    ///
    /// # Errors
    /// [`Stop::Read`] where the block or an affinity was not read.
    pub(super) fn add(&mut self, cidr: BlockCidr, owners: &BTreeSet<Owner>) -> Result<(), Stop> {
        let view = self.view;
        let seen = view.blocks.get(&cidr);
        let seen = seen.ok_or_else(|| Stop::Read(self.wants(cidr, owners)))?;
        let record = match seen {
            Seen::Corrupt(corrupt) => {
                self.outcome.corrupt.push(corrupt.clone());
                return Ok(());
            }
            Seen::Absent => None,
            Seen::Present(record) => Some(record),
        };
        let owner = record.and_then(|record| record.value.owner());
        let mut owners = owners.clone();
        let gives_up = owner.is_none_or(|owner| self.gives_up(owner));
        if gives_up {
            owners.extend(owner.cloned());
        }
        let mut gone = Vec::new();
        for owner in &owners {
            gone.push((owner, view.affinity(owner, cidr)?));
        }
        if let Some(record) = record.filter(|_| gives_up) {
            if !self.give_up(record, &mut gone) && gone.is_empty() {
                return Ok(());
            }
        } else if gone.iter().all(|(_, seen)| matches!(seen, Seen::Absent)) {
            return Ok(());
        }
        let unchanged = RecordId::Block(cidr).unchanged(seen);
        self.guards.push(unchanged);
        self.drop_affinities(cidr, owner.filter(|_| gives_up), gone);
        Ok(())
    }

    fn wants(&self, cidr: BlockCidr, owners: &BTreeSet<Owner>) -> Vec<Want> {
        let unread = |owner: &&Owner| self.view.affinity(owner, cidr).is_err();
        let affinities = owners.iter().filter(unread);
        let affinities = affinities.map(|owner| RecordId::Affinity(owner.clone(), cidr));
        let block = std::iter::once(RecordId::Block(cidr));
        block.chain(affinities).map(Want::Record).collect()
    }

    fn gives_up(&self, owner: &Owner) -> bool {
        match &self.request.which {
            Which::Range(_, own) | Which::Owner(own) => own == owner,
            Which::Deselected(node) => Owner::host(node) == *owner,
            Which::Nodes(_) => owner.kind == OwnerKind::Host,
            Which::Block(_) | Which::Inside(_) | Which::Surplus(_) => true,
        }
    }

    /// Gives up a block; `false` if it stays as it is. Its owner's affinity then stays too.
    fn give_up(
        &mut self,
        record: &Recorded<Block>,
        gone: &mut Vec<(&Owner, Seen<crate::affinity::AffinityState>)>,
    ) -> bool {
        let mut block = record.value.clone();
        let cidr = block.cidr();
        block.normalise(self.context.now, self.cooldown);
        if block.is_empty() {
            self.changes.push(Change::DeleteBlock(cidr));
            self.outcome.deleted.push(cidr);
            return true;
        }
        let owner = record.value.owner();
        if owner.is_none() || self.request.in_use == InUse::Keep {
            gone.retain(|(gone, seen)| Some(*gone) != owner && !matches!(seen, Seen::Absent));
            if owner.is_some() || matches!(self.request.which, Which::Inside(_)) {
                self.outcome.kept.push(cidr);
            }
            return false;
        }
        self.disown(record, block);
        true
    }

    fn disown(&mut self, record: &Recorded<Block>, mut block: Block) {
        let cidr = block.cidr();
        block.disown();
        block.bump();
        let before = borrowers(&record.value);
        let new = borrowers(&block).into_iter();
        let new = new.filter(|node| !before.contains(node));
        self.changes
            .extend(new.map(|node| Change::PutBorrowed(node, cidr)));
        self.addresses += usize::from(block.size());
        self.changes.push(Change::PutBlock(block));
        self.outcome.disowned.push(cidr);
    }

    /// An affinity that does not parse goes like any other: its key says whose it is.
    fn drop_affinities(
        &mut self,
        cidr: BlockCidr,
        owner: Option<&Owner>,
        gone: Vec<(&Owner, Seen<crate::affinity::AffinityState>)>,
    ) {
        for (own, seen) in gone {
            let id = RecordId::Affinity(own.clone(), cidr);
            self.guards.push(id.unchanged(&seen));
            if matches!(seen, Seen::Absent) {
                continue;
            }
            self.changes.push(Change::DeleteAffinity(own.clone(), cidr));
            if owner != Some(own) {
                self.outcome.dropped.push((own.clone(), cidr));
            }
        }
    }
}
