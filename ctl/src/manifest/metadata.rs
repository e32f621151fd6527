//! The `metadata` of every kind.

use block_ipam::resources::{FieldError, Metadata};
use block_ipam::revision::Revision;
use block_ipam::unknown::Unknown;

use crate::manifest::fields::Fields;
use crate::value::Value;

/// Members that Kubernetes knows and we only keep.
const KEPT: [&str; 6] = [
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "deletionGracePeriodSeconds",
];

/// Returns the metadata, and the revision that the writer saw.
pub(super) fn metadata(
    value: Option<&Value>,
    errors: &mut Vec<FieldError>,
) -> (Metadata, Option<Revision>) {
    let mut fields = Fields::open("metadata", value);
    let mut metadata = Metadata {
        name: fields.text("name").unwrap_or_default(),
        uid: fields.text("uid"),
        created: fields.text("creationTimestamp"),
        deletion_requested: fields.text("deletionTimestamp"),
        labels: fields.text_map("labels"),
        annotations: fields.text_map("annotations"),
        unknown: Unknown::default(),
    };
    let expected = match fields.text("resourceVersion") {
        None => None,
        Some(text) if text.is_empty() => None,
        Some(text) => match text.parse() {
            Ok(revision) => Some(Revision(revision)),
            Err(_) => {
                let rule = "expected a decimal number in quotes, as `get -o yaml` prints it";
                let error = FieldError::of("metadata.resourceVersion", text, rule);
                fields.errors.push(error);
                None
            }
        },
    };
    // Nothing of ours is in a namespace, and links are the server's.
    let _ = (fields.text("namespace"), fields.text("selfLink"));
    for name in KEPT {
        if let Some(value) = fields.any(name) {
            metadata.unknown.0.insert(name.to_owned(), raw(value));
        }
    }
    errors.extend(fields.close());
    (metadata, expected)
}

/// Returns the value as the raw member that the library keeps.
pub(super) fn raw(value: &Value) -> String {
    serde_json::to_string(value).expect("maps have text for keys, and numbers are finite")
}
