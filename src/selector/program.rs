//! A selector as a flat program: steps that set, flip or look at one truth value.
//!
//! `a && b || c` is `a; if false skip to 1; b; 1: if true skip to 2; c; 2:`.

use std::collections::BTreeMap;
use std::mem;

use crate::selector::atom::Atom;
use crate::selector::parse::parse;
use crate::selector::scan::SelectorError;

/// A parsed selector.
///
/// ```
/// use std::collections::BTreeMap;
/// use block_ipam::selector::Selector;
///
/// let selector = Selector::parse("rack == 'r1' && !has(cordoned)")?;
/// let labels = BTreeMap::from([("rack".to_owned(), "r1".to_owned())]);
/// assert!(selector.matches(&labels));
/// # Ok::<(), block_ipam::selector::SelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The value becomes whether the condition holds.
    Test(Atom),
    /// The value becomes its opposite.
    Flip,
    /// Goes on at step `to` if the value is `when`.
    Skip { when: bool, to: usize },
}

impl Selector {
    /// Reads a selector. Blank text selects everything.
    ///
    /// # Errors
    /// [`SelectorError`]: the text is not of the grammar.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        parse(text)
    }

    /// Returns whether it selects something with these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut value = true;
        let mut next = 0;
        while let Some(step) = self.steps.get(next) {
            next += 1;
            match step {
                Step::Test(atom) => value = atom.holds(labels),
                Step::Flip => value = !value,
                Step::Skip { when, to } if value == *when => next = *to,
                Step::Skip { .. } => {}
            }
        }
        value
    }
}

/// Writes the program while the text is read from left to right.
#[derive(Debug, Default)]
pub(super) struct Builder {
    steps: Vec<Step>,
    /// The innermost group that is open; the whole text is one.
    group: Group,
    outer: Vec<Group>,
}

/// What stands between two parentheses: the skips whose target is not yet known.
#[derive(Debug, Default)]
struct Group {
    negated: bool,
    ands: Vec<usize>,
    ors: Vec<usize>,
}

impl Builder {
    pub(super) fn test(&mut self, atom: Atom, negated: bool) {
        self.steps.push(Step::Test(atom));
        self.flip_if(negated);
    }

    pub(super) fn open(&mut self, negated: bool) {
        let group = Group {
            negated,
            ..Group::default()
        };
        self.outer.push(mem::replace(&mut self.group, group));
    }

    /// Ends the innermost group; says no if none is open.
    pub(super) fn close(&mut self) -> bool {
        let Some(outer) = self.outer.pop() else {
            return false;
        };
        let group = mem::replace(&mut self.group, outer);
        self.end(&group);
        true
    }

    pub(super) fn and(&mut self) {
        self.group.ands.push(self.steps.len());
        self.steps.push(Step::Skip { when: false, to: 0 });
    }

    pub(super) fn or(&mut self) {
        let ands = mem::take(&mut self.group.ands);
        self.land(&ands);
        self.group.ors.push(self.steps.len());
        self.steps.push(Step::Skip { when: true, to: 0 });
    }

    /// Returns the selector, or nothing if a group is still open.
    pub(super) fn finish(mut self) -> Option<Selector> {
        let group = mem::take(&mut self.group);
        self.end(&group);
        self.outer
            .is_empty()
            .then_some(Selector { steps: self.steps })
    }

    fn end(&mut self, group: &Group) {
        self.land(&group.ands);
        self.land(&group.ors);
        self.flip_if(group.negated);
    }

    /// Makes the skips at these places lead to what is written next.
    fn land(&mut self, skips: &[usize]) {
        let here = self.steps.len();
        for &skip in skips {
            if let Step::Skip { to, .. } = &mut self.steps[skip] {
                *to = here;
            }
        }
    }

    fn flip_if(&mut self, negated: bool) {
        if negated {
            self.steps.push(Step::Flip);
        }
    }
}
