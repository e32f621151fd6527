//! Where the walk over a pool's blocks began: free on the wire, and drawn by Calico from the node's name, or from the
//! time where blocks have one address. The recordings show where it was.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use block_ipam::blocks::{Address, Cidr};
use block_ipam_sim::calico::Starts;

use crate::load::Transition;

/// One beginning for every walk of a pool, but for single addresses: there each walk begins at the address it found.
#[derive(Debug)]
struct Recorded {
    firsts: Vec<Cidr>,
    singles: Mutex<VecDeque<Address>>,
}

/// Returns the beginnings of one recorded operation.
pub(crate) fn of(transition: &Transition) -> Arc<dyn Starts> {
    let families = [&transition.result["v4"], &transition.result["v6"]];
    let texts = families
        .into_iter()
        .filter_map(|family| family["ips"].as_array())
        .flatten()
        .filter_map(|ip| ip.as_str()?.split_once('/'));
    let singles = texts
        .filter(|(_, length)| ["32", "128"].contains(length))
        .filter_map(|(address, _)| address.parse().ok());
    Arc::new(Recorded {
        firsts: firsts(transition),
        singles: Mutex::new(singles.collect()),
    })
}

/// The block that was asked for after each look at all blocks; behind the end of a recording, what was new.
fn firsts(transition: &Transition) -> Vec<Cidr> {
    let trace = &transition.trace;
    let looks = trace
        .windows(2)
        .filter(|pair| pair[0] == "LIST ipam/assignment");
    let asked = looks.filter_map(|pair| block(&pair[1]));
    let after = transition.after.keys();
    let new = after.filter(|key| !transition.before.contains_key(*key));
    asked.chain(new.filter_map(|key| block(key))).collect()
}

/// The block that a key, or a line with one, names.
fn block(line: &str) -> Option<Cidr> {
    let (_, block) = line.split_once("/block/")?;
    let block = block.split(' ').next()?;
    block.replacen('-', "/", 1).parse().ok()
}

impl Starts for Recorded {
    fn start(&self, _: &str, pool: Cidr, blocks: u128) -> u128 {
        let index =
            |address: Address| (address.bits() - pool.first().bits()) / (pool.size() / blocks);
        let mut singles = self.singles.lock().expect("nobody panics with it");
        let single = singles.front().copied();
        if let Some(address) = single.filter(|own| pool.contains(*own) && pool.size() == blocks) {
            singles.pop_front();
            return index(address);
        }
        let first = self.firsts.iter().find(|block| pool.covers(**block));
        first.map_or(0, |block| index(block.first()))
    }
}
