//! What operators, collectors and repairers do.

use crate::fate::Fate;
use crate::fate::mix::Chore;
use crate::net::Net;
use crate::operation::{Config, Held, Operation, Pool, Which};
use crate::world::World;

impl Fate {
    /// Draws an operation of an operator, a collector or a repairer, and who does it.
    pub(super) fn chore(&mut self, world: &World) -> (String, Operation) {
        let who = self.dice.below(self.climate.crews);
        let chore = self.climate.mix.chores.draw(&self.dice);
        let repair = (format!("ours:repairer{who}"), Operation::CheckAndRepair);
        let operation = match chore {
            None | Some(Chore::Repair) => return repair,
            Some(Chore::Collect) => {
                let collector = format!("ours:collector{who}");
                // What it knows of an earlier look must be older than the list of who lives: it does one after the other.
                if world.live.values().any(|live| live.actor == collector) {
                    return repair;
                }
                let alive = self.alive();
                return (collector, Operation::Collect { alive });
            }
            Some(chore) => self.order(chore, world),
        };
        let Some(operation) = operation else {
            return repair;
        };
        (self.operator(), operation)
    }

    /// Draws what an operator orders; `None` if there is nothing to order it of.
    fn order(&mut self, chore: Chore, world: &World) -> Option<Operation> {
        match chore {
            Chore::Repair | Chore::Collect => None,
            Chore::DeletePool
            | Chore::DisablePool
            | Chore::ResizePool
            | Chore::CoverPool
            | Chore::SelectRack
            | Chore::RestorePool => self.pool_order(chore),
            Chore::DeleteNode
            | Chore::SurrenderNode
            | Chore::SurrenderDeselected
            | Chore::PutNode => Some(self.node_order(chore)),
            Chore::PutReservation => Some(self.reservation()),
            Chore::DeleteReservation => Some(Operation::DeleteReservation {
                name: self.either(["x", "y"]),
            }),
            Chore::PutConfig => Some(Operation::PutConfig(self.config())),
            Chore::ReleaseAddresses => Some(self.release_order(world)),
            Chore::MoveMachine => self.machine_order(world),
            Chore::SurrenderBlock | Chore::CollectCold | Chore::EnsureBlock | Chore::ClaimRange => {
                self.block_order(chore, world)
            }
        }
    }

    fn either(&self, two: [&str; 2]) -> String {
        two[usize::from(self.dice.below(2) == 0)].to_owned()
    }

    fn node(&self) -> String {
        let node = self.dice.pick(&self.climate.nodes);
        node.map_or("n1", String::as_str).to_owned()
    }

    fn operator(&self) -> String {
        self.actor(&self.either(["operator0", "operator1"]))
    }

    fn config(&self) -> Config {
        let pick = |choices: [u32; 3]| self.dice.pick(&choices).copied().unwrap_or(0);
        Config {
            strict: self.dice.below(2) == 0,
            max_blocks: self.climate.mix.limits.draw(&self.dice).unwrap_or(0),
            cool_down: if 0 < self.climate.cool_down {
                pick([0, 30, 60])
            } else {
                0
            },
        }
    }

    fn pool_order(&self, chore: Chore) -> Option<Operation> {
        let pool = self.dice.pick(&self.climate.pools).cloned()?;
        let pool = match chore {
            Chore::DeletePool => return Some(Operation::DeletePool { name: pool.name }),
            Chore::DisablePool => Pool {
                disabled: true,
                ..pool
            },
            Chore::ResizePool => self.resized(pool),
            Chore::CoverPool => {
                let name = format!("{}2", pool.name);
                self.resized(Pool { name, ..pool })
            }
            Chore::SelectRack => Pool {
                rack: Some(self.either(["r1", "r2"])),
                ..pool
            },
            _ => pool,
        };
        Some(Operation::PutPool(pool))
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

    fn node_order(&mut self, chore: Chore) -> Operation {
        let node = self.node();
        match chore {
            Chore::DeleteNode => {
                self.workloads.retain(|workload| workload.node != node);
                Operation::DeleteNode { node }
            }
            Chore::SurrenderNode => Operation::Surrender {
                which: Which::Node(node),
                in_use: self.dice.below(2) == 0,
            },
            Chore::SurrenderDeselected => Operation::Surrender {
                which: Which::Deselected(node),
                in_use: false,
            },
            _ => Operation::PutNode {
                node,
                rack: ["r1", "r2"][usize::from(self.dice.below(3) == 0)].to_owned(),
            },
        }
    }

    fn reservation(&self) -> Operation {
        let name = self.either(["x", "y"]);
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

    fn release_order(&self, world: &World) -> Operation {
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

    fn block_order(&self, chore: Chore, world: &World) -> Option<Operation> {
        Some(match chore {
            Chore::SurrenderBlock => {
                let (node, block) = self.some_block(world)?;
                Operation::Surrender {
                    which: Which::Block {
                        node,
                        block: block.to_string(),
                    },
                    in_use: self.dice.below(2) == 0,
                }
            }
            Chore::CollectCold => Operation::CollectCold {
                block: self.some_block(world)?.1.to_string(),
            },
            Chore::EnsureBlock => Operation::EnsureBlock {
                node: self.node(),
                pool: "a".to_owned(),
            },
            _ => self.claim_order(world)?,
        })
    }

    /// A block that is there, mostly for the node that has it.
    fn some_block(&self, world: &World) -> Option<(String, Net)> {
        let blocks: Vec<_> = world.checker.state.blocks.values().collect();
        let block = self.dice.pick(&blocks)?;
        let owner = block.owner.as_deref();
        let owner = owner.and_then(|owner| owner.strip_prefix("host:"));
        let owner = owner.filter(|_| self.dice.below(4) != 0);
        let node = owner.map_or_else(|| self.node(), str::to_owned);
        Some((node, block.net))
    }

    /// A block that is there, or one of a pool that may not be.
    fn claim_order(&self, world: &World) -> Option<Operation> {
        let there = self.some_block(world).filter(|_| self.dice.below(2) == 0);
        let (node, net) = match there {
            Some(there) => there,
            None => {
                let pool = self.dice.pick(&self.climate.pools)?;
                let net = Net::parse(&pool.cidr)?;
                let parts: Vec<Net> = net.parts(pool.block_length).collect();
                (self.node(), *self.dice.pick(&parts)?)
            }
        };
        Some(Operation::ClaimRange {
            node,
            cidr: net.to_string(),
        })
    }

    /// A virtual machine moves: the other side is announced, then takes over.
    fn machine_order(&self, world: &World) -> Option<Operation> {
        let held = self.some_held(world).filter(|_| self.climate.machines)?;
        let (address, handle) = (held.address, held.handle?);
        let other = format!("{handle}-moved");
        Some(if self.dice.below(2) == 0 {
            Operation::PromoteOwner { handle, other }
        } else {
            Operation::SetOwners {
                address,
                handle,
                other,
                node: self.node(),
            }
        })
    }
}
