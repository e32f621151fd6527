//! How likely each of several things is in a run.

use crate::dice::Dice;

/// Things that may happen, each with its weight.
#[derive(Debug, Clone)]
pub(super) struct Odds<T>(Vec<(T, u64)>);

impl<T: Copy> Odds<T> {
    /// These alone happen, so often beside each other.
    pub(super) fn of(weights: &[(T, u64)]) -> Odds<T> {
        Odds(weights.to_vec())
    }

    /// Leaves out each with one chance in two, and changes the weights of the others; one at least stays.
    ///
    /// Swarm testing: what happens seldom beside everything else happens often where most else does not.
    pub(super) fn thinned(&self, dice: &Dice) -> Odds<T> {
        let kept = self.0.iter().filter(|_| dice.below(2) == 0);
        let kept: Vec<(T, u64)> = kept
            .map(|(thing, weight)| (*thing, weight * (1 + dice.below(4))))
            .collect();
        if !kept.is_empty() {
            return Odds(kept);
        }
        dice.pick(&self.0)
            .map_or_else(|| self.clone(), |one| Odds(vec![*one]))
    }

    /// Draws one; `None` where there are none.
    pub(super) fn draw(&self, dice: &Dice) -> Option<T> {
        let all: u64 = self.0.iter().map(|(_, weight)| weight).sum();
        if all == 0 {
            return None;
        }
        let mut left = dice.below(all);
        for (thing, weight) in &self.0 {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return Some(*thing),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_drawn_by_its_weight() {
        let dice = Dice::new(7);
        let odds = Odds::of(&[('a', 3), ('b', 0), ('c', 1)]);
        let drawn: String = (0..4000).filter_map(|_| odds.draw(&dice)).collect();
        let count = |letter: char| drawn.chars().filter(|own| *own == letter).count();
        assert_eq!((drawn.len(), count('b')), (4000, 0));
        assert!((800..1200).contains(&count('c')), "{}", count('c'));
    }

    #[test]
    fn one_at_least_stays() {
        let odds = Odds::of(&[('a', 3), ('b', 1)]);
        for seed in 0..50 {
            let dice = Dice::new(seed);
            assert!(odds.thinned(&dice).draw(&dice).is_some());
        }
    }
}
