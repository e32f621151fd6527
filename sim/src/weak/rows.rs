//! Which transaction of the protocol a commit is, told by its operation, its guards and its writes.

use block_ipam::datastore::{Guard, Span, Txn, Write};
use serde_json::Value;

use crate::operation::Operation;

/// A row of the table of transactions in `docs/protocol.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// From an own block.
    Warm,
    /// An absent block is claimed.
    Claim,
    /// An empty block of another, or of nobody, is taken over.
    Reclaim,
    /// From a block of another.
    Borrow,
    /// By handle.
    Release,
    /// By address: operators and collectors.
    Collect,
    /// A block is given up.
    Surrender,
    /// A range is claimed by hand.
    ClaimRange,
    /// An affinity is confirmed.
    Confirm,
    /// An affinity is dropped.
    Drop,
    /// Counts of a handle are set right.
    Count,
    /// The owners of an address change.
    Owners,
    /// What has cooled is freed.
    Cold,
    /// A pool is created.
    PoolCreate,
    /// A pool is changed.
    PoolEdit,
    /// A pool is deleted.
    PoolDelete,
    /// A block is rewritten as it was.
    Fence,
    /// Anything else.
    Other,
}

/// What a guard is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A block, or the blocks around a candidate.
    Block,
    /// The blocks around a candidate, but not the candidate.
    Neighbours,
    /// A handle.
    Handle,
    /// One pool.
    Pool,
    /// All pools.
    Pools,
    /// The configuration.
    Config,
    /// A node.
    Node,
    /// All affinities of a node in a family.
    OwnAffinities,
    /// All affinities of everybody.
    AllAffinities,
    /// One affinity.
    Affinity,
    /// All reservations.
    Reservations,
}

/// Returns what a guard is of.
pub(super) fn kind(guard: &Guard) -> Option<Of> {
    let text = match guard {
        Guard::Absent(key) | Guard::At(key, _) | Guard::Same(key, _) => key.as_str(),
        Guard::NoneCreated(span, _) | Guard::NoneChanged(span, _) => start(span),
    };
    let ranged = matches!(guard, Guard::NoneCreated(..) | Guard::NoneChanged(..));
    if text.contains("/ipam/v2/assignment/") {
        Some(if ranged { Of::Neighbours } else { Of::Block })
    } else if text.contains("/ipam/v2/handle/") {
        Some(Of::Handle)
    } else if text.contains("/ippools/") {
        Some(if ranged { Of::Pools } else { Of::Pool })
    } else if text.contains("/ipreservations/") {
        Some(Of::Reservations)
    } else if text.contains("/nodes/") {
        Some(Of::Node)
    } else if text.ends_with("/ipam/v2/config") {
        Some(Of::Config)
    } else if text.contains("/ipam/v2/host/") || text.contains("/ipam/v2/virtual/") {
        Some(match (ranged, text.contains("/block/")) {
            (false, _) => Of::Affinity,
            (true, true) => Of::OwnAffinities,
            (true, false) => Of::AllAffinities,
        })
    } else {
        None
    }
}

fn start(span: &Span) -> &str {
    match span {
        Span::Key(text) | Span::Prefix(text) | Span::Between(text, _) => text,
    }
}

/// Returns the rows of a commit, with the block that each is of, if it is of one. `known` tells what the process saw of a
/// block before.
pub(super) fn rows<'a>(
    operation: &Operation,
    txn: &'a Txn,
    known: impl Fn(&str) -> Option<Value>,
) -> Vec<(Row, Option<&'a str>)> {
    let row = match operation {
        Operation::Assign(_) | Operation::AssignAddresses(_) | Operation::EnsureBlock { .. } => {
            return grants(operation, txn, known);
        }
        Operation::ReleaseHandle { .. } => Row::Release,
        Operation::ReleaseAddresses(_) => Row::Collect,
        Operation::Collect { .. } if !deletes(txn, "/ipam/v2/host/") => Row::Collect,
        Operation::Collect { .. } | Operation::Surrender { .. } | Operation::DeleteNode { .. } => {
            Row::Surrender
        }
        Operation::ClaimRange { .. } => Row::ClaimRange,
        Operation::DeletePool { .. } if deletes(txn, "/ippools/") => Row::PoolDelete,
        Operation::DeletePool { .. } if writes(txn, "/ippools/") => Row::PoolEdit,
        Operation::DeletePool { .. } => Row::Surrender,
        Operation::PutPool(_) => {
            let absent =
                |guard: &Guard| matches!(guard, Guard::Absent(key) if key.contains("/ippools/"));
            if txn.guards.iter().any(absent) {
                Row::PoolCreate
            } else {
                Row::PoolEdit
            }
        }
        Operation::SetOwners { .. } | Operation::PromoteOwner { .. } => Row::Owners,
        Operation::CollectCold { .. } => Row::Cold,
        Operation::CheckAndRepair => repair(txn),
        _ => Row::Other,
    };
    vec![(row, None)]
}

fn repair(txn: &Txn) -> Row {
    if writes(txn, "/ipam/v2/handle/") {
        Row::Count
    } else if deletes(txn, "/ipam/v2/host/") {
        Row::Drop
    } else if writes(txn, "/ipam/v2/host/") {
        Row::Confirm
    } else {
        Row::Other
    }
}

fn grants<'a>(
    operation: &Operation,
    txn: &'a Txn,
    known: impl Fn(&str) -> Option<Value>,
) -> Vec<(Row, Option<&'a str>)> {
    if txn.writes.len() == 1 && txn.guards.len() == 1 && writes(txn, "/assignment/") {
        return vec![(Row::Fence, None)];
    }
    let own = operation.node().unwrap_or_default();
    let blocks = txn.writes.iter().filter_map(|write| match write {
        Write::Put(key, value) if key.contains("/assignment/") => Some((key.as_str(), value)),
        Write::Put(..) | Write::Delete(_) => None,
    });
    let row = |(key, value): (&'a str, &Vec<u8>)| {
        let owner = |block: &Value| block["affinity"].as_str().map(str::to_owned);
        let now = serde_json::from_slice(value)
            .ok()
            .and_then(|block| owner(&block));
        let row = match known(key) {
            None => Row::Claim,
            Some(before) if owner(&before) != now => Row::Reclaim,
            Some(_) => match now.as_deref().and_then(|owner| owner.split_once(':')) {
                Some((_, name)) if name == own => Row::Warm,
                Some(_) | None => Row::Borrow,
            },
        };
        (row, Some(key))
    };
    blocks.map(row).collect()
}

fn writes(txn: &Txn, part: &str) -> bool {
    txn.writes.iter().any(|write| write.key().contains(part))
}

fn deletes(txn: &Txn, part: &str) -> bool {
    let deleted = |write: &Write| matches!(write, Write::Delete(key) if key.contains(part));
    txn.writes.iter().any(deleted)
}
