//! The order in which an owner tries the blocks of a pool: each once, from a point and in a stride of its own.
//!
//! Owners that start together spread over the pool instead of meeting at the next free block. What is reserved as a
//! whole is left out by arithmetic on ranges, so that a reserved half of a /64 costs nothing.

mod cycle;

#[cfg(test)]
mod tests;

use crate::blocks::cidr::{BlockCidr, Cidr};
use crate::blocks::interval::{RangeSet, Span, Spans};
use cycle::Cycle;

/// The candidates for a claim: the blocks of a pool that are not reserved as a whole, in the order of one owner.
///
/// Takes memory for each reserved range, not for each block. Of a pool with 2^128 blocks the last one is never tried.
#[derive(Debug, Clone)]
pub struct Candidates {
    pool: Cidr,
    block_length: u8,
    /// Ascending.
    runs: Vec<Run>,
    cycle: Cycle,
    /// The position of the next candidate.
    next: u128,
}

/// Candidates that follow each other in the pool.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// How many candidates the runs before this one have.
    before: u128,
    /// Where its blocks are, counted from the first of the pool.
    indexes: Span,
}

impl Candidates {
    /// Returns the candidates of a pool in the order of the owner whose name is the seed. There are none where blocks
    /// cannot have this length, or are larger than the pool.
    pub fn new(pool: Cidr, block_length: u8, reserved: &RangeSet, seed: &[u8]) -> Candidates {
        let runs = runs(pool, block_length, reserved);
        let len = runs
            .last()
            .map_or(0, |run| run.before.saturating_add(run.indexes.size()));
        Candidates {
            pool,
            block_length,
            runs,
            cycle: Cycle::seeded(len, seed),
            next: 0,
        }
    }

    /// Returns the number of candidates, those that were tried included.
    pub const fn len(&self) -> u128 {
        self.cycle.len()
    }

    /// Returns whether there is no candidate at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the candidate at a position of the order, or `None` behind the last.
    pub fn at(&self, position: u128) -> Option<BlockCidr> {
        let number = self.cycle.at(position)?;
        let behind = self.runs.partition_point(|run| run.before <= number);
        let run = self.runs[..behind].last()?;
        let index = run.indexes.first + (number - run.before);
        let cidr = self.pool.subnet(self.block_length, index)?;
        BlockCidr::new(cidr).ok()
    }
}

impl Iterator for Candidates {
    type Item = BlockCidr;

    fn next(&mut self) -> Option<BlockCidr> {
        self.nth(0)
    }

    fn nth(&mut self, count: usize) -> Option<BlockCidr> {
        let position = self.next.saturating_add(count as u128);
        self.next = position.saturating_add(1);
        self.at(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.len().saturating_sub(self.next)).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}

fn runs(pool: Cidr, block_length: u8, reserved: &RangeSet) -> Vec<Run> {
    let lengths = pool.family().block_lengths();
    let count = lengths
        .contains(&block_length)
        .then(|| pool.subnet_count(block_length))
        .flatten();
    let Some(last) = count.map(|count| count - 1) else {
        return Vec::new();
    };
    let mut before: u128 = 0;
    whole_blocks(pool, block_length, reserved)
        .gaps_in(Span { first: 0, last })
        .into_iter()
        .map(|indexes| {
            let run = Run { before, indexes };
            before = before.saturating_add(indexes.size());
            run
        })
        .collect()
}

/// Returns the indexes of the blocks that are reserved as a whole.
fn whole_blocks(pool: Cidr, block_length: u8, reserved: &RangeSet) -> Spans {
    let shift = pool.family().width() - block_length;
    let rest = |offset: u128| offset & ((1 << shift) - 1);
    let base = pool.first().bits();
    let inside = reserved.within(pool);
    inside
        .ranges_of(pool.family())
        .filter_map(|range| {
            let (first, last) = (range.first().bits() - base, range.last().bits() - base);
            let cut_at_start = u128::from(rest(first) != 0);
            let cut_at_end = u128::from(rest(last) != rest(u128::MAX));
            let first = (first >> shift) + cut_at_start;
            let last = (last >> shift).checked_sub(cut_at_end)?;
            (first <= last).then_some(Span { first, last })
        })
        .collect()
}
