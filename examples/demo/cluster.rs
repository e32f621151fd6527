//! Nodes and their workloads: everything is started at once, every answer is kept and checked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::plugin::Plugin;
use crate::samples::{Samples, Stopwatch};
use crate::times::Times;

/// How many plugin processes a node's runtime starts at once.
const AT_ONCE: usize = 8;
/// How many workloads of each node are started alone.
const ALONE: usize = 5;

/// One workload and what it was given.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) node: String,
    pub(crate) name: String,
    pub(crate) container: String,
    pub(crate) addresses: Vec<String>,
}

/// What starting all workloads brought.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) workloads: Vec<Workload>,
    /// Of those that were started one after the other.
    pub(crate) alone: Times,
    /// Of those that were started at once.
    pub(crate) together: Times,
}

/// The nodes and the plugin on them.
#[derive(Debug)]
pub(crate) struct Cluster {
    plugin: Plugin,
    nodes: Vec<Vec<Workload>>,
}

impl Cluster {
    pub(crate) fn new(plugin: Plugin, nodes: &[&str], workloads: usize) -> Cluster {
        let of_node = |node: &&str| {
            (0..workloads)
                .map(|number| workload(node, number))
                .collect()
        };
        Cluster {
            plugin,
            nodes: nodes.iter().map(of_node).collect(),
        }
    }

    /// Starts the first workloads of each node one after the other, and then the others, [`AT_ONCE`] processes on each node.
    pub(crate) fn add_all(&self) -> Result<Started, Failure> {
        let first: Vec<Workload> = self
            .nodes
            .iter()
            .flat_map(|node| &node[..ALONE])
            .cloned()
            .collect();
        let others: Vec<Vec<Workload>> = self
            .nodes
            .iter()
            .map(|node| node[ALONE..].to_vec())
            .collect();
        let (mut workloads, alone) = on_all(&[first], 1, "ADD", |workload| self.add(workload))?;
        let (rest, together) = on_all(&others, AT_ONCE, "ADD", |workload| self.add(workload))?;
        workloads.extend(rest);
        workloads.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Started {
            workloads,
            alone,
            together,
        })
    }

    fn add(&self, workload: &Workload) -> Result<Workload, Failure> {
        let addresses = self.plugin.add(workload)?;
        if addresses.len() != 2 {
            return Err(format!(
                "{} got {addresses:?}: wanted one address of each family",
                workload.name
            ));
        }
        Ok(Workload {
            addresses,
            ..workload.clone()
        })
    }

    /// Asks again for one workload of each node.
    pub(crate) fn repeat(&self, workloads: &[Workload]) -> Result<(), Failure> {
        for workload in self.one_of_each_node(workloads) {
            let again = self.plugin.add(workload)?;
            if again != workload.addresses {
                return Err(format!(
                    "{} had {:?}, and then got {again:?}",
                    workload.name, workload.addresses
                ));
            }
        }
        Ok(())
    }

    /// Ends every workload, and one of each node once more.
    pub(crate) fn del_all(&self, workloads: &[Workload]) -> Result<Times, Failure> {
        let (_, times) = on_all(&self.nodes, AT_ONCE, "DEL", |workload| {
            self.plugin.del(workload)
        })?;
        for workload in self.one_of_each_node(workloads) {
            self.plugin.del(workload)?;
        }
        Ok(times)
    }

    fn one_of_each_node<'a>(
        &self,
        workloads: &'a [Workload],
    ) -> impl Iterator<Item = &'a Workload> {
        let by_node: BTreeMap<&str, &Workload> = workloads
            .iter()
            .map(|workload| (workload.node.as_str(), workload))
            .collect();
        by_node.into_values()
    }
}

/// Calls for every workload, so many at once on each node.
fn on_all<T: Send>(
    nodes: &[Vec<Workload>],
    at_once: usize,
    what: &'static str,
    call: impl Fn(&Workload) -> Result<T, Failure> + Sync,
) -> Result<(Vec<T>, Times), Failure> {
    let begun = Stopwatch::start();
    let done: Mutex<Vec<(Duration, Result<T, Failure>)>> = Mutex::new(Vec::new());
    let next: Vec<AtomicUsize> = nodes.iter().map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for (workloads, next) in std::iter::zip(nodes, &next) {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some(workload) = workloads.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let started = Stopwatch::start();
                        let result = call(workload);
                        let measured = (started.stop(), result);
                        done.lock().expect("no call panics").push(measured);
                    }
                });
            }
        }
    });
    let wall = begun.stop();
    let done = done.into_inner().expect("no call panics").into_iter();
    let (each, results): (Samples, Vec<_>) = done.unzip();
    let results: Vec<T> = results.into_iter().collect::<Result<_, _>>()?;
    let times = Times {
        what,
        each,
        wall,
        at_once: at_once * nodes.len(),
    };
    Ok((results, times))
}

/// Fails where an address was given twice, or lies in no pool of the demo.
pub(crate) fn check_unique(workloads: &[Workload]) -> Result<(), Failure> {
    let mut holders: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for workload in workloads {
        for text in &workload.addresses {
            let address: IpAddr = text.parse().map_err(|error| format!("{text}: {error}"))?;
            if !in_pools(address) {
                return Err(format!("{address} is in no pool"));
            }
            if let Some(other) = holders.insert(address, &workload.name) {
                return Err(format!(
                    "{address} was given to {other} and to {}",
                    workload.name
                ));
            }
        }
    }
    Ok(())
}

/// The CIDRs of `pools.yaml`.
fn in_pools(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => matches!(v4.octets(), [10, 64, 0..16, _]),
        IpAddr::V6(v6) => matches!(v6.segments(), [0xfd00, 0x64, 0, 0, 0, 0, 0, _]),
    }
}

fn workload(node: &str, number: usize) -> Workload {
    Workload {
        node: node.to_owned(),
        name: format!("{node}-{number:02}"),
        container: format!("c0ffee-{node}-{number:02}"),
        addresses: Vec::new(),
    }
}
