//! What differs between runs: how many nodes, which pools, how much goes wrong. Small, so that things collide.

use crate::dice::Dice;
use crate::fate::mix::Mix;
use crate::fate::theme::Theme;
use crate::fleet::Fleet;
use crate::net::Net;
use crate::operation::Pool;

/// What is called a few nodes where there are more of them.
const FEW: u64 = 4;

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
    /// Most workloads at a time.
    pub workloads: usize,
    /// How many collectors, repairers and operators of each kind there are.
    pub crews: u64,
    /// Whether processes stall while others run on; else each goes on as often as any other.
    pub stalls: bool,
    /// What happens.
    pub(super) mix: Mix,
}

impl Climate {
    /// Draws what a run of the fleet is like. Whatever is there for a few nodes grows with their number.
    pub fn draw(dice: &Dice, fleet: Fleet) -> Climate {
        let one_in = |count: u64| dice.below(count) == 0;
        let few = 2 + dice.below(3);
        let count = fleet.nodes.map_or(few, u64::from);
        let times = index_of(count / FEW).max(1);
        let windows = one_in(8);
        let load_balancers = one_in(8);
        let mut climate = Climate {
            nodes: (1..=count).map(|index| format!("n{index}")).collect(),
            pools: pools(dice, windows, load_balancers, times),
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
            most_live: [2, 3, 4, 6, 8][index(dice, 5)] * times.div_ceil(2),
            operations: (12 + index(dice, 24)) * times,
            workloads: 7 * times,
            crews: 2,
            stalls: one_in(3),
            mix: Mix::all(),
        };
        let theme = match dice.below(10) {
            0..=2 => None,
            3..=5 => {
                climate.mix = Mix::thinned(dice);
                None
            }
            _ => Theme::draw(dice),
        };
        if let Some(theme) = fleet.theme.or(theme) {
            theme.shape(dice, &mut climate);
        }
        climate
    }
}

fn index(dice: &Dice, limit: u64) -> usize {
    index_of(dice.below(limit))
}

fn index_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn pools(dice: &Dice, windows: bool, load_balancers: bool, times: usize) -> Vec<Pool> {
    let mut pools = small_pools(dice, windows, load_balancers);
    for pool in &mut pools {
        let wider = Net::parse(&pool.cidr).map(|net| net.wider(times.ilog2()));
        if let Some(wider) = wider {
            pool.cidr = wider.to_string();
        }
    }
    pools
}

fn small_pools(dice: &Dice, windows: bool, load_balancers: bool) -> Vec<Pool> {
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

/// Returns a pool that serves everybody's workloads.
pub(super) fn pool(name: &str, cidr: &str, block_length: u8) -> Pool {
    Pool {
        name: name.to_owned(),
        cidr: cidr.to_owned(),
        block_length,
        disabled: false,
        rack: None,
        load_balancer: false,
    }
}
