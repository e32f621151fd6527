//! Sets of addresses as sorted ranges: reservations, and what they leave of a pool.
//!
//! **Invariant:** the ranges of a set neither touch nor overlap, so equal sets are equal values.

mod spans;

#[cfg(test)]
mod tests;

use crate::blocks::address::{Address, Family};
use crate::blocks::cidr::Cidr;
pub(crate) use spans::{Span, Spans};

/// Addresses of one family, from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: Address,
    last: Address,
}

impl AddressRange {
    /// Returns the range between two addresses of one family, or `None` where the first comes after the last.
    pub fn new(first: Address, last: Address) -> Option<AddressRange> {
        let ordered = first.family() == last.family() && first <= last;
        ordered.then_some(AddressRange { first, last })
    }

    /// Returns the fewest CIDRs that make up the range, in order.
    pub fn cidrs(self) -> Vec<Cidr> {
        let mut cidrs = Vec::new();
        let mut next = Some(self.first);
        while let Some(first) = next.filter(|first| *first <= self.last) {
            let cidr = self.largest_at(first);
            cidrs.push(cidr);
            let after = cidr.last().bits().checked_add(1);
            next = after.and_then(|bits| Address::new(first.family(), bits));
        }
        cidrs
    }

    fn largest_at(self, first: Address) -> Cidr {
        let fits = |cidr: &Cidr| cidr.first() == first && cidr.last() <= self.last;
        let networks = (0..=first.family().width()).map(|length| first.network(length));
        networks
            .into_iter()
            .find(fits)
            .expect("the address alone fits")
    }

    /// Returns the first address.
    pub const fn first(self) -> Address {
        self.first
    }

    /// Returns the last address.
    pub const fn last(self) -> Address {
        self.last
    }

    /// Returns the number of addresses, or `u128::MAX` for all of IPv6.
    pub const fn size(self) -> u128 {
        (self.last.bits() - self.first.bits()).saturating_add(1)
    }
}

/// A set of addresses of both families, as ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    v4: Spans,
    v6: Spans,
}

impl RangeSet {
    /// Returns whether it has no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Adds the addresses of a CIDR.
    pub fn insert(&mut self, cidr: Cidr) {
        self.extend([cidr]);
    }

    /// Returns the addresses that are in one of the two.
    #[must_use]
    pub fn union(&self, other: &RangeSet) -> RangeSet {
        self.zip(other, Spans::union)
    }

    /// Returns the addresses that are in both.
    #[must_use]
    pub fn intersect(&self, other: &RangeSet) -> RangeSet {
        self.zip(other, Spans::intersect)
    }

    /// Returns the addresses that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &RangeSet) -> RangeSet {
        self.zip(other, Spans::subtract)
    }

    /// Returns the addresses that lie in the CIDR.
    #[must_use]
    pub fn within(&self, cidr: Cidr) -> RangeSet {
        let mut inside = RangeSet::default();
        *inside.of_mut(cidr.family()) = self.of(cidr.family()).within(span(cidr));
        inside
    }

    /// Returns whether it has the address.
    pub fn contains(&self, address: Address) -> bool {
        self.covers(address.to_cidr())
    }

    /// Returns whether it has every address of the CIDR.
    pub fn covers(&self, cidr: Cidr) -> bool {
        self.of(cidr.family()).covers(span(cidr))
    }

    /// Returns whether it has an address of the CIDR.
    pub fn overlaps(&self, cidr: Cidr) -> bool {
        self.of(cidr.family()).overlaps(span(cidr))
    }

    /// Returns how many addresses of the CIDR it has, or `u128::MAX` for all of IPv6.
    pub fn count_in(&self, cidr: Cidr) -> u128 {
        self.of(cidr.family()).within(span(cidr)).size()
    }

    /// Returns the ranges: IPv4 first, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        Family::BOTH
            .into_iter()
            .flat_map(|family| self.ranges_of(family))
    }

    /// Returns the ranges of one family, ascending.
    pub fn ranges_of(&self, family: Family) -> impl Iterator<Item = AddressRange> {
        let address = move |bits| Address::new(family, bits).expect("it came from an address");
        self.of(family).iter().map(move |span| AddressRange {
            first: address(span.first),
            last: address(span.last),
        })
    }

    fn zip(&self, other: &RangeSet, join: impl Fn(&Spans, &Spans) -> Spans) -> RangeSet {
        RangeSet {
            v4: join(&self.v4, &other.v4),
            v6: join(&self.v6, &other.v6),
        }
    }

    const fn of(&self, family: Family) -> &Spans {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    const fn of_mut(&mut self, family: Family) -> &mut Spans {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl From<Cidr> for RangeSet {
    fn from(cidr: Cidr) -> RangeSet {
        RangeSet::from_iter([cidr])
    }
}

impl FromIterator<Cidr> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Cidr>>(cidrs: I) -> RangeSet {
        let mut set = RangeSet::default();
        set.extend(cidrs);
        set
    }
}

impl Extend<Cidr> for RangeSet {
    fn extend<I: IntoIterator<Item = Cidr>>(&mut self, cidrs: I) {
        let (v4, v6): (Vec<Cidr>, Vec<Cidr>) = cidrs
            .into_iter()
            .partition(|cidr| cidr.family() == Family::V4);
        for (family, cidrs) in [(Family::V4, v4), (Family::V6, v6)] {
            let spans = self.of_mut(family);
            *spans = spans.union(&cidrs.into_iter().map(span).collect());
        }
    }
}

const fn span(cidr: Cidr) -> Span {
    Span {
        first: cidr.first().bits(),
        last: cidr.last().bits(),
    }
}
