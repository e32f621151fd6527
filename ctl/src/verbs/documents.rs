//! Records as manifests: as they are stored, defaults filled in, with their revision.

use block_ipam::datastore::codec::Record;
use block_ipam::ids::{Owner, OwnerKind};
use block_ipam::plan::RecordId;
use block_ipam::resources::plans::config::NAME;
use block_ipam::resources::{Config, Kind};
use block_ipam::revision::Revision;

use crate::failure::Failure;
use crate::records::{self, Found, Listing};
use crate::value::Value;
use crate::verbs::kinds::Noun;

const API_VERSION: &str = "projectcalico.org/v3";
/// What is of one cluster alone.
const OF_THE_CLUSTER: [&str; 3] = ["uid", "resourceVersion", "creationTimestamp"];

/// Returns one manifest where one name was given, else a list. `None` where the one does not exist.
pub(super) fn document(
    noun: Noun,
    listing: &Listing,
    is_single: bool,
    is_exported: bool,
) -> Result<Option<Value>, Failure> {
    let manifests = listing.found.iter().map(|found| {
        let manifest = manifest(found)?;
        Ok(if is_exported {
            exported(manifest)
        } else {
            manifest
        })
    });
    let mut manifests = manifests.collect::<Result<Vec<Value>, Failure>>()?;
    if is_single {
        return Ok(manifests.pop());
    }
    let version = Value::Map(vec![revision(listing.revision)]);
    Ok(Some(Value::Map(vec![
        ("kind".to_owned(), Value::Text(format!("{noun}List"))),
        ("apiVersion".to_owned(), API_VERSION.into()),
        ("metadata".to_owned(), version),
        ("items".to_owned(), Value::List(manifests)),
    ])))
}

/// Returns the record as a manifest.
pub(super) fn manifest(found: &Found) -> Result<Value, Failure> {
    match (&found.record, &found.id) {
        (Record::Config(config), _) => return Ok(config_manifest(config, found.revision)),
        (Record::Affinity(state), RecordId::Affinity(owner, block)) => {
            let spec = affinity_spec(owner, &block.to_string(), state.word());
            return Ok(headed(
                "BlockAffinity",
                &records::name(&found.id),
                found.revision,
                spec,
            ));
        }
        _ => {}
    }
    let bytes = found.record.encode().unwrap_or_default();
    let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        let name = records::name(&found.id);
        Failure::refused(format!("`{name}` cannot be shown")).caused_by(&error)
    })?;
    if let Some(metadata) = value.members_mut("metadata") {
        let after = metadata
            .iter()
            .position(|(name, _)| name != "name" && name != "uid");
        metadata.insert(after.unwrap_or(metadata.len()), revision(found.revision));
    }
    Ok(value)
}

/// Returns the manifest without what is of this cluster alone, to be applied to another.
fn exported(mut manifest: Value) -> Value {
    if let Some(metadata) = manifest.members_mut("metadata") {
        metadata.retain(|(name, _)| !OF_THE_CLUSTER.contains(&name.as_str()));
    }
    manifest
}

fn revision(revision: Revision) -> (String, Value) {
    let text = Value::Text(revision.to_string());
    ("resourceVersion".to_owned(), text)
}

fn headed(kind: &str, name: &str, stored: Revision, spec: Vec<(String, Value)>) -> Value {
    let metadata = vec![("name".to_owned(), name.into()), revision(stored)];
    Value::Map(vec![
        ("kind".to_owned(), kind.into()),
        ("apiVersion".to_owned(), API_VERSION.into()),
        ("metadata".to_owned(), Value::Map(metadata)),
        ("spec".to_owned(), Value::Map(spec)),
    ])
}

fn affinity_spec(owner: &Owner, cidr: &str, state: &str) -> Vec<(String, Value)> {
    let kind = match owner.kind {
        OwnerKind::Host => "host",
        OwnerKind::Virtual => "virtual",
    };
    let member = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    vec![
        member("state", state),
        member("node", &owner.name),
        member("type", kind),
        member("cidr", cidr),
    ]
}

/// The configuration is stored without a head; its manifest has one.
fn config_manifest(config: &Config, stored: Revision) -> Value {
    let number = |number: i64| Value::Number(number.into());
    let member = |name: &str, value: Value| (name.to_owned(), value);
    let mut spec = vec![
        member("strictAffinity", Value::Flag(config.strict_affinity)),
        member(
            "autoAllocateBlocks",
            Value::Flag(config.auto_allocate_blocks),
        ),
        member("maxBlocksPerHost", number(config.max_blocks_per_host)),
        member("ipCooldownSeconds", number(config.cooldown_seconds)),
    ];
    if let Some(word) = &config.vm_address_persistence {
        spec.push(member(
            "kubeVirtVMAddressPersistence",
            Value::Text(word.clone()),
        ));
    }
    headed(&Kind::Config.to_string(), NAME, stored, spec)
}
