//! Which pools and addresses a workload gets: what its annotations say, else what the configuration says, else what the
//! selectors of the pools say.
//!
//! It does not know where annotations come from: a runtime hands them to the plugin, an operator to `explain`.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::assign::{NamedBy, PoolRef, Wanted};
use crate::blocks::{Address, Family};

/// The annotations of a workload.
pub type Annotations = BTreeMap<String, String>;

/// Calico: JSON list of IPv4 pools, by CIDR or name.
pub const V4_POOLS: &str = "cni.projectcalico.org/ipv4pools";
/// Calico: JSON list of IPv6 pools.
pub const V6_POOLS: &str = "cni.projectcalico.org/ipv6pools";
/// Calico: JSON list of the families that are assigned, `IPv4` and `IPv6`.
pub const FAMILIES: &str = "cni.projectcalico.org/ipFamilies";
/// Calico: JSON list of the addresses that are assigned, at most one of a family.
pub const ADDRESSES: &str = "cni.projectcalico.org/ipAddrs";
/// Calico: JSON list of addresses that are used without anybody assigning them.
pub const ADDRESSES_WITHOUT_IPAM: &str = "cni.projectcalico.org/ipAddrsNoIpam";
/// Cilium: the name of the pool for IPv4.
pub const CILIUM_V4_POOL: &str = "ipam.cilium.io/ipv4-pool";
/// Cilium: the name of the pool for IPv6.
pub const CILIUM_V6_POOL: &str = "ipam.cilium.io/ipv6-pool";
/// Cilium: the name of the pool for both families.
pub const CILIUM_POOL: &str = "ipam.cilium.io/ip-pool";

/// What a workload gets its addresses from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is wanted of IPv4.
    pub v4: Wanted,
    /// What is wanted of IPv6.
    pub v6: Wanted,
    /// The addresses that the annotations name, at most one of a family: these, and nothing else.
    pub addresses: Vec<Address>,
}

/// Annotations that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChoiceError {
    /// Addresses past every IPAM are asked for.
    #[error("annotation {ADDRESSES_WITHOUT_IPAM} asks for addresses that no IPAM assigns")]
    WithoutIpam,
    /// An annotation is not what its name promises.
    #[error("annotation {annotation} is {value:?}; it must be {expected}")]
    Unreadable {
        /// The annotation.
        annotation: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Two addresses of a family are asked for.
    #[error("annotation {ADDRESSES} names two {0} addresses; one is allowed")]
    TwoAddresses(Family),
}

/// Tells what a workload gets its addresses from, where the configuration wants `v4` and `v6`:
///
/// 1. addresses past every IPAM are refused;
/// 2. the addresses that [`ADDRESSES`] names, and nothing else;
/// 3. the families that [`FAMILIES`] names, else those of the configuration;
/// 4. for each family by itself the pools of Calico's annotation, else those of Cilium's annotation for the family, else
///    those of [`CILIUM_POOL`], else those of the configuration, else (the list is empty) those whose selectors match.
///
/// An annotation with an empty value counts as absent. One with an empty list is there, and leaves the pools to their
/// selectors.
///
/// # Errors
/// [`ChoiceError`].
pub fn choose(annotations: &Annotations, v4: Wanted, v6: Wanted) -> Result<Choice, ChoiceError> {
    let said = Said(annotations);
    if said.value(ADDRESSES_WITHOUT_IPAM).is_some() {
        return Err(ChoiceError::WithoutIpam);
    }
    let families = said.families()?;
    let wanted = |family: Family, configured: Wanted| -> Result<Wanted, ChoiceError> {
        let count = match &families {
            Some(families) => usize::from(families.contains(&family)),
            None => configured.count,
        };
        let named = said.pools(family)?;
        let (pools, named_by) = named.unwrap_or((configured.pools, configured.named_by));
        Ok(Wanted {
            count,
            pools,
            named_by,
            ..configured
        })
    };
    Ok(Choice {
        v4: wanted(Family::V4, v4)?,
        v6: wanted(Family::V6, v6)?,
        addresses: said.addresses()?,
    })
}

/// What the annotations say.
#[derive(Clone, Copy)]
struct Said<'a>(&'a Annotations);

impl<'a> Said<'a> {
    fn value(self, name: &str) -> Option<&'a str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Reads each entry of a JSON list of texts; `None` without the annotation.
    fn list<T>(
        self,
        annotation: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ChoiceError> {
        let Some(value) = self.value(annotation) else {
            return Ok(None);
        };
        let texts = serde_json::from_str::<Vec<String>>(value).ok();
        let list = texts.and_then(|texts| texts.iter().map(|text| read(text)).collect());
        list.map(Some).ok_or_else(|| ChoiceError::Unreadable {
            annotation,
            value: value.to_owned(),
            expected,
        })
    }

    fn families(self) -> Result<Option<Vec<Family>>, ChoiceError> {
        const EXPECTED: &str = r#"a JSON list of families such as ["IPv4","IPv6"]"#;
        let named = |text: &str| {
            Family::BOTH
                .into_iter()
                .find(|family| family.to_string() == text)
        };
        self.list(FAMILIES, EXPECTED, named)
    }

    fn pools(self, family: Family) -> Result<Option<(Vec<PoolRef>, NamedBy)>, ChoiceError> {
        const EXPECTED: &str = r#"a JSON list of pools, by CIDR or name, such as ["10.64.0.0/16"]"#;
        let (calico, cilium) = match family {
            Family::V4 => (V4_POOLS, CILIUM_V4_POOL),
            Family::V6 => (V6_POOLS, CILIUM_V6_POOL),
        };
        let named = |text: &str| (!text.is_empty()).then(|| PoolRef::parse(text));
        if let Some(pools) = self.list(calico, EXPECTED, named)? {
            return Ok(Some((pools, NamedBy::Annotation(calico))));
        }
        let named = [cilium, CILIUM_POOL].into_iter().find_map(|annotation| {
            let pool = PoolRef::Name(self.value(annotation)?.to_owned());
            Some((vec![pool], NamedBy::Annotation(annotation)))
        });
        Ok(named)
    }

    fn addresses(self) -> Result<Vec<Address>, ChoiceError> {
        const EXPECTED: &str = r#"a JSON list of addresses such as ["10.64.0.9"]"#;
        let read = |text: &str| text.parse::<Address>().ok();
        let addresses = self.list(ADDRESSES, EXPECTED, read)?.unwrap_or_default();
        match two_of_a_family(&addresses) {
            Some(family) => Err(ChoiceError::TwoAddresses(family)),
            None => Ok(addresses),
        }
    }
}

/// Returns the family of which a list has more than one address.
pub fn two_of_a_family(addresses: &[Address]) -> Option<Family> {
    let count = |family: Family| {
        let of = addresses
            .iter()
            .filter(|address| address.family() == family);
        of.count()
    };
    Family::BOTH.into_iter().find(|family| 1 < count(*family))
}

#[cfg(test)]
mod tests;
