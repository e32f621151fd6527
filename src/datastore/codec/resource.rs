//! What all resources share: `kind`, `apiVersion`, `metadata`, `spec`, `status`.

use serde::de::{DeserializeOwned, MapAccess};
use serde_json::value::RawValue;

use super::read::{Object, set, set_map, set_object};
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

impl<S: DeserializeOwned + Default> Object for Resource<S> {
    const MEMBERS: &'static [&'static str] = &["kind", "apiVersion", "metadata", "spec", "status"];

    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error> {
        match name {
            "metadata" => set_object(&mut self.metadata, from),
            "spec" => set(&mut self.spec, from),
            "status" => {
                let raw: &RawValue = from.next_value()?;
                self.unknown.0.insert(name.to_owned(), raw.get().to_owned());
                Ok(())
            }
            _ => from.next_value::<serde::de::IgnoredAny>().map(drop),
        }
    }

    fn unknown(&mut self) -> Option<&mut Unknown> {
        Some(&mut self.unknown)
    }
}

impl Object for Metadata {
    const MEMBERS: &'static [&'static str] = &[
        "name",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "labels",
        "annotations",
    ];

    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error> {
        match name {
            "name" => set(&mut self.name, from)?,
            "uid" => self.uid = from.next_value()?,
            "creationTimestamp" => self.created = from.next_value()?,
            "deletionTimestamp" => self.deletion_requested = from.next_value()?,
            "labels" => set_map(&mut self.labels, from)?,
            "annotations" => set_map(&mut self.annotations, from)?,
            _ => unreachable!("only members of the list come here"),
        }
        Ok(())
    }

    fn unknown(&mut self) -> Option<&mut Unknown> {
        Some(&mut self.unknown)
    }
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
