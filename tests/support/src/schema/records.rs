//! The records: which key holds what, and the members of each, in the order of Calico's encoder.

use super::block;
use super::shape::Shape::{
    Bool, Filled, FilledList, FilledMap, Map, Object, OneOf, Others, Positive, Text, Time, True,
    Unsigned,
};
use super::shape::{Member, Shape, always, compare, sometimes};

/// A claim of a node on a block.
const AFFINITY: &[Member] = &[
    always("state", OneOf(&["pending", "confirmed", "pendingDeletion"])),
    always("deleted", Bool),
];

/// Who holds addresses: how many in which block.
const HANDLE: &[Member] = &[always("block", Map(&Positive)), always("deleted", Bool)];

/// How addresses are managed.
const CONFIG: &[Member] = &[
    sometimes("strict_affinity", True),
    sometimes("auto_allocate_blocks", True),
    sometimes("maxBlocksPerHost", Positive),
    sometimes(
        "kubeVirtVMAddressPersistence",
        OneOf(&["Enabled", "Disabled"]),
    ),
    sometimes("ipCooldownSeconds", Positive),
];

const METADATA: &[Member] = &[
    always("name", Filled),
    always("uid", Filled),
    always("creationTimestamp", Time),
    sometimes("deletionTimestamp", Time),
    sometimes("labels", FilledMap(&Text)),
    sometimes("annotations", FilledMap(&Text)),
];

const MODE: Shape = OneOf(&["Never", "Always", "CrossSubnet"]);

const POOL_SPEC: &[Member] = &[
    always("cidr", Filled),
    always("vxlanMode", MODE),
    always("ipipMode", MODE),
    sometimes("natOutgoing", True),
    sometimes("disabled", True),
    sometimes("disableBGPExport", True),
    always("blockSize", Positive),
    always("nodeSelector", Filled),
    sometimes("namespaceSelector", Filled),
    always(
        "allowedUses",
        FilledList(&OneOf(&["Workload", "Tunnel", "LoadBalancer"])),
    ),
    always("assignmentMode", OneOf(&["Automatic", "Manual"])),
];

const RESERVATION_SPEC: &[Member] = &[sometimes("reservedCIDRs", FilledList(&Filled))];

/// Of the configuration as a resource; address management does not read it here.
const CONFIG_RESOURCE_SPEC: &[Member] = &[
    always("strictAffinity", Bool),
    always("autoAllocateBlocks", Bool),
    sometimes("maxBlocksPerHost", Unsigned),
    sometimes(
        "kubeVirtVMAddressPersistence",
        OneOf(&["Enabled", "Disabled"]),
    ),
    sometimes("ipCooldownSeconds", Positive),
];

const POOL: &[Member] = &resource(&["IPPool"], Object(POOL_SPEC));
const RESERVATION: &[Member] = &resource(&["IPReservation"], Object(RESERVATION_SPEC));
const CONFIG_RESOURCE: &[Member] = &resource(&["IPAMConfiguration"], Object(CONFIG_RESOURCE_SPEC));

const NODE: &[Member] = &{
    let [kind, version, metadata, spec] = resource(&["Node"], Others);
    [kind, version, metadata, spec, always("status", Others)]
};

/// Returns the kind of Calico's record that a key holds; `None` for keys of others.
pub fn kind_of(key: &str) -> Option<&'static str> {
    if let Some(rest) = key.strip_prefix("/calico/ipam/v2/") {
        return match rest.split('/').next()? {
            "assignment" => Some("block"),
            "host" | "virtual" => Some("affinity"),
            "handle" => Some("handle"),
            "config" => Some("config"),
            _ => Some("no record of Calico's"),
        };
    }
    let rest = key.strip_prefix("/calico/resources/v3/projectcalico.org/")?;
    match rest.split('/').next()? {
        "ippools" => Some("pool"),
        "ipreservations" => Some("reservation"),
        "nodes" => Some("node"),
        "ipamconfigurations" => Some("config resource"),
        _ => None,
    }
}

/// Returns what a record has against the schema; nothing for keys of others.
pub fn faults(key: &str, value: &[u8]) -> Vec<String> {
    let Some(kind) = kind_of(key) else {
        return Vec::new();
    };
    let Ok(text) = std::str::from_utf8(value) else {
        return vec![format!("{key}: not UTF-8")];
    };
    let mut faults = encoding_faults(key, text);
    let mut compare_with = |members| compare(text, Object(members), key, &mut faults);
    match kind {
        "block" => faults.extend(block::faults(key, text)),
        "affinity" => compare_with(AFFINITY),
        "handle" => compare_with(HANDLE),
        "config" => compare_with(CONFIG),
        "pool" => compare_with(POOL),
        "reservation" => compare_with(RESERVATION),
        "config resource" => compare_with(CONFIG_RESOURCE),
        "node" => compare_with(NODE),
        other => faults.push(format!("{key}: {other}")),
    }
    faults
}

/// The members that all resources share.
const fn resource(kind: &'static [&'static str], spec: Shape) -> [Member; 4] {
    [
        always("kind", OneOf(kind)),
        always("apiVersion", OneOf(&["projectcalico.org/v3"])),
        always("metadata", Object(METADATA)),
        always("spec", spec),
    ]
}

/// Go's encoder: no blanks between tokens, and `<`, `>`, `&` and two line separators escaped wherever they stand.
fn encoding_faults(key: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        faults.push(format!(
            "{key}: a character that Go escapes stands as it is"
        ));
    }
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '\t' | '\n' | '\r' if !quoted => {
                faults.push(format!("{key}: blanks between tokens"));
                break;
            }
            _ => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests;
