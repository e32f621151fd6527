//! From bytes to records: those of a recorded store, changed by instructions, so that small inputs reach far.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::recordings;

/// Records whose values need not be text.
pub(super) type Records = BTreeMap<String, Vec<u8>>;

/// The recorded stores, in order of their names.
static STORES: LazyLock<Vec<Records>> = LazyLock::new(|| {
    let bytes = |(key, text): (String, String)| (key, text.into_bytes());
    let stores = recordings::stores().into_values();
    stores
        .map(|records| records.into_iter().map(bytes).collect())
        .collect()
});

/// Keys of every kind, for records that no recorded store has.
const KEYS: [&str; 14] = [
    "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30",
    "/calico/ipam/v2/assignment/ipv4/block/10.0.0.4-30",
    "/calico/ipam/v2/assignment/ipv6/block/fd00::-124",
    "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.0-30",
    "/calico/ipam/v2/host/n2/ipv6/block/fd00::-124",
    "/calico/ipam/v2/virtual/load-balancer/ipv4/block/10.0.0.4-30",
    "/calico/ipam/v2/host/n1",
    "/calico/ipam/v2/handle/net.a",
    "/calico/ipam/v2/config",
    "/calico/resources/v3/projectcalico.org/ippools/hostile",
    "/calico/resources/v3/projectcalico.org/ipreservations/hostile",
    "/calico/resources/v3/projectcalico.org/nodes/n1",
    "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    "/block-ipam/v1/borrowed/n1/10.0.0.0-30",
];

/// Texts in the place of values.
const VALUES: [&str; 28] = [
    "null",
    "true",
    "0",
    "-1",
    "1",
    "2",
    "31",
    "33",
    "129",
    "65535",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e400",
    "\"\"",
    "\"x\"",
    "\"\\ud800\"",
    "\"10.0.0.0/30\"",
    "\"10.0.0.1/30\"",
    "\"0.0.0.0/0\"",
    "\"::/0\"",
    "\"host:\"",
    "\"virtual:n1\"",
    "\"9999-12-31T23:59:59Z\"",
    "[]",
    "[null,0,[]]",
    "{}",
    "{\"\":{}}",
];

/// Takes bytes one after another; zeros when there are no more.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, count: usize) -> usize {
        let number = u16::from_le_bytes([self.byte(), self.byte()]);
        usize::from(number) % count.max(1)
    }

    fn some(&mut self) -> Vec<u8> {
        let length = self.byte() as usize;
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// Makes records of the bytes: a recorded store, or none, and what is done to it.
pub(super) fn records_of(bytes: &mut Bytes<'_>) -> Records {
    let store = usize::from(bytes.byte()) % (STORES.len() + 1);
    let mut records = STORES.get(store).cloned().unwrap_or_default();
    while !bytes.is_empty() {
        change(&mut records, bytes);
    }
    records
}

fn change(records: &mut Records, bytes: &mut Bytes<'_>) {
    let instruction = bytes.byte() % 9;
    let count = records.len();
    if instruction == 0 || count == 0 {
        let key = KEYS[bytes.below(KEYS.len())].to_owned();
        records.insert(key, bytes.some());
        return;
    }
    let other = bytes.below(count);
    let other = records.values().nth(other).cloned().unwrap_or_default();
    let index = bytes.below(count);
    let key = records
        .keys()
        .nth(index)
        .cloned()
        .expect("below their number");
    let value = records.get_mut(&key).expect("it is there");
    match instruction {
        1 => *value = bytes.some(),
        2 => *value = other,
        3 => drop(records.remove(&key)),
        4 => {
            let at = bytes.below(value.len());
            if let Some(byte) = value.get_mut(at) {
                *byte = bytes.byte();
            }
        }
        5 => {
            let (from, length) = (bytes.below(value.len()), bytes.below(16));
            let to = value.len().min(from + length);
            value.drain(from..to);
        }
        6 => {
            let at = bytes.below(value.len() + 1);
            value.splice(at..at, bytes.some());
        }
        _ => put_member(value, bytes),
    }
}

/// Puts another value in the place of one inside.
fn put_member(record: &mut Vec<u8>, bytes: &mut Bytes<'_>) {
    let text = VALUES[bytes.below(VALUES.len())];
    let place = bytes.below(256);
    let Ok(mut document) = serde_json::from_slice::<Value>(record) else {
        return;
    };
    let mut paths = Vec::new();
    walk(&document, "", &mut paths);
    let path = &paths[place % paths.len()];
    // What a JSON value cannot hold is put in as text.
    let mark = json!("\u{1}mark");
    *document.pointer_mut(path).expect("it was walked to") = mark.clone();
    *record = document
        .to_string()
        .replace(&mark.to_string(), text)
        .into_bytes();
}

/// Collects the path of each value.
fn walk(value: &Value, path: &str, paths: &mut Vec<String>) {
    paths.push(path.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inside)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            walk(inside, &format!("{path}/{name}"), paths);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inside)| {
            walk(inside, &format!("{path}/{index}"), paths);
        }),
        _ => {}
    }
}
