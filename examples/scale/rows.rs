//! What is measured, a row each.

use std::time::{Duration, Instant};

use block_ipam::allocator::Hint;
use block_ipam::datastore::observe::Counts;
use block_ipam::datastore::{Datastore, Txn, Write};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

use crate::store::{Fill, Store};
use crate::table::Row;

/// How often what is quick is repeated.
const REPEATS: usize = 100;

/// Measures the groups whose name begins with the word.
pub(crate) async fn all(only: &str) -> Result<Vec<Row>, String> {
    let is_meant = |group: &str| group.starts_with(only);
    let mut rows = Vec::new();
    if is_meant("cold") {
        for (blocks, calico) in [(0, "8.7 ms"), (1_000, "31.8 ms"), (15_000, "337 ms")] {
            rows.push(first_block(blocks, "10.0.0.0/10", REPEATS, calico).await?);
        }
        rows.push(first_block(100_000, "10.0.0.0/8", REPEATS, "-").await?);
        rows.push(first_blocks_at_once().await?);
        rows.push(first_block(973, "10.0.0.0/16", 10, "-").await?);
    }
    if is_meant("full") {
        rows.extend(exhausted(Fill::Plain, "without attributes").await?);
        rows.extend(exhausted(Fill::Attributed, "fully attributed").await?);
    }
    if is_meant("node") {
        rows.push(calls_of_one_node(110, "14.4 s").await?);
        rows.push(calls_of_one_node(250, "not done after 100 s").await?);
    }
    if is_meant("many") {
        rows.push(many_nodes().await?);
    }
    if is_meant("thousand") {
        rows.extend(a_thousand_nodes().await?);
    }
    if is_meant("check") {
        rows.push(check().await?);
    }
    Ok(rows)
}

#[expect(
    clippy::disallowed_methods,
    reason = "measuring time is what this program is for"
)]
fn start() -> Instant {
    Instant::now()
}

fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    if milliseconds < 100.0 {
        format!("{milliseconds:.2} ms")
    } else if milliseconds < 10_000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1e3)
    }
}

fn median_and_worst(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let worst = times[times.len() - 1];
    format!("p50 {}, max {}", milliseconds(median), milliseconds(worst))
}

fn per_call(counts: Counts, calls: usize) -> String {
    let per = |count: usize| count.checked_div(calls).unwrap_or_default();
    format!("{} R + {} W", per(counts.reads), per(counts.commits))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Nodes take their first block, one after the other.
async fn first_block(
    blocks: u32,
    pool: &str,
    repeats: usize,
    calico: &'static str,
) -> Result<Row, String> {
    let store = Store::fresh().await?;
    store.pool(pool, blocks, Fill::Plain).await?;
    store
        .assign("warm-up", "warm-up", &Hint::default())
        .await
        .map_err(told)?;
    store.counting.take();
    let mut times = Vec::new();
    for index in 0..repeats {
        let watch = start();
        let (node, handle) = (format!("n{index}"), format!("h{index}"));
        store
            .assign(&node, &handle, &Hint::default())
            .await
            .map_err(told)?;
        times.push(watch.elapsed());
    }
    Ok(Row {
        work: format!("first block of a node, {blocks} blocks of others in a pool {pool}"),
        ours: median_and_worst(times),
        requests: per_call(store.counting.take(), repeats),
        calico,
    })
}

async fn first_blocks_at_once() -> Result<Row, String> {
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/10", 15_000, Fill::Plain).await?;
    store.counting.take();
    let one = async |index: usize| {
        let watch = start();
        let (node, handle) = (format!("n{index}"), format!("h{index}"));
        let granted = store.assign(&node, &handle, &Hint::default()).await;
        granted.map(|_| watch.elapsed()).map_err(told)
    };
    let times: Result<Vec<Duration>, String> =
        join_all((0..20).map(one)).await.into_iter().collect();
    Ok(Row {
        work: "20 nodes take their first block at once, 15 000 blocks of others".to_owned(),
        ours: median_and_worst(times?),
        requests: per_call(store.counting.take(), 20),
        calico: "p50 12.5 s, max 20.3 s",
    })
}

/// A pool of 1 024 blocks, all of others: refused while all are full, borrowed from when one address is free.
async fn exhausted(fill: Fill, name: &str) -> Result<Vec<Row>, String> {
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/16", 1_024, fill).await?;
    let calico = if fill == Fill::Plain {
        "300 ms, 1 030 R"
    } else {
        "1 030 R"
    };
    let mut rows = Vec::new();
    let repeats = 10;
    for (which, again) in [("refusal", false), ("the same refusal again", true)] {
        let mut times = Vec::new();
        store.counting.take();
        for index in 0..repeats {
            // A node that asks for the first time remembers nothing; the last of them asks again.
            let node = if again { repeats - 1 } else { index };
            let watch = start();
            let refused = store
                .assign(
                    &format!("late{node}"),
                    &format!("r{index}"),
                    &Hint::default(),
                )
                .await;
            times.push(watch.elapsed());
            refused.err().ok_or("a full pool gave an address")?;
        }
        rows.push(Row {
            work: format!("{which} by a pool of 1 024 full blocks, {name}"),
            ours: median_and_worst(times),
            requests: per_call(store.counting.take(), repeats),
            calico,
        });
    }
    let key = "/calico/ipam/v2/assignment/ipv4/block/10.0.77.64-26".to_owned();
    store
        .write(vec![Write::Put(key, half_used().into_bytes())])
        .await?;
    for (which, again) in [("borrowing", false), ("borrowing again", true)] {
        let mut times = Vec::new();
        store.counting.take();
        for index in 0..repeats {
            // A node that borrows for the first time searches; the last of them borrows again.
            let node = if again { repeats - 1 } else { index };
            let handle = format!("{}{index}", if again { "again" } else { "first" });
            let watch = start();
            store
                .assign(&format!("lent{node}"), &handle, &Hint::default())
                .await
                .map_err(told)?;
            times.push(watch.elapsed());
        }
        rows.push(Row {
            work: format!("{which} from the one of 1 024 blocks that has room, {name}"),
            ours: median_and_worst(times),
            requests: per_call(store.counting.take(), repeats),
            calico: "up to 1 024 R more than its ADD",
        });
    }
    Ok(rows)
}

/// A block of another node with one address in use.
fn half_used() -> String {
    let allocations = vec!["null"; 63].join(",");
    let free: Vec<String> = (1..64).map(|ordinal| ordinal.to_string()).collect();
    format!(
        r#"{{"cidr":"10.0.77.64/26","affinity":"host:other","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[0,{allocations}],"unallocated":[{}],"attributes":[{{}}],"sequenceNumber":1772442895123456789,"sequenceNumberForAllocation":{{}},"deleted":false}}"#,
        free.join(",")
    )
}

async fn calls_of_one_node(calls: usize, calico: &'static str) -> Result<Row, String> {
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/16", 0, Fill::Empty).await?;
    store
        .assign("n", "warm-up", &Hint::default())
        .await
        .map_err(told)?;
    store.counting.take();
    let watch = start();
    let one = async |index: usize| {
        store
            .assign("n", &format!("h{index}"), &Hint::default())
            .await
            .map_err(told)
    };
    let granted: Result<Vec<_>, String> = join_all((0..calls).map(one)).await.into_iter().collect();
    granted?;
    Ok(Row {
        work: format!("{calls} calls of one node at once, in one process"),
        ours: milliseconds(watch.elapsed()),
        requests: per_call(store.counting.take(), calls),
        calico,
    })
}

/// 64 nodes assign without a pause; beside it 64 writers commit to keys of their own.
async fn many_nodes() -> Result<Row, String> {
    const NODES: usize = 64;
    const EACH: usize = 40;
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/16", 0, Fill::Empty).await?;
    let node = async |index: usize| {
        let mut hint = Hint::default();
        for number in 0..EACH {
            let grant = store
                .assign(&format!("n{index}"), &format!("h{index}.{number}"), &hint)
                .await
                .map_err(told)?;
            hint.blocks = grant.blocks();
        }
        Ok(())
    };
    let watch = start();
    let done: Result<Vec<()>, String> = join_all((0..NODES).map(node)).await.into_iter().collect();
    done?;
    let ours = (NODES * EACH) as f64 / watch.elapsed().as_secs_f64();
    let writer = async |index: usize| {
        for _ in 0..EACH {
            let put = Write::Put(format!("/bench/{index}"), vec![b'x'; 4096]);
            let txn = Txn {
                guards: Vec::new(),
                writes: vec![put],
            };
            store.counting.commit(txn).await.map_err(told)?;
        }
        Ok(())
    };
    let watch = start();
    let done: Result<Vec<()>, String> =
        join_all((0..NODES).map(writer)).await.into_iter().collect();
    done?;
    let bare = (NODES * EACH) as f64 / watch.elapsed().as_secs_f64();
    Ok(Row {
        work: format!("{NODES} nodes assign at once, in one process"),
        ours: format!("{ours:.0}/s, where bare commits reach {bare:.0}/s"),
        requests: "1 R + 1 W".to_owned(),
        calico: "594/s (10 nodes)",
    })
}

async fn a_thousand_nodes() -> Result<Vec<Row>, String> {
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/12", 0, Fill::Empty).await?;
    let mut rows = Vec::new();
    for (which, calico) in [("first", "18.2 s"), ("second", "4.1 s")] {
        store.counting.take();
        let watch = start();
        let mut running = FuturesUnordered::new();
        for index in 0..1_000 {
            if 2 <= running.len() {
                running.next().await.unwrap_or(Ok(()))?;
            }
            let store = &store;
            running.push(async move {
                let (node, handle) = (format!("n{index}"), format!("{which}{index}"));
                let granted = store.assign(&node, &handle, &Hint::default()).await;
                granted.map(drop).map_err(told)
            });
        }
        while let Some(ended) = running.next().await {
            ended?;
        }
        rows.push(Row {
            work: format!("1 000 nodes take their {which} address, 2 at a time"),
            ours: milliseconds(watch.elapsed()),
            requests: per_call(store.counting.take(), 1_000),
            calico,
        });
    }
    Ok(rows)
}

/// 15 625 full blocks with attributes: a million addresses, and as many handles.
async fn check() -> Result<Row, String> {
    let store = Store::fresh().await?;
    store.pool("10.0.0.0/10", 15_625, Fill::Attributed).await?;
    store.counting.take();
    let watch = start();
    let report = store.allocator.check().await.map_err(told)?;
    let findings = report.report.findings.len() + report.report.left_out;
    Ok(Row {
        work: "`check` of 1 000 000 addresses in 15 625 blocks".to_owned(),
        ours: format!(
            "{}, process at most {} MB, {findings} findings (no handle has a record)",
            milliseconds(watch.elapsed()),
            peak_memory()? / 1024
        ),
        requests: per_call(store.counting.take(), 1),
        calico: "does not run without Kubernetes",
    })
}

/// Returns the most memory that this process ever had, in KiB.
fn peak_memory() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(told)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| "no VmHWM in /proc/self/status".to_owned())
}
