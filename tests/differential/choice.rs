//! Another choice among blocks that were there before, told apart from another result: where Calico took addresses of
//! one of several own blocks, or of several foreign ones, what it would have left had it used them in our order.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::block::{Attribute, Block};
use crate::calicos::{self, block_key, handle_key, labels, pool_of, selects};
use crate::load::{Records, Transition};
use crate::rename::block_of;
use crate::run::Ended;

const RESERVATIONS: &str = "/calico/resources/v3/projectcalico.org/ipreservations/";

/// Which blocks somebody chose among, as the recordings call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Among {
    Own,
    Borrow,
}

/// Returns the recording as it would be with our choice, where that was one; else as it is, so that what differs shows.
pub(crate) fn with_our_choice<'a>(transition: &'a Transition, ours: &Ended) -> Cow<'a, Transition> {
    let mut chosen = Cow::Borrowed(transition);
    for (word, among) in [("own", Among::Own), ("borrow", Among::Borrow)] {
        for family in ["v4", "v6"] {
            if transition.may_choose(word) && transition.kind() == "autoAssign" {
                let choice = Choice::of(&chosen, among, family, ours);
                if let Some(replayed) = choice.and_then(|choice| choice.replay()) {
                    chosen = Cow::Owned(replayed);
                }
            }
        }
    }
    chosen
}

/// The addresses that both sides took of blocks of one kind and family.
struct Choice<'a> {
    transition: &'a Transition,
    family: &'static str,
    ours: Vec<String>,
    theirs: Vec<String>,
}

impl<'a> Choice<'a> {
    fn of(
        transition: &'a Transition,
        among: Among,
        family: &'static str,
        ours: &Ended,
    ) -> Option<Choice<'a>> {
        let taken = |list: &Value| {
            let mut taken = texts(list);
            taken.retain(|address| is_taken(transition, among, address));
            taken
        };
        Some(Choice {
            transition,
            family,
            ours: taken(&ours.answer.as_ref().ok()?[family]),
            theirs: taken(&transition.result[family]["ips"]),
        })
    }

    /// Takes as many addresses as Calico, of the blocks that we used and in our order. Nothing where we used the same,
    /// where a block of ours serves no such request, or where they have fewer.
    fn replay(&self) -> Option<Transition> {
        let (ours, theirs) = (blocks_of(&self.ours), blocks_of(&self.theirs));
        let is_right = |block: &String| self.may_serve(block);
        if ours == theirs || theirs.is_empty() || !ours.iter().all(is_right) {
            return None;
        }
        let mut replay = Replay {
            transition: self.transition.clone(),
            taken: Vec::new(),
        };
        let holder = self.holder();
        for cidr in &theirs {
            replay.give_back(cidr);
        }
        for cidr in &ours {
            replay.take(cidr, self.theirs.len(), &holder);
        }
        (replay.taken.len() == self.theirs.len()).then(|| replay.told(self.family, &self.theirs))
    }

    /// Returns what Calico wrote beside the addresses that it took.
    fn holder(&self) -> Attribute {
        let (cidr, ordinal) = block_of(&self.theirs[0]);
        let after = self.transition.after.get(&block_key(&cidr));
        let after = after.map(|text| Block::read(text));
        let ordinal = usize::try_from(ordinal).expect("a small block");
        let holder = after.as_ref().and_then(|block| block.holder(ordinal));
        holder.cloned().unwrap_or_default()
    }

    /// Whether the pool of a block serves the request, by Calico's rules.
    fn may_serve(&self, cidr: &str) -> bool {
        let (operation, records) = (&self.transition.operation, &self.transition.before);
        let base = cidr.split_once('/').expect("a CIDR").0;
        let Some(pool) = pool_of(records, base.parse().expect("an address")) else {
            return false;
        };
        let named = texts(&operation[format!("pools{}", &self.family[1..])]);
        let node = labels(records, self.transition.text("host")).unwrap_or_default();
        let namespace = &operation["namespace"]["labels"];
        let namespace = serde_json::from_value(namespace.clone()).unwrap_or_default();
        let is_admitted = if named.is_empty() {
            pool["assignmentMode"] != "Manual"
                && selects(&pool["nodeSelector"], &node)
                && selects(&pool["namespaceSelector"], &namespace)
        } else {
            named.iter().any(|named| pool["cidr"] == json!(named))
        };
        let uses = texts(&pool["allowedUses"]);
        is_admitted && (uses.is_empty() || uses.contains(&self.transition.text("use").to_owned()))
    }
}

/// A recording in which other blocks are used, as far as it is told.
struct Replay {
    transition: Transition,
    /// What is taken, as an answer tells it.
    taken: Vec<String>,
}

impl Replay {
    /// Makes a block, and its handle's count of it, as they were before.
    fn give_back(&mut self, cidr: &str) {
        let key = block_key(cidr);
        let before = self.transition.before[&key].clone();
        self.transition.after.insert(key, before);
        let count = self.count_before(cidr);
        self.set_count(cidr, count);
    }

    fn take(&mut self, cidr: &str, wanted: usize, holder: &Attribute) {
        let records = &self.transition.before;
        let key = block_key(cidr);
        let mut block = Block::read(&records[&key]);
        block.normalise(self.transition.now, calicos::cooldown(records));
        let is_reserved = |address: IpAddr| reserved(records).any(|cidr| cidr.contains(&address));
        let taken = block.take(wanted - self.taken.len(), holder, is_reserved);
        if taken.is_empty() {
            return;
        }
        let length = cidr.split_once('/').expect("a CIDR").1;
        let told = taken.iter().map(|ordinal| block.address(*ordinal));
        self.taken.extend(told.map(|at| format!("{at}/{length}")));
        let count = self.count_before(cidr) + taken.len() as u64;
        self.set_count(cidr, count);
        self.transition.after.insert(key, block.written());
    }

    fn count_before(&self, cidr: &str) -> u64 {
        let handle = handle_key(self.transition.text("handle"));
        let record = self.transition.before.get(&handle);
        let record = record.and_then(|text| calicos::json(text));
        record
            .and_then(|record| record["block"][cidr].as_u64())
            .unwrap_or_default()
    }

    fn set_count(&mut self, cidr: &str, count: u64) {
        let handle = handle_key(self.transition.text("handle"));
        let Some(text) = self.transition.after.get_mut(&handle) else {
            return;
        };
        let mut record = calicos::json(text).expect("a handle is JSON");
        let counts = record["block"].as_object_mut().expect("counts");
        if count == 0 {
            counts.remove(cidr);
        } else {
            counts.insert(cidr.to_owned(), json!(count));
        }
        *text = record.to_string();
    }

    /// Puts what is taken into the answer, in the places of what Calico took.
    fn told(mut self, family: &str, theirs: &[String]) -> Transition {
        let mut taken = self.taken.into_iter();
        let told = &mut self.transition.result[family]["ips"];
        for address in told.as_array_mut().into_iter().flatten() {
            let is_replaced = |text: &str| theirs.iter().any(|their| their == text);
            if address.as_str().is_some_and(is_replaced) {
                *address = json!(taken.next());
            }
        }
        self.transition
    }
}

/// Whether an address of an answer was taken of a block of this kind, that was there before.
fn is_taken(transition: &Transition, among: Among, address: &str) -> bool {
    let (cidr, ordinal) = block_of(address);
    let Some(text) = transition.before.get(&block_key(&cidr)) else {
        return false;
    };
    let block = Block::read(text);
    let is_own = block.affinity.as_deref() == Some(&owner(transition));
    let ordinal = usize::try_from(ordinal).expect("a small block");
    is_own == (among == Among::Own) && block.holder(ordinal).is_none()
}

fn owner(transition: &Transition) -> String {
    match transition.text("use") {
        "LoadBalancer" => format!("virtual:{}", transition.text("host")),
        _ => format!("host:{}", transition.text("host")),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns the blocks of addresses, each once, in the order of their first use.
fn blocks_of(addresses: &[String]) -> Vec<String> {
    let mut blocks = Vec::new();
    for (block, _) in addresses.iter().map(|address| block_of(address)) {
        if !blocks.contains(&block) {
            blocks.push(block);
        }
    }
    blocks
}

fn reserved(records: &Records) -> impl Iterator<Item = IpNet> {
    let reservations = records
        .iter()
        .filter(|(key, _)| key.starts_with(RESERVATIONS));
    reservations.flat_map(|(_, text)| {
        let cidrs = calicos::json(text).map(|record| texts(&record["spec"]["reservedCIDRs"]));
        let cidrs = cidrs.unwrap_or_default().into_iter();
        cidrs.filter_map(|cidr| cidr.parse().ok().or_else(|| single(&cidr)))
    })
}

/// A reservation may name one address without a length.
fn single(text: &str) -> Option<IpNet> {
    text.parse::<IpAddr>().ok().map(IpNet::from)
}
