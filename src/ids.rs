//! The names of things: nodes, handles, owners of blocks, pools. Each is checked once, where text comes in.
//!
//! Key segments are not escaped in the store, hence no `/` and no control characters from us.
//! Names that others wrote are taken as they are by `stored`, so that any record can be read.

use std::fmt;

use thiserror::Error;

/// A name that cannot stand in a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {name:?} is not usable: {why}")]
pub struct NameError {
    /// What was to be named, such as `node name`.
    pub what: &'static str,
    /// The text at fault.
    pub name: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

const LONGEST_NAME: usize = 253;

fn checked(what: &'static str, name: &str) -> Result<String, NameError> {
    let refuse = |why| {
        Err(NameError {
            what,
            name: name.to_owned(),
            why,
        })
    };
    if name.is_empty() {
        refuse("it is empty")
    } else if LONGEST_NAME < name.len() {
        refuse("it is longer than 253 bytes")
    } else if name.contains('/') {
        refuse("it contains `/`, which separates the segments of a key")
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        refuse("it contains white space or a control character")
    } else {
        Ok(name.to_owned())
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the name if it can stand in a key.
            ///
            /// # Errors
            /// [`NameError`]: empty, longer than 253 bytes, with `/`, white space or control characters.
            pub fn new(name: &str) -> Result<$name, NameError> {
                checked($what, name).map($name)
            }

            /// Returns a name that stands in the store already, whatever it is.
            pub fn stored(name: &str) -> $name {
                $name(name.to_owned())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of a node.
    NodeName,
    "node name"
);
name_type!(
    /// Who holds addresses: `{network}.{containerID}` for containers.
    HandleId,
    "handle"
);
name_type!(
    /// The name of a pool or a reservation.
    ResourceName,
    "name"
);

impl HandleId {
    /// The handle of the slots that Windows nodes reserve; no handle record exists for it.
    pub const WINDOWS_RESERVED: &'static str = "windows-reserved-ipam-handle";

    /// Returns the id that comparisons use: what stands before the first carriage return.
    pub fn comparable(&self) -> &str {
        comparable_handle(&self.0)
    }
}

/// Returns the part of a handle id that counts: what stands before the first carriage return.
pub fn comparable_handle(id: &str) -> &str {
    id.split('\r').next().unwrap_or(id)
}

/// What kind of owner a block has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A node.
    Host,
    /// No node, such as `virtual:load-balancer`.
    Virtual,
}

impl OwnerKind {
    /// Returns the word that stands in owner strings and affinity keys.
    pub const fn word(self) -> &'static str {
        match self {
            OwnerKind::Host => "host",
            OwnerKind::Virtual => "virtual",
        }
    }
}

/// The owner of a block: `host:{node}` or `virtual:{name}`. Compared as text, as Calico does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The kind.
    pub kind: OwnerKind,
    /// The node's name, or the virtual owner's.
    pub name: String,
}

impl Owner {
    /// Returns the owner that is a node.
    pub fn host(node: &NodeName) -> Owner {
        Owner {
            kind: OwnerKind::Host,
            name: node.as_str().to_owned(),
        }
    }

    /// Returns the owner of the blocks of load balancer addresses.
    pub fn load_balancer() -> Owner {
        Owner {
            kind: OwnerKind::Virtual,
            name: "load-balancer".to_owned(),
        }
    }

    /// Reads an owner string; `None` if it is neither `host:` nor `virtual:`.
    pub fn parse(text: &str) -> Option<Owner> {
        let (kind, name) = text.split_once(':')?;
        let kind = match kind {
            "host" => OwnerKind::Host,
            "virtual" => OwnerKind::Virtual,
            _ => return None,
        };
        Some(Owner {
            kind,
            name: name.to_owned(),
        })
    }

    /// Returns the node, unless the owner is virtual.
    pub fn node(&self) -> Option<NodeName> {
        match self.kind {
            OwnerKind::Host => Some(NodeName::stored(&self.name)),
            OwnerKind::Virtual => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.name)
    }
}
