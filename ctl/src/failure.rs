//! How a command ends when it does not end well: what is said, and the exit status.

use std::error::Error;

use block_ipam::allocator::AllocatorError;
use block_ipam::datastore::DatastoreError;
use block_ipam::refusal::Refusal;
use block_ipam::resources::refused::{ChangeRefusal, Inside};

/// Why a command failed, as far as the exit status tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nobody reads our output any more. Not a failure: status 0.
    ClosedPipe,
    /// It has told about its failures already: status 1.
    Told,
    /// It is refused, or went wrong: status 1.
    Refused,
    /// A check found something, and has told it: status 3.
    Found,
    /// The command line makes no sense: status 2.
    Usage,
    /// The store cannot be reached: status 4.
    Unreachable,
}

/// What of a resource stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stood {
    /// It is there, and was to be created.
    Exists,
    /// It changed since it was read.
    Changed,
    /// What is in it has another size.
    OtherSize,
    /// Anything else, or nothing.
    Other,
}

/// A command that did not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// One sentence without a full stop.
    pub(crate) error: String,
    /// What it consists of, one line each.
    pub(crate) details: Vec<String>,
    /// What lies below it, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// What of a resource stood in the way.
    stood: Stood,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, error: impl Into<String>) -> Failure {
        Failure {
            kind,
            error: error.into(),
            details: Vec::new(),
            causes: Vec::new(),
            hints: Vec::new(),
            stood: Stood::Other,
        }
    }

    pub(crate) fn refused(error: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Refused, error)
    }

    /// A failure whose words are out already.
    pub(crate) fn told() -> Failure {
        Failure::new(FailureKind::Told, String::new())
    }

    pub(crate) fn usage(error: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Usage, error)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn details(mut self, details: impl IntoIterator<Item = String>) -> Failure {
        self.details.extend(details);
        self
    }

    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Failure {
        let mut next = Some(error);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Returns whether it is that a resource exists already.
    pub(crate) const fn is_existing(&self) -> bool {
        matches!(self.stood, Stood::Exists)
    }

    /// Returns whether it is that a resource was changed since it was read.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(self.stood, Stood::Changed)
    }

    /// Returns whether it is that a pool would stand over blocks of another size.
    pub(crate) const fn is_other_size(&self) -> bool {
        matches!(self.stood, Stood::OtherSize)
    }

    /// Returns all that it says about what went wrong, in one line.
    pub(crate) fn sentence(&self) -> String {
        let mut parts = vec![self.error.clone()];
        parts.extend(self.details.iter().chain(&self.causes).cloned());
        parts.join(": ")
    }

    /// Returns the exit status, as `ipamctl --help` lists them.
    pub(crate) const fn status(&self) -> u8 {
        match self.kind {
            FailureKind::ClosedPipe => 0,
            FailureKind::Told | FailureKind::Refused => 1,
            FailureKind::Usage => 2,
            FailureKind::Found => 3,
            FailureKind::Unreachable => 4,
        }
    }
}

impl From<AllocatorError> for Failure {
    fn from(error: AllocatorError) -> Failure {
        match error {
            AllocatorError::Refused(refusal) => refusal.into(),
            AllocatorError::Store(error) => error.into(),
            other => Failure::refused(other.to_string()).hint("try again in a moment"),
        }
    }
}

impl From<DatastoreError> for Failure {
    fn from(error: DatastoreError) -> Failure {
        let kind = match error {
            DatastoreError::Unavailable { .. } | DatastoreError::Indeterminate { .. } => {
                FailureKind::Unreachable
            }
            _ => FailureKind::Refused,
        };
        let mut failure = Failure::new(kind, error.to_string());
        if matches!(error, DatastoreError::Compacted(_)) {
            failure = failure.hint("try again, compact it less often, or keep more revisions");
        }
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let failure = Failure::refused(refusal.to_string());
        match &refusal {
            Refusal::Change(refusal) => change(failure, refusal),
            _ => failure,
        }
    }
}

fn change(mut failure: Failure, refusal: &ChangeRefusal) -> Failure {
    match refusal {
        ChangeRefusal::Exists(..) => Failure {
            stood: Stood::Exists,
            ..failure
        }
        .hint("`ipamctl apply` changes what exists"),
        ChangeRefusal::NotFound(kind, _) => failure.hint(format!(
            "`ipamctl get {}` lists what exists",
            kind.to_string().to_lowercase()
        )),
        ChangeRefusal::Changed { kind, name, .. } => Failure {
            stood: Stood::Changed,
            ..failure
        }
        .hint(format!(
            "`ipamctl get {} {name} -o yaml` shows the newest; leave resourceVersion out to overwrite it",
            kind.to_string().to_lowercase()
        )),
        ChangeRefusal::Invalid { kind, name, faults } => {
            failure.error = format!("{kind} `{name}` is refused");
            failure.details(faults.iter().map(ToString::to_string))
        }
        ChangeRefusal::OtherBlockSize { inside, .. } => other_block_size(failure, inside),
        ChangeRefusal::InUse { name, .. } => failure
            .hint(format!(
                "set `disabled: true` in the pool and apply it, so that `{name}` gives out nothing more"
            ))
            .hint("then end the workloads in it: `ipamctl ipam show --show-blocks` shows what is left")
            .hint("or `--force` deletes it and leaves its addresses held in no pool"),
        _ => failure,
    }
}

fn other_block_size(failure: Failure, inside: &Inside) -> Failure {
    let failure = Failure {
        stood: Stood::OtherSize,
        ..failure
    };
    let sizes = inside.examples.iter().map(|block| block.cidr().length());
    let mut sizes: Vec<u8> = sizes.collect();
    sizes.dedup();
    match sizes.as_slice() {
        [size] => failure.hint(format!(
            "with `blockSize: {size}` the pool takes over what is there, if all of it has that size"
        )),
        _ => failure.hint("choose other addresses, or release what is there first"),
    }
}
