//! The value of a node: its labels matter here, all else is kept.

use serde_json::value::RawValue;

use super::read::{DecodeError, object};
use super::resource::{Resource, head};
use super::write;
use crate::ids::NodeName;
use crate::resources::Node;

/// Reads a node under the name that its key says.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_node(name: &NodeName, value: &[u8]) -> Result<Node, DecodeError> {
    let stored: Resource<Option<Box<RawValue>>> = object(value)?;
    let stored = stored.named(name.as_str());
    let mut unknown = stored.unknown;
    if let Some(spec) = stored.spec {
        unknown.0.insert("spec".to_owned(), spec.get().to_owned());
    }
    Ok(Node {
        metadata: stored.metadata,
        unknown,
    })
}

/// Writes a node. `spec` and `status` are always there.
pub fn encode_node(node: &Node) -> Vec<u8> {
    write::object(|record| {
        head(record, "Node", &node.metadata);
        for name in ["spec", "status"] {
            let raw = node.unknown.0.get(name);
            record.plain(name, raw.map_or("{}", String::as_str));
        }
        record.unknown_but(&node.unknown, &["spec", "status"]);
    })
}
