//! Why a resource is not changed, with the numbers that an operator needs.

use std::fmt;

use thiserror::Error;

use crate::blocks::{BlockCidr, Cidr};
use crate::resources::field::FieldError;
use crate::revision::Revision;

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A pool.
    Pool,
    /// A reservation.
    Reservation,
    /// A node.
    Node,
    /// The configuration.
    Config,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Pool => "IPPool",
            Kind::Reservation => "IPReservation",
            Kind::Node => "Node",
            Kind::Config => "IPAMConfiguration",
        })
    }
}

/// What stands inside a CIDR.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inside {
    /// Blocks.
    pub blocks: usize,
    /// Affinities that no block stands behind.
    pub affinities: usize,
    /// The first few of both, in order.
    pub examples: Vec<BlockCidr>,
}

/// A resource is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChangeRefusal {
    /// It is to be created and is there already.
    #[error("{0} `{1}` exists already")]
    Exists(Kind, String),
    /// It is to be changed or deleted and is not there.
    #[error("{0} `{1}` does not exist")]
    NotFound(Kind, String),
    /// It was changed since the caller read it.
    #[error(
        "{kind} `{name}` was changed by somebody else: resourceVersion {given} was given, it is {found}"
    )]
    Changed {
        /// The kind.
        kind: Kind,
        /// The name.
        name: String,
        /// What the caller read.
        given: Revision,
        /// What is stored.
        found: Revision,
    },
    /// Fields break rules.
    #[error("{kind} `{name}` is refused: {}", list(.faults))]
    Invalid {
        /// The kind.
        kind: Kind,
        /// The name.
        name: String,
        /// The fields.
        faults: Vec<FieldError>,
    },
    /// A pool is to be created over blocks or affinities that are not of its block size.
    #[error(
        "IPPool `{name}` ({cidr}, blocks of /{block_length}) conflicts with existing allocations that use a \
         different blockSize: {inside}"
    )]
    OtherBlockSize {
        /// The pool.
        name: String,
        /// Its addresses.
        cidr: Cidr,
        /// Its block size.
        block_length: u8,
        /// What stands in the way.
        inside: Inside,
    },
    /// A pool is to be deleted while blocks or affinities are inside.
    #[error("IPPool `{name}` ({cidr}) is not empty: {inside}")]
    InUse {
        /// The pool.
        name: String,
        /// Its addresses.
        cidr: Cidr,
        /// What is inside.
        inside: Inside,
    },
    /// A pool was disabled to be drained and deleted, and somebody enabled it again.
    #[error("IPPool `{name}` was enabled by somebody else while it was drained")]
    Enabled {
        /// The pool.
        name: String,
    },
}

fn list(faults: &[FieldError]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = (0 < self.blocks).then(|| counted(self.blocks, "block", "blocks"));
        let affinities = (0 < self.affinities).then(|| {
            counted(
                self.affinities,
                "affinity without a block",
                "affinities without a block",
            )
        });
        let counts: Vec<String> = blocks.into_iter().chain(affinities).collect();
        let examples: Vec<String> = self.examples.iter().map(ToString::to_string).collect();
        let such_as = if self.examples.len() < self.blocks + self.affinities {
            "such as "
        } else {
            ""
        };
        write!(
            f,
            "{} ({such_as}{})",
            counts.join(" and "),
            examples.join(", ")
        )
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
