//! Leaving out of a trace what is not needed: delta debugging over the choices, for a part of a trace is a trace.

use crate::fleet::Fleet;
use crate::run::{Outcome, replay};
use crate::trace::{Choice, Trace};

/// Returns a part of the trace that breaks the same invariant, from which no single choice can be left out.
pub fn minimise(outcome: &Outcome, fleet: Fleet) -> Trace {
    let mut trace = outcome.trace.clone();
    let Some(violation) = &outcome.violation else {
        return trace;
    };
    let breaks = |choices: &[Choice]| {
        let part = Trace {
            beginning: trace.beginning.clone(),
            choices: choices.to_vec(),
        };
        let again = replay(&part, fleet, &mut |_| {}).violation;
        again.is_some_and(|again| again.invariant == violation.invariant)
    };
    trace.choices = without_needless(trace.choices.clone(), breaks);
    trace
}

fn without_needless<T: Clone>(mut all: Vec<T>, breaks: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut size = all.len().div_ceil(2);
    while 0 < size {
        let mut from = 0;
        let mut left_out = false;
        while from < all.len() {
            let to = (from + size).min(all.len());
            let part: Vec<T> = all[..from].iter().chain(&all[to..]).cloned().collect();
            if breaks(&part) {
                all = part;
                left_out = true;
            } else {
                from = to;
            }
        }
        if size == 1 && !left_out {
            break;
        }
        size = if size == 1 { 1 } else { size.div_ceil(2) };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays() {
        let needed = |part: &[u32]| part.contains(&3) && part.contains(&17);
        let part = without_needless((0..40).collect(), needed);
        assert_eq!(part, [3, 17]);
    }
}
