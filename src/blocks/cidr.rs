//! CIDRs of both families, always masked: those of pools, and those of blocks.
//!
//! Knows text, but nothing of keys: those are in `datastore::keys`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::blocks::address::{Address, Family, last_bits, network_mask};
use crate::blocks::ordinal::Ordinal;

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

/// A masked CIDR of either family. Orders by family, then base, then length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    pub(super) family: Family,
    pub(super) base: u128,
    pub(super) length: u8,
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
        let (address, length) = address_and_length(text)?;
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

    /// Returns the blocks of every legal size that contain this CIDR and more, the largest first.
    pub fn larger_blocks(self) -> impl Iterator<Item = BlockCidr> {
        let lengths = *self.family().block_lengths().start()..self.length();
        lengths.filter_map(move |length| BlockCidr::new(self.first().network(length)).ok())
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
        let (address, length) = address_and_length(text)?;
        let network = address.network(length);
        if network.first() == address {
            Ok(network)
        } else {
            Err(CidrError::HostBits {
                given: text.to_owned(),
                network,
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

/// Splits a CIDR. Stricter than `ipnet`, and as strict as Calico: no leading zeros, neither in octets nor in the length.
fn address_and_length(text: &str) -> Result<(Address, u8), CidrError> {
    let parse = || {
        let net: ipnet::IpNet = text.parse().ok()?;
        let (address, length) = text.split_once('/')?;
        address.parse::<IpAddr>().ok()?;
        let strict = length == net.prefix_len().to_string();
        let (address, mapped_bits) = address_and_mapped_bits(net.addr());
        let length = net.prefix_len().checked_sub(mapped_bits)?;
        strict.then_some((address, length))
    };
    parse().ok_or_else(|| CidrError::NotACidr(text.to_owned()))
}

/// Returns the address, and how much shorter a prefix length is for it: of an IPv4-mapped one 96 bits are not there.
fn address_and_mapped_bits(address: IpAddr) -> (Address, u8) {
    let canonical = Address::from(address);
    let mapped = address.is_ipv6() && canonical.family == Family::V4;
    (canonical, if mapped { 96 } else { 0 })
}

#[cfg(test)]
mod tests;
