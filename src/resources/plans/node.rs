//! Writing a Node record: its labels decide which pools serve it. Deleting it.

use crate::ids::NodeName;
use crate::plan::{Change, Context, Guard, RecordId, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::resources::plans::put::{Put, Subject, Written, carried, commit};
use crate::resources::refused::Kind;
use crate::resources::{Node, name};

/// Plans to write a node, guarded by its revision or its absence. Members that the request does not name stay.
pub fn put_node(view: &View, request: &Put<Node>, _: Context) -> Step<Written> {
    plan(view, request).into()
}

/// Plans to delete a node's record, first and alone: from then on nothing is claimed for it (X6). Returns whether there
/// was one. A record that does not parse is deleted too.
pub fn delete_node(view: &View, node: &NodeName) -> Step<bool> {
    let record = RecordId::Node(node.clone());
    match view.node(node) {
        Err(stop) => stop.into(),
        Ok(Seen::Absent) => Step::Done(false),
        Ok(seen) => commit(
            vec![record.unchanged(seen)],
            Change::DeleteNode(node.clone()),
            true,
        ),
    }
}

/// Plans to delete the mark that old versions of Calico left for a node. Returns whether there was one.
pub fn delete_legacy_host(view: &View, node: &NodeName) -> Step<bool> {
    let record = RecordId::LegacyHost(node.clone());
    match view.legacy_hosts.get(node) {
        None => Step::Read(vec![Want::Record(record)]),
        Some(Seen::Absent) => Step::Done(false),
        Some(seen) => commit(
            vec![record.unchanged(seen)],
            Change::DeleteLegacyHost(node.clone()),
            true,
        ),
    }
}

fn plan(view: &View, request: &Put<Node>) -> Result<Step<Written>, Stop> {
    let value = &request.value;
    let node = NodeName::stored(&value.metadata.name);
    let record = RecordId::Node(node.clone());
    let subject = Subject {
        kind: Kind::Node,
        name: &value.metadata.name,
        record: record.clone(),
    };
    if let Some(fault) = name::fault(&value.metadata.name) {
        return Err(subject.invalid(vec![fault]));
    }
    let existing = match view.nodes.get(&node) {
        None => return Err(Stop::Read(vec![Want::Record(record)])),
        Some(Seen::Corrupt(corrupt)) => {
            return Err(Refusal::Corrupt(vec![corrupt.clone()]).into());
        }
        Some(Seen::Absent) => None,
        Some(Seen::Present(existing)) => Some(existing),
    };
    let metadata = existing.map(|existing| &existing.value.metadata);
    subject.admit(request, metadata, &value.metadata)?;
    let Some(old) = existing else {
        let change = Change::PutNode(value.clone());
        return Ok(commit(
            vec![Guard::Absent(record)],
            change,
            Written::Created,
        ));
    };
    let mut unknown = old.value.unknown.clone();
    unknown.0.extend(value.unknown.0.clone());
    let new = Node {
        metadata: carried(&old.value.metadata, value.metadata.clone()),
        unknown,
    };
    subject.replace(request, old, new, Change::PutNode)
}
