//! Manifests that error messages hand out: the pool or reservation that is missing, ready to apply.

use crate::blocks::{Address, Cidr, Family};

/// Returns a pool of a family as an example for a store that has none.
pub fn example_pool(family: Family) -> String {
    match family {
        Family::V4 => pool("pool-ipv4", "10.64.0.0/16", family.default_block_length()),
        Family::V6 => pool("pool-ipv6", "fd00:64::/64", family.default_block_length()),
    }
}

/// Returns the pool with these addresses, with blocks of the default size or one block for the whole.
pub fn pool_over(cidr: Cidr) -> String {
    let length = cidr.family().default_block_length().max(cidr.length());
    pool(&pool_name(cidr), &cidr.to_string(), length)
}

/// Returns the name of the pool of [`pool_over`].
pub fn pool_name(cidr: Cidr) -> String {
    name_of("pool", &cidr.first().to_string())
}

/// Returns the reservation of one address.
pub fn reservation(address: Address) -> String {
    let name = name_of("gateway", &address.to_string());
    reservation_of(&name, &[address.to_cidr()])
}

/// Returns the reservation of what of a pool is no workload's.
pub fn reservation_in(pool: Cidr, reserved: &[Cidr]) -> String {
    reservation_of(&name_of("reserved", &pool.first().to_string()), reserved)
}

fn reservation_of(name: &str, reserved: &[Cidr]) -> String {
    let listed: String = reserved
        .iter()
        .map(|cidr| format!("  - {cidr}\n"))
        .collect();
    format!(
        "apiVersion: projectcalico.org/v3\nkind: IPReservation\nmetadata:\n  name: {name}\nspec:\n  reservedCIDRs:\n{listed}"
    )
}

fn pool(name: &str, cidr: &str, block_length: u8) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: {name}\nspec:\n  cidr: {cidr}\n  blockSize: {block_length}\n"
    )
}

fn name_of(what: &str, address: &str) -> String {
    let tail = address.replace(['.', ':'], "-");
    format!("{what}-{}", tail.trim_matches('-'))
}
