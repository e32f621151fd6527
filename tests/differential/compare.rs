//! The rules of `tests/golden/README.md`: what must be as Calico left it, and what each writer may choose.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{Answer, WhyNot, calicos};
use crate::choice::with_our_choice;
use crate::load::{Records, Transition};
use crate::records::{Members, Reader};
use crate::rename::Names;
use crate::run::Ended;

const BLOCKS: &str = "/calico/ipam/v2/assignment/";
const HANDLES: &str = "/calico/ipam/v2/handle/";
/// Keys of our own, which Calico does not have.
const OURS: &str = "/block-ipam/v1/";
/// New sequence numbers are near the time, in nanoseconds.
const NEAR: u64 = 5_000_000_000;

/// Returns one line for each difference, in order of the keys; none if both sides ended the same.
pub(crate) fn differences_between(transition: &Transition, ours: &Ended) -> Vec<String> {
    let transition = &*with_our_choice(transition, ours);
    let theirs = Ended {
        answer: calicos(transition),
        after: transition.after.clone(),
        requests: transition.requests.total(),
    };
    let names = if transition.may_choose("block") {
        let (ours, theirs) = ((&ours.answer, &ours.after), (&theirs.answer, &theirs.after));
        Names::pair(&transition.before, ours, theirs)
    } else {
        Names::default()
    };
    let mut lines = Vec::new();
    lines.extend(answers(&names.answer(&ours.answer), &theirs.answer));
    lines.extend(records(transition, &ours.after, &names));
    lines.extend(malformed(&transition.before, &ours.after));
    lines
}

fn answers(ours: &Answer, theirs: &Answer) -> Vec<String> {
    let mut lines = Vec::new();
    let (our_words, their_words) = (words(ours), words(theirs));
    if our_words != their_words {
        lines.push(format!("answers {our_words}; Calico {their_words}"));
    } else if let (Err(ours), Err(theirs)) = (ours, theirs)
        && theirs.kind.is_some()
        && ours.kind != theirs.kind
    {
        lines.push(format!(
            "fails with {:?}; Calico {:?}",
            ours.kind, theirs.kind
        ));
    }
    lines
}

fn words(answer: &Answer) -> String {
    match answer {
        Ok(value) => value.to_string(),
        Err(WhyNot { decision, .. }) => decision.clone(),
    }
}

fn records(transition: &Transition, ours: &Records, names: &Names) -> Vec<String> {
    let reader = Reader {
        before: &transition.before,
        now: transition.now,
    };
    let truth = Held::of(ours, names);
    let renamed: BTreeMap<String, (Members, &str)> = ours
        .iter()
        .filter(|(key, _)| !key.starts_with(OURS))
        .map(|(key, text)| {
            let members = names.members(reader.members(key, text));
            (names.key(key), (members, text.as_str()))
        })
        .collect();
    let mut lines = Vec::new();
    for (key, text) in &transition.after {
        match renamed.get(key) {
            None => lines.push(format!("{}: we do not have it", short(key))),
            Some((members, our_text)) => {
                let theirs = reader.members(key, text);
                let mut differ = members_differ(key, members, &theirs);
                differ.retain(|(member, _)| !truth.counts(key, member, members));
                lines.extend(differ.into_iter().map(|(_, line)| line));
                lines.extend(sequence_differs(transition, key, our_text, text));
            }
        }
    }
    let only_ours = renamed
        .keys()
        .filter(|key| !transition.after.contains_key(*key));
    lines.extend(only_ours.map(|key| format!("{}: Calico does not have it", short(key))));
    lines
}

fn short(key: &str) -> &str {
    let key = key.strip_prefix("/calico/ipam/v2/").unwrap_or(key);
    key.strip_prefix("/calico/resources/v3/projectcalico.org/")
        .unwrap_or(key)
}

/// Returns each member that differs, and how.
fn members_differ<'a>(key: &str, ours: &'a Members, theirs: &'a Members) -> Vec<(&'a str, String)> {
    let names = ours.keys().chain(theirs.keys());
    let names: BTreeSet<&String> = names.collect();
    names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(|name| {
            let (ours, theirs) = (text(ours.get(name)), text(theirs.get(name)));
            let line = format!("{} {name}: {ours}; Calico {theirs}", short(key));
            (name.as_str(), line)
        })
        .collect()
}

/// How many addresses handles hold, by the blocks that we left. A count that tells it is right, whatever Calico's says.
struct Held(BTreeMap<(String, String), u64>);

impl Held {
    fn of(records: &Records, names: &Names) -> Held {
        let mut held = BTreeMap::new();
        for (_, text) in records.iter().filter(|(key, _)| key.starts_with(BLOCKS)) {
            let Ok(block) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            let cidr = names.cidr(block["cidr"].as_str().unwrap_or_default());
            for slot in block["allocations"].as_array().into_iter().flatten() {
                let index = slot.as_u64().and_then(|index| usize::try_from(index).ok());
                let holder =
                    index.and_then(|index| block["attributes"][index]["handle_id"].as_str());
                if let Some(holder) = holder {
                    *held.entry((holder.to_owned(), cidr.clone())).or_default() += 1;
                }
            }
        }
        Held(held)
    }

    fn counts(&self, key: &str, member: &str, ours: &Members) -> bool {
        let Some((handle, block)) = key.strip_prefix(HANDLES).zip(member.strip_prefix("count "))
        else {
            return false;
        };
        let truth = self.0.get(&(handle.to_owned(), block.to_owned()));
        let ours = ours.get(member).map_or(Some(0), Value::as_u64);
        ours == Some(truth.copied().unwrap_or_default())
    }
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Each write adds one, and fewer writes are as good; a new block counts from the time in nanoseconds.
fn sequence_differs(
    transition: &Transition,
    key: &str,
    ours: &str,
    theirs: &str,
) -> Option<String> {
    if !key.starts_with(BLOCKS) {
        return None;
    }
    let (ours, theirs) = (sequence(ours)?, sequence(theirs)?);
    let before = transition.before.get(key).and_then(|text| sequence(text));
    let fits = match before {
        None => near(ours, transition.now),
        Some(before) if theirs == before => ours == before,
        Some(before) => before < ours && ours <= theirs,
    };
    let fault = format!(
        "{} sequence number: {ours} after {before:?}; Calico {theirs}",
        short(key)
    );
    (!fits).then_some(fault)
}

fn near(sequence: u64, now: Timestamp) -> bool {
    u64::try_from(now.as_nanosecond()).is_ok_and(|now| sequence.abs_diff(now) < NEAR)
}

fn sequence(block: &str) -> Option<u64> {
    let block: Value = serde_json::from_str(block).ok()?;
    Some(block["sequenceNumber"].as_u64().unwrap_or_default())
}

/// What no writer may leave in a block that it wrote: Calico's readers crash on some of it.
fn malformed(before: &Records, after: &Records) -> Vec<String> {
    after
        .iter()
        .filter(|(key, text)| key.starts_with(BLOCKS) && before.get(*key) != Some(*text))
        .filter_map(|(key, text)| {
            let fault = fault(&serde_json::from_str(text).ok()?)?;
            Some(format!("{} is malformed: {fault}", short(key)))
        })
        .collect()
}

fn fault(block: &Value) -> Option<String> {
    let slots = block["allocations"].as_array()?;
    let attributes = block["attributes"].as_array().map_or(0, Vec::len);
    let used: BTreeSet<u64> = slots.iter().filter_map(Value::as_u64).collect();
    let taken = slots.iter().filter(|slot| !slot.is_null()).count();
    let mut queue: Vec<u64> = block["unallocated"]
        .as_array()?
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    queue.sort_unstable();
    let free: Vec<u64> = (0..)
        .zip(slots)
        .filter(|(_, slot)| slot.is_null())
        .map(|(ordinal, _)| ordinal)
        .collect();
    if used != (0..attributes as u64).collect() {
        Some(format!("{attributes} attributes, slots use {used:?}"))
    } else if queue != free {
        Some(format!("{taken} slots taken, yet {queue:?} in the queue"))
    } else {
        None
    }
}
