//! Addresses and CIDRs of both families in one representation: 128 bits and a [`Family`].
//!
//! A [`Cidr`] is always masked. A [`BlockCidr`] also has a length that Calico allows for blocks.
//! Knows text (RFC 5952 for IPv6), but nothing of keys: those are in `datastore::keys`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::blocks::ordinal::Ordinal;

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

/// A text that is no address or no CIDR, or one that is not in its canonical masked form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CidrError {
    /// The text is not an IP address.
    #[error("`{0}` is not an IP address")]
    NotAnAddress(String),
    /// The text is not `ADDRESS/LENGTH`.
    #[error("`{0}` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64")]
    NotACidr(String),
    /// Bits right of the prefix are set.
    #[error("CIDR `{given}` has host bits set; the network is `{network}`")]
    HostBits {
        /// The text as given.
        given: String,
        /// The masked network.
        network: Cidr,
    },
    /// The prefix length is not one that a block can have.
    #[error("`{0}` is not a block: blocks are /20 to /32 for IPv4 and /116 to /128 for IPv6")]
    NotABlock(Cidr),
}

/// An IP address of either family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    family: Family,
    bits: u128,
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
        Cidr {
            family: self.family,
            base: self.bits,
            length: self.family.width(),
        }
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

/// A masked CIDR of either family. Orders by family, then base, then length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    family: Family,
    base: u128,
    length: u8,
}

impl Cidr {
    /// Returns the CIDR with this base and length, or `None` if it is not masked or out of range.
    pub fn new(base: Address, length: u8) -> Option<Cidr> {
        let fits = length <= base.family.width();
        fits.then(|| base.network(length))
            .filter(|cidr| cidr.base == base.bits)
    }

    /// Reads `ADDRESS/LENGTH` and masks what stands right of the prefix.
    ///
    /// # Errors
    /// [`CidrError::NotACidr`] where the text is none.
    pub fn parse_masking(text: &str) -> Result<Cidr, CidrError> {
        let not_a_cidr = || CidrError::NotACidr(text.to_owned());
        let net: ipnet::IpNet = text.parse().map_err(|_| not_a_cidr())?;
        let mapped = matches!(net, ipnet::IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
        let address = Address::from(net.addr());
        let length = if mapped {
            net.prefix_len().checked_sub(96).ok_or_else(not_a_cidr)?
        } else {
            net.prefix_len()
        };
        Ok(address.network(length))
    }

    /// Returns the family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// Returns the prefix length.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Returns the first address.
    pub const fn first(self) -> Address {
        Address {
            family: self.family,
            bits: self.base,
        }
    }

    /// Returns the last address.
    pub const fn last(self) -> Address {
        let host = last_bits(self.family) & !network_mask(self.family, self.length);
        Address {
            family: self.family,
            bits: self.base | host,
        }
    }

    /// Returns the number of addresses, or `u128::MAX` for `::/0`.
    pub const fn size(self) -> u128 {
        (self.last().bits - self.base).saturating_add(1)
    }

    /// Returns whether the address lies inside.
    pub const fn contains(self, address: Address) -> bool {
        self.family as u8 == address.family as u8
            && address.bits & network_mask(self.family, self.length) == self.base
    }

    /// Returns whether the whole of `other` lies inside.
    pub const fn covers(self, other: Cidr) -> bool {
        self.length <= other.length && self.contains(other.first())
    }

    /// Returns whether the two share an address.
    pub const fn overlaps(self, other: Cidr) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Returns how many networks of the given length it holds; `None` where that length is shorter
    /// than its own or above the family's width. Saturates at `u128::MAX`.
    pub fn subnet_count(self, length: u8) -> Option<u128> {
        if length < self.length || self.family.width() < length {
            return None;
        }
        Some(
            1u128
                .checked_shl(u32::from(length - self.length))
                .unwrap_or(u128::MAX),
        )
    }

    /// Returns the `index`th network of the given length inside, or `None` where there is none.
    pub fn subnet(self, length: u8, index: u128) -> Option<Cidr> {
        if self.subnet_count(length)? <= index {
            return None;
        }
        let shift = u32::from(self.family.width() - length);
        let offset = index.checked_shl(shift).unwrap_or(0);
        Some(Cidr {
            family: self.family,
            base: self.base | offset,
            length,
        })
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Reads a CIDR and refuses host bits, naming the masked network.
    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let cidr = Cidr::parse_masking(text)?;
        let (address, _) = text
            .split_once('/')
            .ok_or_else(|| CidrError::NotACidr(text.to_owned()))?;
        if address.parse::<Address>()? == cidr.first() {
            Ok(cidr)
        } else {
            Err(CidrError::HostBits {
                given: text.to_owned(),
                network: cidr,
            })
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.length)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The CIDR of a block: masked, and of a length that blocks can have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockCidr(Cidr);

impl BlockCidr {
    /// Returns the CIDR as that of a block.
    ///
    /// # Errors
    /// [`CidrError::NotABlock`] where the length is outside [`Family::block_lengths`].
    pub fn new(cidr: Cidr) -> Result<BlockCidr, CidrError> {
        if cidr.family().block_lengths().contains(&cidr.length()) {
            Ok(BlockCidr(cidr))
        } else {
            Err(CidrError::NotABlock(cidr))
        }
    }

    /// Returns the CIDR.
    pub const fn cidr(self) -> Cidr {
        self.0
    }

    /// Returns the family.
    pub const fn family(self) -> Family {
        self.0.family()
    }

    /// Returns the number of addresses: 1 to 4096.
    pub fn size(self) -> u16 {
        u16::try_from(self.0.size()).expect("a block has at most 4096 addresses")
    }

    /// Returns whether the address lies inside.
    pub const fn contains(self, address: Address) -> bool {
        self.0.contains(address)
    }

    /// Returns the address of an ordinal, or `None` where the block has fewer.
    pub fn address(self, ordinal: Ordinal) -> Option<Address> {
        let inside = ordinal.get() < self.size();
        inside.then(|| Address {
            family: self.family(),
            bits: self.0.base | u128::from(ordinal.get()),
        })
    }

    /// Returns the ordinal of an address, or `None` outside the block.
    pub fn ordinal(self, address: Address) -> Option<Ordinal> {
        let inside = self.contains(address);
        let offset = inside.then(|| address.bits - self.0.base)?;
        u16::try_from(offset).ok().and_then(Ordinal::new)
    }
}

impl FromStr for BlockCidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<BlockCidr, CidrError> {
        text.parse::<Cidr>().and_then(BlockCidr::new)
    }
}

impl fmt::Display for BlockCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BlockCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const fn last_bits(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

const fn network_mask(family: Family, length: u8) -> u128 {
    let host = (family.width() - length) as u32;
    match 1u128.checked_shl(host) {
        Some(size) => last_bits(family) & !(size - 1),
        None => 0,
    }
}
