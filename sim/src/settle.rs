//! The end of a run: faults stop, everything that is on its way ends, collection runs; what is usable must be found, and
//! when everything is given back nothing may be left.

use std::net::IpAddr;

use crate::actor::Answer;
use crate::check::Violation;
use crate::check::prospect::Prospect;
use crate::operation::{Assign, Held, Operation};
use crate::trace::Choice;
use crate::wire::Task;
use crate::world::World;

/// Where the numbers of these processes begin, far above those of the run.
const FIRST_TASK: Task = 1_000_000;
/// Steps after which a process that ends at all has ended.
const MOST_STEPS: usize = 3000;
/// Longer than every age that somebody waits for.
const LONG: u64 = 20 * 60 * 1000;

/// Brings the world to rest and judges what is left.
///
/// # Errors
/// The first invariant that it breaks.
pub fn settle(world: &mut World, nodes: &[String]) -> Result<(), Violation> {
    let mut settling = Settling {
        world,
        next: FIRST_TASK,
    };
    settling.come_to_rest()?;
    if settling.world.checker.spoiled {
        return Ok(());
    }
    settling.repair_and_collect()?;
    settling.p11_what_is_usable_is_found(nodes)?;
    settling.give_everything_back()?;
    settling.repair_and_collect()?;
    settling.collect_cold()?;
    settling.repair_and_collect()?;
    settling.world.checker.p14_nothing_is_left()
}

struct Settling<'a> {
    world: &'a mut World,
    next: Task,
}

impl Settling<'_> {
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        while 0 < self.world.exchange.late() {
            self.world.choose(&Choice::Arrive { place: 0 })?;
        }
        self.world.set_clocks_right();
        let live: Vec<Task> = self.world.live.keys().copied().collect();
        live.into_iter()
            .try_for_each(|task| self.finish(task).map(drop))
    }

    fn finish(&mut self, task: Task) -> Result<Option<Answer>, Violation> {
        let step = Choice::Step { task, fault: None };
        for _ in 0..MOST_STEPS {
            if !self.world.live.contains_key(&task) {
                return Ok(None);
            }
            if let Some((_, answer)) = self.world.choose(&step)? {
                return Ok(Some(answer));
            }
        }
        let operation = self.world.live.get(&task).map(|live| &live.operation);
        Err(Violation::new("p11", format!("{operation:?} never ends")))
    }

    fn run(&mut self, actor: &str, operation: Operation) -> Result<Option<Answer>, Violation> {
        let task = self.next;
        self.next += 1;
        self.world.choose(&Choice::Begin {
            task,
            actor: actor.to_owned(),
            operation,
        })?;
        self.finish(task)
    }

    fn pass(&mut self) -> Result<(), Violation> {
        self.world.choose(&Choice::Pass { millis: LONG }).map(drop)
    }

    /// Two looks, as everything asks for that waits for an age.
    fn repair_and_collect(&mut self) -> Result<(), Violation> {
        let alive = self.world.checker.state.holdings();
        let mut alive: Vec<String> = alive.filter_map(|(_, entry)| entry.handle).collect();
        alive.sort_unstable();
        alive.dedup();
        for _ in 0..2 {
            self.run("ours:settler", Operation::CheckAndRepair)?;
            let alive = alive.clone();
            self.run("ours:settler", Operation::Collect { alive })?;
            self.pass()?;
        }
        Ok(())
    }

    fn p11_what_is_usable_is_found(&mut self, nodes: &[String]) -> Result<(), Violation> {
        for node in nodes {
            for v6 in [false, true] {
                let now = self.world.time.now().nanos().div_euclid(1_000_000_000);
                let prospect = Prospect { node, v6, now };
                let usable = self.world.checker.state.usable(prospect);
                let granted = self.probe(node, v6)?;
                prospect.judge(usable, granted)?;
            }
        }
        Ok(())
    }

    fn probe(&mut self, node: &str, v6: bool) -> Result<Option<IpAddr>, Violation> {
        let request = Assign {
            node: node.to_owned(),
            handle: Some(format!("probe-{node}-{v6}")),
            v4: usize::from(!v6),
            v6: usize::from(v6),
            ..Assign::default()
        };
        let answer = self.run(&format!("ours:{node}"), Operation::Assign(request))?;
        match answer {
            Some(Answer::Granted(addresses)) => Ok(addresses.first().copied()),
            Some(Answer::Refused(_)) => Ok(None),
            other => Err(Violation::new(
                "p11",
                format!("a probe of {node}: {other:?}"),
            )),
        }
    }

    fn give_everything_back(&mut self) -> Result<(), Violation> {
        let holdings: Vec<_> = self.world.checker.state.holdings().collect();
        let mut nameless = Vec::new();
        for (address, entry) in holdings {
            match entry.handle {
                Some(handle) => {
                    let interface = None;
                    let release = Operation::ReleaseHandle { handle, interface };
                    self.run("ours:settler", release)?;
                }
                None => nameless.push(Held {
                    address,
                    handle: None,
                    sequence: entry.sequence,
                }),
            }
        }
        if !nameless.is_empty() {
            self.run("ours:settler", Operation::ReleaseAddresses(nameless))?;
        }
        self.pass()
    }

    fn collect_cold(&mut self) -> Result<(), Violation> {
        let blocks: Vec<_> = self.world.checker.state.blocks.keys().copied().collect();
        for block in blocks {
            let block = block.to_string();
            self.run("ours:settler", Operation::CollectCold { block })?;
        }
        Ok(())
    }
}
