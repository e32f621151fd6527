//! What etcd's errors mean for the caller, in one table.
//!
//! **Invariant:** a commit is called "not done" only where it surely was not executed and never will be.

use std::error::Error as StdError;

use etcd_client::Error;
use tonic::{Code, ConnectError, Status, transport};

use crate::datastore::DatastoreError;
use crate::revision::Revision;

/// One request to one endpoint that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What a failure tells about the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was not sent, or not executed. Another endpoint may do it.
    NotDone,
    /// It was not executed, for the token is of no use any more. A new one may help.
    Token,
    /// It was not executed, and no endpoint will.
    Refused,
    /// The quota is reached. Usually it was not executed; the transaction that crosses the quota is executed on all
    /// members and answered with this error nevertheless.
    NoSpace,
    /// The revision to read at is compacted.
    Compacted,
    /// There is an answer, and it cannot be taken.
    Unreadable,
    /// Nothing is known.
    Unknown,
}

/// Texts of etcd, and what they say. They are the same from 3.4 to 3.7; where a code has one meaning only, the code
/// decides (see [`kind_of_code`]).
const TEXTS: [(&str, Kind); 12] = [
    // Judged before the request is handled or proposed, or dropped by the member's own raft before it was appended.
    ("etcdserver: no leader", Kind::NotDone),
    ("etcdserver: too many requests", Kind::NotDone),
    ("etcdserver: not capable", Kind::NotDone),
    ("etcdserver: rpc not supported for learner", Kind::NotDone),
    ("raft proposal dropped", Kind::NotDone),
    // Judged before the execution. The token has expired; users or roles were changed; authentication was switched on.
    ("etcdserver: invalid auth token", Kind::Token),
    ("etcdserver: revision of auth store is old", Kind::Token),
    ("etcdserver: user name is empty", Kind::Token),
    ("etcdserver: mvcc: database space exceeded", Kind::NoSpace),
    (
        "etcdserver: mvcc: required revision has been compacted",
        Kind::Compacted,
    ),
    (
        "etcdserver: mvcc: required revision is a future revision",
        Kind::Refused,
    ),
    ("etcdserver: corrupt cluster", Kind::Refused),
];

const TOO_LARGE_FOR_US: &str = "decoded message length too large";
const TOO_LARGE_FOR_ETCD: &str = "received message larger than max";
const AUTHENTICATION_OFF: &str = "etcdserver: authentication is not enabled";

impl Failure {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Failure {
        Failure {
            kind,
            text: text.into(),
        }
    }

    /// Judges an error of the client library.
    pub(super) fn of(error: &Error) -> Failure {
        let kind = match error {
            Error::GRpcStatus(status) => kind_of(status),
            // What the library refuses before it sends anything: addresses and certificates that cannot be used.
            Error::InvalidArgs(_)
            | Error::InvalidUri(_)
            | Error::TransportError(_)
            | Error::InvalidMetadataValue(_) => Kind::Refused,
            Error::IoError(_)
            | Error::WatchError(_)
            | Error::Utf8Error(_)
            | Error::LeaseKeepAliveError(_)
            | Error::ElectError(_)
            | Error::EndpointError(_)
            | Error::EndpointsNotManaged
            | Error::Internal(_) => Kind::Unknown,
        };
        Failure::new(kind, text_of(error))
    }

    /// Takes an error of connecting, of which the causes tell more than itself: another endpoint may be reached.
    pub(super) fn unconnected(error: &transport::Error) -> Failure {
        let mut causes = from_cause(StdError::source(error));
        let first = causes.next().map(ToString::to_string);
        let first = first.unwrap_or_else(|| error.to_string());
        Failure::new(Kind::NotDone, with_causes(first, causes))
    }

    /// Judges an error of the connection that came before the request was sent: whatever it is, nothing was done.
    pub(super) fn before_sending(error: &Error) -> Failure {
        let failure = Failure::of(error);
        let kind = match failure.kind {
            Kind::Unknown | Kind::Unreadable => Kind::NotDone,
            Kind::Token => Kind::Refused,
            kind @ (Kind::NotDone | Kind::Refused | Kind::NoSpace | Kind::Compacted) => kind,
        };
        Failure { kind, ..failure }
    }

    /// Returns whether a login was refused only because the cluster asks for none.
    pub(super) fn needs_no_login(&self) -> bool {
        self.text.starts_with(AUTHENTICATION_OFF)
    }

    /// Returns whether asking another endpoint is in vain.
    pub(super) const fn is_final(&self) -> bool {
        match self.kind {
            Kind::Token | Kind::Refused | Kind::NoSpace | Kind::Compacted | Kind::Unreadable => {
                true
            }
            Kind::NotDone | Kind::Unknown => false,
        }
    }

    /// Returns whether the connection is to be made anew. What etcd itself said came over a sound one.
    pub(super) fn doubts_connection(&self) -> bool {
        match self.kind {
            Kind::Token => true,
            Kind::NotDone | Kind::Unknown => !self.text.starts_with("etcdserver: "),
            Kind::Refused | Kind::NoSpace | Kind::Compacted | Kind::Unreadable => false,
        }
    }
}

/// Returns the error of a read from the failures of the endpoints asked, each with its name.
pub(super) fn of_read(failures: &[(&str, Failure)], at: Option<Revision>) -> DatastoreError {
    let detail = list(failures);
    match failures.last().map(|(_, failure)| failure.kind) {
        Some(Kind::Compacted) => DatastoreError::Compacted(at.unwrap_or_default()),
        Some(Kind::Refused | Kind::Token | Kind::NoSpace | Kind::Unreadable) => {
            DatastoreError::rejected(detail)
        }
        Some(Kind::NotDone | Kind::Unknown) | None => DatastoreError::unavailable(detail),
    }
}

/// Returns the error of a commit: what the endpoint asked last says decides, for all before it surely did nothing.
pub(super) fn of_commit(failures: &[(&str, Failure)]) -> DatastoreError {
    let detail = list(failures);
    match failures.last().map(|(_, failure)| failure.kind) {
        Some(Kind::NotDone) | None => DatastoreError::unavailable(detail),
        Some(Kind::Refused | Kind::Token | Kind::NoSpace) => DatastoreError::rejected(detail),
        Some(Kind::Unknown | Kind::Unreadable | Kind::Compacted) => indeterminate(failures),
    }
}

/// Returns the error of a commit that may have been executed.
pub(super) fn indeterminate(failures: &[(&str, Failure)]) -> DatastoreError {
    DatastoreError::Indeterminate {
        detail: list(failures),
        source: None,
    }
}

fn kind_of(status: &Status) -> Kind {
    let text = status.message();
    if never_connected(status) {
        return Kind::NotDone;
    }
    if let Some((_, kind)) = TEXTS.iter().find(|(known, _)| *known == text) {
        return *kind;
    }
    if text.contains(TOO_LARGE_FOR_US) {
        return Kind::Unreadable;
    }
    if text.contains(TOO_LARGE_FOR_ETCD) {
        return Kind::Refused;
    }
    kind_of_code(status.code())
}

/// Codes that etcd gives only to requests that it looked at and did not execute. All others leave open what happened:
/// among them `Unavailable` (timeouts, a stopped server, a lost connection) and `DeadlineExceeded`.
const fn kind_of_code(code: Code) -> Kind {
    match code {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Unimplemented => Kind::Refused,
        Code::Unauthenticated => Kind::Token,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Kind::Unknown,
    }
}

/// Returns whether the connection failed before the request could be sent on it.
fn never_connected(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    from_cause(StdError::source(status))
}

fn from_cause<'a>(
    first: Option<&'a (dyn StdError + 'static)>,
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(first, |cause: &&'a (dyn StdError + 'static)| {
        (*cause).source()
    })
}

/// Returns etcd's words as they are, and of a failed connection every cause once.
fn text_of(error: &Error) -> String {
    let Error::GRpcStatus(status) = error else {
        return with_causes(error.to_string(), causes_of(error));
    };
    with_causes(status.message().to_owned(), causes(status))
}

fn causes_of(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first = match error {
        Error::TransportError(cause) => StdError::source(cause),
        _ => None,
    };
    from_cause(first)
}

fn with_causes<'a>(
    mut text: String,
    causes: impl Iterator<Item = &'a (dyn StdError + 'static)>,
) -> String {
    for cause in causes.map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn list(failures: &[(&str, Failure)]) -> String {
    let texts: Vec<String> = failures
        .iter()
        .map(|(url, failure)| format!("{url}: {}", failure.text))
        .collect();
    texts.join("; ")
}
