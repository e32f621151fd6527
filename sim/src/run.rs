//! Running a seed, or a trace, to its end.

use crate::check::Violation;
use crate::fate::Fate;
use crate::fleet::Fleet;
use crate::settle::settle;
use crate::trace::{Choice, Trace};
use crate::world::World;

/// Choices after which a run that ends at all has ended.
const MOST_CHOICES: usize = 20_000;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was chosen.
    pub trace: Trace,
    /// What broke, if anything did.
    pub violation: Option<Violation>,
    /// A number that depends on everything that the store holds in the end.
    pub fingerprint: u64,
}

/// Runs a seed.
pub fn run_seed(seed: u64, fleet: Fleet) -> Outcome {
    let mut fate = Fate::new(seed, fleet);
    let beginning = fate.beginning();
    let mut trace = Trace {
        beginning,
        choices: Vec::new(),
    };
    let mut world = match World::begin(&trace.beginning, fleet) {
        Ok(world) => world,
        Err(violation) => return broken_from_the_beginning(trace, violation),
    };
    let mut judged = Ok(());
    while let Some(choice) = fate.next(&world) {
        trace.choices.push(choice.clone());
        judged = follow(&mut world, &mut fate, &choice);
        let is_over = world.checker.spoiled || MOST_CHOICES < trace.choices.len();
        if judged.is_err() || is_over {
            break;
        }
    }
    let judged = judged.and_then(|()| at_rest(&mut world, &trace));
    Outcome {
        fingerprint: fingerprint(&world),
        trace,
        violation: judged.err(),
    }
}

/// Brings the world to rest. What Calico spoiled is not judged any further.
fn at_rest(world: &mut World, trace: &Trace) -> Result<(), Violation> {
    if world.checker.spoiled {
        return Ok(());
    }
    settle(world, &nodes(trace))
}

fn follow(world: &mut World, fate: &mut Fate, choice: &Choice) -> Result<(), Violation> {
    let task = match choice {
        Choice::Step { task, .. } => Some(*task),
        _ => None,
    };
    let operation = task.and_then(|task| Some(world.live.get(&task)?.operation.clone()));
    if let (Some((_, answer)), Some(operation)) = (world.choose(choice)?, operation) {
        fate.ended(&operation, &answer);
    }
    Ok(())
}

/// Runs a trace again.
pub fn replay(trace: &Trace, fleet: Fleet, tell: &mut dyn FnMut(&str)) -> Outcome {
    let mut world = match World::begin(&trace.beginning, fleet) {
        Ok(world) => world,
        Err(violation) => return broken_from_the_beginning(trace.clone(), violation),
    };
    let judged = again(&mut world, trace, tell);
    Outcome {
        trace: trace.clone(),
        fingerprint: fingerprint(&world),
        violation: judged.err(),
    }
}

fn again(world: &mut World, trace: &Trace, tell: &mut dyn FnMut(&str)) -> Result<(), Violation> {
    world.exchange.speak();
    for choice in &trace.choices {
        let ended = world.choose(choice);
        let said = world.exchange.take_said();
        if !matches!(choice, Choice::Pass { millis } if *millis < 1000) {
            tell(&format!("{choice:?}"));
        }
        said.iter().for_each(|line| tell(&format!("    {line}")));
        if let Some((task, answer)) = ended? {
            tell(&format!("    {task} ends: {answer:?}"));
        }
        if world.checker.spoiled {
            tell("Calico laid one block or pool over another");
            return Ok(());
        }
    }
    tell("at rest");
    let settled = at_rest(world, trace);
    let said = world.exchange.take_said();
    said.iter().for_each(|line| tell(&format!("    {line}")));
    settled
}

fn broken_from_the_beginning(trace: Trace, violation: Violation) -> Outcome {
    Outcome {
        trace,
        violation: Some(violation),
        fingerprint: 0,
    }
}

/// Returns the nodes on whose behalf anything is asked.
fn nodes(trace: &Trace) -> Vec<String> {
    let operations = trace.choices.iter().filter_map(|choice| match choice {
        Choice::Begin { operation, .. } => operation.node(),
        _ => None,
    });
    let mut nodes: Vec<String> = operations.map(str::to_owned).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// FNV-1a over all keys, values and revisions.
fn fingerprint(world: &World) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for entry in world.exchange.memory().entries() {
        let revision = entry.modified.0.to_le_bytes();
        let bytes = entry.key.bytes().chain(entry.value).chain(revision);
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    hash
}
