//! What operators, collectors and repairers do.

use crate::fate::Fate;
use crate::net::Net;
use crate::operation::{Config, Held, Operation, Pool, Which};
use crate::world::World;

impl Fate {
    /// Draws an operation of an operator, a collector or a repairer, and who does it.
    pub(super) fn chore(&mut self, world: &World) -> (String, Operation) {
        let who = self.dice.below(2);
        match self.dice.below(16) {
            0 | 1 => (format!("ours:repairer{who}"), Operation::CheckAndRepair),
            2 | 3 => {
                let alive = self.alive();
                (format!("ours:collector{who}"), Operation::Collect { alive })
            }
            4..=7 => (self.operator(), self.pool_chore()),
            8 | 9 => (self.operator(), self.node_chore()),
            10 => (self.operator(), self.reservation_chore()),
            11 => (self.operator(), Operation::PutConfig(self.config())),
            12 | 13 => (self.operator(), self.release_chore(world)),
            _ => (self.operator(), self.block_chore(world)),
        }
    }

    fn operator(&self) -> String {
        self.actor(["operator0", "operator1"][usize::from(self.dice.below(2) == 0)])
    }

    fn config(&self) -> Config {
        let pick = |choices: [u32; 3]| self.dice.pick(&choices).copied().unwrap_or(0);
        Config {
            strict: self.dice.below(2) == 0,
            max_blocks: pick([0, 1, 2]),
            cool_down: if 0 < self.climate.cool_down {
                pick([0, 30, 60])
            } else {
                0
            },
        }
    }

    fn pool_chore(&self) -> Operation {
        let Some(pool) = self.dice.pick(&self.climate.pools).cloned() else {
            return Operation::CheckAndRepair;
        };
        match self.dice.below(8) {
            0 | 1 => Operation::DeletePool { name: pool.name },
            2 => Operation::PutPool(Pool {
                disabled: true,
                ..pool
            }),
            3 => Operation::PutPool(self.resized(pool)),
            4 => {
                let name = format!("{}2", pool.name);
                Operation::PutPool(self.resized(Pool { name, ..pool }))
            }
            5 => Operation::PutPool(Pool {
                rack: Some(["r1", "r2"][usize::from(self.dice.below(2) == 0)].to_owned()),
                ..pool
            }),
            _ => Operation::PutPool(pool),
        }
    }

    /// The same pool with other blocks: refused while it exists.
    fn resized(&self, pool: Pool) -> Pool {
        let length = Net::parse(&pool.cidr).map_or(0, |net| net.length);
        let shorter = pool.block_length - u8::from(length < pool.block_length);
        let width = if pool.cidr.contains(':') { 128 } else { 32 };
        let longer = (pool.block_length + 1).min(width);
        let block_length = if self.dice.below(2) == 0 {
            shorter
        } else {
            longer
        };
        Pool {
            block_length,
            ..pool
        }
    }

    fn node_chore(&mut self) -> Operation {
        let node = self.dice.pick(&self.climate.nodes);
        let node = node.map_or("n1", String::as_str).to_owned();
        match self.dice.below(5) {
            0 => {
                self.workloads.retain(|workload| workload.node != node);
                Operation::DeleteNode { node }
            }
            1 => Operation::Surrender {
                which: Which::Node(node),
                in_use: self.dice.below(2) == 0,
            },
            2 => Operation::Surrender {
                which: Which::Deselected(node),
                in_use: false,
            },
            _ => Operation::PutNode {
                node,
                rack: ["r1", "r2"][usize::from(self.dice.below(3) == 0)].to_owned(),
            },
        }
    }

    fn reservation_chore(&self) -> Operation {
        let name = ["x", "y"][usize::from(self.dice.below(2) == 0)].to_owned();
        if self.dice.below(2) == 0 {
            return Operation::DeleteReservation { name };
        }
        let pool = self.dice.pick(&self.climate.pools);
        let net = pool.and_then(|pool| Net::parse(&pool.cidr));
        let places = self.dice.below(8);
        let place = usize::try_from(places).unwrap_or(0);
        let cidrs = net.map(|net| net.at(place).to_string());
        Operation::PutReservation {
            name,
            cidrs: cidrs.into_iter().collect(),
        }
    }

    fn release_chore(&self, world: &World) -> Operation {
        let count = 1 + self.dice.below(2);
        let held = (0..count).filter_map(|_| self.some_held(world));
        let vague = self.dice.below(3);
        let held = held.map(|held| match vague {
            0 => Held {
                handle: None,
                sequence: None,
                ..held
            },
            1 => Held {
                sequence: None,
                ..held
            },
            _ => held,
        });
        let mut all: Vec<Held> = held.collect();
        all.sort_by_key(|held| held.address);
        all.dedup_by_key(|held| held.address);
        Operation::ReleaseAddresses(all)
    }

    fn block_chore(&self, world: &World) -> Operation {
        let node = self.dice.pick(&self.climate.nodes);
        let node = node.map_or("n1", String::as_str).to_owned();
        let blocks: Vec<Net> = world.checker.state.blocks.keys().copied().collect();
        let block = self.dice.pick(&blocks).map(ToString::to_string);
        match (self.dice.below(6), block) {
            (0 | 1, Some(block)) => Operation::Surrender {
                which: Which::Block { node, block },
                in_use: self.dice.below(2) == 0,
            },
            (2, Some(block)) => Operation::CollectCold { block },
            (3, _) if self.climate.machines => self.machine_chore(world, node),
            (4, _) => Operation::EnsureBlock {
                node,
                pool: "a".to_owned(),
            },
            (_, block) => Operation::ClaimRange {
                node,
                cidr: block.unwrap_or_else(|| "10.0.0.0/30".to_owned()),
            },
        }
    }

    /// A virtual machine moves: the other side is announced, then takes over.
    fn machine_chore(&self, world: &World, node: String) -> Operation {
        let held = self.some_held(world);
        let Some((address, handle)) = held.and_then(|held| Some((held.address, held.handle?)))
        else {
            return Operation::CheckAndRepair;
        };
        let other = format!("{handle}-moved");
        if self.dice.below(2) == 0 {
            Operation::PromoteOwner { handle, other }
        } else {
            Operation::SetOwners {
                address,
                handle,
                other,
                node,
            }
        }
    }
}
