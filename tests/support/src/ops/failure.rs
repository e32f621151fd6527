//! Why an operation gave no result: the text, the recorder's word for what kind of error it is, and a word of ours.

use std::fmt::Display;

use block_ipam::affinity::RangeRefusal;
use block_ipam::allocator::AllocatorError;
use block_ipam::datastore::DatastoreError;
use block_ipam::refusal::Refusal;
use block_ipam::resources::ChangeRefusal;
use serde_json::{Value, json};

/// An error, as `error`, `errorKind` and `refusal` of a result.
#[derive(Debug)]
pub(super) struct Failure {
    text: String,
    kind: &'static str,
    refusal: &'static str,
}

const OTHER: &str = "other";

impl Failure {
    /// The line is no operation.
    pub(super) fn bad_line(what: impl Display) -> Failure {
        Failure::of(OTHER, "bad line", what)
    }

    /// Nobody can ask for it: a name, an address or a contradiction.
    pub(super) fn bad_request(what: impl Display) -> Failure {
        Failure::of(OTHER, "bad request", what)
    }

    pub(super) fn of(kind: &'static str, refusal: &'static str, text: impl Display) -> Failure {
        Failure {
            text: text.to_string(),
            kind,
            refusal,
        }
    }

    /// The same, where an operation of Calico knows it as another kind of error.
    #[must_use]
    pub(super) fn where_kind(self, from: &str, to: &'static str) -> Failure {
        if self.kind == from {
            Failure { kind: to, ..self }
        } else {
            self
        }
    }

    /// Returns the word of ours.
    pub(super) const fn refusal(&self) -> &'static str {
        self.refusal
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the result with the error beside its other members.
    pub(super) fn beside(self, mut members: Value) -> Value {
        members["error"] = json!(self.text);
        members["errorKind"] = json!(self.kind);
        members["refusal"] = json!(self.refusal);
        members
    }
}

impl From<AllocatorError> for Failure {
    fn from(error: AllocatorError) -> Failure {
        let word = match &error {
            AllocatorError::Refused(refusal) => return Failure::from(refusal),
            AllocatorError::Store(error) => return Failure::from(error),
            AllocatorError::Contention { .. } => "contention",
            AllocatorError::Deadline { .. } => "deadline",
            _ => "not done",
        };
        Failure::of(OTHER, word, error)
    }
}

impl From<&DatastoreError> for Failure {
    fn from(error: &DatastoreError) -> Failure {
        let word = match error {
            DatastoreError::Unavailable { .. } => "unavailable",
            DatastoreError::Indeterminate { .. } => "unknown outcome",
            DatastoreError::Corrupt { .. } => "corrupt",
            DatastoreError::Rejected { .. } => "rejected",
            DatastoreError::Compacted(_) => "compacted",
            _ => "not done",
        };
        Failure::of(OTHER, word, error)
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Failure {
        let (kind, word) = match refusal {
            Refusal::NoPool(_) | Refusal::NoAdmissiblePool { .. } => {
                ("no qualified pool", "no pool admits it")
            }
            Refusal::BadPool { .. } => (OTHER, "bad pool"),
            Refusal::Exhausted { .. } => (OTHER, EXHAUSTED),
            Refusal::NoAutoAllocation { .. } => (OTHER, "no automatic blocks"),
            Refusal::BlockLimit { .. } => ("block limit", "block limit"),
            Refusal::AddressTaken { .. } => ("already exists", "taken"),
            Refusal::OtherAssignment { .. } => {
                ("update conflict: bad sequence number", "other assignment")
            }
            Refusal::OutsidePools(_) => (OTHER, "outside pools"),
            Refusal::NotAssigned(_) | Refusal::HoldsNothing(_) => ("not found", "not found"),
            Refusal::HandleFull { .. } => (OTHER, "handle full"),
            Refusal::StrictAffinity { .. } => (OTHER, "strict affinity"),
            Refusal::OtherBlockSize { .. } => (OTHER, "other block size"),
            Refusal::OtherOwner { .. } => ("update conflict", "other owner"),
            Refusal::NoAlternateOwner(_) => ("alternate owner empty", "no alternate owner"),
            Refusal::UnknownNode(_) => ("not found", "no node record"),
            Refusal::Corrupt(_) => (OTHER, "corrupt"),
            Refusal::Change(change) => changed(change),
            Refusal::Range(RangeRefusal::OutsidePools(_)) => (OTHER, "outside pools"),
            Refusal::Range(RangeRefusal::BelowBlockSize { .. }) => (OTHER, "below block size"),
            Refusal::Range(_) => (OTHER, "too many blocks"),
            _ => (OTHER, "rule"),
        };
        Failure::of(kind, word, refusal)
    }
}

/// The word for a request that finds no address left, which Calico takes for a result, not for an error.
pub(super) const EXHAUSTED: &str = "exhausted";

const fn changed(refusal: &ChangeRefusal) -> (&'static str, &'static str) {
    match refusal {
        ChangeRefusal::Exists(..) => ("already exists", "exists"),
        ChangeRefusal::NotFound(..) => ("not found", "not found"),
        ChangeRefusal::Changed { .. } => ("update conflict", "changed"),
        ChangeRefusal::InUse { .. } => (OTHER, "in use"),
        _ => ("validation", "validation"),
    }
}
