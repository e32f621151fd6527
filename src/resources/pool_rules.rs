//! The rules that a pool keeps by itself, against its older self, and against other pools.
//!
//! They are those that Calico's API server and its Go client apply, in their words. Nothing here is applied to
//! records of others when they are read: what stands in the store is served as it is.

use crate::blocks::{Address, Cidr, Family};
use crate::resources::field::FieldError;
use crate::resources::name;
use crate::resources::pool::{Encapsulation, Pool, Use};
use crate::resources::pool_spec::EVERY_NODE;
use crate::selector::Selector;

const LONGEST_SELECTOR: usize = 1024;

/// Returns every rule that the pool breaks, wherever it stands.
pub fn validate(pool: &Pool) -> Vec<FieldError> {
    let selectors = [
        ("spec.nodeSelector", "nodeSelector", &pool.node_selector),
        (
            "spec.namespaceSelector",
            "namespaceSelector",
            &pool.namespace_selector,
        ),
    ];
    let mut faults: Vec<FieldError> = name::fault(&pool.metadata.name).into_iter().collect();
    faults.extend(size_fault(pool));
    faults.extend(link_local_fault(pool.cidr));
    faults.extend(mapped_fault(pool.cidr));
    faults.extend(encapsulation_faults(pool));
    for (field, word, text) in selectors {
        faults.extend(selector_fault(field, word, text));
    }
    faults.extend(use_faults(pool));
    faults
}

/// Returns every rule that the change from `old` to `new` breaks.
pub fn validate_edit(old: &Pool, new: &Pool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if old.cidr != new.cidr {
        let rule = format!("IPPool CIDR cannot be modified; it is {}", old.cidr);
        faults.push(FieldError::of("spec.cidr", new.cidr, rule));
    }
    if old.block_length != new.block_length {
        let rule = format!(
            "IPPool BlockSize cannot be modified; it is {}",
            old.block_length
        );
        faults.push(FieldError::of("spec.blockSize", new.block_length, rule));
    }
    let other = [Use::Workload, Use::Tunnel];
    if allows(old, &[Use::LoadBalancer]) && allows(new, &other) {
        faults.push(FieldError::of(
            "spec.allowedUses",
            uses(new),
            "IPPool allowed use cannot be changed from LoadBalancer to Workload or Tunnel",
        ));
    }
    faults
}

/// Returns why the pool cannot stand beside another: they share addresses. Disabled pools count.
pub fn overlap_fault(new: &Pool, other: &Pool) -> Option<FieldError> {
    new.cidr.overlaps(other.cidr).then(|| {
        let (name, old) = (&new.metadata.name, &other.metadata.name);
        let rule = format!(
            "IPPool({name}) CIDR overlaps with IPPool({old}) CIDR {}",
            other.cidr
        );
        FieldError::of("spec.cidr", new.cidr, rule)
    })
}

/// Returns the fault of a block size that is none.
pub(super) fn block_size_fault(size: impl std::fmt::Display) -> FieldError {
    const RULE: &str = "blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools";
    FieldError::of("spec.blockSize", size, RULE)
}

fn size_fault(pool: &Pool) -> Option<FieldError> {
    let lengths = pool.cidr.family().block_lengths();
    if !lengths.contains(&pool.block_length) {
        Some(block_size_fault(pool.block_length))
    } else if pool.block_length < pool.cidr.length() && !pool.disabled {
        let rule = format!(
            "IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size; \
             a block is a /{}",
            pool.block_length
        );
        Some(FieldError::of("spec.cidr", pool.cidr, rule))
    } else {
        None
    }
}

fn link_local_fault(cidr: Cidr) -> Option<FieldError> {
    let range = link_local(cidr.family());
    cidr.overlaps(range).then(|| {
        let family = cidr.family();
        let rule = format!("IPPool CIDR overlaps with {family} link local range {range}");
        FieldError::of("spec.cidr", cidr, rule)
    })
}

/// Addresses in `::ffff:0:0/96` are read as IPv4 everywhere, so they cannot be given out as IPv6. A rule of ours.
fn mapped_fault(cidr: Cidr) -> Option<FieldError> {
    let first = Address::new(Family::V6, 0xffff << 32).expect("an IPv6 address");
    let mapped = first.network(96);
    cidr.overlaps(mapped).then(|| {
        let rule = "IPPool CIDR overlaps with the IPv4-mapped addresses ::ffff:0:0/96";
        FieldError::of("spec.cidr", cidr, rule)
    })
}

fn link_local(family: Family) -> Cidr {
    let (base, length) = match family {
        Family::V4 => (0xA9FE_0000, 16),
        Family::V6 => (0xFE80_u128 << 112, 10),
    };
    let base = Address::new(family, base).expect("the base is an address of its family");
    base.network(length)
}

fn encapsulation_faults(pool: &Pool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let (ipip, vxlan) = (
        pool.ipip != Encapsulation::Never,
        pool.vxlan != Encapsulation::Never,
    );
    if ipip && vxlan {
        let rule = "ipipMode and vxlanMode cannot both be enabled";
        faults.push(FieldError::bare("spec", rule));
    }
    if ipip && pool.cidr.family() == Family::V6 {
        let rule = "IPIP is not supported on IPv6 pools";
        faults.push(FieldError::bare("spec.ipipMode", rule));
    }
    faults
}

fn selector_fault(field: &str, word: &str, text: &str) -> Option<FieldError> {
    if LONGEST_SELECTOR < text.chars().count() {
        let rule = format!("{word} may be at most {LONGEST_SELECTOR} characters");
        Some(FieldError::bare(field, rule))
    } else if text.contains("global(") {
        let rule = format!("global() selector is not valid for IPPool {word}");
        Some(FieldError::of(field, text, rule))
    } else {
        let error = Selector::parse(text).err()?;
        Some(FieldError::of(field, text, error.to_string()))
    }
}

fn use_faults(pool: &Pool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if allows(pool, &[Use::Tunnel]) && !pool.namespace_selector.is_empty() {
        faults.push(FieldError::of(
            "spec.namespaceSelector",
            &pool.namespace_selector,
            "IP Pool with AllowedUse Tunnel cannot have namespaceSelector; \
             name allowedUses without Tunnel, such as [Workload]",
        ));
    }
    if allows(pool, &[Use::LoadBalancer]) {
        faults.extend(load_balancer_faults(pool));
    }
    faults
}

fn load_balancer_faults(pool: &Pool) -> Vec<FieldError> {
    let tunnelled = pool.ipip != Encapsulation::Never || pool.vxlan != Encapsulation::Never;
    let rules = [
        (
            allows(pool, &[Use::Workload, Use::Tunnel]),
            "spec.allowedUses",
            "LoadBalancer cannot be combined with Workload or Tunnel allowed uses",
        ),
        (
            tunnelled,
            "spec",
            "LoadBalancer IP pool cannot have IPIP or VXLAN enabled",
        ),
        (
            pool.disable_bgp_export,
            "spec.disableBGPExport",
            "LoadBalancer IP pools cannot disable BGP export",
        ),
        (
            !pool.node_selector.is_empty() && pool.node_selector != EVERY_NODE,
            "spec.nodeSelector",
            "IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, ..)| *broken);
    broken
        .map(|(_, field, rule)| FieldError::bare(field, rule))
        .collect()
}

fn allows(pool: &Pool, uses: &[Use]) -> bool {
    pool.allowed_uses.iter().any(|own| uses.contains(own))
}

fn uses(pool: &Pool) -> String {
    let words: Vec<&str> = pool.allowed_uses.iter().map(|own| own.word()).collect();
    format!("[{}]", words.join(" "))
}
