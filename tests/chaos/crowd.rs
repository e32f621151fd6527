//! Workloads that come and go at once in a pool that has just enough for them, while their processes are killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::clock::{Clock, SystemClock};
use block_ipam::entropy::{Entropy, SystemEntropy};
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::report::Grace;
use block_ipam::report::collect::Memory;
use block_ipam_testing::etcd::EtcdServer;
use block_ipam_testing::proxy::Proxy;
use tokio::sync::{Semaphore, watch};

use crate::history::{Answer, Asked, Call, faults};
use crate::plugin::Cluster;

const NODES: usize = 3;
const WORKLOADS: usize = 16;
/// As many addresses as workloads, in two blocks: one that leaks is missed by another workload.
pub(crate) const JUST_ENOUGH: &str = "10.64.0.0/28";
/// Twice as many: what cools must be waited for.
const TIGHT: &str = "10.64.0.0/27";
const AT_ONCE: usize = 8;
/// Kills are drawn from this time: a process that nobody disturbs takes about half of it.
const LONGEST_LIFE_MILLIS: u64 = 120;
/// The code of a refusal for want of addresses, in the plugin's answer.
const EXHAUSTED: &str = "\"code\": 101";
/// How often a runtime asks again before it gives up.
const MOST_CALLS: usize = 500;
/// How long collection may take beyond the cool-down.
const PATIENCE: Duration = Duration::from_secs(60);

fn rounds() -> usize {
    let rounds = std::env::var("CHAOS_ROUNDS").ok();
    rounds.map_or(2, |text| text.parse().expect("CHAOS_ROUNDS is a number"))
}

/// One crowd: the cluster, and a limit of processes at once.
struct Crowd {
    cluster: Cluster,
    seats: Semaphore,
    /// How many calls have ended.
    calls: watch::Sender<usize>,
}

impl Crowd {
    async fn call(&self, asked: Asked, node: &str, container: &str, kills: Kills) -> Call {
        let seat = self.seats.acquire().await.expect("nobody closes it");
        let bits = SystemEntropy.bits();
        let after = Duration::from_millis((bits >> 8) % LONGEST_LIFE_MILLIS);
        let kills = kills == Kills::Often && !bits.is_multiple_of(3);
        let call = self
            .cluster
            .call(asked, node, container, kills.then_some(after))
            .await;
        drop(seat);
        self.calls.send_modify(|count| *count += 1);
        call
    }

    /// Asks until there is an answer, as a runtime does, whose processes may die.
    async fn insist(&self, asked: Asked, node: &str, container: &str, history: &mut Vec<Call>) {
        for _ in 0..MOST_CALLS {
            let call = self.call(asked, node, container, Kills::Often).await;
            let is_done = matches!(call.answer, Answer::Granted(_) | Answer::Released);
            history.push(call);
            if is_done {
                return;
            }
        }
        panic!("{asked:?} of {container} never ended: {:?}", history.last());
    }

    /// A workload's lives: each asks, asks again, and gives back; a release of the life before comes late.
    async fn live(&self, workload: usize) -> Vec<Call> {
        let mut history = Vec::new();
        for round in 0..rounds() {
            // It may move, for its node may be full or gone.
            let node = format!("n{}", (workload + round) % NODES);
            let container = format!("w{workload}-{round}");
            self.insist(Asked::Add, &node, &container, &mut history)
                .await;
            if 0 < round {
                let (before, old) = (format!("n{}", (workload + round - 1) % NODES), round - 1);
                let old = format!("w{workload}-{old}");
                self.insist(Asked::Del, &before, &old, &mut history).await;
            }
            history.push(self.call(Asked::Add, &node, &container, Kills::Never).await);
            self.insist(Asked::Del, &node, &container, &mut history)
                .await;
        }
        // The last life ends in the middle of its beginning, and nobody gives back what it may have.
        let node = format!("n{}", workload % NODES);
        let container = format!("dead{workload}");
        history.push(self.call(Asked::Add, &node, &container, Kills::Often).await);
        history
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kills {
    Often,
    Never,
}

async fn a_crowd_dies_and_comes_again(cluster: Cluster, cool_down: Duration) {
    a_crowd_lives_beside(cluster, cool_down, |_| async {}).await;
}

/// The same while something else goes on, which is told how many calls have ended. What that returns lives on until
/// all was judged.
pub(crate) async fn a_crowd_lives_beside<F: Future>(
    cluster: Cluster,
    cool_down: Duration,
    beside: impl FnOnce(watch::Receiver<usize>) -> F,
) {
    let (calls, ended) = watch::channel(0);
    let crowd = Arc::new(Crowd {
        cluster,
        seats: Semaphore::new(AT_ONCE),
        calls,
    });
    let lives: Vec<_> = (0..WORKLOADS)
        .map(|workload| {
            let crowd = Arc::clone(&crowd);
            tokio::spawn(async move { crowd.live(workload).await })
        })
        .collect();
    let all_lives = async {
        let mut history = Vec::new();
        for life in lives {
            history.extend(life.await.expect("a life ends"));
        }
        history
    };
    let (history, _kept) = tokio::join!(all_lives, beside(ended));
    let told =
        |answer: fn(&Answer) -> bool| history.iter().filter(|call| answer(&call.answer)).count();
    let killed = told(|answer| *answer == Answer::Killed);
    let granted = told(|answer| matches!(answer, Answer::Granted(_)));
    assert!(
        0 < killed && 2 * WORKLOADS * rounds() <= granted,
        "{killed} killed, {granted} granted"
    );
    let waits = |text: &str| !cool_down.is_zero() && text.contains(EXHAUSTED);
    let failed = history.iter().filter(|call| match &call.answer {
        Answer::Failed(text) => !waits(text),
        Answer::Granted(_) | Answer::Released | Answer::Killed => false,
    });
    let failed: Vec<_> = failed.collect();
    assert!(
        failed.is_empty(),
        "p7, p11: a leak takes what another wants: {failed:?}"
    );
    assert_eq!(faults(&history, cool_down), [""; 0]);
    p14_collection_leaves_nothing(&crowd.cluster, cool_down).await;
}

/// Nobody lives any more: what is held is collected, nodes are deleted, and of addresses nothing is left.
async fn p14_collection_leaves_nothing(cluster: &Cluster, cool_down: Duration) {
    let allocator = cluster.allocator();
    let nobody: BTreeSet<HandleId> = BTreeSet::new();
    let grace = Grace {
        leak: Duration::ZERO,
        empty_block: Duration::ZERO,
    };
    let first = allocator.look(&nobody, &Memory::default(), grace).await;
    let (_, memory) = first.expect("the store answers").report;
    let second = allocator.look(&nobody, &memory, grace).await;
    let (collection, _) = second.expect("the store answers").report;
    let released = allocator.release_addresses(&collection.leaked).await;
    let released = released.expect("an answer").released.len();
    assert_eq!(released, collection.leaked.len());
    let handles = cluster.keys("/calico/ipam/v2/handle/").await;
    assert_eq!(handles, [""; 0], "p5: no handle without an address");
    let findings = allocator
        .check()
        .await
        .expect("the store answers")
        .report
        .findings;
    assert_eq!(findings, []);
    for node in 0..NODES {
        let node = NodeName::new(&format!("n{node}")).expect("a name");
        allocator.delete_node(&node).await.expect("an answer");
    }
    let deadline = SystemClock.now().plus(cool_down + PATIENCE);
    loop {
        let cooling = cluster.keys("/calico/ipam/v2/assignment/").await;
        if cooling.is_empty() {
            break;
        }
        assert!(SystemClock.now() < deadline, "p14: {cooling:?}");
        for key in cooling {
            let (_, block) = key.rsplit_once('/').expect("a key of a block");
            let block = block.replacen('-', "/", 1).parse().expect("a block");
            allocator.collect_cold(block).await.expect("an answer");
        }
    }
    for prefix in ["host/", "handle/"] {
        let left = cluster.keys(&format!("/calico/ipam/v2/{prefix}")).await;
        assert_eq!(left, [""; 0], "p14");
    }
    let left = cluster.keys("/block-ipam/v1/borrowed/").await;
    assert_eq!(left, [""; 0], "p14");
}

fn embedded(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}", directory.path().join("ipam.db").display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_on_the_embedded_store_leave_no_trace_and_take_nothing_of_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = embedded(&directory);
    let cluster = Cluster::new(store, directory.path(), JUST_ENOUGH, 0).await;
    a_crowd_dies_and_comes_again(cluster, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_on_etcd_leave_no_trace_and_take_nothing_of_others() {
    let etcd = EtcdServer::start();
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("etcd:{}", etcd.url());
    let cluster = Cluster::new(store, directory.path(), JUST_ENOUGH, 0).await;
    a_crowd_dies_and_comes_again(cluster, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_cools_is_granted_to_nobody_whoever_is_killed() {
    const COOL_DOWN: u64 = 3;
    let directory = tempfile::tempdir().expect("a directory");
    let store = embedded(&directory);
    let cluster = Cluster::new(store, directory.path(), TIGHT, COOL_DOWN).await;
    a_crowd_dies_and_comes_again(cluster, Duration::from_secs(COOL_DOWN)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_of_commits_that_are_lost_cost_no_address_and_change_no_answer() {
    let etcd = EtcdServer::start();
    let proxy = Proxy::open(&etcd.url(), 2).await;
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("etcd:{}", proxy.url());
    let mut cluster = Cluster::new(store, directory.path(), JUST_ENOUGH, 0).await;
    cluster.deadline = 60;
    a_crowd_dies_and_comes_again(cluster, Duration::ZERO).await;
    assert!(
        WORKLOADS < proxy.dropped(),
        "{} replies dropped",
        proxy.dropped()
    );
}
