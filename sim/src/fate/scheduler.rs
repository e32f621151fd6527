//! The scheduler: who begins, who goes on, and what goes wrong, one choice after another.

use crate::actor::Answer;
use crate::dice::Dice;
use crate::fate::beginning;
use crate::fate::climate::Climate;
use crate::fate::workloads::Workload;
use crate::fleet::Kind;
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
    pub(super) made: u32,
    /// Blocks that were seen at any time: old hints.
    pub(super) blocks: Vec<String>,
    /// Allocations that were seen at any time.
    pub(super) past: Vec<Held>,
    seed: u64,
    begun: usize,
    next_task: Task,
    /// What follows the choice before.
    queued: Vec<Choice>,
}

impl Fate {
    /// Returns what happens with this seed.
    pub fn new(seed: u64, kind: Kind) -> Fate {
        let dice = Dice::of(seed, 0);
        Fate {
            climate: Climate::draw(&dice),
            kind,
            dice,
            workloads: Vec::new(),
            made: 0,
            blocks: Vec::new(),
            past: Vec::new(),
            seed,
            begun: 0,
            next_task: 0,
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
        let live: Vec<Task> = world.live.keys().copied().collect();
        let task = *self.dice.pick(&live)?;
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
        Some(match self.dice.below(10) {
            0 => Fault::Refuse,
            1 | 2 => Fault::LoseRequest,
            3 | 4 => Fault::LoseReply,
            5 | 6 => Fault::ApplyLate,
            7 | 8 => Fault::Touch,
            _ => Fault::OldView(1 + self.dice.below(6)),
        })
    }

    /// What happens to nobody in particular.
    fn disaster(&mut self, world: &World) -> Option<Choice> {
        let late = world.exchange.late();
        if 0 < late && self.dice.below(6) == 0 {
            let place = usize::try_from(self.dice.below(late as u64)).unwrap_or(0);
            return Some(Choice::Arrive { place });
        }
        if self.dice.below(100) == 0 {
            let seconds = [1, 10, 35, 70, 130][usize::try_from(self.dice.below(5)).unwrap_or(0)];
            let millis = seconds * 1000;
            return Some(Choice::Pass { millis });
        }
        if self.climate.disasters <= self.dice.below(10_000) {
            return None;
        }
        match self.dice.below(6) {
            0 => Some(Choice::Compact {
                keep: self.dice.below(4),
            }),
            1 if self.dice.below(3) == 0 => Some(Choice::Restore {
                back: 1 + self.dice.below(20),
            }),
            2 => {
                let blocks: Vec<_> = world.checker.state.blocks.keys().collect();
                let block = self.dice.pick(&blocks)?.to_string();
                Some(Choice::Mark { block })
            }
            3 => self.node_death(world),
            _ => {
                let node = self.dice.pick(&self.climate.nodes)?;
                let seconds = [-600, -40, -3, 3, 25, 600];
                let seconds = *self.dice.pick(&seconds)?;
                let actor = format!("ours:{node}");
                Some(Choice::Jump { actor, seconds })
            }
        }
    }

    /// Returns whose program does something on a machine.
    pub(super) fn actor(&self, machine: &str) -> String {
        let calicos = machine.ends_with(['2', '4', '0']);
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
