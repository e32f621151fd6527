//! The value of a reservation.

use super::read::{DecodeError, Read, members, object, set_texts};
use super::resource::{Resource, head};
use super::write;
use crate::ids::ResourceName;
use crate::resources::Reservation;
use crate::unknown::Unknown;

/// Reads a reservation under the name that its key says. Entries that are neither address nor CIDR reserve nothing.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_reservation(name: &ResourceName, value: &[u8]) -> Result<Reservation, DecodeError> {
    let stored: Resource<Read<Spec>> = object(value)?;
    let stored = stored.named(name.as_str());
    let Read(spec) = stored.spec;
    Ok(Reservation {
        metadata: stored.metadata,
        reserved: spec
            .entries
            .iter()
            .filter_map(|entry| Reservation::read_entry(entry))
            .collect(),
        stored: spec.entries,
        unknown_spec: spec.unknown,
        unknown: stored.unknown,
    })
}

/// Writes a reservation: its entries as stored.
pub fn encode_reservation(reservation: &Reservation) -> Vec<u8> {
    write::object(|record| {
        head(record, "IPReservation", &reservation.metadata);
        record.object("spec", |spec| {
            if !reservation.stored.is_empty() {
                spec.list("reservedCIDRs", &reservation.stored, |text, entry| {
                    write::append_string(text, entry);
                });
            }
            spec.unknown(&reservation.unknown_spec);
        });
        record.unknown(&reservation.unknown);
    })
}

#[derive(Default)]
struct Spec {
    entries: Vec<String>,
    unknown: Unknown,
}

members! { Spec: |spec, from|
    "reservedCIDRs" => set_texts(&mut spec.entries, from),
    others => spec.unknown
}
