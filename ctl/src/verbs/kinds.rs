//! The words for kinds of resources on the command line.

use std::fmt;

use block_ipam::resources::Kind;

use crate::failure::Failure;

/// What `get` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noun {
    /// What operators write.
    Resource(Kind),
    /// Which node claims which block. It is only shown.
    BlockAffinity,
}

const WORDS: [(Noun, &[&str]); 5] = [
    (
        Noun::Resource(Kind::Pool),
        &["ippool", "ippools", "ipp", "pool", "pools"],
    ),
    (
        Noun::Resource(Kind::Reservation),
        &[
            "ipreservation",
            "ipreservations",
            "reservation",
            "reservations",
        ],
    ),
    (Noun::Resource(Kind::Node), &["node", "nodes", "no"]),
    (
        Noun::Resource(Kind::Config),
        &[
            "ipamconfiguration",
            "ipamconfigurations",
            "ipamconfig",
            "ipamconfigs",
        ],
    ),
    (
        Noun::BlockAffinity,
        &["blockaffinity", "blockaffinities", "affinity", "affinities"],
    ),
];

/// Reads a kind as calicoctl does: in any case, singular or plural, short or long.
pub(crate) fn parse(word: &str) -> Result<Noun, Failure> {
    let lower = word.to_ascii_lowercase();
    let known = WORDS
        .iter()
        .find(|(_, words)| words.contains(&lower.as_str()));
    known.map(|(noun, _)| *noun).ok_or_else(|| {
        let failure = Failure::usage(format!("resource type '{word}' is not supported"));
        match similar(&lower) {
            Some(similar) => failure.hint(format!("did you mean {similar}?")),
            None => failure,
        }
        .hint("there are ippool, ipreservation, node, ipamconfiguration and blockaffinity")
    })
}

fn similar(word: &str) -> Option<&'static str> {
    let all = WORDS.iter().flat_map(|(_, words)| words.iter().copied());
    crate::similar::to(word, all)
}

/// The kind of the resources, as their manifests say it.
impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noun::Resource(kind) => kind.fmt(f),
            Noun::BlockAffinity => f.write_str("BlockAffinity"),
        }
    }
}
