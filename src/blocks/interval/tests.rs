//! Range sets against tables, and against bitmaps of small spaces at the ends of both families.

use proptest::prelude::*;

use crate::blocks::address::{Address, Family};
use crate::blocks::cidr::Cidr;
use crate::blocks::interval::{AddressRange, RangeSet};

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn set(cidrs: &[&str]) -> RangeSet {
    cidrs.iter().map(|text| cidr(text)).collect()
}

fn text(set: &RangeSet) -> String {
    let ranges: Vec<String> = set
        .ranges()
        .map(|range| format!("{}-{}", range.first(), range.last()))
        .collect();
    ranges.join(" ")
}

const SPACE_LENGTH_BELOW: u8 = 5;

/// The first or the last 32 addresses of a family.
fn space(family: Family, last: bool) -> Cidr {
    let end = if last {
        u128::MAX >> (128 - family.width())
    } else {
        0
    };
    let address = Address::new(family, end).unwrap();
    address.network(family.width() - SPACE_LENGTH_BELOW)
}

fn spaces() -> impl Strategy<Value = Cidr> {
    let family = prop::sample::select(&Family::BOTH[..]);
    (family, any::<bool>()).prop_map(|(family, last)| space(family, last))
}

/// Numbers that become CIDRs of a space: an offset, and how much longer than the space.
fn pieces() -> impl Strategy<Value = Vec<(u128, u8)>> {
    prop::collection::vec((0..32u128, 0..=SPACE_LENGTH_BELOW), 0..8)
}

fn cidrs_in(space: Cidr, pieces: &[(u128, u8)]) -> Vec<Cidr> {
    let piece = |&(offset, longer): &(u128, u8)| {
        let address = Address::new(space.family(), space.first().bits() + offset).unwrap();
        address.network(space.length() + longer)
    };
    pieces.iter().map(piece).collect()
}

fn bitmap(space: Cidr, cidrs: &[Cidr]) -> u32 {
    let covered = |n: &u128| {
        let address = space.subnet(space.family().width(), *n).unwrap().first();
        cidrs.iter().any(|cidr| cidr.contains(address))
    };
    (0..32u128).filter(covered).map(|n| 1 << n).sum()
}

/// Checks a set of addresses of a space against the bits that it should have.
#[track_caller]
fn check(space: Cidr, set: &RangeSet, bits: u32) {
    let address = |n: u8| space.subnet(space.family().width(), u128::from(n)).unwrap();
    for n in 0..32 {
        assert_eq!(set.contains(address(n).first()), bits >> n & 1 == 1);
    }
    assert_eq!(set.count_in(space), u128::from(bits.count_ones()));
    assert_eq!(set.is_empty(), bits == 0);
    let runs = (bits & !(bits << 1)).count_ones();
    let ranges: Vec<AddressRange> = set.ranges().collect();
    assert_eq!(ranges.len(), usize::try_from(runs).unwrap());
    assert!(ranges.is_sorted());
    let size: u128 = ranges.iter().map(|range| range.size()).sum();
    assert_eq!(size, u128::from(bits.count_ones()));
}

proptest! {
    #[test]
    fn sets_are_what_bitmaps_are(space in spaces(), a in pieces(), b in pieces(), probe in pieces()) {
        let (a, b) = (cidrs_in(space, &a), cidrs_in(space, &b));
        let (a_bits, b_bits) = (bitmap(space, &a), bitmap(space, &b));
        let (a, b): (RangeSet, RangeSet) = (a.into_iter().collect(), b.into_iter().collect());
        check(space, &a, a_bits);
        check(space, &a.union(&b), a_bits | b_bits);
        check(space, &a.intersect(&b), a_bits & b_bits);
        check(space, &a.subtract(&b), a_bits & !b_bits);
        for probe in cidrs_in(space, &probe) {
            let probe_bits = bitmap(space, &[probe]);
            prop_assert_eq!(a.covers(probe), probe_bits & !a_bits == 0);
            prop_assert_eq!(a.overlaps(probe), probe_bits & a_bits != 0);
            check(space, &a.within(probe), probe_bits & a_bits);
            let count = (probe_bits & a_bits).count_ones();
            prop_assert_eq!(a.count_in(probe), u128::from(count));
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(space in spaces(), pieces in pieces()) {
        let cidrs = cidrs_in(space, &pieces);
        let mut one_by_one = RangeSet::default();
        for &cidr in cidrs.iter().rev() {
            one_by_one.insert(cidr);
        }
        prop_assert_eq!(one_by_one, cidrs.into_iter().collect());
    }
}

#[test]
fn ranges_that_touch_are_one_range() {
    let table: [(&[&str], &str); 6] = [
        (&[], ""),
        (&["10.0.0.128/25", "10.0.0.0/25"], "10.0.0.0-10.0.0.255"),
        (&["10.0.0.0/24", "10.0.0.7/32"], "10.0.0.0-10.0.0.255"),
        (
            &["10.0.0.0/32", "10.0.0.2/32"],
            "10.0.0.0-10.0.0.0 10.0.0.2-10.0.0.2",
        ),
        (
            &["::/64", "255.255.255.255/32", "0:0:0:1::/64"],
            "255.255.255.255-255.255.255.255 ::-::1:ffff:ffff:ffff:ffff",
        ),
        (
            &["8000::/1", "::/1"],
            "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ),
    ];
    for (cidrs, expected) in table {
        assert_eq!(text(&set(cidrs)), expected);
    }
}

#[test]
fn several_ranges_cover_together_what_none_covers_alone() {
    let halves = set(&["10.0.0.128/25", "10.0.0.0/25"]);
    assert!(halves.covers(cidr("10.0.0.0/24")));
    assert!(!halves.covers(cidr("10.0.0.0/23")));
    assert!(halves.overlaps(cidr("10.0.0.0/23")));
    assert!(!halves.overlaps(cidr("10.0.1.0/24")));
}

#[test]
fn families_never_mix() {
    let v4 = set(&["0.0.0.0/0"]);
    assert!(!v4.contains("::1".parse().unwrap()));
    assert!(!v4.overlaps(cidr("::/0")));
    assert_eq!(v4.intersect(&set(&["::/0"])), RangeSet::default());
    assert_eq!(v4.subtract(&set(&["::/0"])), v4);
    assert_eq!(v4.within(cidr("::/96")), RangeSet::default());
}

#[test]
fn all_of_ipv6_has_no_number_and_saturates() {
    let all = set(&["::/0"]);
    assert_eq!(all.count_in(cidr("::/0")), u128::MAX);
    assert!(all.covers(cidr("::/0")));
    assert_eq!(all.subtract(&all), RangeSet::default());
    let rest = all.subtract(&set(&["ffff::/16", "::/128"]));
    assert_eq!(text(&rest), "::1-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_eq!(all.subtract(&rest), set(&["ffff::/16", "::/128"]));
    assert_eq!(all.union(&rest), all);
}

#[test]
fn what_is_reserved_is_counted_once() {
    let table: [(&[&str], u128, u128); 4] = [
        (&["10.0.0.32/30"], 4, 4),
        (&["10.0.0.128/25"], 128, 0),
        (&["10.0.0.5/32"], 1, 1),
        (&["10.0.0.0/25", "10.0.0.5/32", "10.0.0.64/26"], 128, 64),
    ];
    for (reserved, in_pool, in_block) in table {
        let reserved = set(reserved);
        assert_eq!(reserved.count_in(cidr("10.0.0.0/24")), in_pool);
        assert_eq!(reserved.count_in(cidr("10.0.0.0/26")), in_block);
    }
}

#[test]
fn a_range_is_made_up_of_the_fewest_cidrs() {
    let cidrs = |first: &str, last: &str| -> Vec<String> {
        let address = |text: &str| text.parse().expect("an address");
        let range = AddressRange::new(address(first), address(last)).expect("a range");
        range.cidrs().iter().map(ToString::to_string).collect()
    };
    assert_eq!(cidrs("10.0.0.0", "10.0.0.255"), ["10.0.0.0/24"]);
    assert_eq!(cidrs("10.0.0.9", "10.0.0.9"), ["10.0.0.9/32"]);
    let split = [
        "10.0.0.9/32",
        "10.0.0.10/31",
        "10.0.0.12/30",
        "10.0.0.16/32",
    ];
    assert_eq!(cidrs("10.0.0.9", "10.0.0.16"), split);
    assert_eq!(
        cidrs("255.255.255.254", "255.255.255.255"),
        ["255.255.255.254/31"]
    );
    assert_eq!(
        cidrs("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ["::/0"]
    );
    assert_eq!(
        cidrs("fd00::1", "fd00::4"),
        ["fd00::1/128", "fd00::2/127", "fd00::4/128"]
    );
    let [low, high] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().expect("an address"));
    assert_eq!(AddressRange::new(high, low), None);
}
