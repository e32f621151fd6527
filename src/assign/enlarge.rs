//! How a node comes to own more blocks for a request: by claiming free ones, and by taking over empty ones.

use crate::affinity::claim::{self, Candidate, Search};
use crate::affinity::reclaim;
use crate::affinity::{AffinityState, own};
use crate::assign::gather::{Gathered, Gatherer, Taken, at};
use crate::assign::shortage::Limit;
use crate::blocks::{Block, BlockCidr};
use crate::plan::{Change, Guard, RecordId, Recorded, Scope, Seen, Stop};

impl<'a> Gatherer<'a> {
    /// Claims blocks while addresses are missing. Returns what stopped it.
    pub(super) fn claim(&self, gathered: &mut Gathered) -> Result<Limit, Stop> {
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(Limit::None);
            }
            if !self.surroundings.config.auto_allocate_blocks {
                return Ok(Limit::NoAutoAllocation);
            }
            let limit = self.limit(gathered)?;
            let Some(candidate) = self.candidate(gathered, limit)? else {
                return Ok(limit);
            };
            if !self.take_new(gathered, candidate, missing)? {
                return Ok(Limit::None);
            }
        }
    }

    /// Takes over empty blocks of others while addresses are missing. Returns what stopped it.
    pub(super) fn reclaim(&self, gathered: &mut Gathered) -> Result<Limit, Stop> {
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(Limit::None);
            }
            let limit = self.limit(gathered)?;
            if limit != Limit::None {
                return Ok(limit);
            }
            let mut foreign = self.foreign(gathered);
            let found = foreign
                .find_map(|record| Some((record.clone(), self.taken_over(record, missing)?)));
            drop(foreign);
            let Some((record, taken)) = found else {
                return self.next_page().map_or(Ok(Limit::None), Err);
            };
            self.add_taken_over(gathered, &record, taken)?;
        }
    }

    /// Takes over a block of another and takes addresses of it; `None` if it may not be, or has none to give.
    pub(super) fn taken_over(&self, record: &Recorded<Block>, missing: usize) -> Option<Taken> {
        let cooldown = self.surroundings.cooldown();
        let owner = &self.surroundings.owner;
        let block = reclaim::taken_over(&record.value, owner, self.context, cooldown)?;
        self.take(block, missing)
    }

    /// Adds a block that was taken over, and takes the affinity of its former owner away.
    pub(super) fn add_taken_over(
        &self,
        gathered: &mut Gathered,
        record: &Recorded<Block>,
        taken: Taken,
    ) -> Result<(), Stop> {
        let former = reclaim::without_former_owner(self.surroundings.view, &record.value)?;
        gathered.guards.push(at(record));
        if let Some((guard, delete)) = former {
            gathered.guards.push(guard);
            gathered.changes.extend(delete);
        }
        self.own(gathered, record.value.cidr())?;
        self.add(gathered, taken);
        Ok(())
    }

    /// Returns the blocks of others in the admitted pools that were read and give nothing yet.
    pub(super) fn foreign<'b>(
        &'b self,
        gathered: &'b Gathered,
    ) -> impl Iterator<Item = &'b Recorded<Block>> + 'b {
        let records = self.surroundings.view.blocks.values();
        records.filter_map(Seen::present).filter(|record| {
            let block = &record.value;
            block.owner() != Some(&self.surroundings.owner)
                && own::pool_of(&self.admission.pools, block.cidr()).is_some()
                && !gathered.has(block.cidr())
        })
    }

    /// Returns what to read to see more blocks of others; `None` when all were read.
    pub(super) fn next_page(&self) -> Option<Stop> {
        let mut pools = self.admission.pools.iter();
        let want = pools.find_map(|pool| {
            claim::next_page(self.surroundings.view, pool, &self.surroundings.owner)
        });
        want.map(|want| Stop::Read(vec![want]))
    }

    fn limit(&self, gathered: &Gathered) -> Result<Limit, Stop> {
        let surroundings = self.surroundings;
        let owned = own::owned_count(surroundings.view, &surroundings.owner, self.family)?;
        let new = |change: &&Change| self.adds_affinity(change);
        let owned = owned + gathered.changes.iter().filter(new).count();
        let limit = surroundings.max_blocks(self.request);
        Ok(if limit <= owned {
            Limit::Blocks { owned, limit }
        } else {
            Limit::None
        })
    }

    fn adds_affinity(&self, change: &Change) -> bool {
        let Change::PutAffinity(owner, block, _) = change else {
            return false;
        };
        let counted = self.surroundings.view.affinity(owner, *block);
        matches!(counted, Ok(Seen::Absent))
    }

    /// At the limit only what is half-done already is still claimed: it counts in any case.
    pub(super) fn candidate(
        &self,
        gathered: &Gathered,
        limit: Limit,
    ) -> Result<Option<Candidate<'a>>, Stop> {
        let surroundings = self.surroundings;
        let search = Search {
            pools: &self.admission.pools,
            owner: &surroundings.owner,
            family: self.family,
            reserved: &surroundings.reserved,
        };
        // No candidate is reserved as a whole; only slots set aside can leave one without an address.
        let slots = self.request.wanted(self.family).reserved_slots.is_some();
        let has_room = |block| 0 < self.new_block(block).usable_count(&surroundings.reserved);
        let useful = |block: BlockCidr| !gathered.has(block) && (!slots || has_room(block));
        match limit {
            Limit::None => claim::find(surroundings.view, search, &useful),
            Limit::Blocks { .. } | Limit::NoAutoAllocation => {
                claim::half_done(surroundings.view, search, &useful)
            }
        }
    }

    /// Claims a block and takes addresses of it; `false` if it has none to give.
    pub(super) fn take_new(
        &self,
        gathered: &mut Gathered,
        candidate: Candidate<'_>,
        missing: usize,
    ) -> Result<bool, Stop> {
        let block = candidate.block;
        let Some(taken) = self.take(self.new_block(block), missing) else {
            return Ok(false);
        };
        self.guard_new(gathered, candidate)?;
        self.own(gathered, block)?;
        self.add(gathered, taken);
        Ok(true)
    }

    /// Adds what a new block relies on: that it is absent, and that nothing was created over it (X8, X9).
    pub(super) fn guard_new(
        &self,
        gathered: &mut Gathered,
        candidate: Candidate<'_>,
    ) -> Result<(), Stop> {
        let block = candidate.block;
        let owner = &self.surroundings.owner;
        let affinity = self.surroundings.view.affinity(owner, block)?;
        let id = RecordId::Affinity(owner.clone(), block);
        gathered.guards.extend([
            Guard::Absent(RecordId::Block(block)),
            Guard::NoneCreatedOver(block.cidr(), candidate.read_at),
            id.unchanged(&affinity),
        ]);
        Ok(())
    }

    /// Adds what every new ownership relies on: the configuration (X5), the node (X6), and that the owner got no
    /// other block meanwhile (X7).
    pub(super) fn own(&self, gathered: &mut Gathered, block: BlockCidr) -> Result<(), Stop> {
        let surroundings = self.surroundings;
        let owner = &surroundings.owner;
        let listed_at = surroundings.view.affinities(owner, self.family)?.read_at;
        let node = RecordId::Node(self.request.node.clone());
        let affinities = Scope::Affinities(owner.clone(), self.family);
        gathered.guards.extend([
            Guard::NoneChanged(affinities, listed_at),
            RecordId::Config.unchanged(surroundings.config_record),
            node.unchanged(surroundings.node),
        ]);
        let confirmed = AffinityState::Confirmed;
        gathered
            .changes
            .push(Change::PutAffinity(owner.clone(), block, confirmed));
        Ok(())
    }

    pub(super) fn new_block(&self, cidr: BlockCidr) -> Block {
        let sequence = self.context.new_sequence();
        let slots = self.request.wanted(self.family).reserved_slots.as_ref();
        let owner = self.surroundings.owner.clone();
        Block::create(cidr, owner, self.context.now, sequence, slots)
    }
}
