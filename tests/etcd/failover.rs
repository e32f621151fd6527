//! Several endpoints, some of them dead: one that is refused, one that swallows everything, one that stops.

use std::time::{Duration, Instant};

use block_ipam::datastore::etcd::{Etcd, HEDGE_AFTER};
use block_ipam::datastore::{Commit, Datastore, DatastoreError};
use block_ipam_testing::etcd::{BlackHole, EtcdServer, Refusing};

use crate::{First, applied, create, put, read, settings, store};

/// Far above what two hedges cost, far below the deadline of 5 s that a dead endpoint would cost without them.
const PROMPTLY: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "a real network takes real time")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn a_black_hole_costs_a_read_a_hedge_and_the_commit_after_it_nothing() {
    let server = EtcdServer::start();
    let holes = [BlackHole::open(), BlackHole::open()];
    let store = store(&[holes[0].url(), holes[1].url(), server.url()]);
    let start = now();
    read(&store, "a").await.unwrap();
    assert!(2 * HEDGE_AFTER <= start.elapsed() && start.elapsed() < PROMPTLY);
    assert!(holes.iter().all(BlackHole::was_tried));
    assert_eq!(store.answered_by(), Some(server.url()));
    let start = now();
    applied(&store, create("a", "1")).await;
    read(&store, "a").await.unwrap();
    assert!(start.elapsed() < PROMPTLY);
    assert!(
        !holes.iter().any(BlackHole::was_tried),
        "who answered is asked first"
    );
}

#[tokio::test]
async fn a_commit_without_a_read_before_it_finds_a_living_endpoint() {
    let server = EtcdServer::start();
    let hole = BlackHole::open();
    let store = store(&[hole.url(), server.url()]);
    let start = now();
    applied(&store, create("a", "1")).await;
    assert!(start.elapsed() < PROMPTLY);
}

#[tokio::test]
async fn the_endpoint_that_another_process_named_is_asked_first() {
    let server = EtcdServer::start();
    let hole = BlackHole::open();
    let store = store(&[hole.url(), server.url()]);
    store.prefer(&server.url());
    read(&store, "a").await.unwrap();
    assert!(!hole.was_tried());
    store.prefer("http://unknown:1");
    read(&store, "a").await.unwrap();
    assert!(
        !hole.was_tried(),
        "an endpoint that is gone from the settings changes nothing"
    );
}

#[tokio::test]
async fn refused_endpoints_are_passed_over_by_reads_and_by_commits() {
    let server = EtcdServer::start();
    let refusing = [Refusing::open(), Refusing::open()];
    let urls = [refusing[0].url(), refusing[1].url(), server.url()];
    for commit_first in [true, false] {
        let store = store(&urls);
        let start = now();
        if !commit_first {
            read(&store, "a").await.unwrap();
        }
        applied(&store, put("a", "1")).await;
        assert!(start.elapsed() < PROMPTLY);
    }
}

#[tokio::test]
async fn where_nobody_answers_each_endpoint_is_named_within_the_deadline() {
    let hole = BlackHole::open();
    let refusing = Refusing::open();
    let refused = refusing.url();
    let urls = [refused.clone(), hole.url()];
    let deadline = Duration::from_millis(700);
    let store = Etcd::new(&settings(&urls), deadline, &First).unwrap();
    for outcome in [
        read(&store, "a").await.map(|_| ()),
        store.commit(put("a", "1")).await.map(|_| ()),
    ] {
        let start = now();
        let Err(DatastoreError::Unavailable { detail, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(start.elapsed() < PROMPTLY);
        assert!(
            detail.contains(&format!("{refused}: tcp connect error")),
            "{detail}"
        );
        assert!(detail.contains("Connection refused"), "{detail}");
        assert!(
            detail.contains(&format!("{}: no answer within 700ms", hole.url())),
            "{detail}"
        );
    }
    assert_eq!(store.answered_by(), None);
}

#[tokio::test]
async fn an_endpoint_that_stops_is_left_and_found_again() {
    let (mut first, second) = (EtcdServer::start(), EtcdServer::start());
    // Two clusters, so that it shows who answered.
    let store = store(&[first.url(), second.url()]);
    let one = read(&store, "a").await.unwrap().cluster;
    first.pause();
    let other = read(&store, "a").await.unwrap().cluster;
    assert_ne!(one, other);
    first.resume();
    store.prefer(&first.url());
    assert_eq!(read(&store, "a").await.unwrap().cluster, one);
    first.kill();
    assert_eq!(read(&store, "a").await.unwrap().cluster, other);
    first.restart();
    store.prefer(&first.url());
    assert_eq!(read(&store, "a").await.unwrap().cluster, one);
}

#[tokio::test]
async fn a_server_that_restarts_between_two_calls_is_connected_anew() {
    let mut server = EtcdServer::start();
    let store = store(&[server.url()]);
    applied(&store, create("a", "1")).await;
    server.restart();
    let seen = read(&store, "a").await.unwrap();
    assert_eq!(seen.found[0].entries[0].value, b"1");
    let done = store.commit(create("a", "2")).await;
    assert!(matches!(done, Ok(Commit::Conflict(_))), "{done:?}");
}
