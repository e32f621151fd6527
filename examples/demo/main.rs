//! Plays a cluster from nothing to nothing left: pools, three nodes, the plugin as a runtime starts it, and every answer checked.
//!
//! `demo STORE DIR`: STORE is `sqlite:PATH` or `etcd:URL`, empty; DIR takes what the plugin keeps of each node.
//! Built programs do everything, `ipamctl` and the plugin; the library only looks at what is left in the end.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

mod cluster;
mod ipamctl;
mod leftovers;
mod plugin;
#[path = "../bench/samples.rs"]
mod samples;
mod times;

use std::path::Path;
use std::process::ExitCode;

use cluster::{Cluster, Workload};
use ipamctl::Ipamctl;
use plugin::Plugin;

/// Why the demo failed, in words.
type Failure = String;

const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];
const WORKLOADS: usize = 40;
const POOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/pools.yaml");

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, dir] = arguments.as_slice() else {
        eprintln!("demo sqlite:PATH|etcd:URL DIR");
        return ExitCode::from(2);
    };
    match play(store, Path::new(dir)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("demo failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn play(store: &str, dir: &Path) -> Result<(), Failure> {
    let ipamctl = Ipamctl::new(store)?;
    let cluster = Cluster::new(Plugin::new(store, dir)?, &NODES, WORKLOADS);

    title("An operator applies a pair of pools");
    ipamctl.show(&["apply", "-f", POOLS])?;
    ipamctl.show(&["get", "ippools", "-o", "wide"])?;

    title(
        "A runtime on each of three nodes starts 40 workloads: one plugin process each, many at once",
    );
    let adds = cluster.add_all()?;
    println!("{}\n{}", adds.alone, adds.together);
    println!("(a build for tests; `make bench` measures the one that is shipped)");
    cluster::check_unique(&adds.workloads)?;
    sample(&adds.workloads);

    title("A runtime that lost an answer asks again and gets the same addresses");
    cluster.repeat(&adds.workloads)?;
    println!("{} repeated, nothing more taken", NODES.len());

    title("What stands in the store");
    ipamctl.show(&["ipam", "show"])?;
    blocks_of_nodes(&ipamctl)?;
    ipamctl.show(&["ipam", "show", "--ip", &adds.workloads[0].addresses[0]])?;

    title("All workloads end; one DEL of each node comes twice");
    println!("{}", cluster.del_all(&adds.workloads)?);

    title("What is left: no address, no handle; the nodes keep their empty blocks");
    blocks_of_nodes(&ipamctl)?;
    ipamctl.show(&["ipam", "show"])?;
    let blocks = leftovers::check(store).await?;
    println!(
        "\nno address is held, no handle is left; {blocks} empty blocks stay with their nodes"
    );
    Ok(())
}

/// Shows the blocks of each node; the addresses, which `ipamctl` prints below them, are many.
fn blocks_of_nodes(ipamctl: &Ipamctl) -> Result<(), Failure> {
    NODES
        .iter()
        .try_for_each(|node| ipamctl.show_first_table(&["node", "show", node]))
}

fn title(text: &str) {
    println!("\n== {text}");
}

fn sample(workloads: &[Workload]) {
    for node in NODES {
        for workload in workloads
            .iter()
            .filter(|workload| workload.node == node)
            .take(2)
        {
            println!(
                "{:8} {:12} {}",
                workload.node,
                workload.name,
                workload.addresses.join("  ")
            );
        }
    }
}
