//! Which transaction of the protocol a commit is, told by its operation, its guards and its writes.

use block_ipam::datastore::{Guard, Span, Txn, Write};
use serde_json::Value;

use crate::operation::Operation;

/// A row of the table of transactions in `docs/protocol.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// From an own block.
    Warm,
    /// An absent block is claimed.
    Claim,
    /// An empty block of another, or of nobody, is taken over.
    Reclaim,
    /// From a block of another.
    Borrow,
    /// What an earlier try took is counted.
    Adopt,
    /// What is deselected is given up before a claim.
    Deselect,
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
    /// A block is written as it should be, or deleted where it is nobody's and empty.
    Tidy,
    /// The index of what a node borrowed is set right.
    Index,
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
    /// The configuration is written.
    Config,
    /// The record of a node is written or deleted.
    Node,
    /// A reservation is written or deleted.
    Reservation,
    /// A block is rewritten as it was.
    Fence,
}

/// What a guard is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A reservation.
    Reservation,
    /// All reservations.
    Reservations,
    /// The index of borrowing.
    Index,
    /// Which machine uses the name of a node.
    Identity,
    /// Anything else.
    Other,
}

/// Returns what a guard is of.
pub(super) fn kind(guard: &Guard) -> Of {
    let text = match guard {
        Guard::Absent(key) | Guard::At(key, _) | Guard::Same(key, _) => key.as_str(),
        Guard::NoneCreated(span, _) | Guard::NoneChanged(span, _) => start(span),
    };
    let ranged = matches!(guard, Guard::NoneCreated(..) | Guard::NoneChanged(..));
    if text.contains("/block-ipam/v1/borrowed/") {
        Of::Index
    } else if text.contains("/block-ipam/v1/nodes/") {
        Of::Identity
    } else if text.contains("/ipam/v2/assignment/") {
        if ranged { Of::Neighbours } else { Of::Block }
    } else if text.contains("/ipam/v2/handle/") {
        Of::Handle
    } else if text.contains("/ippools/") {
        if ranged { Of::Pools } else { Of::Pool }
    } else if text.contains("/ipreservations/") {
        if ranged {
            Of::Reservations
        } else {
            Of::Reservation
        }
    } else if text.contains("/nodes/") {
        Of::Node
    } else if text.ends_with("/ipam/v2/config") {
        Of::Config
    } else if text.contains("/ipam/v2/host/") || text.contains("/ipam/v2/virtual/") {
        match (ranged, text.contains("/block/")) {
            (false, _) => Of::Affinity,
            (true, true) => Of::OwnAffinities,
            (true, false) => Of::AllAffinities,
        }
    } else {
        Of::Other
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
        Operation::PutConfig(_) => Row::Config,
        Operation::PutNode { .. } => Row::Node,
        Operation::DeleteNode { .. } if writes(txn, "/nodes/") => Row::Node,
        Operation::PutReservation { .. } | Operation::DeleteReservation { .. } => Row::Reservation,
        Operation::ReleaseAddresses(_) => Row::Collect,
        Operation::Collect { .. } if !guards(txn, Of::Affinity) => Row::Collect,
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
    } else if writes(txn, "/block-ipam/v1/borrowed/") {
        Row::Index
    } else {
        Row::Tidy
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
    if deletes(txn, "/assignment/") {
        return vec![(Row::Deselect, None)];
    }
    if !writes(txn, "/assignment/") {
        return vec![(Row::Adopt, None)];
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

fn guards(txn: &Txn, of: Of) -> bool {
    txn.guards.iter().any(|guard| kind(guard) == of)
}

fn deletes(txn: &Txn, part: &str) -> bool {
    let deleted = |write: &Write| matches!(write, Write::Delete(key) if key.contains(part));
    txn.writes.iter().any(deleted)
}
