//! Where the addresses of one family come from.
//!
//! The order is the rule: own blocks, then blocks to claim, then empty blocks of others, then borrowed
//! addresses, then a refusal with the reason of each pool. For a short time after a search that ended in borrowing the
//! node borrows there again before it claims.

use crate::affinity::admit::{Admission, Admitted};
use crate::affinity::own;
use crate::assign::held::INTERFACE;
use crate::assign::shortage::{Limit, shortage};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Searched};
use crate::blocks::{Address, Attribute, Block, BlockCidr, Family, Ordinal};
use crate::plan::{Change, Context, Guard, RecordId, Recorded, Scope, Stop};
use crate::refusal::Refusal;

/// Most blocks that one transaction touches for a family; a larger request takes several. A claim brings up to 19
/// guards, those of the larger blocks that could lie over it included, and both families have to fit into 120.
const MOST_BLOCKS: usize = 3;
/// Bytes of blocks that one transaction rewrites: for one family, or for both together.
const MOST_BYTES: usize = 1_400_000;
/// Bytes of the blocks of a family after which another one waits for the next transaction.
const MANY_BYTES: usize = 100_000;

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
    /// Returns how many addresses were found.
    pub fn count(&self) -> usize {
        self.taken.iter().map(|taken| taken.addresses.len()).sum()
    }

    /// Returns whether the block gives addresses already.
    pub(super) fn has(&self, block: BlockCidr) -> bool {
        self.taken.iter().any(|taken| taken.block.cidr() == block)
    }
}

/// The search for addresses of one family.
#[derive(Debug)]
pub(super) struct Gatherer<'a> {
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) request: &'a Assign,
    pub(super) family: Family,
    pub(super) admission: &'a Admission,
    pub(super) wanted: usize,
    pub(super) pick: Pick,
    pub(super) known: &'a [Searched],
    pub(super) context: Context,
}

/// Which addresses of a block are taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pick {
    /// Those that have been free longest and are not reserved.
    Next,
    /// This one, reserved or not.
    This(Address),
}

impl Gatherer<'_> {
    /// Gathers addresses.
    ///
    /// # Errors
    /// [`Stop::Read`] where something has to be read first. A shortage is no error here.
    pub(super) fn gather(&self) -> Result<Gathered, Stop> {
        let mut gathered = Gathered::default();
        self.use_own(&mut gathered)?;
        if let Some(enough) = self.borrow_again(&gathered)? {
            return Ok(enough);
        }
        let mut limit = self.claim(&mut gathered)?;
        if limit == Limit::None {
            limit = self.reclaim(&mut gathered)?;
        }
        if !self.surroundings.config.strict_affinity {
            self.borrow(&mut gathered)?;
        }
        let short = gathered.count() < self.wanted && !gathered.more;
        gathered.shortage = short.then(|| shortage(self, &gathered, limit));
        Ok(gathered)
    }

    /// Returns how many addresses are missing that this transaction may still bring.
    pub(super) fn missing(&self, gathered: &mut Gathered) -> usize {
        let missing = self.wanted.saturating_sub(gathered.count());
        let blocks = gathered.taken.iter();
        let bytes: usize = blocks.map(|taken| taken.block.text_size()).sum();
        let is_large = MOST_BLOCKS <= gathered.taken.len() || MANY_BYTES < bytes;
        if 0 < missing && is_large {
            gathered.more = true;
            return 0;
        }
        missing
    }

    /// Returns whether a block can still be written in the transaction. One whose record is longer gives nothing unless
    /// the address is asked for; what it holds can be released.
    fn is_writable(&self, block: &Block) -> bool {
        let families = self.request.families().count().max(1);
        matches!(self.pick, Pick::This(_))
            || block.text_size() + MANY_BYTES <= MOST_BYTES / families
    }

    fn use_own(&self, gathered: &mut Gathered) -> Result<(), Stop> {
        let surroundings = self.surroundings;
        let owner = &surroundings.owner;
        let blocks = self.own_blocks()?;
        for cidr in &blocks {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(());
            }
            let Some(seen) = surroundings.view.blocks.get(cidr) else {
                return Err(Stop::Read(own::next_to_read(surroundings.view, &blocks)));
            };
            if let Some(record) = own::owned(seen, owner) {
                self.take_own(gathered, record, missing)?;
            }
        }
        Ok(())
    }

    /// Returns the owner's blocks in the admitted pools.
    pub(super) fn own_blocks(&self) -> Result<Vec<BlockCidr>, Stop> {
        let (surroundings, pools) = (self.surroundings, &self.admission.pools);
        own::usable_blocks(surroundings.view, &surroundings.owner, self.family, pools)
    }

    /// Takes addresses of an own block, if it has any.
    pub(super) fn take_own(
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
        gathered.guards.extend([at(record), affinity]);
        gathered.changes.extend(confirm);
        self.add(gathered, taken);
        Ok(())
    }

    /// Takes up to `missing` addresses; `None` if the block has none to give.
    pub(super) fn take(&self, mut block: Block, missing: usize) -> Option<Taken> {
        let surroundings = self.surroundings;
        let pool = own::pool_of(&self.admission.pools, block.cidr())?.clone();
        block.normalise(self.context.now, surroundings.cooldown());
        let ordinals = self.pick(&mut block, missing);
        let address = |ordinal: &Ordinal| block.address(*ordinal);
        let addresses: Vec<Address> = ordinals.iter().map(address).collect();
        block.bump();
        (!addresses.is_empty() && self.is_writable(&block)).then_some(Taken {
            block,
            addresses,
            pool,
        })
    }

    fn pick(&self, block: &mut Block, missing: usize) -> Vec<Ordinal> {
        let attribute = self.attribute();
        match self.pick {
            Pick::Next => block.assign_next(missing, &attribute, &self.surroundings.reserved),
            Pick::This(address) => {
                let inside = block.ordinal(address).into_iter();
                inside
                    .filter(|ordinal| block.assign_at(*ordinal, &attribute).is_ok())
                    .collect()
            }
        }
    }

    /// Adds a block with what every grant relies on: its pool (X3) and, unless the address was asked for, that
    /// nothing was reserved since.
    pub(super) fn add(&self, gathered: &mut Gathered, taken: Taken) {
        let pool = RecordId::Pool(taken.pool.name.clone());
        gathered.guards.push(Guard::At(pool, taken.pool.revision));
        if matches!(self.pick, Pick::Next) {
            let reserved_at = self.surroundings.reserved_at;
            let none = Guard::NoneChanged(Scope::Reservations, reserved_at);
            gathered.guards.push(none);
        }
        gathered.taken.push(taken);
    }

    fn attribute(&self) -> Attribute {
        let mut secondary = self.request.attributes.clone();
        if let Some(interface) = &self.request.interface {
            secondary.insert(INTERFACE.to_owned(), interface.clone());
        }
        let handle = self.request.handle.as_ref();
        Attribute {
            handle: handle.map(|id| id.as_str().to_owned()),
            secondary,
            ..Attribute::default()
        }
    }
}

/// Returns the guard that a block is what was read.
pub(super) fn at(record: &Recorded<Block>) -> Guard {
    Guard::At(RecordId::Block(record.value.cidr()), record.revision)
}
