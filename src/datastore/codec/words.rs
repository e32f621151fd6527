//! Members that hold one of a few words. A word that we do not know is kept as it is, and written back.

use super::write;
use crate::resources::{AssignmentMode, Encapsulation};
use crate::unknown::Unknown;

/// A member that holds one of a few words.
#[derive(Debug)]
pub(super) struct Words<T: 'static> {
    /// The name of the member; an unknown word is kept under it.
    pub(super) name: &'static str,
    /// What it may say; the first is meant where it says nothing.
    pub(super) all: &'static [T],
    pub(super) word: fn(T) -> &'static str,
    /// What an unknown word is read as.
    pub(super) otherwise: T,
}

pub(super) const VXLAN: Words<Encapsulation> = encapsulation("vxlanMode");
pub(super) const IPIP: Words<Encapsulation> = encapsulation("ipipMode");

/// A pool with an unknown mode serves those that name it, for nobody can tell whom else.
pub(super) const ASSIGNMENT: Words<AssignmentMode> = Words {
    name: "assignmentMode",
    all: &AssignmentMode::ALL,
    word: AssignmentMode::word,
    otherwise: AssignmentMode::Manual,
};

const fn encapsulation(name: &'static str) -> Words<Encapsulation> {
    Words {
        name,
        all: &Encapsulation::ALL,
        word: Encapsulation::word,
        otherwise: Encapsulation::Never,
    }
}

impl<T: Copy + PartialEq> Words<T> {
    /// Reads a word.
    pub(super) fn read(&self, word: Option<&str>, unknown: &mut Unknown) -> T {
        let Some(word) = word.filter(|word| !word.is_empty()) else {
            return self.all[0];
        };
        let known = self.all.iter().find(|known| (self.word)(**known) == word);
        known.copied().unwrap_or_else(|| {
            let mut raw = String::new();
            write::append_string(&mut raw, word);
            unknown.0.insert(self.name.to_owned(), raw);
            self.otherwise
        })
    }

    /// Writes the word; the one that was kept, as long as the value still is what that was read as.
    pub(super) fn append(&self, value: T, unknown: &Unknown, spec: &mut write::Object<'_>) {
        match unknown.0.get(self.name) {
            Some(raw) if value == self.otherwise => spec.plain(self.name, raw),
            _ => spec.text(self.name, (self.word)(value)),
        }
    }
}
