//! What creating, replacing and applying have in common.

use crate::plan::{Change, Guard, Plan, RecordId, Recorded, Step, Stop};
use crate::resources::field::FieldError;
use crate::resources::metadata::Metadata;
use crate::resources::refused::{ChangeRefusal, Kind};
use crate::revision::Revision;

/// What to do about a resource that exists, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It must not exist.
    Create,
    /// It must exist.
    Replace,
    /// Either.
    Apply,
}

/// A request to write a resource.
///
/// Its `uid` is drawn once for each request, not for each try: by it a repeated try knows its own work (p7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put<T> {
    /// The whole new resource.
    pub value: T,
    /// What to do.
    pub mode: Mode,
    /// The revision that the caller saw; `None` to overwrite whatever is there.
    pub expected: Option<Revision>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was created.
    Created,
    /// It was replaced.
    Replaced,
    /// It was so already.
    Unchanged,
}

/// What a change is about.
pub(super) struct Subject<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) record: RecordId,
}

impl Subject<'_> {
    pub(super) fn not_found(&self) -> Stop {
        refuse(ChangeRefusal::NotFound(self.kind, self.name.to_owned()))
    }

    pub(super) fn exists(&self) -> Stop {
        refuse(ChangeRefusal::Exists(self.kind, self.name.to_owned()))
    }

    pub(super) fn invalid(&self, faults: Vec<FieldError>) -> Stop {
        refuse(ChangeRefusal::Invalid {
            kind: self.kind,
            name: self.name.to_owned(),
            faults,
        })
    }

    pub(super) fn expect(&self, found: Revision, expected: Option<Revision>) -> Result<(), Stop> {
        match expected {
            Some(given) if given != found => Err(refuse(ChangeRefusal::Changed {
                kind: self.kind,
                name: self.name.to_owned(),
                given,
                found,
            })),
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses what the mode does not allow. An earlier try of this request counts as absent.
    pub(super) fn admit<T>(
        &self,
        put: &Put<T>,
        existing: Option<&Metadata>,
        own: &Metadata,
    ) -> Result<(), Stop> {
        let ours = existing.is_some_and(|existing| is_same_request(existing, own));
        match (put.mode, existing) {
            (Mode::Create, _) if put.expected.is_some() => {
                Err(self.invalid(vec![FieldError::bare(
                    "metadata.resourceVersion",
                    "must not be set on create",
                )]))
            }
            (Mode::Create, Some(_)) if !ours => Err(self.exists()),
            (Mode::Replace, None) => Err(self.not_found()),
            (Mode::Create | Mode::Replace | Mode::Apply, _) => Ok(()),
        }
    }

    /// Plans the change of a record that exists and was admitted, or says that nothing changes.
    pub(super) fn replace<T: PartialEq>(
        &self,
        put: &Put<T>,
        old: &Recorded<T>,
        new: T,
        change: impl FnOnce(T) -> Change,
    ) -> Result<Step<Written>, Stop> {
        if put.mode == Mode::Create {
            return Ok(Step::Done(Written::Created));
        }
        if old.value == new {
            return Ok(Step::Done(Written::Unchanged));
        }
        self.expect(old.revision, put.expected)?;
        let guard = Guard::At(self.record.clone(), old.revision);
        Ok(commit(vec![guard], change(new), Written::Replaced))
    }
}

fn is_same_request(existing: &Metadata, own: &Metadata) -> bool {
    own.uid.is_some() && own.uid == existing.uid
}

pub(super) fn refuse(refusal: ChangeRefusal) -> Stop {
    Stop::Refuse(refusal.into())
}

pub(super) fn commit<T>(guards: Vec<Guard>, change: Change, outcome: T) -> Step<T> {
    Step::Commit(Plan {
        guards,
        changes: vec![change],
        outcome,
        more: false,
    })
}

/// Returns the new metadata over the old: identity stays, and so do members that the new one does not name.
pub(super) fn carried(old: &Metadata, new: Metadata) -> Metadata {
    let mut unknown = old.unknown.clone();
    unknown.0.extend(new.unknown.0);
    Metadata {
        uid: old.uid.clone().or(new.uid),
        created: old.created.clone().or(new.created),
        deletion_requested: old.deletion_requested.clone(),
        unknown,
        ..new
    }
}
