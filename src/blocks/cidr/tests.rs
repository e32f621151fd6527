//! Addresses and CIDRs: what is read, what is refused, how it is written, and the ends of both families.

use proptest::prelude::*;

use crate::blocks::address::{Address, Family};
use crate::blocks::cidr::{BlockCidr, Cidr, CidrError};
use crate::blocks::ordinal::Ordinal;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn any_cidr() -> impl Strategy<Value = Cidr> {
    prop_oneof![
        (any::<u32>(), 0..=32u8).prop_map(|(bits, length)| (Family::V4, u128::from(bits), length)),
        (any::<u128>(), 0..=128u8).prop_map(|(bits, length)| (Family::V6, bits, length)),
    ]
    .prop_map(|(family, bits, length)| Address::new(family, bits).unwrap().network(length))
}

#[test]
fn texts_that_are_no_cidr_are_refused() {
    let texts = [
        "",
        "/",
        "10.0.0.0",
        "10.0.0.0/",
        "/8",
        "10.0.0/8",
        "10/8",
        "010.0.0.0/8",
        "10.0.0.00/8",
        "10.0.0.256/32",
        "10.0.0.0/08",
        "10.0.0.0/00",
        "10.0.0.0/+8",
        "10.0.0.0/-8",
        "10.0.0.0/8.0",
        "10.0.0.0/33",
        "10.0.0.0/264",
        "10.0.0.0/8/8",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
        "10.0.0.0-8",
        "::/129",
        "00001::/64",
        ":::/64",
        "fe80::%eth0/64",
        "[fd00::]/64",
        "::ffff:10.0.0.0/95",
        "localhost/8",
    ];
    for text in texts {
        let refused = Err(CidrError::NotACidr(text.to_owned()));
        assert_eq!(Cidr::parse_masking(text), refused, "{text}");
        assert_eq!(text.parse::<Cidr>(), refused, "{text}");
    }
}

#[test]
fn texts_that_are_no_address_are_refused() {
    for text in [
        "",
        "10.0.0",
        "010.0.0.1",
        "10.0.0.1/32",
        "::1%1",
        "10.0.0.1 ",
    ] {
        let refused = Err(CidrError::NotAnAddress(text.to_owned()));
        assert_eq!(text.parse::<Address>(), refused, "{text}");
    }
}

#[test]
fn a_cidr_is_written_masked_and_in_its_canonical_form() {
    let table = [
        ("10.65.3.77/26", "10.65.3.64/26"),
        ("255.255.255.255/0", "0.0.0.0/0"),
        ("255.255.255.255/32", "255.255.255.255/32"),
        ("FD80:24E2:F998:72D6::7f/122", "fd80:24e2:f998:72d6::40/122"),
        ("fd00:0:0:0:0:0:0:0/64", "fd00::/64"),
        ("2001:db8:0:1:1:1:1:1/128", "2001:db8:0:1:1:1:1:1/128"),
        ("2001:0:0:1:0:0:0:1/128", "2001:0:0:1::1/128"),
        ("2001:db8:0:0:1:0:0:1/128", "2001:db8::1:0:0:1/128"),
        ("::10.0.0.1/128", "::a00:1/128"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/0", "::/0"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
        ("::ffff:a01:203/96", "0.0.0.0/0"),
    ];
    for (text, canonical) in table {
        let cidr = Cidr::parse_masking(text).unwrap();
        assert_eq!(cidr.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(cidr));
    }
}

#[test]
fn host_bits_are_refused_with_the_network_that_was_meant() {
    let refusal = "10.0.0.1/24".parse::<Cidr>().unwrap_err();
    let text = "CIDR `10.0.0.1/24` has host bits set; the network is `10.0.0.0/24`";
    assert_eq!(refusal.to_string(), text);
    assert!("::ffff:10.0.0.1/120".parse::<Cidr>().is_err());
    assert_eq!(Cidr::new(address("10.0.0.1"), 24), None);
    assert_eq!(Cidr::new(address("10.0.0.0"), 33), None);
    assert_eq!(
        Cidr::new(address("10.0.0.0"), 24),
        Some(cidr("10.0.0.0/24"))
    );
}

#[test]
fn a_mapped_address_is_the_ipv4_address() {
    assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    assert_eq!(Address::new(Family::V4, 1 << 32), None);
}

#[test]
fn the_whole_of_a_family_has_ends_and_no_overflow() {
    let table = [
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", 1 << 32),
        ("10.0.0.4/32", "10.0.0.4", "10.0.0.4", 1),
        (
            "::/0",
            "::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            u128::MAX,
        ),
        (
            "::/1",
            "::",
            "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            1 << 127,
        ),
        ("fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", 1 << 64),
    ];
    for (text, first, last, size) in table {
        let cidr = cidr(text);
        let ends = (cidr.first(), cidr.last(), cidr.size());
        assert_eq!(ends, (address(first), address(last), size), "{text}");
    }
}

#[test]
fn subnets_are_counted_and_found_by_index() {
    let count = |text: &str, length| cidr(text).subnet_count(length);
    assert_eq!(count("10.0.0.0/16", 26), Some(1024));
    assert_eq!(count("10.0.0.0/26", 26), Some(1));
    assert_eq!(count("10.0.0.0/27", 26), None);
    assert_eq!(count("10.0.0.0/27", 33), None);
    assert_eq!(count("fd00::/64", 122), Some(1 << 58));
    assert_eq!(count("::/0", 127), Some(1 << 127));
    assert_eq!(count("::/0", 128), Some(u128::MAX));

    let subnet = |text: &str, length, index| cidr(text).subnet(length, index);
    assert_eq!(
        subnet("10.0.0.0/16", 26, 1023),
        Some(cidr("10.0.255.192/26"))
    );
    assert_eq!(subnet("10.0.0.0/16", 26, 1024), None);
    assert_eq!(subnet("::/0", 0, 0), Some(cidr("::/0")));
    let last = subnet("::/0", 128, u128::MAX - 1).unwrap();
    assert_eq!(
        last.to_string(),
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128"
    );
}

#[test]
fn a_block_has_one_of_the_lengths_that_calico_allows() {
    let table = [
        ("10.0.0.0/19", None),
        ("10.0.0.0/20", Some(4096)),
        ("10.0.0.0/32", Some(1)),
        ("fd00::/115", None),
        ("fd00::/116", Some(4096)),
        ("fd00::/128", Some(1)),
    ];
    for (text, size) in table {
        assert_eq!(text.parse().ok().map(BlockCidr::size), size, "{text}");
    }
    let refusal = "10.0.0.0/8".parse::<BlockCidr>().unwrap_err();
    let text =
        "`10.0.0.0/8` is not a block: blocks are /20 to /32 for IPv4 and /116 to /128 for IPv6";
    assert_eq!(refusal.to_string(), text);
}

#[test]
fn an_ordinal_is_the_distance_from_the_first_address() {
    let block: BlockCidr = "10.0.0.64/26".parse().unwrap();
    let last = Ordinal::new(63).unwrap();
    assert_eq!(block.ordinal(address("10.0.0.127")), Some(last));
    assert_eq!(block.address(last), Some(address("10.0.0.127")));
    assert_eq!(block.ordinal(address("10.0.0.128")), None);
    assert_eq!(block.ordinal(address("::40")), None);
    assert_eq!(block.address(Ordinal::new(64).unwrap()), None);
    assert_eq!(Ordinal::new(4096), None);
    assert_eq!(Ordinal::from_index(65_536 + 1), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(cidr in any_cidr()) {
        prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
    }

    #[test]
    fn covering_and_overlapping_agree_with_the_ends(a in any_cidr(), b in any_cidr()) {
        let same = a.family() == b.family();
        let covers = same && a.first() <= b.first() && b.last() <= a.last();
        let overlaps = same && a.first() <= b.last() && b.first() <= a.last();
        prop_assert_eq!(a.covers(b), covers);
        prop_assert_eq!(a.overlaps(b), overlaps);
        prop_assert_eq!(a.contains(b.last()), same && a.first() <= b.last() && b.last() <= a.last());
    }

    #[test]
    fn a_network_lies_around_its_address(cidr in any_cidr(), shorter in 0..=128u8) {
        let length = shorter.min(cidr.length());
        let network = cidr.last().network(length);
        prop_assert!(network.covers(cidr));
        prop_assert_eq!(network.length(), length);
        prop_assert_eq!(network.first().network(length), network);
    }
}
