//! `kind: IPReservation`.

use block_ipam::resources::{FieldError, Metadata, Reservation, reservation_rules};

use crate::manifest::fields::Fields;
use crate::value::Value;

pub(super) fn reservation(
    metadata: Metadata,
    spec: Option<&Value>,
) -> Result<Reservation, Vec<FieldError>> {
    let mut fields = Fields::open("spec", spec);
    let entries = fields.texts("reservedCIDRs");
    let errors = fields.close();
    if errors.is_empty() {
        reservation_rules::reservation(metadata, entries)
    } else {
        Err(errors)
    }
}
