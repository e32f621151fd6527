//! Which keys can belong to blocks inside a CIDR, as few and as short text ranges as is reasonable.
//!
//! **Invariant:** the spans cover the key of every block that can lie inside; they may cover others.
//! Keys are text, so neighbours in the key order are not neighbours in the address space: `10.65.10.` stands
//! before `10.65.3.`, and in IPv6 the place of `::` depends on groups further right.

use super::block_prefix;
use crate::blocks::{Address, Cidr, Family};
use crate::datastore::port::Span;

/// Most prefixes that an IPv4 CIDR is spelled with; with more, the next shorter octet boundary serves.
const MOST_PREFIXES: u128 = 16;
const GROUP_BITS: u8 = 16;
const LEADING_GROUPS: usize = 7;

/// Returns text ranges that cover the keys of all blocks inside `cidr`, and perhaps of some outside.
///
/// At most 19 ranges for a block, 16 for a larger IPv4 CIDR and 5 for a larger IPv6 CIDR. Those of an IPv4 block cover
/// the /24s that it touches; those of an IPv6 block its /112, unless zero groups before the last one are
/// compressed: then also blocks whose text starts alike.
pub fn block_spans_inside(cidr: Cidr) -> Vec<Span> {
    let texts = match cidr.family() {
        Family::V4 => octet_prefixes(cidr),
        Family::V6 if cidr.length() <= 112 => group_prefixes(cidr),
        Family::V6 => last_group_spans(cidr),
    };
    let start = block_prefix(cidr.family());
    let placed = |text: String| format!("{start}{text}");
    texts
        .into_iter()
        .map(|span| match span {
            Span::Key(text) => Span::Key(placed(text)),
            Span::Prefix(text) => Span::Prefix(placed(text)),
            Span::Between(from, to) => Span::Between(placed(from), placed(to)),
        })
        .collect()
}

/// Prefixes of whole octets: `10.65.3.` for anything in that /24.
fn octet_prefixes(cidr: Cidr) -> Vec<Span> {
    let length = cidr.length().min(24);
    let network = cidr.first().network(length);
    let rounded = length.next_multiple_of(8);
    match network.subnet_count(rounded) {
        Some(count) if count <= MOST_PREFIXES => (0..count)
            .filter_map(|index| network.subnet(rounded, index))
            .map(octets_of)
            .collect(),
        _ => vec![octets_of(network.first().network(rounded - 8))],
    }
}

fn octets_of(network: Cidr) -> Span {
    Span::Prefix(leading_octets(network))
}

fn leading_octets(network: Cidr) -> String {
    let text = network.first().to_string();
    let octets = usize::from(network.length() / 8);
    text.split_inclusive('.').take(octets).collect()
}

/// Prefixes of the whole groups that `cidr` fixes: one with every group spelled out, and one for each run of
/// zeros that `::` may stand for. Which of them a block has depends on the zeros further right.
fn group_prefixes(cidr: Cidr) -> Vec<Span> {
    let fixed = usize::from(cidr.length() / GROUP_BITS);
    let groups = &groups_of(cidr.first())[..fixed];
    let mut prefixes = vec![Span::Prefix(spelled(groups))];
    for (start, end) in zero_runs(groups) {
        let text = format!("{}::{}", joined(&groups[..start]), spelled(&groups[end..]));
        prefixes.push(Span::Prefix(text));
    }
    prefixes
}

/// The spans of a CIDR that fixes the first seven groups. With the last group zero the text is that of the
/// address; with any other it is one text followed by the digits of the group.
fn last_group_spans(cidr: Cidr) -> Vec<Span> {
    let first = last_group(cidr.first());
    let last = last_group(cidr.last());
    let mut spans = Vec::new();
    if first == 0 {
        spans.push(Span::Prefix(format!("{}-", cidr.first())));
    }
    let leading = text_before_last_group(cidr.first());
    // One digit: each value by itself, for `1` to `f` would enclose almost everything longer.
    for value in first.max(1)..=last.min(0xf) {
        spans.push(Span::Prefix(format!("{leading}{value:x}-")));
    }
    for (lowest, highest) in [(0x10, 0xff), (0x100, 0xfff), (0x1000, 0xffff)] {
        let (from, to) = (first.max(lowest), last.min(highest));
        if from <= to {
            // The dash ends the digits; the full stop is the character after it.
            let span = (format!("{leading}{from:x}-"), format!("{leading}{to:x}."));
            spans.push(Span::Between(span.0, span.1));
        }
    }
    spans
}

/// The text of every address that has the same first seven groups and a last group other than zero, up to that group.
fn text_before_last_group(address: Address) -> String {
    let with_one = Address::new(Family::V6, address.bits() & !0xffff | 1)
        .expect("the lowest bits of an IPv6 address stay within its width");
    let mut text = with_one.to_string();
    text.pop();
    text
}

fn groups_of(address: Address) -> [u16; LEADING_GROUPS + 1] {
    std::net::Ipv6Addr::from_bits(address.bits()).segments()
}

fn last_group(address: Address) -> u16 {
    groups_of(address)[LEADING_GROUPS]
}

/// Each group followed by a colon.
fn spelled(groups: &[u16]) -> String {
    groups.iter().map(|group| format!("{group:x}:")).collect()
}

/// The groups with colons between them.
fn joined(groups: &[u16]) -> String {
    let mut text = spelled(groups);
    text.pop();
    text
}

/// The runs of zeros that `::` may stand for: two groups and more, or one that may go on beyond the last.
fn zero_runs(groups: &[u16]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < groups.len() {
        let zeros = groups[start..].iter().take_while(|&&group| group == 0);
        let end = start + zeros.count();
        if start + 1 < end || (start < end && end == groups.len()) {
            runs.push((start, end));
        }
        start = end.max(start) + 1;
    }
    runs
}
