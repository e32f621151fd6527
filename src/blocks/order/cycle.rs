//! A walk over `0..len` that meets each number once: from a start, in steps that share no factor with `len`.

/// The walk. Start and step are fixed by the seed: every version of the program walks the same way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cycle {
    len: u128,
    start: u128,
    step: u128,
}

impl Cycle {
    pub(super) fn seeded(len: u128, seed: &[u8]) -> Cycle {
        let mut state = fnv1a(seed);
        let mut draw =
            || (u128::from(split_mix(&mut state)) << 64) | u128::from(split_mix(&mut state));
        Cycle {
            len,
            start: draw().checked_rem(len).unwrap_or(0),
            step: coprime_from(draw().checked_rem(len).unwrap_or(0), len),
        }
    }

    pub(super) const fn len(&self) -> u128 {
        self.len
    }

    /// Returns the number met at this position, or `None` behind the end.
    pub(super) fn at(&self, position: u128) -> Option<u128> {
        let inside = position < self.len;
        inside.then(|| {
            add(
                self.start,
                multiply(position, self.step, self.len),
                self.len,
            )
        })
    }
}

/// Returns the first number from `step` on that shares no factor with `len`.
fn coprime_from(step: u128, len: u128) -> u128 {
    (step.max(1)..=len)
        .find(|&step| gcd(step, len) == 1)
        .unwrap_or(1)
}

const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Adds two numbers below `len`, without overflow.
const fn add(a: u128, b: u128, len: u128) -> u128 {
    let room = len - b;
    if a < room { a + b } else { a - room }
}

/// Multiplies two numbers below `len`: where the product has more than 128 bits, by doubling.
fn multiply(a: u128, b: u128, len: u128) -> u128 {
    if let Some(product) = a.checked_mul(b) {
        return product % len;
    }
    let bits = (0..u128::BITS - a.leading_zeros()).rev();
    bits.fold(0, |product, bit| {
        let doubled = add(product, product, len);
        match a >> bit & 1 {
            0 => doubled,
            _ => add(doubled, b, len),
        }
    })
}

/// FNV-1a, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// SplitMix64: draws from the hash, whose bits alone would put names that end in a number at even distances.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{add, multiply};

    /// A modulus, small or near the end of 128 bits, and three numbers below it.
    fn numbers() -> impl Strategy<Value = (u128, [u128; 3])> {
        let len = prop_oneof![1..100u128, u128::MAX - 100..=u128::MAX, 1..=u128::MAX];
        (len, any::<[u128; 3]>()).prop_map(|(len, numbers)| (len, numbers.map(|n| n % len)))
    }

    proptest! {
        #[test]
        fn sums_and_products_obey_the_laws_of_a_ring((len, [a, b, c]) in numbers()) {
            let sum = |a, b| add(a, b, len);
            let product = |a, b| multiply(a, b, len);
            prop_assert_eq!(sum(a, sum(b, c)), sum(sum(a, b), c));
            prop_assert_eq!(product(a, b), product(b, a));
            prop_assert_eq!(product(a, 1 % len), a);
            prop_assert_eq!(sum(product(a, len - 1), a), 0);
            prop_assert_eq!(product(a, sum(b, c)), sum(product(a, b), product(a, c)));
        }
    }
}
