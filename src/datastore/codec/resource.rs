//! What all resources share: `kind`, `apiVersion`, `metadata`, `spec`, `status`.

use serde::de::{DeserializeOwned, MapAccess};
use serde_json::value::RawValue;

use super::read::{members, set, set_map, set_object, set_optional, skip};
use super::write;
use crate::resources::Metadata;
use crate::unknown::Unknown;

/// A resource as stored. `kind` and `apiVersion` are not looked at: the key says what it is.
#[derive(Debug, Default)]
pub(super) struct Resource<S> {
    pub(super) metadata: Metadata,
    pub(super) spec: S,
    /// `status` and what we do not know.
    pub(super) unknown: Unknown,
}

impl<S> Resource<S> {
    /// The same under the name that its key says: it is written back under its own.
    pub(super) fn named(mut self, name: &str) -> Resource<S> {
        name.clone_into(&mut self.metadata.name);
        self
    }
}

members! { Resource<S> where [S: DeserializeOwned + Default]: |resource, from|
    "kind" => skip(from),
    "apiVersion" => skip(from),
    "metadata" => set_object(&mut resource.metadata, from),
    "spec" => set(&mut resource.spec, from),
    "status" => keep("status", &mut resource.unknown, from),
    others => resource.unknown
}

members! { Metadata: |metadata, from|
    "name" => set(&mut metadata.name, from),
    "uid" => set_optional(&mut metadata.uid, from),
    "creationTimestamp" => set_optional(&mut metadata.created, from),
    "deletionTimestamp" => set_optional(&mut metadata.deletion_requested, from),
    "labels" => set_map(&mut metadata.labels, from),
    "annotations" => set_map(&mut metadata.annotations, from),
    others => metadata.unknown
}

/// Keeps a value as text, under the name that Calico spells, in whatever case it stands.
fn keep<'de, M: MapAccess<'de>>(
    name: &str,
    unknown: &mut Unknown,
    from: &mut M,
) -> Result<(), M::Error> {
    let raw: &RawValue = from.next_value()?;
    unknown.0.insert(name.to_owned(), raw.get().to_owned());
    Ok(())
}

/// Writes `kind`, `apiVersion` and `metadata`, with which every resource begins.
pub(super) fn head(record: &mut write::Object<'_>, kind: &str, metadata: &Metadata) {
    record.text("kind", kind);
    record.text("apiVersion", "projectcalico.org/v3");
    record.object("metadata", |object| {
        object.text("name", &metadata.name);
        object.optional_text("uid", metadata.uid.as_deref());
        object.optional_text("creationTimestamp", metadata.created.as_deref());
        object.optional_text("deletionTimestamp", metadata.deletion_requested.as_deref());
        object.texts("labels", &metadata.labels);
        object.texts("annotations", &metadata.annotations);
        object.unknown(&metadata.unknown);
    });
}
