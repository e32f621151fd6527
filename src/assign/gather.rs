//! Where the addresses of one family come from: own blocks, then blocks to claim.
//!
//! The order is the rule: own blocks -> claim -> refuse with reasons for each pool.

use crate::affinity::admit::{Admission, Admitted};
use crate::affinity::claim::{self, Candidate, Search};
use crate::affinity::{AffinityState, own};
use crate::assign::Assign;
use crate::assign::held::INTERFACE;
use crate::assign::surroundings::Surroundings;
use crate::blocks::{Address, Attribute, Block, BlockCidr, Family, Ordinal};
use crate::plan::{Change, Context, Guard, RecordId, Recorded, Scope, Seen, Stop};
use crate::refusal::{PoolReason, PoolUse, PoolVerdict, Refusal};

/// Most blocks that one transaction touches for a family; a larger request takes several.
const MOST_BLOCKS: usize = 8;

/// Addresses taken from one block, and the block after that.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The block as it will be.
    pub block: Block,
    /// The addresses.
    pub addresses: Vec<Address>,
    /// Its pool.
    pub pool: Admitted,
}

/// What was found for a family.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The blocks that give addresses.
    pub taken: Vec<Taken>,
    /// What the choice relied on.
    pub guards: Vec<Guard>,
    /// What changes besides blocks and the handle.
    pub changes: Vec<Change>,
    /// Why there are fewer addresses than wanted.
    pub shortage: Option<Refusal>,
    /// Whether the rest has to come with another transaction.
    pub more: bool,
}

impl Gathered {
    fn count(&self) -> usize {
        self.taken.iter().map(|taken| taken.addresses.len()).sum()
    }
}

/// The search for addresses of one family.
pub(super) struct Gatherer<'a> {
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) request: &'a Assign,
    pub(super) family: Family,
    pub(super) admission: &'a Admission,
    pub(super) wanted: usize,
    pub(super) context: Context,
}

impl Gatherer<'_> {
    /// Gathers addresses.
    ///
    /// # Errors
    /// [`Stop::Read`] where something has to be read first. A shortage is no error here.
    pub(super) fn gather(&self) -> Result<Gathered, Stop> {
        let mut gathered = Gathered::default();
        self.use_own(&mut gathered)?;
        let limited = self.by_claim(&mut gathered)?;
        let short = gathered.count() < self.wanted && !gathered.more;
        gathered.shortage = short.then(|| self.shortage(&gathered, limited));
        Ok(gathered)
    }

    fn missing(&self, gathered: &mut Gathered) -> usize {
        let missing = self.wanted.saturating_sub(gathered.count());
        if 0 < missing && MOST_BLOCKS <= gathered.taken.len() {
            gathered.more = true;
            return 0;
        }
        missing
    }

    fn use_own(&self, gathered: &mut Gathered) -> Result<(), Stop> {
        let surroundings = self.surroundings;
        let pools = &self.admission.pools;
        let blocks =
            own::usable_blocks(surroundings.view, &surroundings.owner, self.family, pools)?;
        for cidr in &blocks {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(());
            }
            let Some(seen) = surroundings.view.blocks.get(cidr) else {
                return Err(Stop::Read(own::next_to_read(surroundings.view, &blocks)));
            };
            let Some(record) = own::owned(seen, &surroundings.owner) else {
                continue;
            };
            self.take_own(gathered, record, missing)?;
        }
        Ok(())
    }

    fn take_own(
        &self,
        gathered: &mut Gathered,
        record: &Recorded<Block>,
        missing: usize,
    ) -> Result<(), Stop> {
        let Some(taken) = self.take(record.value.clone(), missing) else {
            return Ok(());
        };
        let cidr = record.value.cidr();
        let owner = &self.surroundings.owner;
        let (affinity, confirm) = own::confirmed(self.surroundings.view, owner, cidr)?;
        gathered
            .guards
            .push(Guard::At(RecordId::Block(cidr), record.revision));
        gathered.guards.push(affinity);
        gathered.changes.extend(confirm);
        self.add(gathered, taken);
        Ok(())
    }

    /// Takes up to `missing` addresses; `None` if the block has none to give.
    fn take(&self, mut block: Block, missing: usize) -> Option<Taken> {
        let surroundings = self.surroundings;
        let pool = own::pool_of(&self.admission.pools, block.cidr())?.clone();
        block.normalise(self.context.now, surroundings.cooldown());
        let ordinals = block.assign_next(missing, &self.attribute(), &surroundings.reserved);
        let address = |ordinal: &Ordinal| block.address(*ordinal);
        let addresses: Vec<Address> = ordinals.iter().map(address).collect();
        block.bump();
        (!addresses.is_empty()).then_some(Taken {
            block,
            addresses,
            pool,
        })
    }

    fn add(&self, gathered: &mut Gathered, taken: Taken) {
        let pool = RecordId::Pool(taken.pool.name.clone());
        gathered.guards.push(Guard::At(pool, taken.pool.revision));
        gathered.guards.push(Guard::NoneChanged(
            Scope::Reservations,
            self.surroundings.reserved_at,
        ));
        gathered.taken.push(taken);
    }

    fn attribute(&self) -> Attribute {
        let mut secondary = self.request.attributes.clone();
        if let Some(interface) = &self.request.interface {
            secondary.insert(INTERFACE.to_owned(), interface.clone());
        }
        Attribute {
            handle: self
                .request
                .handle
                .as_ref()
                .map(|id| id.as_str().to_owned()),
            secondary,
            ..Attribute::default()
        }
    }

    /// Claims blocks while addresses are missing. Returns the limit and the number owned where that stops it.
    fn by_claim(&self, gathered: &mut Gathered) -> Result<Option<(usize, usize)>, Stop> {
        let surroundings = self.surroundings;
        if !surroundings.config.auto_allocate_blocks {
            return Ok(None);
        }
        let limit = surroundings.max_blocks(self.request);
        let mut owned = own::owned_count(surroundings.view, &surroundings.owner, self.family)?;
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(None);
            }
            let Some(candidate) = self.candidate(gathered)? else {
                return Ok(None);
            };
            let affinity = surroundings
                .view
                .affinity(&surroundings.owner, candidate.block)?;
            let counted = !matches!(affinity, Seen::Absent);
            if !counted && limit <= owned {
                return Ok(Some((owned, limit)));
            }
            owned += usize::from(!counted);
            self.claim(gathered, candidate, &affinity, missing);
        }
    }

    fn candidate(&self, gathered: &Gathered) -> Result<Option<Candidate<'_>>, Stop> {
        let surroundings = self.surroundings;
        let search = Search {
            pools: &self.admission.pools,
            owner: &surroundings.owner,
            family: self.family,
            reserved: &surroundings.reserved,
        };
        let taken = |block: BlockCidr| {
            gathered
                .taken
                .iter()
                .any(|taken| taken.block.cidr() == block)
        };
        let useful = |block: BlockCidr| {
            !taken(block) && 0 < self.new_block(block).usable_count(&surroundings.reserved)
        };
        claim::find(surroundings.view, search, &useful)
    }

    fn claim(
        &self,
        gathered: &mut Gathered,
        candidate: Candidate<'_>,
        affinity: &Seen<AffinityState>,
        missing: usize,
    ) {
        let surroundings = self.surroundings;
        let owner = &surroundings.owner;
        let block = candidate.block;
        let Some(taken) = self.take(self.new_block(block), missing) else {
            return;
        };
        let node = RecordId::Node(self.request.node.clone());
        let affinities = Scope::Affinities(owner.clone(), self.family);
        let listing = surroundings.view.affinities(owner, self.family);
        let listed_at = listing.map_or_else(|_| candidate.read_at, |listing| listing.read_at);
        gathered.guards.extend([
            Guard::Absent(RecordId::Block(block)),
            Guard::NoneCreatedOver(block.cidr(), candidate.read_at),
            RecordId::Affinity(owner.clone(), block).unchanged(affinity),
            Guard::NoneChanged(affinities, listed_at),
            RecordId::Config.unchanged(surroundings.config_record),
            node.unchanged(surroundings.node),
        ]);
        let confirmed = AffinityState::Confirmed;
        gathered
            .changes
            .push(Change::PutAffinity(owner.clone(), block, confirmed));
        self.add(gathered, taken);
    }

    /// A new block. Its sequence starts at the nanoseconds of now with random low bits, so that a block that
    /// is created again stands above everything that was seen of it.
    fn new_block(&self, cidr: BlockCidr) -> Block {
        const RANDOM_BITS: u64 = (1 << 20) - 1;
        let nanos = u64::try_from(self.context.now.nanos()).unwrap_or(0);
        let sequence = (nanos & !RANDOM_BITS) | (self.context.random & RANDOM_BITS);
        let slots = self.request.wanted(self.family).reserved_slots.as_ref();
        let owner = self.surroundings.owner.clone();
        Block::create(cidr, owner, self.context.now, sequence, slots)
    }

    fn shortage(&self, gathered: &Gathered, limited: Option<(usize, usize)>) -> Refusal {
        let used = self.admission.pools.iter().map(|pool| self.used(pool));
        let pools = used
            .chain(self.admission.excluded.iter().cloned())
            .collect();
        match limited {
            Some((owned, limit)) => Refusal::BlockLimit {
                family: self.family,
                owned,
                limit,
                pools,
            },
            None => Refusal::Exhausted {
                family: self.family,
                wanted: self.wanted,
                found: gathered.count(),
                pools,
            },
        }
    }

    fn used(&self, pool: &Admitted) -> PoolVerdict {
        let view = self.surroundings.view;
        let reserved = &self.surroundings.reserved;
        let blocks = pool.cidr.subnet_count(pool.block_length).unwrap_or(0);
        let seed = self.surroundings.owner.name.as_bytes();
        let usable =
            crate::blocks::order::Candidates::new(pool.cidr, pool.block_length, reserved, seed);
        let mut used = PoolUse {
            blocks,
            reserved: blocks.saturating_sub(usable.len()),
            ..PoolUse::default()
        };
        let inside = |cidr: &BlockCidr| pool.cidr.covers(cidr.cidr());
        for (_, seen) in view.blocks.iter().filter(|(cidr, _)| inside(cidr)) {
            let Some(block) = own::owned(seen, &self.surroundings.owner) else {
                continue;
            };
            used.own += 1;
            used.cooling += block.value.cooling_count();
            let free = block.value.free_count();
            used.own_reserved += free - block.value.usable_count(reserved);
        }
        used.foreign = view
            .existing_inside(pool.cidr)
            .count()
            .saturating_sub(used.own);
        PoolVerdict {
            name: pool.name.clone(),
            cidr: pool.cidr,
            reason: PoolReason::Used(used),
        }
    }
}
