//! One address of a report, in calicoctl's members.

use block_ipam::blocks::Block;
use block_ipam::blocks::block::{Attribute, Slot};
use block_ipam::blocks::ordinal::Ordinal;
use block_ipam::ids::OwnerKind;
use serde::{Deserialize, Serialize};

use crate::report::Judged;

/// An address that is held, or cooling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    pub(crate) ip: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sequence_number: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) in_use: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) borrowed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) cooling_down: bool,
    pub(crate) owners: Option<Vec<String>>,
}

/// A handle that holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeakedHandle {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    /// Kubernetes' identity; nothing in etcd.
    #[serde(rename = "UID")]
    pub(crate) uid: Option<String>,
    #[serde(rename = "Revision")]
    pub(crate) revision: String,
}

impl Allocation {
    /// Returns what a slot of a block holds; `None` where it is free.
    ///
    /// What nobody can tell counts as in use, so that nothing is released for want of knowledge.
    pub(crate) fn of(
        block: &Block,
        ordinal: Ordinal,
        judged: Option<&Judged>,
    ) -> Option<Allocation> {
        let empty = Attribute::default();
        let (attribute, cooling_down) = match block.slot(ordinal) {
            Slot::Free => return None,
            Slot::Cooling(_) => (&empty, true),
            Slot::Assigned(attribute) => (attribute, false),
        };
        let owner = block.owner().filter(|owner| owner.kind == OwnerKind::Host);
        let owner = owner.map(|owner| owner.name.clone());
        let said = |name: &str| attribute.secondary.get(name).cloned();
        let node = said("node").or_else(|| owner.clone());
        let owners = match judged {
            Some(Judged::Used(owners)) if !owners.is_empty() => Some(owners.clone()),
            _ => None,
        };
        let in_use = !cooling_down && judged != Some(&Judged::Unused);
        Some(Allocation {
            ip: block.address(ordinal).to_string(),
            handle: attribute.handle.clone(),
            sequence_number: Some(block.sequence_at(ordinal)),
            pod: said("pod"),
            namespace: said("namespace"),
            borrowed: block.owner().is_some() && node != owner && node.is_some(),
            node,
            kind: said("type"),
            creation_timestamp: said("timestamp"),
            in_use,
            cooling_down,
            owners,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
