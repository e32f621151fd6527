//! Another choice of new blocks, told apart from another result: ours are given the names of Calico's, in the order
//! in which the addresses of the answer used them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::load::Records;
use crate::records::Members;

const BLOCK: &str = "/block/";
const ASSIGNMENTS: &str = "/calico/ipam/v2/assignment/";

/// Our new blocks and what Calico called its own, as CIDRs.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// Pairs the new blocks of both sides; nothing is renamed where their numbers or sizes differ.
    pub(crate) fn pair(
        before: &Records,
        ours: (&Answer, &Records),
        theirs: (&Answer, &Records),
    ) -> Names {
        let ours = new_blocks(before, ours.0, ours.1);
        let theirs = new_blocks(before, theirs.0, theirs.1);
        let length = |block: &str| block.split_once('/').map(|(_, length)| length.to_owned());
        let lengths = |blocks: &[String]| -> Vec<_> { blocks.iter().map(|b| length(b)).collect() };
        if lengths(&ours) == lengths(&theirs) {
            Names(ours.into_iter().zip(theirs).collect())
        } else {
            Names::default()
        }
    }

    /// Renames the block that a key ends with.
    pub(crate) fn key(&self, key: &str) -> String {
        let Some((path, block)) = key.rsplit_once(BLOCK) else {
            return key.to_owned();
        };
        let renamed = self.cidr(&block.replacen('-', "/", 1));
        format!("{path}{BLOCK}{}", renamed.replacen('/', "-", 1))
    }

    /// Renames the blocks that members name.
    pub(crate) fn members(&self, members: Members) -> Members {
        members
            .into_iter()
            .map(|(name, value)| {
                let name = match name.strip_prefix("count ") {
                    Some(block) => format!("count {}", self.cidr(block)),
                    None => name,
                };
                let value = match value.as_str() {
                    Some(text) if name == "cidr" => json!(self.cidr(text)),
                    _ => value,
                };
                (name, value)
            })
            .collect()
    }

    /// Renames the addresses of an answer.
    pub(crate) fn answer(&self, answer: &Answer) -> Answer {
        let mut answer = answer.clone()?;
        for family in ["v4", "v6"] {
            let addresses = answer.get_mut(family).and_then(Value::as_array_mut);
            for address in addresses.into_iter().flatten() {
                if let Some(text) = address.as_str() {
                    *address = json!(self.address(text));
                }
            }
        }
        Ok(answer)
    }

    /// Renames a block.
    pub(crate) fn cidr(&self, block: &str) -> String {
        self.0
            .get(block)
            .cloned()
            .unwrap_or_else(|| block.to_owned())
    }

    fn address(&self, text: &str) -> String {
        let (block, offset) = block_of(text);
        let Some((base, length)) = self.0.get(&block).and_then(|new| new.split_once('/')) else {
            return text.to_owned();
        };
        let (base, width) = bits(base);
        format!("{}/{length}", address(base + offset, width))
    }
}

/// The blocks that were not there before: first those of the answer in its order, then the others.
fn new_blocks(before: &Records, answer: &Answer, after: &Records) -> Vec<String> {
    let mut blocks: Vec<String> = addresses(answer).map(|text| block_of(text).0).collect();
    blocks.extend(after.keys().filter_map(|key| block_of_key(key)));
    let mut seen = Vec::new();
    for block in blocks {
        let is_new = !before
            .keys()
            .any(|key| block_of_key(key).as_ref() == Some(&block));
        if is_new && !seen.contains(&block) {
            seen.push(block);
        }
    }
    seen
}

fn block_of_key(key: &str) -> Option<String> {
    let (_, block) = key.strip_prefix(ASSIGNMENTS)?.rsplit_once(BLOCK)?;
    Some(block.replacen('-', "/", 1))
}

fn addresses(answer: &Answer) -> impl Iterator<Item = &str> {
    let answer = answer.as_ref().ok();
    let families = answer.into_iter().flat_map(|a| [&a["v4"], &a["v6"]]);
    families
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
}

/// Returns the block of an address that is written with the block's length, and where in it the address is.
pub(crate) fn block_of(text: &str) -> (String, u128) {
    let (address_text, length) = text.split_once('/').expect("an address with a length");
    let (bits, width) = bits(address_text);
    let host_bits = width - length.parse::<u32>().expect("a length");
    let offset = bits & !u128::MAX.checked_shl(host_bits).unwrap_or(0);
    (
        format!("{}/{length}", address(bits - offset, width)),
        offset,
    )
}

/// Returns an address as a number, and how many bits it has.
pub(crate) fn bits(address: &str) -> (u128, u32) {
    match address.parse().expect("an address") {
        IpAddr::V4(address) => (u128::from(u32::from(address)), u32::BITS),
        IpAddr::V6(address) => (u128::from(address), u128::BITS),
    }
}

/// Returns the address of a number.
pub(crate) fn address(bits: u128, width: u32) -> IpAddr {
    match width {
        u32::BITS => IpAddr::from(u32::try_from(bits).expect("an IPv4 address").to_be_bytes()),
        _ => IpAddr::from(bits.to_be_bytes()),
    }
}

#[test]
fn addresses_keep_their_place_when_their_block_is_renamed() {
    let answer = |ips: [&str; 3]| Ok(json!({ "v4": &ips[..2], "v6": [ips[2]] }));
    let key = |block| (format!("{ASSIGNMENTS}ipv4{BLOCK}{block}"), String::new());
    let ours = answer(["10.0.0.5/30", "10.0.0.9/30", "fd00::12/124"]);
    let theirs = answer(["10.0.0.13/30", "10.0.0.1/30", "fd00:1::2/124"]);
    let after = Records::from([key("10.0.0.4-30"), key("10.0.0.8-30")]);
    let names = Names::pair(&Records::new(), (&ours, &after), (&theirs, &Records::new()));
    assert_eq!(names.answer(&ours), theirs);
    assert_eq!(names.key(&key("10.0.0.4-30").0), key("10.0.0.12-30").0);
}
