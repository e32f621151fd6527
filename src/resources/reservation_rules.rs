//! The rules of a reservation, and how one that an operator writes becomes a value.

use crate::blocks::Cidr;
use crate::resources::field::FieldError;
use crate::resources::metadata::Metadata;
use crate::resources::name;
use crate::resources::reservation::Reservation;
use crate::unknown::Unknown;

/// Returns the reservation of these entries. Host bits are allowed, as Calico allows them: the network counts.
///
/// # Errors
/// Every field that breaks a rule. A bare address is refused with the CIDR to write, since Calico's client
/// refuses a manifest with one.
pub fn reservation(
    metadata: Metadata,
    entries: Vec<String>,
) -> Result<Reservation, Vec<FieldError>> {
    let mut faults: Vec<FieldError> = name::fault(&metadata.name).into_iter().collect();
    let mut reserved = Vec::new();
    for (index, text) in entries.iter().enumerate() {
        match Cidr::parse_masking(text) {
            Ok(cidr) => reserved.push(cidr),
            Err(_) => faults.push(entry_fault(index, text)),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Reservation {
        metadata,
        reserved,
        stored: entries,
        unknown_spec: Unknown::default(),
        unknown: Unknown::default(),
    })
}

fn entry_fault(index: usize, text: &str) -> FieldError {
    let field = format!("spec.reservedCIDRs[{index}]");
    let rule = match text.trim().parse::<crate::blocks::Address>() {
        Ok(address) => format!("must be of type cidr: write {}", address.to_cidr()),
        Err(_) => "must be of type cidr, such as 10.64.0.0/30 or fd00:64::/126".to_owned(),
    };
    FieldError::of(field, text, rule)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::reservation;
    use crate::resources::Metadata;

    fn check(entries: &[&str], expect: &Expect) {
        let metadata = Metadata {
            name: "gateways".to_owned(),
            ..Metadata::default()
        };
        let entries = entries.iter().map(ToString::to_string).collect();
        let text = match reservation(metadata, entries) {
            Ok(made) => format!("{:?} stored as {:?}\n", made.reserved, made.stored),
            Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
        };
        expect.assert_eq(&text);
    }

    #[test]
    fn entries_are_cidrs_and_host_bits_stay_as_written() {
        check(
            &["10.92.0.9/29", "fd00:92::/126"],
            &expect![[r#"
                [10.92.0.8/29, fd00:92::/126] stored as ["10.92.0.9/29", "fd00:92::/126"]
            "#]],
        );
        check(
            &[],
            &expect![[r#"
            [] stored as []
        "#]],
        );
    }

    #[test]
    fn every_bad_entry_is_named_with_what_to_write() {
        check(
            &["10.92.0.5", " 10.92.0.6/32 ", "10.92.0.0/33", "fd00::1", ""],
            &expect![[r#"
                spec.reservedCIDRs[0] = '10.92.0.5': must be of type cidr: write 10.92.0.5/32
                spec.reservedCIDRs[1] = ' 10.92.0.6/32 ': must be of type cidr, such as 10.64.0.0/30 or fd00:64::/126
                spec.reservedCIDRs[2] = '10.92.0.0/33': must be of type cidr, such as 10.64.0.0/30 or fd00:64::/126
                spec.reservedCIDRs[3] = 'fd00::1': must be of type cidr: write fd00::1/128
                spec.reservedCIDRs[4] = '': must be of type cidr, such as 10.64.0.0/30 or fd00:64::/126
            "#]],
        );
    }
}
