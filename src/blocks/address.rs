//! Addresses of both families in one representation: 128 bits and a [`Family`].
//!
//! Text is strict: no leading zeros in IPv4, RFC 5952 for IPv6. An IPv4-mapped IPv6 address is the IPv4 address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::blocks::cidr::{Cidr, CidrError};

/// The address family of a pool, a block or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, in the order in which requests are served.
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// Returns the number of bits of an address.
    pub const fn width(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// Returns the digit that names the family in keys and logs.
    pub const fn digit(self) -> u8 {
        match self {
            Family::V4 => 4,
            Family::V6 => 6,
        }
    }

    /// Returns the block prefix lengths that Calico allows (its IPPool validation).
    pub const fn block_lengths(self) -> std::ops::RangeInclusive<u8> {
        match self {
            Family::V4 => 20..=32,
            Family::V6 => 116..=128,
        }
    }

    /// Returns the block prefix length of a pool that names none.
    pub const fn default_block_length(self) -> u8 {
        match self {
            Family::V4 => 26,
            Family::V6 => 122,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv{}", self.digit())
    }
}

/// An IP address of either family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub(super) family: Family,
    pub(super) bits: u128,
}

impl Address {
    /// Returns the address with these bits, or `None` where the family has fewer.
    pub const fn new(family: Family, bits: u128) -> Option<Address> {
        if bits <= last_bits(family) {
            Some(Address { family, bits })
        } else {
            None
        }
    }

    /// Returns the family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// Returns the address as a number.
    pub const fn bits(self) -> u128 {
        self.bits
    }

    /// Returns the CIDR that holds this address alone.
    pub const fn to_cidr(self) -> Cidr {
        self.network(self.family.width())
    }

    /// Returns the network of the given prefix length around this address.
    ///
    /// # Panics
    /// Where the length is above the width of the family.
    pub const fn network(self, length: u8) -> Cidr {
        assert!(
            length <= self.family.width(),
            "prefix length within the family"
        );
        Cidr {
            family: self.family,
            base: self.bits & network_mask(self.family, length),
            length,
        }
    }
}

/// An IPv4-mapped IPv6 address counts as IPv4, as it does for Calico.
impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Address {
        match address.to_canonical() {
            IpAddr::V4(v4) => Address {
                family: Family::V4,
                bits: u128::from(v4.to_bits()),
            },
            IpAddr::V6(v6) => Address {
                family: Family::V6,
                bits: v6.to_bits(),
            },
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> IpAddr {
        match address.family {
            Family::V4 => {
                let bits = u32::try_from(address.bits).expect("an IPv4 address has 32 bits");
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(address.bits)),
        }
    }
}

impl FromStr for Address {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Address, CidrError> {
        text.parse::<IpAddr>()
            .map(Address::from)
            .map_err(|_| CidrError::NotAnAddress(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) const fn last_bits(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

pub(super) const fn network_mask(family: Family, length: u8) -> u128 {
    let host = (family.width() - length) as u32;
    match 1u128.checked_shl(host) {
        Some(size) => last_bits(family) & !(size - 1),
        None => 0,
    }
}
