//! How much of each pool is in use: Calico's `GetUtilization`, as a fold over blocks that are read page by page.
//!
//! Cooling addresses and the reserved slots of Windows nodes count as in use. Reserved addresses count
//! whether or not somebody holds them, so the numbers of a pool need not add up to its size.

use crate::blocks::{Block, BlockCidr, Cidr, RangeSet};
use crate::ids::{Owner, ResourceName};
use crate::plan::CorruptRecord;
use crate::resources::Pool;

/// Numbers of addresses. They saturate at `u128::MAX`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// All of them.
    pub total: u128,
    /// Those that cannot be assigned because they are held or cooling.
    pub in_use: u128,
    /// Those inside reservations, held or not.
    pub reserved: u128,
    /// Those that can be assigned: neither in use nor reserved.
    pub free: u128,
}

/// The use of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockUsage {
    /// The block.
    pub cidr: BlockCidr,
    /// Its owner.
    pub owner: Option<Owner>,
    /// The numbers.
    pub numbers: Numbers,
    /// How many of those in use are cooling.
    pub cooling: usize,
}

/// The use of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUsage {
    /// Its name.
    pub name: ResourceName,
    /// Its addresses.
    pub cidr: Cidr,
    /// Whether it gives out nothing.
    pub disabled: bool,
    /// The numbers.
    pub numbers: Numbers,
    /// Its blocks, in order.
    pub blocks: Vec<BlockUsage>,
}

/// The use of all pools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The pools, in order of their addresses.
    pub pools: Vec<PoolUsage>,
    /// Blocks that overlap no pool, in order.
    pub orphans: Vec<BlockUsage>,
    /// Pools, reservations and blocks that do not parse, and are not counted.
    pub corrupt: Vec<CorruptRecord>,
}

/// Counts blocks as they come.
#[derive(Debug)]
pub struct Tally {
    reserved: RangeSet,
    usage: Usage,
}

impl Tally {
    /// Begins with pools and the reserved addresses.
    pub fn new<'a>(pools: impl IntoIterator<Item = &'a Pool>, reserved: RangeSet) -> Tally {
        let pools = pools.into_iter().map(|pool| PoolUsage {
            name: ResourceName::stored(&pool.metadata.name),
            cidr: pool.cidr,
            disabled: pool.disabled,
            numbers: Numbers::default(),
            blocks: Vec::new(),
        });
        let mut pools: Vec<PoolUsage> = pools.collect();
        pools.sort_by(|one, other| (one.cidr, &one.name).cmp(&(other.cidr, &other.name)));
        Tally {
            reserved,
            usage: Usage {
                pools,
                ..Usage::default()
            },
        }
    }

    /// Counts a block to the first pool that it overlaps.
    pub fn add(&mut self, block: &Block) {
        let cidr = block.cidr();
        let used = block_usage(block, &self.reserved);
        let pools = &mut self.usage.pools;
        match pools
            .iter_mut()
            .find(|pool| pool.cidr.overlaps(cidr.cidr()))
        {
            Some(pool) => pool.blocks.push(used),
            None => self.usage.orphans.push(used),
        }
    }

    /// Takes note of a record that does not parse.
    pub fn leave_out(&mut self, record: CorruptRecord) {
        self.usage.corrupt.push(record);
    }

    /// Returns the sums.
    pub fn finish(self) -> Usage {
        let mut usage = self.usage;
        for pool in &mut usage.pools {
            pool.blocks.sort_by_key(|block| block.cidr);
            pool.numbers = pool_numbers(pool, &self.reserved);
        }
        usage.orphans.sort_by_key(|block| block.cidr);
        usage
    }
}

fn block_usage(block: &Block, reserved: &RangeSet) -> BlockUsage {
    let cidr = block.cidr();
    let total = u128::from(block.size());
    BlockUsage {
        cidr,
        owner: block.owner().cloned(),
        numbers: Numbers {
            total,
            in_use: total - block.free_count() as u128,
            reserved: reserved.count_in(cidr.cidr()),
            free: block.usable_count(reserved) as u128,
        },
        cooling: block.cooling_count(),
    }
}

fn pool_numbers(pool: &PoolUsage, reserved: &RangeSet) -> Numbers {
    let sum = |part: fn(&Numbers) -> u128| -> u128 {
        pool.blocks.iter().map(|block| part(&block.numbers)).sum()
    };
    let blocks: RangeSet = pool.blocks.iter().map(|block| block.cidr.cidr()).collect();
    let taken = blocks.union(&reserved.within(pool.cidr));
    let total = pool.cidr.size();
    let untouched = total - taken.count_in(pool.cidr);
    Numbers {
        total,
        in_use: sum(|numbers| numbers.in_use),
        reserved: reserved.count_in(pool.cidr),
        free: untouched + sum(|numbers| numbers.free),
    }
}

#[cfg(test)]
mod tests;
