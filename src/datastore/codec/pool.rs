//! The value of a pool, with Calico's defaults for what it does not say.

use super::read::{DecodeError, Read, members, object, set, set_list, set_optional, set_texts};
use super::resource::{Resource, head};
use super::words::{ASSIGNMENT, IPIP, VXLAN};
use super::write;
use crate::blocks::{Cidr, Family};
use crate::ids::ResourceName;
use crate::resources::pool_spec::EVERY_NODE;
use crate::resources::{Pool, Use};
use crate::unknown::Unknown;

const USES: &str = "allowedUses";

/// Reads a pool under the name that its key says.
///
/// # Errors
/// [`DecodeError`], also where the CIDR is none or the block size is one that no block can have.
pub fn decode_pool(name: &ResourceName, value: &[u8]) -> Result<Pool, DecodeError> {
    let stored: Resource<Read<Spec>> = object(value)?;
    let stored = stored.named(name.as_str());
    let Read(spec) = stored.spec;
    let in_spec = |what| DecodeError::of_member("spec", what);
    let cidr = Cidr::parse_masking(&spec.cidr)
        .map_err(|error| in_spec(DecodeError::of_member("cidr", error)))?;
    let block_length = block_length(cidr.family(), spec.block_size).map_err(in_spec)?;
    let mut unknown_spec = spec.unknown;
    Ok(Pool {
        metadata: stored.metadata,
        cidr,
        block_length,
        node_selector: match spec.node_selector {
            selector if selector.is_empty() => EVERY_NODE.to_owned(),
            selector => selector,
        },
        namespace_selector: spec.namespace_selector,
        allowed_uses: read_uses(&spec.allowed_uses, &mut unknown_spec),
        assignment: ASSIGNMENT.read(spec.assignment.as_deref(), &mut unknown_spec),
        disabled: spec.disabled,
        ipip: IPIP.read(spec.ipip.as_deref(), &mut unknown_spec),
        vxlan: VXLAN.read(spec.vxlan.as_deref(), &mut unknown_spec),
        nat_outgoing: spec.nat_outgoing,
        disable_bgp_export: spec.disable_bgp_export,
        not_allocatable: is_not_allocatable(&stored.unknown)?,
        unknown_spec,
        unknown: stored.unknown,
    })
}

/// Reads the CIDR of a pool as it is written, for those who look for faults.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_pool_cidr(value: &[u8]) -> Result<String, DecodeError> {
    let stored: Resource<Read<Spec>> = object(value)?;
    Ok(stored.spec.0.cidr)
}

/// Writes a pool, defaults included.
pub fn encode_pool(pool: &Pool) -> Vec<u8> {
    let unknown = &pool.unknown_spec;
    write::object(|record| {
        head(record, "IPPool", &pool.metadata);
        record.object("spec", |spec| {
            spec.plain("cidr", format_args!("\"{}\"", pool.cidr));
            VXLAN.append(pool.vxlan, unknown, spec);
            IPIP.append(pool.ipip, unknown, spec);
            spec.flag("natOutgoing", pool.nat_outgoing);
            spec.flag("disabled", pool.disabled);
            spec.flag("disableBGPExport", pool.disable_bgp_export);
            spec.plain("blockSize", pool.block_length);
            spec.text_unless_empty("nodeSelector", &pool.node_selector);
            spec.text_unless_empty("namespaceSelector", &pool.namespace_selector);
            append_uses(&pool.allowed_uses, unknown, spec);
            ASSIGNMENT.append(pool.assignment, unknown, spec);
            let written = [VXLAN.name, IPIP.name, ASSIGNMENT.name, USES];
            spec.unknown_but(unknown, &written);
        });
        record.unknown(&pool.unknown);
    })
}

fn block_length(family: Family, size: i64) -> Result<u8, DecodeError> {
    if size == 0 {
        return Ok(family.default_block_length());
    }
    let legal = family.block_lengths();
    let length = u8::try_from(size).ok().filter(|size| legal.contains(size));
    length.ok_or_else(|| {
        let (from, to) = (legal.start(), legal.end());
        let what = format_args!("{size} is not between {from} and {to}");
        DecodeError::of_member("blockSize", what)
    })
}

/// Reads the uses. Those that we do not know are kept under the member's name.
fn read_uses(words: &[String], unknown: &mut Unknown) -> Vec<Use> {
    if words.is_empty() {
        return vec![Use::Workload, Use::Tunnel];
    }
    let known = |word: &str| Use::ALL.into_iter().find(|own| own.word() == word);
    let others: Vec<&String> = words.iter().filter(|word| known(word).is_none()).collect();
    if !others.is_empty() {
        let mut raw = String::new();
        write::append_list(&mut raw, others, |text, word| {
            write::append_string(text, word);
        });
        unknown.0.insert(USES.to_owned(), raw);
    }
    words.iter().filter_map(|word| known(word)).collect()
}

fn append_uses(uses: &[Use], unknown: &Unknown, spec: &mut write::Object<'_>) {
    let kept = unknown.0.get(USES);
    let others: Vec<String> = kept
        .and_then(|raw| serde_json::from_str(raw).ok())
        .unwrap_or_default();
    let words = uses.iter().map(|own| own.word());
    let words = words.chain(others.iter().map(String::as_str));
    spec.list(USES, words, write::append_string);
}

/// Returns whether a controller took the pool out of allocation.
fn is_not_allocatable(unknown: &Unknown) -> Result<bool, DecodeError> {
    let Some(status) = unknown.0.get("status") else {
        return Ok(false);
    };
    let status: Status =
        object(status.as_bytes()).map_err(|error| DecodeError::of_member("status", error))?;
    let takes_out = |Read(condition): &Read<Condition>| {
        condition.kind == "Allocatable" && condition.status == "False"
    };
    Ok(status.conditions.iter().any(takes_out))
}

#[derive(Default)]
struct Spec {
    cidr: String,
    vxlan: Option<String>,
    ipip: Option<String>,
    nat_outgoing: bool,
    disabled: bool,
    disable_bgp_export: bool,
    block_size: i64,
    node_selector: String,
    namespace_selector: String,
    allowed_uses: Vec<String>,
    assignment: Option<String>,
    unknown: Unknown,
}

members! { Spec: |spec, from|
    "cidr" => set(&mut spec.cidr, from),
    "vxlanMode" => set_optional(&mut spec.vxlan, from),
    "ipipMode" => set_optional(&mut spec.ipip, from),
    "natOutgoing" => set(&mut spec.nat_outgoing, from),
    "disabled" => set(&mut spec.disabled, from),
    "disableBGPExport" => set(&mut spec.disable_bgp_export, from),
    "blockSize" => set(&mut spec.block_size, from),
    "nodeSelector" => set(&mut spec.node_selector, from),
    "namespaceSelector" => set(&mut spec.namespace_selector, from),
    "allowedUses" => set_texts(&mut spec.allowed_uses, from),
    "assignmentMode" => set_optional(&mut spec.assignment, from),
    others => spec.unknown
}

#[derive(Default)]
struct Status {
    conditions: Vec<Read<Condition>>,
}

members! { Status: |status, from|
    "conditions" => set_list(&mut status.conditions, from),
}

#[derive(Default)]
struct Condition {
    kind: String,
    status: String,
}

members! { Condition: |condition, from|
    "type" => set(&mut condition.kind, from),
    "status" => set(&mut condition.status, from),
}
