//! Workers that call plugins of both sides and kill some of them, and the history of calls and answers that judges them.
//!
//! The history trusts only calls and answers: an address is held from the end of the ADD that told it to the begin of the
//! next DEL of its attachment.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Child;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use block_ipam_testing::world::Dice;

use super::ended::Ended;
use super::programs::{Attachment, Place, Side};

const NODES: [&str; 3] = ["n1", "n2", "n3"];
/// Attachments that a worker keeps at most.
const MOST_HELD: u64 = 6;

/// What happened, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) deleted: u64,
    pub(super) refused: u64,
    pub(super) killed: u64,
    /// How long the last call took that was let be.
    took: Duration,
}

/// The history of all workers.
#[derive(Debug, Default)]
pub(super) struct History {
    holders: BTreeMap<IpAddr, Attachment>,
    pub(super) broken: Vec<String>,
    pub(super) counts: BTreeMap<Side, Counts>,
    /// Attachments whose last call was killed or refused, or that still hold addresses.
    pub(super) left: BTreeMap<Attachment, Side>,
}

impl History {
    fn count(&mut self, side: Side) -> &mut Counts {
        self.counts.entry(side).or_default()
    }

    fn given(&mut self, attachment: &Attachment, addresses: &[IpAddr]) {
        for address in addresses {
            let before = self.holders.insert(*address, attachment.clone());
            if before.is_some_and(|before| before != *attachment) {
                self.broken
                    .push(format!("p1: {address} was given to {attachment:?} too"));
            }
        }
    }

    fn release_begins(&mut self, attachment: &Attachment) {
        self.holders.retain(|_, holder| holder != attachment);
    }
}

/// A worker of one side.
pub(super) struct Worker<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) history: &'a Mutex<History>,
    pub(super) side: Side,
    pub(super) number: u64,
    dice: Dice,
    held: Vec<(Attachment, Vec<IpAddr>)>,
    /// Attachments whose last call was killed or refused: a runtime calls DEL for them, until that is done.
    owed: Vec<Attachment>,
    made: u64,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        place: &'a Place<'a>,
        history: &'a Mutex<History>,
        side: Side,
        number: u64,
        seed: u64,
    ) -> Worker<'a> {
        Worker {
            place,
            history,
            side,
            number,
            dice: Dice::new(seed.wrapping_add(number)),
            held: Vec::new(),
            owed: Vec::new(),
            made: 0,
        }
    }

    /// Works until its time is over.
    pub(super) fn work(&mut self, until: Instant) {
        while Instant::now() < until {
            if let Some(attachment) = self.owed.pop() {
                self.release(attachment);
                continue;
            }
            match self.dice.below(MOST_HELD) {
                wish if (self.held.len() as u64) <= wish => self.add(),
                _ if self.dice.below(5) == 0 => self.repeat(),
                _ => self.delete(),
            }
        }
    }

    fn with_history<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        change(&mut self.history.lock().expect("no worker panics here"))
    }

    fn pick(&self, among: usize) -> usize {
        usize::try_from(self.dice.below(among as u64)).expect("an index")
    }

    fn next_attachment(&mut self) -> Attachment {
        self.made += 1;
        let own = match self.side {
            Side::Ours => "ours",
            Side::Calicos => "calicos",
        };
        let network = ["mixed", own][self.pick(2)];
        let container = format!("w{}-{}", self.number, self.made);
        Attachment::new(network, NODES[self.pick(NODES.len())], &container)
    }

    fn add(&mut self) {
        let attachment = self.next_attachment();
        self.with_history(|history| history.left.insert(attachment.clone(), self.side));
        if let Some(ended) = self.call(self.side, "ADD", &attachment) {
            let addresses = ended.addresses();
            self.with_history(|history| {
                history.count(self.side).added += 1;
                history.given(&attachment, &addresses);
            });
            self.held.push((attachment, addresses));
        } else {
            self.owed.push(attachment);
        }
    }

    /// Our ADD repeated, for an attachment that ours added: the answer is the same (p7).
    fn repeat(&mut self) {
        if self.side != Side::Ours || self.held.is_empty() {
            return;
        }
        let (attachment, before) = &self.held[self.pick(self.held.len())];
        if let Some(ended) = self.call(Side::Ours, "ADD", attachment) {
            let again = ended.addresses();
            if again != *before {
                let told = format!("p7: {attachment:?} had {before:?}, then {again:?}");
                self.with_history(|history| history.broken.push(told));
            }
        }
    }

    fn delete(&mut self) {
        let (attachment, _) = self.held.swap_remove(self.pick(self.held.len()));
        self.with_history(|history| history.release_begins(&attachment));
        self.release(attachment);
    }

    fn release(&mut self, attachment: Attachment) {
        let side = match attachment.network {
            "mixed" => Side::BOTH[self.pick(2)],
            _ => self.side,
        };
        if self.call(side, "DEL", &attachment).is_some() {
            self.with_history(|history| {
                history.count(side).deleted += 1;
                history.left.remove(&attachment);
            });
        } else {
            self.owed.push(attachment);
        }
    }

    /// Calls a plugin. `None` where it was killed or refused.
    fn call(&self, side: Side, verb: &str, attachment: &Attachment) -> Option<Ended> {
        let begun = Instant::now();
        let child = self.place.start(side, verb, attachment);
        if self.dice.below(6) == 0 {
            self.kill(side, child);
            return None;
        }
        let ended = Ended::of(child.wait_with_output().expect("the plugin ends"));
        self.with_history(|history| history.count(side).took = begun.elapsed());
        if ended.is_done() {
            return Some(ended);
        }
        self.with_history(|history| history.count(side).refused += 1);
        None
    }

    /// Kills a plugin at a random moment of the time that it takes.
    fn kill(&self, side: Side, mut child: Child) {
        let took = self.with_history(|history| history.count(side).took);
        let per_cent = u32::try_from(self.dice.below(110)).expect("small");
        thread::sleep(took * per_cent / 100);
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
        self.with_history(|history| history.count(side).killed += 1);
    }
}
