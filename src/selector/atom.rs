//! One condition on labels. An absent label is neither equal to anything nor a member of anything.

use std::collections::{BTreeMap, BTreeSet};

/// A condition that needs no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    /// `all()`, `global()` and the blank selector.
    All,
    /// `has(label)`.
    Has(String),
    /// A label and what is asked of its value.
    Label(String, Test),
}

/// What is asked of the value of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Equals(String),
    Differs(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
}

impl Atom {
    pub(super) fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Atom::All => true,
            Atom::Has(label) => labels.contains_key(label),
            Atom::Label(label, test) => match labels.get(label) {
                Some(value) => test.holds(value),
                None => test.holds_without_label(),
            },
        }
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Test::Equals(wanted) => value == wanted,
            Test::Differs(unwanted) => value != unwanted,
            Test::Contains(part) => value.contains(part.as_str()),
            Test::StartsWith(prefix) => value.starts_with(prefix.as_str()),
            Test::EndsWith(suffix) => value.ends_with(suffix.as_str()),
            Test::In(wanted) => wanted.contains(value),
            Test::NotIn(unwanted) => !unwanted.contains(value),
        }
    }

    fn holds_without_label(&self) -> bool {
        matches!(self, Test::Differs(_) | Test::NotIn(_))
    }
}
