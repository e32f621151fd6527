//! Random numbers that depend on a seed alone.

use std::sync::atomic::{AtomicU64, Ordering};

use block_ipam::entropy::Entropy;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64: small, and good enough to choose with.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Returns the dice of a seed.
    pub const fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed))
    }

    /// Returns dice of their own for a part of the world, so that what others draw does not change its numbers.
    pub fn of(seed: u64, part: u64) -> Dice {
        let own = Dice::new(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Dice::new(own.bits())
    }

    /// Returns a number below the limit, which is above 0.
    pub fn below(&self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// Returns true in so many of a thousand draws.
    pub fn per_mille(&self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    /// Returns one of the choices; `None` if there is none.
    pub fn pick<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
        let index = self.bits().checked_rem(count)?;
        choices.get(usize::try_from(index).unwrap_or(0))
    }
}

impl Entropy for Dice {
    fn bits(&self) -> u64 {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed);
        let bits = state.wrapping_add(STEP);
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}
