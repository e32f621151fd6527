//! The words for kinds of resources on the command line, and where their records are.

use block_ipam::resources::Kind;

use crate::failure::Failure;

/// Reads a kind as calicoctl does: in any case, singular or plural, short or long.
pub(crate) fn parse(word: &str) -> Result<Kind, Failure> {
    match word.to_ascii_lowercase().as_str() {
        "ippool" | "ippools" | "ipp" | "pool" | "pools" => Ok(Kind::Pool),
        "ipreservation" | "ipreservations" | "reservation" | "reservations" => {
            Ok(Kind::Reservation)
        }
        "node" | "nodes" | "no" => Ok(Kind::Node),
        "ipamconfiguration" | "ipamconfigurations" | "ipamconfig" | "ipamconfigs" => {
            Ok(Kind::Config)
        }
        _ => Err(
            Failure::usage(format!("resource type '{word}' is not supported"))
                .hint("there are ippool, ipreservation, node and ipamconfiguration"),
        ),
    }
}
