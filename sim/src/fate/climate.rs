//! What differs between runs: how many nodes, which pools, how much goes wrong. Small, so that things collide.

use crate::dice::Dice;
use crate::operation::Pool;

/// What a run is like.
#[derive(Debug, Clone)]
pub struct Climate {
    /// The nodes.
    pub nodes: Vec<String>,
    /// The pools that it begins with.
    pub pools: Vec<Pool>,
    /// Whether workloads want both families.
    pub dual_stack: bool,
    /// Most addresses of a family that a workload wants.
    pub most_wanted: usize,
    /// Whether there are Windows nodes.
    pub windows: bool,
    /// Whether there are load balancers.
    pub load_balancers: bool,
    /// Whether virtual machines move.
    pub machines: bool,
    /// Seconds of cool-down at the beginning.
    pub cool_down: u32,
    /// Whether affinity is strict at the beginning.
    pub strict: bool,
    /// Most blocks of a node at the beginning; 0 for no limit of its own.
    pub max_blocks: u32,
    /// Whether Calico runs on the store, so that nodes need records.
    pub calico_runs: bool,
    /// Whether half states of dead processes are there at the beginning.
    pub half_states: bool,
    /// Faults, in a thousand requests.
    pub faults: u64,
    /// Deaths of processes, in a thousand steps.
    pub deaths: u64,
    /// Operators' work, in a thousand operations.
    pub chores: u64,
    /// Jumps of clocks, compactions and restored stores, in ten thousand steps.
    pub disasters: u64,
    /// Most processes at a time.
    pub most_live: usize,
    /// Operations of the run.
    pub operations: usize,
}

impl Climate {
    /// Draws what a run is like.
    pub fn draw(dice: &Dice) -> Climate {
        let one_in = |count: u64| dice.below(count) == 0;
        let count = 2 + dice.below(3);
        let windows = one_in(8);
        let load_balancers = one_in(8);
        Climate {
            nodes: (1..=count).map(|index| format!("n{index}")).collect(),
            pools: pools(dice, windows, load_balancers),
            dual_stack: one_in(2),
            most_wanted: if one_in(2) { 1 } else { 3 },
            windows,
            load_balancers,
            machines: one_in(6),
            cool_down: if one_in(3) { 30 } else { 0 },
            strict: one_in(4),
            max_blocks: if one_in(3) { 1 } else { 0 },
            calico_runs: one_in(3),
            half_states: one_in(4),
            faults: [0, 20, 80, 200][index(dice, 4)],
            deaths: [0, 10, 40][index(dice, 3)],
            chores: [50, 300, 600][index(dice, 3)],
            disasters: [0, 20, 100][index(dice, 3)],
            most_live: [2, 3, 4, 6, 8][index(dice, 5)],
            operations: 12 + index(dice, 24),
        }
    }
}

fn index(dice: &Dice, limit: u64) -> usize {
    usize::try_from(dice.below(limit)).unwrap_or(0)
}

fn pools(dice: &Dice, windows: bool, load_balancers: bool) -> Vec<Pool> {
    let mut pools = match dice.below(4) {
        0 => vec![pool("a", "10.0.0.0/29", 30), pool("b", "10.0.1.0/30", 31)],
        1 => vec![pool("a", "10.0.0.0/30", 31)],
        2 => vec![pool("a", "10.0.0.0/30", 32)],
        _ => vec![pool("a", "10.0.0.0/28", 30)],
    };
    pools.push(pool("six", "fd00::/125", 127));
    if windows {
        pools.push(pool("w", "10.0.2.0/28", 29));
    }
    if load_balancers {
        pools.push(Pool {
            load_balancer: true,
            ..pool("l", "10.0.3.0/30", 31)
        });
    }
    if dice.below(3) == 0 {
        pools[0].rack = Some("r1".to_owned());
    }
    pools
}

fn pool(name: &str, cidr: &str, block_length: u8) -> Pool {
    Pool {
        name: name.to_owned(),
        cidr: cidr.to_owned(),
        block_length,
        disabled: false,
        rack: None,
        load_balancer: false,
    }
}
