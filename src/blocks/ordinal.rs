//! The index of an address in its block.

use std::fmt;

/// An index in a block: 0 to 4095. Whether it lies in a given block is asked of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(u16);

impl Ordinal {
    /// The largest ordinal of the largest block.
    pub const MAX: Ordinal = Ordinal(4095);

    /// Returns the ordinal, or `None` above [`Ordinal::MAX`].
    pub const fn new(index: u16) -> Option<Ordinal> {
        if index <= Ordinal::MAX.0 {
            Some(Ordinal(index))
        } else {
            None
        }
    }

    /// Returns the ordinal, or `None` above [`Ordinal::MAX`].
    pub fn from_index(index: usize) -> Option<Ordinal> {
        u16::try_from(index).ok().and_then(Ordinal::new)
    }

    /// Returns the ordinals of a block with this many addresses, ascending.
    pub fn all(size: u16) -> impl Iterator<Item = Ordinal> {
        (0..size).map_while(Ordinal::new)
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the number as an index into the slots of a block.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
