//! The scheduler: who begins, who goes on, and what goes wrong, one choice after another.

use std::collections::BTreeMap;

use crate::actor::Answer;
use crate::dice::Dice;
use crate::fate::beginning;
use crate::fate::climate::Climate;
use crate::fate::mix::{Disaster, Trouble};
use crate::fate::workloads::Workload;
use crate::fleet::{Fleet, Kind};
use crate::operation::{Held, Operation};
use crate::trace::{Beginning, Choice};
use crate::wire::{Fault, Task};
use crate::world::World;

/// Past allocations that somebody may still believe in.
const MOST_PAST: usize = 32;

/// Draws the choices of a run.
#[derive(Debug)]
pub struct Fate {
    pub(super) dice: Dice,
    pub(super) climate: Climate,
    pub(super) kind: Kind,
    pub(super) workloads: Vec<Workload>,
    pub(super) made: usize,
    /// Blocks that were seen at any time: old hints.
    pub(super) blocks: Vec<String>,
    /// Allocations that were seen at any time.
    pub(super) past: Vec<Held>,
    seed: u64,
    begun: usize,
    next_task: Task,
    /// Where processes stall: who goes on first.
    ranks: BTreeMap<Task, u64>,
    /// What follows the choice before.
    queued: Vec<Choice>,
}

impl Fate {
    /// Returns what happens with this seed.
    pub fn new(seed: u64, fleet: Fleet) -> Fate {
        let dice = Dice::of(seed, 0);
        Fate {
            climate: Climate::draw(&dice, fleet),
            kind: fleet.kind,
            dice,
            workloads: Vec::new(),
            made: 0,
            blocks: Vec::new(),
            past: Vec::new(),
            seed,
            begun: 0,
            next_task: 0,
            ranks: BTreeMap::new(),
            queued: Vec::new(),
        }
    }

    /// Returns what the run is like.
    pub const fn climate(&self) -> &Climate {
        &self.climate
    }

    /// Returns how the run begins.
    pub fn beginning(&self) -> Beginning {
        Beginning {
            seed: self.seed,
            store: beginning::store(&self.climate, &self.dice),
        }
    }

    /// Returns the next choice; `None` when everything that was begun has ended.
    pub fn next(&mut self, world: &World) -> Option<Choice> {
        if let Some(choice) = self.queued.pop() {
            return Some(choice);
        }
        let left = self.begun < self.climate.operations;
        if world.live.is_empty() && !left {
            return None;
        }
        if self.dice.per_mille(20) {
            self.look_around(world);
        }
        let room = world.live.len() < self.climate.most_live;
        if left && room && (world.live.is_empty() || self.dice.below(3) == 0) {
            self.begun += 1;
            return Some(self.begin(world));
        }
        if let Some(choice) = self.disaster(world) {
            return Some(choice);
        }
        let task = self.runner(world)?;
        if self.dice.per_mille(self.climate.deaths) {
            return Some(Choice::Crash { task });
        }
        // Calico's programs take a lost answer for a failure; what follows is known, and none of ours.
        let calico = world.live.get(&task)?.actor.starts_with("calico:");
        let fault = self
            .fault()
            .filter(|fault| !calico || *fault == Fault::Touch);
        let millis = 1 + self.dice.below(20);
        self.queued.push(Choice::Step { task, fault });
        Some(Choice::Pass { millis })
    }

    fn begin(&mut self, world: &World) -> Choice {
        let (actor, operation) = if self.dice.per_mille(self.climate.chores) {
            self.chore(world)
        } else {
            self.work(world)
        };
        let task = self.next_task;
        self.next_task += 1;
        Choice::Begin {
            task,
            actor,
            operation,
        }
    }

    /// Takes note of how a process ended.
    pub fn ended(&mut self, operation: &Operation, answer: &Answer) {
        self.workload_ended(operation, answer);
    }

    /// Remembers what is there, for those who will believe it too long.
    fn look_around(&mut self, world: &World) {
        for (address, entry) in world.checker.state.holdings() {
            self.past.push(Held {
                address,
                handle: entry.handle,
                sequence: entry.sequence,
            });
        }
        let surplus = self.past.len().saturating_sub(MOST_PAST);
        self.past.drain(..surplus);
        for net in world.checker.state.blocks.keys() {
            let block = net.to_string();
            if !self.blocks.contains(&block) {
                self.blocks.push(block);
            }
        }
    }

    fn fault(&self) -> Option<Fault> {
        if !self.dice.per_mille(self.climate.faults) {
            return None;
        }
        Some(match self.climate.mix.troubles.draw(&self.dice)? {
            Trouble::Refuse => Fault::Refuse,
            Trouble::LoseRequest => Fault::LoseRequest,
            Trouble::LoseReply => Fault::LoseReply,
            Trouble::ApplyLate => Fault::ApplyLate,
            Trouble::Touch => Fault::Touch,
            Trouble::OldView => Fault::OldView(1 + self.dice.below(6)),
        })
    }

    /// What happens to nobody in particular.
    fn disaster(&mut self, world: &World) -> Option<Choice> {
        let late = world.exchange.late();
        if 0 < late && self.dice.below(6) == 0 {
            let place = usize::try_from(self.dice.below(late as u64)).unwrap_or(0);
            return Some(Choice::Arrive { place });
        }
        if self.dice.per_mille(self.climate.mix.pausing) {
            let seconds = self.climate.mix.pauses.draw(&self.dice)?;
            let millis = seconds * 1000;
            return Some(Choice::Pass { millis });
        }
        if self.climate.disasters <= self.dice.below(10_000) {
            return None;
        }
        match self.climate.mix.disasters.draw(&self.dice)? {
            Disaster::Compact => Some(Choice::Compact {
                keep: self.dice.below(4),
            }),
            Disaster::Restore => Some(Choice::Restore {
                back: 1 + self.dice.below(20),
            }),
            Disaster::Mark => {
                let blocks: Vec<_> = world.checker.state.blocks.keys().collect();
                let block = self.dice.pick(&blocks)?.to_string();
                Some(Choice::Mark { block })
            }
            Disaster::NodeDeath => self.node_death(world),
            Disaster::Jump => {
                let node = self.dice.pick(&self.climate.nodes)?;
                let seconds = [-600, -40, -3, 3, 25, 600];
                let seconds = *self.dice.pick(&seconds)?;
                let actor = format!("ours:{node}");
                Some(Choice::Jump { actor, seconds })
            }
        }
    }

    /// Returns the process that goes on: any, or where processes stall the one of the highest rank, which may lose it.
    fn runner(&mut self, world: &World) -> Option<Task> {
        let live: Vec<Task> = world.live.keys().copied().collect();
        if !self.climate.stalls {
            return self.dice.pick(&live).copied();
        }
        self.ranks.retain(|task, _| world.live.contains_key(task));
        for task in live {
            let rank = self.dice.below(1000);
            self.ranks.entry(task).or_insert(rank);
        }
        let first = self.ranks.iter().max_by_key(|(_, rank)| **rank);
        let first = *first?.0;
        if self.dice.below(8) == 0 {
            let rank = self.dice.below(1000);
            self.ranks.insert(first, rank);
        }
        Some(first)
    }

    /// Returns whose program does something on a machine.
    pub(super) fn actor(&self, machine: &str) -> String {
        let calicos = machine.ends_with(['0', '2', '4', '6', '8']);
        let program = match self.kind {
            Kind::Pure => "ours",
            Kind::Mixed if calicos != (self.dice.below(5) == 0) => "calico",
            Kind::Mixed => "ours",
        };
        format!("{program}:{machine}")
    }

    /// A node dies with all its processes and workloads, and comes back empty under the same name.
    fn node_death(&mut self, world: &World) -> Option<Choice> {
        let node = self.dice.pick(&self.climate.nodes)?.clone();
        self.workloads.retain(|workload| workload.node != node);
        let own = world.live.iter().filter(|(_, live)| {
            let machine = live.actor.split_once(':').map(|(_, machine)| machine);
            machine == Some(node.as_str())
        });
        let crashes = own.map(|(task, _)| Choice::Crash { task: *task });
        self.queued.extend(crashes);
        self.queued.pop()
    }
}
