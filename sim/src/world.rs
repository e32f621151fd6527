//! The world: processes, a store, time, and what becomes of each choice of the scheduler.
//!
//! **Invariant:** everything that happens follows from the beginning and the choices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use block_ipam::datastore::{Datastore, Txn, Write};
use block_ipam::revision::Revision;
use futures::FutureExt;
use serde_json::Value;

use crate::actor::{Actor, Answer, Client, Process};
use crate::check::course::Party;
use crate::check::{Checker, Violation};
use crate::dice::Dice;
use crate::fleet::Fleet;
use crate::operation::Operation;
use crate::time::{ProcessClock, Skew, Time};
use crate::trace::{Beginning, Choice};
use crate::wire::{Exchange, Fault, Task};

/// When every world begins: 2026-11-18, in seconds since 1970.
const BEGINNING: i64 = 1_795_000_000;

/// A process that has not ended.
pub struct Live {
    /// Whose it is.
    pub actor: String,
    /// What it was asked.
    pub operation: Operation,
    process: Process,
    clock: Arc<ProcessClock>,
    skew: Arc<Skew>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("actor", &self.actor)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// The store and the network before it.
    pub exchange: Arc<Exchange>,
    /// What must hold.
    pub checker: Checker,
    /// Processes that have not ended.
    pub live: BTreeMap<Task, Live>,
    /// The time.
    pub time: Arc<Time>,
    seed: u64,
    fleet: Fleet,
    actors: BTreeMap<String, (Party, Box<dyn Actor>)>,
    skews: BTreeMap<String, Arc<Skew>>,
}

/// A process that ended, and what its caller was told.
pub type Ended = Option<(Task, Answer)>;

impl World {
    /// Makes a world.
    ///
    /// # Errors
    /// A record of the beginning that does not parse.
    pub fn begin(beginning: &Beginning, fleet: Fleet) -> Result<World, Violation> {
        let exchange = Exchange::new();
        for (key, value) in &beginning.store {
            put(&exchange, key, value.as_bytes().to_vec());
        }
        let checker = Checker::begin_with(exchange.memory().entries())?;
        Ok(World {
            exchange,
            checker,
            live: BTreeMap::new(),
            time: Arc::new(Time::new(BEGINNING)),
            seed: beginning.seed,
            fleet,
            actors: BTreeMap::new(),
            skews: BTreeMap::new(),
        })
    }

    /// Does what the scheduler chose.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub fn choose(&mut self, choice: &Choice) -> Result<Ended, Violation> {
        match choice {
            Choice::Begin {
                task,
                actor,
                operation,
            } => self.begin_process(*task, actor, operation),
            Choice::Step { task, fault } => return self.step(*task, *fault),
            Choice::Crash { task } => drop(self.live.remove(task)),
            Choice::Arrive { place } => {
                self.exchange.arrive(*place);
                self.judge()?;
            }
            Choice::Pass { millis } => self.time.pass(Duration::from_millis(*millis)),
            Choice::Jump { actor, seconds } => self.skew(actor).jump(*seconds),
            Choice::Compact { keep } => self.compact(*keep),
            Choice::Restore { back } => self.restore(*back)?,
            Choice::Mark { block } => self.mark(block)?,
        }
        Ok(None)
    }

    fn begin_process(&mut self, task: Task, actor: &str, operation: &Operation) {
        let skew = self.skew(actor);
        let clock = Arc::new(ProcessClock::new(Arc::clone(&self.time), Arc::clone(&skew)));
        let fleet = self.fleet;
        let (party, own) = self
            .actors
            .entry(actor.to_owned())
            .or_insert_with(|| fleet.actor(actor));
        let store = self.exchange.connect(task);
        let client = Client {
            store: fleet.shown(store, *party, operation),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(Dice::of(self.seed, u64::from(task) + 1)),
        };
        let Some(process) = own.begin(operation, client) else {
            return;
        };
        let now = seconds(&skew, &self.time);
        self.checker.begins(task, operation, *party, now);
        let live = Live {
            actor: actor.to_owned(),
            operation: operation.clone(),
            process,
            clock,
            skew,
        };
        self.live.insert(task, live);
    }

    fn step(&mut self, task: Task, fault: Option<Fault>) -> Result<Ended, Violation> {
        let Some(live) = self.live.get_mut(&task) else {
            return Ok(None);
        };
        let fault = match live.clock.wakes() {
            Some(then) => {
                self.time.pass_until(then);
                None
            }
            None => {
                self.checker.requests(task, fault);
                fault
            }
        };
        self.checker.steps(task, seconds(&live.skew, &self.time));
        self.exchange.set_fault(fault);
        let mut context = Context::from_waker(Waker::noop());
        let polled = live.process.as_mut().poll(&mut context);
        self.judge()?;
        let Poll::Ready(answer) = polled else {
            return Ok(None);
        };
        self.live.remove(&task);
        self.checker.ended(task, &answer)?;
        Ok(Some((task, answer)))
    }

    fn judge(&mut self) -> Result<(), Violation> {
        for applied in self.exchange.take_applied() {
            self.checker.applied(&applied)?;
        }
        Ok(())
    }

    fn skew(&mut self, actor: &str) -> Arc<Skew> {
        // Programs of both kinds on one machine have one clock.
        let machine = actor.split_once(':').map_or(actor, |(_, machine)| machine);
        let skew = self.skews.entry(machine.to_owned()).or_default();
        Arc::clone(skew)
    }

    /// Sets every clock right.
    pub fn set_clocks_right(&mut self) {
        self.skews.values().for_each(|skew| skew.set_right());
    }

    fn revision(&self) -> u64 {
        let memory = self.exchange.memory();
        let entries = memory.entries();
        let newest = entries.iter().map(|entry| entry.modified.0).max();
        newest.unwrap_or(1)
    }

    fn compact(&self, keep: u64) {
        let at = self.revision().saturating_sub(keep);
        // It may have been compacted further before.
        let _ = self.exchange.memory().compact(Revision(at));
    }

    fn restore(&mut self, back: u64) -> Result<(), Violation> {
        let at = Revision(self.revision().saturating_sub(back).max(1));
        if self.exchange.memory().restore(at).is_err() {
            return Ok(());
        }
        self.live.clear();
        self.exchange.lose_late();
        self.checker.restored(self.exchange.memory().entries())
    }

    fn mark(&mut self, block: &str) -> Result<(), Violation> {
        let end = format!("/block/{}", block.replace('/', "-"));
        let entries = self.exchange.memory().entries();
        let of_block = |key: &str| key.contains("/assignment/") && key.ends_with(&end);
        let Some(entry) = entries.into_iter().find(|entry| of_block(&entry.key)) else {
            return Ok(());
        };
        let Ok(mut value) = serde_json::from_slice::<Value>(&entry.value) else {
            return Ok(());
        };
        let sequence = value["sequenceNumber"].as_u64().unwrap_or(0) + 1;
        value["sequenceNumber"] = sequence.into();
        value["fromTheFuture"] = sequence.into();
        let value = value.to_string().into_bytes();
        put(&self.exchange, &entry.key, value.clone());
        self.checker.written(&[Write::Put(entry.key, value)])
    }
}

fn put(exchange: &Exchange, key: &str, value: Vec<u8>) {
    let txn = Txn {
        guards: Vec::new(),
        writes: vec![Write::Put(key.to_owned(), value)],
    };
    let done = exchange.memory().commit(txn).now_or_never();
    let done = done.expect("the store in memory answers at once");
    done.expect("a record fits into the store");
}

fn seconds(skew: &Skew, time: &Time) -> i64 {
    skew.now(time).nanos().div_euclid(1_000_000_000)
}
