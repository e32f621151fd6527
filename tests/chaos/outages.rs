//! Clients of an etcd of three members, one of which stops without ending, or is killed and comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use block_ipam_testing::cluster::EtcdCluster;
use tokio::sync::watch;

use crate::crowd::{JUST_ENOUGH, a_crowd_lives_beside};
use crate::history::{Answer, Asked, faults};
use crate::plugin::Cluster;

const POOL: &str = "10.64.0.0/28";
/// Calls that end while a member is gone, before it comes back.
const CALLS_WITHOUT: usize = 16;
/// How long they may take. An election takes about a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// The member that answered the node last, by its own notes.
fn answered_last(cluster: &Cluster, urls: &[String], node: &str) -> String {
    let files = std::fs::read_dir(cluster.run_dir(node)).expect("a folder of hints");
    let mut texts = Vec::new();
    for entry in files.flatten() {
        let inner = std::fs::read_dir(entry.path())
            .into_iter()
            .flatten()
            .flatten();
        let paths = std::iter::once(entry.path()).chain(inner.map(|entry| entry.path()));
        texts.extend(paths.filter_map(|path| std::fs::read_to_string(path).ok()));
    }
    let named = urls
        .iter()
        .find(|url| texts.iter().any(|text| text.contains(url.as_str())));
    named
        .unwrap_or_else(|| panic!("no hint names a member: {texts:?}"))
        .clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_member_stopped_goes_on_with_another() {
    let etcd = EtcdCluster::start();
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("etcd:{}", etcd.urls().join(","));
    let cluster = Cluster::new(store, directory.path(), POOL, 0).await;
    let mut history = vec![cluster.call(Asked::Add, "n0", "first", None).await];
    let member = answered_last(&cluster, &etcd.urls(), "n0");
    etcd.pause(&member);
    for container in ["first", "second", "third"] {
        history.push(cluster.call(Asked::Add, "n0", container, None).await);
    }
    history.push(cluster.call(Asked::Del, "n0", "second", None).await);
    etcd.resume(&member);
    for container in ["first", "third"] {
        history.push(cluster.call(Asked::Add, "n0", container, None).await);
    }
    let failed: Vec<_> = history
        .iter()
        .filter(|call| matches!(call.answer, Answer::Failed(_)))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(faults(&history, Duration::ZERO), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_pinned_to_a_stopped_member_was_refused_is_taken_at_most_once() {
    let etcd = EtcdCluster::start();
    let directory = tempfile::tempdir().expect("a directory");
    let pinned = etcd.urls()[0].clone();
    let mut cluster = Cluster::new(format!("etcd:{pinned}"), directory.path(), POOL, 0).await;
    cluster.deadline = 3;
    let before = cluster.call(Asked::Add, "n0", "before", None).await;
    etcd.pause(&pinned);
    let refused = cluster.call(Asked::Add, "n0", "during", None).await;
    assert!(
        matches!(&refused.answer, Answer::Failed(text) if text.contains("\"code\": 11")),
        "{refused:?}"
    );
    etcd.resume(&pinned);
    cluster.deadline = 60;
    let mut history = vec![before, refused];
    for container in ["during", "during", "before"] {
        history.push(cluster.call(Asked::Add, "n0", container, None).await);
    }
    assert_eq!(faults(&history, Duration::ZERO), [""; 0]);
    let handles = cluster.keys("/calico/ipam/v2/handle/").await;
    assert_eq!(handles.len(), 2, "{handles:?}");
    for container in ["during", "before"] {
        history.push(cluster.call(Asked::Del, "n0", container, None).await);
    }
    let told: BTreeSet<bool> = history[2..]
        .iter()
        .map(|call| matches!(call.answer, Answer::Granted(_) | Answer::Released))
        .collect();
    assert_eq!(told, BTreeSet::from([true]), "{history:?}");
    let handles = cluster.keys("/calico/ipam/v2/handle/").await;
    assert_eq!(handles, [""; 0], "nothing is left");
}

/// Waits until so many calls more have ended.
async fn calls_end(ended: &mut watch::Receiver<usize>, more: usize) {
    let before = *ended.borrow();
    let enough = ended.wait_for(|count| before + more <= *count);
    let waited = tokio::time::timeout(PATIENCE, enough).await;
    let count = waited.expect("calls end while a member is gone");
    count.expect("the crowd lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_loses_nothing_while_each_member_is_killed_and_comes_back() {
    let mut etcd = EtcdCluster::start();
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("etcd:{}", etcd.urls().join(","));
    let cluster = Cluster::new(store, directory.path(), JUST_ENOUGH, 0).await;
    a_crowd_lives_beside(cluster, Duration::ZERO, |mut ended| async move {
        // One of the three is the leader.
        for member in etcd.urls() {
            etcd.kill(&member);
            calls_end(&mut ended, CALLS_WITHOUT).await;
            tokio::task::block_in_place(|| etcd.restart(&member));
        }
        etcd
    })
    .await;
}
