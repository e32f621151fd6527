//! From files to resources. Every fault of every document is told at once.

use std::collections::BTreeMap;

use block_ipam::resources::{Config, FieldError, Kind, Metadata, Node, Pool, Reservation};
use block_ipam::revision::Revision;

use crate::failure::Failure;
use crate::manifest::documents::{Place, Source, split};
use crate::manifest::fields::Fields;
use crate::manifest::metadata::metadata;
use crate::manifest::{config, node, pool, reservation};
use crate::value::Value;

const API_VERSION: &str = "projectcalico.org/v3";

/// A resource as a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resource {
    Pool(Pool),
    Reservation(Reservation),
    Node(Node),
    Config(Config),
}

/// One resource of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// The revision that the writer saw, if the manifest says one.
    pub(crate) expected: Option<Revision>,
    pub(crate) resource: Resource,
}

/// Reads all resources of the files, in order.
///
/// # Errors
/// A file that cannot be parsed, else all faults of all documents, else two resources of one kind and name.
pub(crate) fn read(sources: &[Source], skip_empty: bool) -> Result<Vec<Manifest>, Failure> {
    let mut manifests = Vec::new();
    let mut faults = Vec::new();
    let mut places: BTreeMap<(Kind, String), Place> = BTreeMap::new();
    for source in sources {
        for (place, value) in split(source)? {
            match one(&value) {
                Ok(manifest) => {
                    let key = (manifest.kind, manifest.name.clone());
                    if let Some(earlier) = places.insert(key, place.clone()) {
                        faults.push(twice(&manifest, &place, &earlier));
                    }
                    manifests.push(manifest);
                }
                Err(errors) => {
                    let errors = errors.iter().map(|error| format!("{place}: {error}"));
                    faults.extend(errors);
                }
            }
        }
    }
    if !faults.is_empty() {
        return Err(
            Failure::refused("the manifest is refused, nothing was changed").details(faults),
        );
    }
    if manifests.is_empty() && !skip_empty {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        return Err(Failure::refused(format!(
            "no resources are in {}",
            names.join(", ")
        )));
    }
    Ok(manifests)
}

fn twice(manifest: &Manifest, place: &Place, earlier: &Place) -> String {
    let (kind, name) = (manifest.kind, &manifest.name);
    format!("{place}: {kind} `{name}` stands in {earlier} too")
}

/// Reads one resource.
///
/// # Errors
/// Every fault of it.
pub(crate) fn one(value: &Value) -> Result<Manifest, Vec<FieldError>> {
    let Value::Map(_) = value else {
        let rule = format!(
            "expected kind, apiVersion, metadata and spec, found {}",
            value.kind()
        );
        return Err(vec![FieldError::bare("resource", rule)]);
    };
    if let Some(error) = broken_list(value) {
        return Err(vec![error]);
    }
    let mut fields = Fields::open("", Some(value));
    let (kind, version) = (fields.text("kind"), fields.text("apiVersion"));
    let mut errors = Vec::new();
    let (metadata, expected) = metadata(fields.any("metadata"), &mut errors);
    let spec = fields.any("spec");
    // What others found out about it is theirs.
    let _ = fields.any("status");
    errors.extend(fields.close());
    errors.extend(version_fault(version.as_deref()));
    let kind = match known_kind(kind.as_deref()) {
        Ok(kind) => kind,
        Err(error) => {
            errors.push(error);
            return Err(errors);
        }
    };
    let name = metadata.name.clone();
    let resource = resource(kind, metadata, spec);
    match resource {
        Ok(resource) if errors.is_empty() => Ok(Manifest {
            kind,
            name,
            expected,
            resource,
        }),
        Ok(_) => Err(errors),
        Err(faults) => {
            let told: Vec<String> = errors.iter().map(|error| error.field.clone()).collect();
            errors.extend(
                faults
                    .into_iter()
                    .filter(|fault| !told.contains(&fault.field)),
            );
            Err(errors)
        }
    }
}

/// What says that it is a list and has none was not taken apart.
fn broken_list(value: &Value) -> Option<FieldError> {
    let kind = value.get("kind").and_then(Value::text)?;
    let items = value.get("items").unwrap_or(&Value::Null);
    if !kind.ends_with("List") || matches!(items, Value::List(_)) {
        return None;
    }
    let rule = format!("expected a list of resources, found {}", items.kind());
    Some(FieldError::bare("items", rule))
}

fn resource(
    kind: Kind,
    metadata: Metadata,
    spec: Option<&Value>,
) -> Result<Resource, Vec<FieldError>> {
    Ok(match kind {
        Kind::Pool => Resource::Pool(pool::pool(metadata, spec)?),
        Kind::Reservation => Resource::Reservation(reservation::reservation(metadata, spec)?),
        Kind::Node => Resource::Node(node::node(metadata, spec)?),
        Kind::Config => Resource::Config(config::config(&metadata, spec)?),
    })
}

fn known_kind(word: Option<&str>) -> Result<Kind, FieldError> {
    let kinds = [Kind::Pool, Kind::Reservation, Kind::Node, Kind::Config];
    let rule = || {
        let words = kinds.map(|kind| kind.to_string());
        format!("kinds that can be written: {}", words.join(", "))
    };
    let Some(word) = word else {
        return Err(FieldError::bare("kind", rule()));
    };
    let found = kinds.into_iter().find(|kind| kind.to_string() == word);
    found.ok_or_else(|| FieldError::of("kind", word, rule()))
}

fn version_fault(version: Option<&str>) -> Option<FieldError> {
    let rule = format!("must be {API_VERSION}");
    match version {
        Some(API_VERSION) => None,
        Some(other) => Some(FieldError::of("apiVersion", other, rule)),
        None => Some(FieldError::bare("apiVersion", rule)),
    }
}
