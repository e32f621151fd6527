//! Addresses and CIDRs as the checker reads them: from text, by arithmetic of its own.

use std::net::IpAddr;

/// A CIDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    v6: bool,
    first: u128,
    /// The length of its prefix.
    pub length: u8,
}

impl Net {
    /// Reads `10.0.0.0/30`, or as keys spell it `10.0.0.0-30`; `None` for anything else and where bits of the host are
    /// set.
    pub fn parse(text: &str) -> Option<Net> {
        let (address, length) = text.rsplit_once(['/', '-'])?;
        let address: IpAddr = address.parse().ok()?;
        let net = Net {
            v6: address.is_ipv6(),
            first: bits(address),
            length: length.parse().ok()?,
        };
        let fits = net.length <= net.width() && net.first & (net.size() - 1) == 0;
        fits.then_some(net)
    }

    /// Reads a CIDR, masking bits of the host, or a bare address.
    pub fn parse_loosely(text: &str) -> Option<Net> {
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let mut net = Net {
            v6: address.is_ipv6(),
            first: bits(address),
            length: 0,
        };
        net.length = length.unwrap_or(net.width());
        net.first &= !(net.size() - 1);
        Some(net)
    }

    /// Returns the one around it whose prefix is so many bits shorter.
    #[must_use]
    pub fn wider(self, bits: u32) -> Net {
        let bits = u8::try_from(bits).unwrap_or(u8::MAX);
        let mut net = Net {
            length: self.length.saturating_sub(bits),
            ..self
        };
        net.first &= !(net.size() - 1);
        net
    }

    const fn width(self) -> u8 {
        if self.v6 { 128 } else { 32 }
    }

    /// Returns how many addresses it has; those of a whole family are not counted.
    pub const fn size(self) -> u128 {
        match self.width().checked_sub(self.length) {
            Some(bits) if bits < 128 => 1 << bits,
            Some(_) | None => u128::MAX,
        }
    }

    /// Returns whether it is of IPv6.
    pub const fn is_v6(self) -> bool {
        self.v6
    }

    /// Returns the address at a place, counted from 0.
    pub fn at(self, place: usize) -> IpAddr {
        let bits = self.first + place as u128;
        if self.v6 {
            IpAddr::V6(bits.into())
        } else {
            IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into())
        }
    }

    /// Returns the place of an address in it, if it is inside.
    pub fn place(self, address: IpAddr) -> Option<usize> {
        let inside = address.is_ipv6() == self.v6 && self.first <= bits(address);
        let place = bits(address).checked_sub(self.first)?;
        (inside && place < self.size()).then_some(usize::try_from(place).ok()?)
    }

    /// Returns whether all of the other is in it.
    pub fn covers(self, other: Net) -> bool {
        self.v6 == other.v6
            && self.length <= other.length
            && other.first & !(self.size() - 1) == self.first
    }

    /// Returns whether they share an address.
    pub fn overlaps(self, other: Net) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Returns its parts of this prefix length, in order; none if they would be larger.
    pub fn parts(self, length: u8) -> impl Iterator<Item = Net> {
        let part = Net { length, ..self };
        let count = if length < self.length {
            0
        } else {
            self.size() / part.size()
        };
        (0..count).map(move |index| Net {
            first: self.first + index * part.size(),
            ..part
        })
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at(0), self.length)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cidr_is_what_it_says() {
        let net = Net::parse("10.0.0.8-29").unwrap();
        assert_eq!(net.to_string(), "10.0.0.8/29");
        assert_eq!(net.at(7).to_string(), "10.0.0.15");
        assert_eq!(net.place("10.0.0.15".parse().unwrap()), Some(7));
        assert_eq!(net.place("10.0.0.16".parse().unwrap()), None);
        assert_eq!(net.place("::8".parse().unwrap()), None);
        assert_eq!(net.parts(31).count(), 4);
        assert_eq!(Net::parse("10.0.0.9/29"), None);
        assert_eq!(Net::parse_loosely(" 10.0.0.9/29 "), Some(net));
        assert_eq!(Net::parse_loosely("10.0.0.9").unwrap().length, 32);
    }

    #[test]
    fn overlap_is_one_inside_the_other() {
        let net = |text| Net::parse(text).unwrap();
        assert!(net("fd00::/126").covers(net("fd00::2/127")));
        assert!(net("fd00::2/127").overlaps(net("fd00::/126")));
        assert!(!net("fd00::/127").overlaps(net("fd00::2/127")));
        assert!(!net("0.0.0.0/8").covers(net("::/16")));
    }
}
