//! Claiming blocks by hand: Calico's `ClaimAffinity`.
//!
//! An operator's order: reservations, the limit of blocks and "no automatic blocks" do not apply to it, as for
//! Calico. Unlike Calico it ends where the pool ends, and takes empty blocks of nobody.

use std::collections::BTreeSet;

use crate::affinity::admit::is_off;
use crate::affinity::range_refusal::RangeRefusal;
use crate::affinity::{AffinityState, own};
use crate::assign::surroundings::cooldown_of;
use crate::blocks::{Block, BlockCidr, Cidr, Family};
use crate::ids::{Owner, ResourceName};
use crate::plan::{
    Change, Context, Guard, MOST_WANTS, Plan, RecordId, Recorded, Scope, Seen, Step, Stop, View,
    Want,
};
use crate::resources::Pool;

/// Most blocks of one request: a /16 of /26.
pub const MOST_BLOCKS: u128 = 1024;
/// Blocks that one transaction claims. Each brings up to 13 guards.
const BLOCKS_PER_TXN: usize = 8;

/// A request to claim the blocks of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRange {
    /// The range.
    pub cidr: Cidr,
    /// Who gets them.
    pub owner: Owner,
}

/// What became of the blocks of a range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Those that are the owner's now, or were already.
    pub claimed: Vec<BlockCidr>,
    /// Those that others have, with their owner: none where addresses of a block of nobody are in use, where the
    /// record does not parse, or where a block of another size lies over it.
    pub failed: Vec<(BlockCidr, Option<Owner>)>,
}

/// Decides about claiming the blocks of a range, a few in each transaction:
///
/// 1. the range begins in an enabled pool, and is no smaller than its blocks; what lies behind the pool is left out;
/// 2. an absent block is created; an empty one of nobody is taken over;
/// 3. an own block stays; where its affinity is not confirmed, it is confirmed and the block rewritten (X22);
/// 4. every other block is reported.
pub fn decide_claim_range(view: &View, request: &ClaimRange, context: Context) -> Step<Claimed> {
    Step::from(decide(view, request, context))
}

fn decide(view: &View, request: &ClaimRange, context: Context) -> Result<Step<Claimed>, Stop> {
    let (name, pool) = pool_of(view, request.cidr)?;
    let blocks = blocks(&pool.value, request.cidr)?;
    let unread = unread(view, request, &blocks);
    if !unread.is_empty() {
        return Err(Stop::Read(unread));
    }
    let mut range = Range {
        view,
        owner: &request.owner,
        context,
        guards: vec![Guard::At(RecordId::Pool(name.clone()), pool.revision)],
        changes: Vec::new(),
        outcome: Claimed::default(),
        written: 0,
    };
    range.guards.extend(node_guard(view, &request.owner)?);
    for block in blocks {
        range.judge(block)?;
    }
    Ok(range.step())
}

fn pool_of(view: &View, cidr: Cidr) -> Result<(&ResourceName, &Recorded<Pool>), Stop> {
    let mut pools = view.pools()?.records.iter();
    let pool = pools
        .find(|(_, pool)| pool.value.cidr.contains(cidr.first()) && is_off(&pool.value).is_none());
    pool.ok_or_else(|| RangeRefusal::OutsidePools(cidr).stop())
}

fn blocks(pool: &Pool, cidr: Cidr) -> Result<Vec<BlockCidr>, Stop> {
    let block_length = pool.block_length;
    if block_length < cidr.length() {
        return Err(RangeRefusal::BelowBlockSize { cidr, block_length }.stop());
    }
    let part = if pool.cidr.covers(cidr) {
        cidr
    } else {
        pool.cidr
    };
    let blocks = part.subnet_count(block_length).unwrap_or(0);
    if MOST_BLOCKS < blocks {
        let most = MOST_BLOCKS;
        return Err(RangeRefusal::TooManyBlocks { cidr, blocks, most }.stop());
    }
    let block = |index| BlockCidr::new(part.subnet(block_length, index)?).ok();
    Ok((0..blocks).filter_map(block).collect())
}

/// The claim is not made for a node that was deleted meanwhile (X6).
fn node_guard(view: &View, owner: &Owner) -> Result<Option<Guard>, Stop> {
    let Some(node) = owner.node() else {
        return Ok(None);
    };
    let seen = view.node(&node)?;
    Ok(Some(RecordId::Node(node).unchanged(seen)))
}

fn unread(view: &View, request: &ClaimRange, blocks: &[BlockCidr]) -> Vec<Want> {
    let mut wants = Vec::new();
    if view.config.is_none() {
        wants.push(Want::Record(RecordId::Config));
    }
    if let Some(node) = request.owner.node() {
        let want = Want::Record(RecordId::Node(node.clone()));
        wants.extend((!view.nodes.contains_key(&node)).then_some(want));
    }
    let family = request.cidr.family();
    if view.affinities(&request.owner, family).is_err() {
        let scope = Scope::Affinities(request.owner.clone(), family);
        wants.push(Want::Scope(scope));
    }
    let mut surroundings = BTreeSet::new();
    for block in blocks {
        if MOST_WANTS <= wants.len() + surroundings.len() {
            break;
        }
        if !is_known(view, *block) {
            wants.push(Want::Record(RecordId::Block(*block)));
        }
        if view.inside(neighbours(*block)).is_none() {
            surroundings.insert(Want::BlocksInside(neighbours(*block)));
        }
    }
    wants.extend(surroundings);
    wants
}

/// A refusal tells the keys of blocks that others created beside the guarded ones, and not what is in them.
fn is_known(view: &View, block: BlockCidr) -> bool {
    match view.blocks.get(&block) {
        None => false,
        Some(Seen::Absent) => !view.existing.contains(&block),
        Some(Seen::Present(_) | Seen::Corrupt(_)) => true,
    }
}

/// Returns the CIDR whose keys a guard compares as text whenever it compares those inside the block. Guarding all of
/// it lets the next transaction of the same request know what this one created there.
fn neighbours(block: BlockCidr) -> Cidr {
    let shared = match block.family() {
        Family::V4 => 24,
        Family::V6 => 112,
    };
    let length = block.cidr().length().min(shared);
    block.cidr().first().network(length)
}

/// A claim that is being put together.
struct Range<'a> {
    view: &'a View,
    owner: &'a Owner,
    context: Context,
    guards: Vec<Guard>,
    changes: Vec<Change>,
    outcome: Claimed,
    written: usize,
}

impl Range<'_> {
    fn judge(&mut self, cidr: BlockCidr) -> Result<(), Stop> {
        match self.view.block(cidr)? {
            Seen::Absent if self.view.is_taken(cidr.cidr()) => self.fail(cidr, None),
            Seen::Absent => self.create(cidr)?,
            Seen::Corrupt(_) => self.fail(cidr, None),
            Seen::Present(record) => match record.value.owner() {
                Some(owner) if owner == self.owner => self.confirm(record)?,
                Some(owner) => self.fail(cidr, Some(owner.clone())),
                None => self.take_over(record)?,
            },
        }
        Ok(())
    }

    fn fail(&mut self, cidr: BlockCidr, owner: Option<Owner>) {
        self.outcome.failed.push((cidr, owner));
    }

    fn create(&mut self, cidr: BlockCidr) -> Result<(), Stop> {
        let sequence = self.context.new_sequence();
        let block = Block::create(cidr, self.owner.clone(), self.context.now, sequence, None);
        let around = neighbours(cidr);
        let read_at = self.view.inside(around).unwrap_or_default();
        let none_created = Guard::NoneCreatedOver(around, read_at);
        let guards = [Guard::Absent(RecordId::Block(cidr)), none_created];
        self.write(block, guards)
    }

    fn take_over(&mut self, record: &Recorded<Block>) -> Result<(), Stop> {
        let mut block = record.value.clone();
        let cooldown = cooldown_of(self.view.config()?);
        block.normalise(self.context.now, cooldown);
        if !block.is_empty() {
            self.fail(block.cidr(), None);
            return Ok(());
        }
        block.take_over(self.owner.clone(), self.context.now);
        block.bump();
        let at = Guard::At(RecordId::Block(block.cidr()), record.revision);
        self.write(block, [at])
    }

    fn confirm(&mut self, record: &Recorded<Block>) -> Result<(), Stop> {
        let cidr = record.value.cidr();
        let (_, change) = own::confirmed(self.view, self.owner, cidr)?;
        if change.is_none() && self.is_spelled_out(cidr)? {
            self.outcome.claimed.push(cidr);
            return Ok(());
        }
        let mut block = record.value.clone();
        block.bump();
        self.write(block, [Guard::At(RecordId::Block(cidr), record.revision)])
    }

    /// An affinity without a state counts as confirmed where it is used; who claims by hand wants it written.
    fn is_spelled_out(&self, cidr: BlockCidr) -> Result<bool, Stop> {
        let seen = self.view.affinity(self.owner, cidr)?;
        let state = seen.present().map(|record| record.value);
        Ok(state == Some(AffinityState::Confirmed))
    }

    fn write(&mut self, block: Block, guards: impl IntoIterator<Item = Guard>) -> Result<(), Stop> {
        let cidr = block.cidr();
        self.outcome.claimed.push(cidr);
        self.written += 1;
        if BLOCKS_PER_TXN < self.written {
            return Ok(());
        }
        let affinity = self.view.affinity(self.owner, cidr)?;
        let own = RecordId::Affinity(self.owner.clone(), cidr).unchanged(&affinity);
        for guard in guards.into_iter().chain([own]) {
            if !self.guards.contains(&guard) {
                self.guards.push(guard);
            }
        }
        let confirmed = AffinityState::Confirmed;
        self.changes
            .push(Change::PutAffinity(self.owner.clone(), cidr, confirmed));
        self.changes.push(Change::PutBlock(block));
        Ok(())
    }

    fn step(self) -> Step<Claimed> {
        if self.changes.is_empty() {
            return Step::Done(self.outcome);
        }
        Step::Commit(Plan {
            guards: self.guards,
            changes: self.changes,
            outcome: self.outcome,
            more: BLOCKS_PER_TXN < self.written,
        })
    }
}

#[cfg(test)]
mod tests;
