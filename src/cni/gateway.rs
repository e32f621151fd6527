//! A gateway must never be given to a workload: it lies outside every pool, or a reservation keeps it.

use crate::blocks::{Address, Cidr};
use crate::cni::error::{CniError, Code};
use crate::cni::manifest;
use crate::datastore::codec::{Record, decode_any};
use crate::datastore::{Datastore, DatastoreError, Range, Read, keys};
use crate::plan::Scope;

/// Checks gateways against the pools and reservations of a store: one read, none without a gateway.
///
/// # Errors
/// [`Code::Config`] with the reservation to apply, or those of the store.
pub async fn check_all(store: &dyn Datastore, gateways: &[Address]) -> Result<(), CniError> {
    if gateways.is_empty() {
        return Ok(());
    }
    let (pools, reserved) = ranges(store)
        .await
        .map_err(|error| CniError::from(&error))?;
    gateways
        .iter()
        .try_for_each(|gateway| check(*gateway, &pools, &reserved))
}

/// Records that do not parse give out nothing and reserve nothing.
async fn ranges(store: &dyn Datastore) -> Result<(Vec<Cidr>, Vec<Cidr>), DatastoreError> {
    let scopes = [Scope::Pools, Scope::Reservations];
    let spans = scopes.iter().map(keys::span_of).map(Range::of).collect();
    let snapshot = store.read(Read::latest(spans)).await?;
    let entries = snapshot.found.iter().flat_map(|found| &found.entries);
    let records = entries.filter_map(|entry| decode_any(&entry.key, &entry.value)?.1.ok());
    let (mut pools, mut reserved) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Pool(pool) => pools.push(pool.cidr),
            Record::Reservation(reservation) => reserved.extend(reservation.reserved),
            _ => {}
        }
    }
    Ok((pools, reserved))
}

/// Checks one gateway against the pools and the reserved ranges of a store.
///
/// # Errors
/// [`Code::Config`] with the reservation to apply.
pub fn check(gateway: Address, pools: &[Cidr], reserved: &[Cidr]) -> Result<(), CniError> {
    let inside = pools.iter().find(|pool| pool.contains(gateway));
    match inside {
        Some(pool) if !reserved.iter().any(|range| range.contains(gateway)) => {
            let msg = format!(
                "ipam.gateway {gateway} lies in pool {pool} and no reservation keeps it from workloads"
            );
            Err(CniError::new(Code::Config, msg).details(format!(
                "apply this with `ipamctl apply -f FILE`:\n{}",
                manifest::reservation(gateway)
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts
            .iter()
            .map(|text| text.parse().expect("a CIDR"))
            .collect()
    }

    fn gateway(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn a_gateway_outside_every_pool_or_reserved_is_fine() {
        let pools = cidrs(&["10.64.0.0/24", "fd00:64::/64"]);
        let reserved = cidrs(&["10.64.0.0/31", "fd00:64::1/128"]);
        for text in [
            "169.254.1.1",
            "10.64.1.1",
            "10.64.0.1",
            "fd00:64::1",
            "fe80::1",
        ] {
            check(gateway(text), &pools, &reserved).expect(text);
        }
    }

    #[test]
    fn a_gateway_that_workloads_could_get_is_refused_with_the_way_out() {
        let error = check(
            gateway("10.64.0.1"),
            &cidrs(&["10.64.0.0/24"]),
            &cidrs(&["10.64.0.2/32"]),
        )
        .expect_err("refused");
        expect![[r#"
            7: ipam.gateway 10.64.0.1 lies in pool 10.64.0.0/24 and no reservation keeps it from workloads
            apply this with `ipamctl apply -f FILE`:
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: gateway-10-64-0-1
            spec:
              reservedCIDRs:
              - 10.64.0.1/32
        "#]]
        .assert_eq(&format!("{}: {}\n{}", error.code.number(), error.msg, error.details));
    }
}
