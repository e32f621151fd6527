//! A pool as an operator writes it: words that may mean nothing, members that may be missing.
//!
//! **Invariant:** what comes out as a [`Pool`] has Calico's defaults applied and keeps every rule of `pool_rules`.

use crate::blocks::{Cidr, CidrError, Family};
use crate::resources::field::FieldError;
use crate::resources::metadata::Metadata;
use crate::resources::pool::{AssignmentMode, Encapsulation, Pool, Use};
use crate::resources::pool_rules;
use crate::unknown::Unknown;

/// The selector of everything: what a pool has that names no nodes.
pub const EVERY_NODE: &str = "all()";

const LONGEST_CIDR: usize = 48;
const MOST_USES: usize = 10;

/// The members of an IPPool manifest. `None` is what was not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolSpec {
    /// Name, identity, labels.
    pub metadata: Metadata,
    /// `spec.cidr`.
    pub cidr: Option<String>,
    /// `spec.blockSize`; 0 means the default of the family.
    pub block_size: Option<i64>,
    /// `spec.nodeSelector`.
    pub node_selector: Option<String>,
    /// `spec.namespaceSelector`.
    pub namespace_selector: Option<String>,
    /// `spec.allowedUses`; empty means workloads and tunnels.
    pub allowed_uses: Vec<String>,
    /// `spec.assignmentMode`.
    pub assignment_mode: Option<String>,
    /// `spec.ipipMode`.
    pub ipip_mode: Option<String>,
    /// `spec.vxlanMode`.
    pub vxlan_mode: Option<String>,
    /// `spec.natOutgoing`.
    pub nat_outgoing: Option<bool>,
    /// `spec.disabled`.
    pub disabled: Option<bool>,
    /// `spec.disableBGPExport`.
    pub disable_bgp_export: Option<bool>,
}

impl PoolSpec {
    /// Returns the pool that this means.
    ///
    /// # Errors
    /// Every field that cannot be read; if all can, every rule that the pool breaks.
    pub fn pool(self) -> Result<Pool, Vec<FieldError>> {
        let mut errors = Vec::new();
        let pool = self.read(&mut errors);
        let pool = pool.filter(|_| errors.is_empty()).ok_or(errors)?;
        let faults = pool_rules::validate(&pool);
        if faults.is_empty() {
            Ok(pool)
        } else {
            Err(faults)
        }
    }

    fn read(self, errors: &mut Vec<FieldError>) -> Option<Pool> {
        let cidr = kept(errors, read_cidr(self.cidr.as_deref()));
        let length = cidr.map(|cidr| read_block_size(cidr.family(), self.block_size));
        let block_length = length.and_then(|length| kept(errors, length));
        let allowed_uses = read_uses(&self.allowed_uses, errors);
        let mode = read_word("spec.assignmentMode", self.assignment_mode, &MODES);
        let assignment = kept(errors, mode);
        let ipip = read_word("spec.ipipMode", self.ipip_mode, &ENCAPSULATIONS);
        let ipip = kept(errors, ipip);
        let vxlan = read_word("spec.vxlanMode", self.vxlan_mode, &ENCAPSULATIONS);
        let vxlan = kept(errors, vxlan);
        let selector = self.node_selector.filter(|selector| !selector.is_empty());
        Some(Pool {
            metadata: self.metadata,
            cidr: cidr?,
            block_length: block_length?,
            node_selector: selector.unwrap_or_else(|| EVERY_NODE.to_owned()),
            namespace_selector: self.namespace_selector.unwrap_or_default(),
            allowed_uses,
            assignment: assignment?,
            disabled: self.disabled.unwrap_or(false),
            ipip: ipip?,
            vxlan: vxlan?,
            nat_outgoing: self.nat_outgoing.unwrap_or(false),
            disable_bgp_export: self.disable_bgp_export.unwrap_or(false),
            not_allocatable: false,
            unknown_spec: Unknown::default(),
            unknown: Unknown::default(),
        })
    }
}

fn kept<T>(errors: &mut Vec<FieldError>, read: Result<T, FieldError>) -> Option<T> {
    read.map_err(|error| errors.push(error)).ok()
}

fn read_cidr(text: Option<&str>) -> Result<Cidr, FieldError> {
    const FIELD: &str = "spec.cidr";
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Err(FieldError::bare(FIELD, "IPPool CIDR must be specified"));
    }
    let invalid = "IPPool CIDR must be a valid subnet";
    if LONGEST_CIDR < text.len() {
        return Err(FieldError::of(FIELD, text, invalid));
    }
    text.parse().map_err(|error| {
        let rule = match error {
            CidrError::HostBits { network, .. } => {
                format!("IPPool CIDR is not strictly masked; the network is {network}")
            }
            CidrError::NotAnAddress(_) | CidrError::NotACidr(_) | CidrError::NotABlock(_) => {
                invalid.to_owned()
            }
        };
        FieldError::of(FIELD, text, rule)
    })
}

fn read_block_size(family: Family, size: Option<i64>) -> Result<u8, FieldError> {
    match size.unwrap_or(0) {
        0 => Ok(family.default_block_length()),
        size => u8::try_from(size).map_err(|_| pool_rules::block_size_fault(size)),
    }
}

fn read_uses(words: &[String], errors: &mut Vec<FieldError>) -> Vec<Use> {
    if words.is_empty() {
        return vec![Use::Workload, Use::Tunnel];
    }
    if MOST_USES < words.len() {
        let rule = format!("at most {MOST_USES} uses may be listed");
        errors.push(FieldError::of("spec.allowedUses", words.len(), rule));
    }
    let mut uses = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let field = format!("spec.allowedUses[{index}]");
        match read_word(&field, Some(word.clone()), &USES) {
            Ok(found) if uses.contains(&found) => {
                errors.push(FieldError::of(field, word, "each use may be listed once"));
            }
            Ok(found) => uses.push(found),
            Err(error) => errors.push(error),
        }
    }
    uses
}

const USES: [(&str, Use); 3] = [
    ("Workload", Use::Workload),
    ("Tunnel", Use::Tunnel),
    ("LoadBalancer", Use::LoadBalancer),
];

const MODES: [(&str, AssignmentMode); 2] = [
    ("Automatic", AssignmentMode::Automatic),
    ("Manual", AssignmentMode::Manual),
];

const ENCAPSULATIONS: [(&str, Encapsulation); 3] = [
    ("Never", Encapsulation::Never),
    ("Always", Encapsulation::Always),
    ("CrossSubnet", Encapsulation::CrossSubnet),
];

/// Reads one of a few words; the first is what an absent or empty one means.
fn read_word<T: Copy>(
    field: &str,
    word: Option<String>,
    words: &[(&str, T)],
) -> Result<T, FieldError> {
    let word = word.unwrap_or_default();
    if word.is_empty() {
        return Ok(words[0].1);
    }
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words
            .iter()
            .map(|(known, _)| format!("\"{known}\""))
            .collect();
        let rule = format!("supported values: {}", known.join(", "));
        FieldError::of(field, word, rule)
    })
}

#[cfg(test)]
mod tests;
