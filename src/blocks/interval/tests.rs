//! Range sets against a bitmap.

use crate::blocks::cidr::Cidr;
use crate::blocks::interval::RangeSet;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn set(cidrs: &[&str]) -> RangeSet {
    cidrs.iter().map(|text| cidr(text)).collect()
}

#[test]
fn two_halves_are_the_same_set_as_the_whole() {
    let halves = set(&["10.0.0.128/25", "10.0.0.0/25"]);
    assert_eq!(halves, set(&["10.0.0.0/24"]));
    assert!(halves.covers(cidr("10.0.0.0/24")));
    assert!(!halves.covers(cidr("10.0.0.0/23")));
}
