//! What nodes ask for: addresses for workloads, again and again, and giving them back.

use std::net::IpAddr;

use crate::actor::Answer;
use crate::fate::Fate;
use crate::fate::mix::Start;
use crate::fleet::Kind;
use crate::operation::{Assign, Held, Named, Operation};
use crate::records::Slot;
use crate::world::World;

/// A workload that somebody wants to run.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) node: String,
    pub(super) request: Operation,
    /// Whether it is to go.
    pub(super) stopping: bool,
}

impl Workload {
    pub(super) fn handle(&self) -> Option<&str> {
        self.request.holder().map(|(handle, _)| handle)
    }
}

impl Fate {
    /// Draws an operation of a node.
    pub(super) fn work(&mut self, world: &World) -> (String, Operation) {
        let few = self.workloads.len() < self.climate.workloads;
        let place = if self.workloads.is_empty() {
            None
        } else {
            let count = self.workloads.len() as u64;
            usize::try_from(self.dice.below(count)).ok()
        };
        let Some(place) = place.filter(|_| !few || self.dice.below(5) < 3) else {
            return self.start(world);
        };
        if self.workloads[place].stopping || self.dice.below(5) < 3 {
            return self.stop(place);
        }
        let workload = self.workloads[place].clone();
        let mut request = workload.request;
        if let Operation::Assign(assign) = &mut request {
            assign.hint = self.hint();
        }
        (self.actor(&workload.node), request)
    }

    fn start(&mut self, world: &World) -> (String, Operation) {
        let node = self.dice.pick(&self.climate.nodes);
        let node = node.map_or("n1", String::as_str).to_owned();
        let request = match self.climate.mix.starts.draw(&self.dice) {
            Some(Start::AtAddress) => self.named(world, &node),
            Some(Start::SecondInterface) => self.second_interface(&node),
            Some(Start::Nameless) => Operation::Assign(Assign {
                handle: None,
                interface: None,
                ..self.assign(&node)
            }),
            Some(Start::Named) | None => Operation::Assign(self.assign(&node)),
        };
        if request.holder().is_some() {
            self.workloads.push(Workload {
                node: node.clone(),
                request: request.clone(),
                stopping: false,
            });
        }
        (self.actor(&node), request)
    }

    /// Names are used again, but by one workload at a time.
    fn unused(&mut self, letter: char) -> String {
        let names = self.climate.workloads + 5;
        loop {
            self.made += 1;
            let name = format!("{letter}{}", self.made % names);
            let mut workloads = self.workloads.iter();
            if workloads.all(|workload| workload.handle() != Some(&name)) {
                return name;
            }
        }
    }

    fn assign(&mut self, node: &str) -> Assign {
        let handle = self.unused('c');
        let most = self.climate.most_wanted as u64;
        let count = |bound: u64| usize::try_from(1 + self.dice.below(bound)).unwrap_or(1);
        let mut assign = Assign {
            node: node.to_owned(),
            handle: Some(handle),
            interface: Some("eth0".to_owned()),
            v4: count(most),
            hint: self.hint(),
            ..Assign::default()
        };
        if self.climate.dual_stack {
            assign.v6 = count(2);
            if self.dice.below(6) == 0 {
                assign.v4 = 0;
            }
        }
        if self.climate.windows && node == "n1" {
            assign.windows = true;
            assign.v6 = 0;
            assign.v4 = assign.v4.max(1);
        } else if self.climate.load_balancers && self.dice.below(3) == 0 {
            assign.load_balancer = true;
            assign.v6 = 0;
            assign.v4 = 1;
        } else if self.dice.below(8) == 0 && 0 < assign.v4 {
            assign.pools = self
                .dice
                .pick(&self.climate.pools[..1])
                .map(|pool| pool.name.clone())
                .into_iter()
                .collect();
        }
        assign
    }

    /// A workload that is there gets another interface, or asks from a second process with another hint.
    fn second_interface(&mut self, node: &str) -> Operation {
        let workload = self.dice.pick(&self.workloads);
        // A machine that moves loses the names of its interfaces, and Calico knows none.
        let named = !self.climate.machines && self.kind == Kind::Pure;
        let Some(workload) = workload.filter(|_| named) else {
            return Operation::Assign(self.assign(node));
        };
        let mut request = workload.request.clone();
        if let Operation::Assign(assign) = &mut request {
            assign.node = node.to_owned();
            assign.interface = Some("net1".to_owned());
        }
        if self
            .workloads
            .iter()
            .any(|other| other.request.holder() == request.holder())
        {
            return Operation::Assign(self.assign(node));
        }
        request
    }

    /// An address by its name: often one that is free.
    fn named(&mut self, world: &World, node: &str) -> Operation {
        let handle = self.unused('d');
        let state = &world.checker.state;
        let places = state.blocks.values().flat_map(|block| {
            let slots = block.slots.iter().enumerate();
            slots.filter_map(|(place, slot)| match slot {
                Slot::Free | Slot::Cooling(_) => Some(block.net.at(place)),
                Slot::Held(_) => None,
            })
        });
        let mut places: Vec<IpAddr> = places.collect();
        let pools = state.pools.values();
        places.extend(pools.map(|pool| {
            pool.net
                .at(usize::try_from(self.dice.below(4)).unwrap_or(0))
        }));
        Operation::AssignAddresses(Named {
            node: node.to_owned(),
            handle: Some(handle),
            interface: Some("eth0".to_owned()),
            addresses: self.dice.pick(&places).copied().into_iter().collect(),
        })
    }

    fn stop(&mut self, place: usize) -> (String, Operation) {
        let actor = self.actor(&self.workloads[place].node);
        let workload = &mut self.workloads[place];
        workload.stopping = true;
        let (handle, interface) = workload.request.holder().unwrap_or_default();
        let operation = Operation::ReleaseHandle {
            handle: handle.to_owned(),
            interface: interface.map(str::to_owned),
        };
        (actor, operation)
    }

    /// Blocks that are worth a look, or were once.
    pub(super) fn hint(&self) -> Vec<String> {
        let count = self.dice.below(3);
        let picks = (0..count).filter_map(|_| self.dice.pick(&self.blocks).cloned());
        picks.collect()
    }

    /// A workload that was released is gone.
    pub(super) fn workload_ended(&mut self, operation: &Operation, answer: &Answer) {
        let Operation::ReleaseHandle { handle, interface } = operation else {
            return;
        };
        if matches!(answer, Answer::Released(_)) {
            let released = (handle.as_str(), interface.as_deref());
            self.workloads
                .retain(|workload| workload.request.holder() != Some(released));
        }
    }

    /// Returns the handles of workloads that are to run.
    pub(super) fn alive(&self) -> Vec<String> {
        let wanted = self.workloads.iter().filter(|workload| !workload.stopping);
        let mut alive: Vec<String> = wanted
            .filter_map(|workload| workload.handle().map(str::to_owned))
            .collect();
        alive.sort_unstable();
        alive.dedup();
        alive
    }

    /// Something that is held now, or was once.
    pub(super) fn some_held(&self, world: &World) -> Option<Held> {
        if self.dice.below(3) == 0 {
            return self.dice.pick(&self.past).cloned();
        }
        let now: Vec<Held> = world
            .checker
            .state
            .holdings()
            .map(|(address, entry)| Held {
                address,
                handle: entry.handle,
                sequence: entry.sequence,
            })
            .collect();
        self.dice.pick(&now).cloned()
    }
}
