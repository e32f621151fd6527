//! Who is asked when, and what failures mean: without a network, and with a clock that only moves when all wait.

use std::cell::RefCell;
use std::fs;
use std::time::Duration;

use etcd_client::Error;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::errors::{self, Failure, Kind};
use super::race::first_answer;
use super::*;
use crate::datastore::DatastoreError;
use crate::datastore::settings::{EtcdSettings, Pem, TlsSettings};
use crate::entropy::SystemEntropy;
use crate::revision::Revision;

/// What one endpoint does: after so many milliseconds it answers, or fails.
type Behaviour = (u64, Result<(), Kind>);

const NEVER: u64 = 5_000;

/// Returns who answered, when, and when each was asked.
async fn race(endpoints: &[Behaviour]) -> (Result<usize, Vec<usize>>, u128, Vec<(usize, u128)>) {
    let start = Instant::now();
    let asked = RefCell::new(Vec::new());
    let order = (0..endpoints.len()).collect();
    let outcome = first_answer(order, HEDGE_AFTER, |endpoint| {
        asked
            .borrow_mut()
            .push((endpoint, start.elapsed().as_millis()));
        let (after, outcome) = endpoints[endpoint];
        async move {
            tokio::time::timeout(Duration::from_millis(after), std::future::pending::<()>())
                .await
                .expect_err("it waits for ever");
            outcome.map_err(|kind| Failure::new(kind, "failed"))
        }
    })
    .await;
    let outcome = outcome
        .map(|(endpoint, ())| endpoint)
        .map_err(|failures| failures.into_iter().map(|(endpoint, _)| endpoint).collect());
    (outcome, start.elapsed().as_millis(), asked.into_inner())
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_is_the_only_one_asked() {
    let (answered, after, asked) = race(&[(99, Ok(())), (1, Ok(()))]).await;
    assert_eq!((answered, after, asked), (Ok(0), 99, vec![(0, 0)]));
}

#[tokio::test(start_paused = true)]
async fn silence_costs_a_hedge_and_not_the_deadline() {
    let dead = (NEVER, Err(Kind::Unknown));
    let (answered, after, asked) = race(&[dead, (2, Ok(())), (1, Ok(()))]).await;
    assert_eq!(
        (answered, after, asked),
        (Ok(1), 102, vec![(0, 0), (1, 100)])
    );
    let (answered, after, _) = race(&[dead, dead, (2, Ok(()))]).await;
    assert_eq!((answered, after), (Ok(2), 202));
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_may_still_win() {
    let (answered, after, asked) = race(&[(120, Ok(())), (50, Ok(()))]).await;
    assert_eq!(
        (answered, after, asked),
        (Ok(0), 120, vec![(0, 0), (1, 100)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_passes_to_the_next_at_once() {
    let refused = (1, Err(Kind::NotDone));
    let (answered, after, asked) = race(&[refused, refused, (1, Ok(()))]).await;
    assert_eq!(
        (answered, after, asked),
        (Ok(2), 3, vec![(0, 0), (1, 1), (2, 2)])
    );
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_all_are_named() {
    let (answered, after, _) = race(&[
        (NEVER, Err(Kind::Unknown)),
        (1, Err(Kind::NotDone)),
        (1, Err(Kind::NotDone)),
    ])
    .await;
    assert_eq!((answered, after), (Err(vec![1, 2, 0]), u128::from(NEVER)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_race() {
    for kind in [
        Kind::Refused,
        Kind::Compacted,
        Kind::Token,
        Kind::NoSpace,
        Kind::Unreadable,
    ] {
        let (answered, after, asked) = race(&[(1, Err(kind)), (1, Ok(()))]).await;
        assert_eq!(
            (answered, after, asked.len()),
            (Err(vec![0]), 1, 1),
            "{kind:?}"
        );
    }
}

#[test]
fn each_error_of_etcd_has_its_meaning() {
    let table = [
        (Code::Unavailable, "etcdserver: no leader", Kind::NotDone),
        (
            Code::ResourceExhausted,
            "etcdserver: too many requests",
            Kind::NotDone,
        ),
        (
            Code::Unavailable,
            "etcdserver: rpc not supported for learner",
            Kind::NotDone,
        ),
        (Code::Unknown, "raft proposal dropped", Kind::NotDone),
        (
            Code::Unauthenticated,
            "etcdserver: invalid auth token",
            Kind::Token,
        ),
        (Code::Unknown, "etcdserver: invalid auth token", Kind::Token),
        (
            Code::InvalidArgument,
            "etcdserver: revision of auth store is old",
            Kind::Token,
        ),
        (
            Code::InvalidArgument,
            "etcdserver: user name is empty",
            Kind::Token,
        ),
        (
            Code::InvalidArgument,
            "etcdserver: authentication failed, invalid user ID or password",
            Kind::Refused,
        ),
        (
            Code::PermissionDenied,
            "etcdserver: permission denied",
            Kind::Refused,
        ),
        (
            Code::InvalidArgument,
            "etcdserver: request is too large",
            Kind::Refused,
        ),
        (
            Code::InvalidArgument,
            "etcdserver: too many operations in txn request",
            Kind::Refused,
        ),
        (
            Code::ResourceExhausted,
            "grpc: received message larger than max (3000000 vs. 2097152)",
            Kind::Refused,
        ),
        (Code::DataLoss, "etcdserver: corrupt cluster", Kind::Refused),
        (
            Code::ResourceExhausted,
            "etcdserver: mvcc: database space exceeded",
            Kind::NoSpace,
        ),
        (
            Code::OutOfRange,
            "etcdserver: mvcc: required revision has been compacted",
            Kind::Compacted,
        ),
        (
            Code::OutOfRange,
            "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes",
            Kind::Unreadable,
        ),
        // These come from a server that may have executed the request before, or will.
        (
            Code::Unavailable,
            "etcdserver: request timed out",
            Kind::Unknown,
        ),
        (
            Code::Unavailable,
            "etcdserver: request timed out, possibly due to previous leader failure",
            Kind::Unknown,
        ),
        (
            Code::Unavailable,
            "etcdserver: leader changed",
            Kind::Unknown,
        ),
        (
            Code::Unavailable,
            "etcdserver: server stopped",
            Kind::Unknown,
        ),
        (
            Code::DeadlineExceeded,
            "context deadline exceeded",
            Kind::Unknown,
        ),
        (Code::Cancelled, "Timeout expired", Kind::Unknown),
        (Code::Unavailable, "connection reset", Kind::Unknown),
        (Code::Unknown, "transport error", Kind::Unknown),
        (Code::Internal, "h2 protocol error", Kind::Unknown),
    ];
    for (code, text, kind) in table {
        let failure = Failure::of(&Error::GRpcStatus(Status::new(code, text)));
        assert_eq!(
            (failure.kind, failure.text.as_str()),
            (kind, text),
            "{code:?}"
        );
    }
}

/// What a commit, and a read, come to when this is the last failure.
#[test]
fn only_what_was_surely_not_done_is_unavailable_to_a_commit() {
    let name = |error: DatastoreError| match error {
        DatastoreError::Unavailable { .. } => "unavailable",
        DatastoreError::Indeterminate { .. } => "indeterminate",
        DatastoreError::Rejected { .. } => "rejected",
        DatastoreError::Compacted(_) => "compacted",
        DatastoreError::Corrupt { .. } => "corrupt",
    };
    for (kind, commit, read) in [
        (Kind::NotDone, "unavailable", "unavailable"),
        (Kind::Unknown, "indeterminate", "unavailable"),
        (Kind::Unreadable, "indeterminate", "rejected"),
        (Kind::Refused, "rejected", "rejected"),
        (Kind::Token, "rejected", "rejected"),
        (Kind::NoSpace, "rejected", "rejected"),
        (Kind::Compacted, "indeterminate", "compacted"),
    ] {
        let failures = [("http://a:1", Failure::new(kind, "why"))];
        assert_eq!(name(errors::of_commit(&failures)), commit, "{kind:?}");
        assert_eq!(
            name(errors::of_read(&failures, Some(Revision(1)))),
            read,
            "{kind:?}"
        );
    }
}

#[test]
fn each_endpoint_is_named_with_its_error() {
    let failures = [
        (
            "http://a:1",
            Failure::new(Kind::NotDone, "tcp connect error: Connection refused"),
        ),
        (
            "http://b:1",
            Failure::new(Kind::Unknown, "no answer within 5s"),
        ),
    ];
    assert_eq!(
        errors::of_read(&failures, None).to_string(),
        "datastore is unreachable: http://a:1: tcp connect error: Connection refused; http://b:1: no answer within 5s"
    );
}

#[tokio::test(start_paused = true)]
async fn renewed_certificates_are_noticed_and_half_written_ones_are_waited_for() {
    let folder = tempfile::TempDir::new().unwrap();
    let ca = folder.path().join("ca.crt");
    fs::write(&ca, "old").unwrap();
    let settings = EtcdSettings {
        endpoints: vec!["https://127.0.0.1:1".to_owned()],
        tls: TlsSettings {
            ca: Some(Pem::File(ca.clone())),
            ..TlsSettings::default()
        },
        login: None,
    };
    let store = Etcd::new(&settings, Duration::from_secs(1), &SystemEntropy).unwrap();
    let changed = || store.look_at_files().1;
    assert!(!changed());
    fs::write(&ca, "renewed").unwrap();
    assert!(!changed(), "a short process never looks twice");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(changed());
    assert!(!changed());
    fs::remove_file(&ca).unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(!changed(), "what was read stays in use");
    fs::write(&ca, "renewed again").unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(changed());
}
