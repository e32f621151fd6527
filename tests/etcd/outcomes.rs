//! What a caller is told when a commit has no answer, when etcd says no, and when a revision is gone.

use std::time::Duration;

use block_ipam::datastore::etcd::Etcd;
use block_ipam::datastore::pages::Pages;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Range, Read, Span, Txn, Write,
};
use block_ipam::revision::Revision;
use block_ipam_testing::etcd::{EtcdOptions, EtcdServer, Refusing};
use futures::future::join_all;

use crate::{First, applied, create, put, read, settings, store};

fn hasty(urls: &[String]) -> Etcd {
    Etcd::new(&settings(urls), Duration::from_millis(400), &First).unwrap()
}

#[tokio::test]
async fn a_commit_that_a_stopped_server_holds_is_indeterminate_and_applies_late() {
    let server = EtcdServer::start();
    let store = hasty(&[server.url()]);
    read(&store, "a").await.unwrap();
    server.pause();
    let done = store.commit(create("a", "late")).await;
    assert!(
        matches!(done, Err(DatastoreError::Indeterminate { .. })),
        "{done:?}"
    );
    server.resume();
    // It is in the server's hands: only its word that the key exists ends the wait.
    while read(&store, "a")
        .await
        .map_or(true, |seen| seen.found[0].entries.is_empty())
    {}
    let seen = read(&store, "a").await.unwrap();
    assert_eq!(seen.found[0].entries[0].value, b"late");
}

#[tokio::test]
async fn a_commit_to_a_server_that_is_down_is_unavailable() {
    let refusing = Refusing::open();
    let store = hasty(&[refusing.url()]);
    let done = store.commit(create("a", "1")).await;
    assert!(
        matches!(done, Err(DatastoreError::Unavailable { .. })),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_server_killed_amidst_commits_keeps_what_it_confirmed_and_has_nothing_called_not_done() {
    const WRITERS: usize = 24;
    let mut server = EtcdServer::start();
    let url = [server.url()];
    let store = hasty(&url);
    for round in 0..4 {
        let key = |writer: usize, step: usize| format!("{round}/{writer}/{step}");
        let writers =
            (0..WRITERS).map(|writer| write_until_it_fails(&store, move |step| key(writer, step)));
        // The kill comes once every writer had an answer, so that all have a commit under way.
        let killer = async {
            while store_has_less(&store, WRITERS * 3, round).await {}
            server.kill();
        };
        let (outcomes, ()) = futures::join!(join_all(writers), killer);
        server.restart();
        for (writer, (confirmed, error)) in outcomes.into_iter().enumerate() {
            for step in 0..confirmed {
                assert!(
                    exists(&store, &key(writer, step)).await,
                    "confirmed and gone"
                );
            }
            match error {
                DatastoreError::Unavailable { .. } => {
                    assert!(
                        !exists(&store, &key(writer, confirmed)).await,
                        "called not done: {error}"
                    );
                }
                DatastoreError::Indeterminate { .. } => {}
                other => panic!("{other}"),
            }
        }
    }
}

/// Returns how many commits were confirmed, and how the one after them failed.
async fn write_until_it_fails(
    store: &Etcd,
    key: impl Fn(usize) -> String,
) -> (usize, DatastoreError) {
    let mut step = 0;
    loop {
        match store.commit(create(&key(step), "1")).await {
            Ok(Commit::Applied(_)) => step += 1,
            Ok(Commit::Conflict(found)) => panic!("nobody else writes {}: {found:?}", key(step)),
            Err(error) => return (step, error),
        }
    }
}

async fn store_has_less(store: &Etcd, count: usize, round: usize) -> bool {
    let range = Range::prefix(format!("{round}/")).keys_only();
    let seen = store.read(Read::latest(vec![range])).await.unwrap();
    seen.found[0].entries.len() < count
}

async fn exists(store: &Etcd, key: &str) -> bool {
    !read(store, key).await.unwrap().found[0].entries.is_empty()
}

#[tokio::test]
async fn a_compacted_revision_ends_a_paged_read() {
    let server = EtcdServer::start();
    let store = store(&[server.url()]);
    for batch in 0..3 {
        let writes = (0..100).map(|i| Write::Put(format!("p/{batch}{i:02}"), vec![b'x'; 50]));
        let writes = writes.collect();
        applied(
            &store,
            Txn {
                guards: vec![],
                writes,
            },
        )
        .await;
    }
    let span = || Span::Prefix("p/".into());
    let mut pages = Pages::of(&store, span());
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.entries.len(), 200);
    applied(&store, put("p/zz", "meanwhile")).await;
    let rest = pages.next().await.unwrap().unwrap();
    assert_eq!((rest.entries.len(), rest.revision), (100, first.revision));
    assert!(pages.next().await.unwrap().is_none());

    let mut pages = Pages::of(&store, span());
    let begun = pages.next().await.unwrap().unwrap().revision;
    applied(&store, put("p/zz", "again")).await;
    server.etcdctl(&["compact", &(begun.0 + 1).to_string()]);
    let error = pages.next().await.unwrap_err();
    assert!(
        matches!(error, DatastoreError::Compacted(at) if at == begun),
        "{error}"
    );
    let at = Some(Revision(1));
    let ranges = vec![Range::key("a"), Range::key("b")];
    let error = store.read(Read { ranges, at }).await.unwrap_err();
    assert!(
        matches!(error, DatastoreError::Compacted(Revision(1))),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_without_space_refuses_writes_and_answers_reads() {
    let quota = "--quota-backend-bytes=1048576".to_owned();
    let server = EtcdServer::start_with(EtcdOptions {
        arguments: vec![quota],
        ..EtcdOptions::default()
    });
    let store = store(&[server.url()]);
    let refused = loop {
        let fill = Txn {
            guards: vec![Guard::NoneCreated(Span::Key("other".into()), Revision(0))],
            writes: vec![Write::Put("fill".into(), vec![b'x'; 100_000])],
        };
        if let Err(error) = store.commit(fill).await {
            break error;
        }
    };
    // The guard says nothing of the key written, so nobody can tell whether the one that crossed the quota was applied.
    assert!(
        matches!(refused, DatastoreError::Indeterminate { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("database space exceeded"),
        "{refused}"
    );
    for _ in 0..3 {
        let refused = store.commit(create("new", "1")).await.unwrap_err();
        assert!(
            matches!(refused, DatastoreError::Rejected { .. }),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("database space exceeded"),
            "{refused}"
        );
    }
    assert!(
        read(&store, "new").await.unwrap().found[0]
            .entries
            .is_empty()
    );
    assert!(
        !read(&store, "fill").await.unwrap().found[0]
            .entries
            .is_empty()
    );
}
