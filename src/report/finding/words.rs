//! Findings in words for people.

use std::fmt;

use super::{Finding, FindingKind, Remedy, Severity, Subject};
use crate::affinity::AffinityState;
use crate::ids::HandleId;
use crate::plan::RecordId;

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Key(key) => f.write_str(key),
            Subject::Record(id) => match id {
                RecordId::Block(block) => write!(f, "block {block}"),
                RecordId::Affinity(owner, block) => write!(f, "affinity of {owner} to {block}"),
                RecordId::Handle(handle) => write!(f, "handle `{}`", handle.as_str()),
                RecordId::Pool(name) => write!(f, "pool `{name}`"),
                RecordId::Reservation(name) => write!(f, "reservation `{name}`"),
                RecordId::Node(node) => write!(f, "node `{node}`"),
                RecordId::LegacyHost(node) => write!(f, "old mark of node `{node}`"),
                RecordId::Config => f.write_str("the configuration"),
                RecordId::Borrowed(node, block) => write!(f, "borrowing of `{node}` from {block}"),
                RecordId::Identity(node) => write!(f, "identity of node `{node}`"),
                RecordId::ClusterInformation => f.write_str("the cluster information"),
            },
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity(), self.subject, self.kind)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FindingKind::Corrupt(record) => write!(f, "does not parse: {}", record.detail),
            FindingKind::UnreadableKey => f.write_str("no record has such a key"),
            FindingKind::Structure(fault) => fault.fmt(f),
            FindingKind::BlocksOverlap(larger) => write!(f, "lies inside block {larger}"),
            FindingKind::HeldTwice {
                address,
                holder,
                other,
                other_holder,
            } => {
                let (holder, other_holder) = (named(holder.as_ref()), named(other_holder.as_ref()));
                write!(
                    f,
                    "{address} is held by {holder} and in block {other} by {other_holder}"
                )
            }
            FindingKind::BlockOfOtherSize { pool, length } => {
                write!(f, "pool `{pool}` has blocks of /{length}")
            }
            FindingKind::BlockInNoPool => f.write_str("no pool contains it"),
            FindingKind::OwnerlessEmpty => f.write_str("has no owner and holds nothing"),
            FindingKind::OwnerWithoutAffinity(owner) => {
                write!(f, "its owner {owner} has no affinity to it")
            }
            FindingKind::AffinityWithoutBlock(state) => {
                write!(f, "is {}, and the block does not exist", word(*state))
            }
            FindingKind::AffinityOfOtherSize { pool, length } => write!(
                f,
                "its block does not exist, and pool `{pool}` has blocks of /{length}: Calico would make the block over those"
            ),
            FindingKind::AffinityOfOther { state, owner } => match owner {
                Some(owner) => write!(f, "is {}, and the block is of {owner}", word(*state)),
                None => write!(f, "is {}, and the block has no owner", word(*state)),
            },
            FindingKind::AffinityHalfDone(state) => {
                write!(f, "is {}, and the block is the owner's", word(*state))
            }
            FindingKind::HandleHoldsNothing { count } => {
                write!(f, "counts {count} and holds no address")
            }
            FindingKind::CountTooHigh {
                block,
                count,
                entries,
            } => write!(f, "counts {count} in {block} and holds {entries} there"),
            FindingKind::CountTooLow {
                block,
                count,
                entries,
            } => write!(f, "counts {count} in {block} and holds {entries} there"),
            FindingKind::EntriesWithoutHandle { block, entries } => {
                write!(f, "has no record and holds {entries} in {block}")
            }
            FindingKind::BorrowingNotIndexed => f.write_str("is not in the index"),
            FindingKind::BorrowingStale => {
                f.write_str("is in the index, and the node holds nothing there")
            }
            FindingKind::PoolsOverlap(other) => write!(f, "overlaps pool `{other}`"),
            FindingKind::PoolHostBits(text) => write!(f, "its CIDR is written {text}"),
            FindingKind::ReservesNothing(entry) => {
                write!(f, "entry `{entry}` is no CIDR and reserves nothing")
            }
            FindingKind::NodeWithoutRecord { blocks, .. } => {
                write!(f, "owns {blocks} blocks and has no record")
            }
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remedy::Repair => "a repair sets it right",
            Remedy::AgedRepair => "a repair sets it right when it stays so for some minutes",
            Remedy::NextWrite => "the next write of the record sets it right",
            Remedy::Nothing => "it ends by itself",
            Remedy::Operator => "an operator has to decide",
        })
    }
}

fn named(holder: Option<&HandleId>) -> String {
    holder.map_or("nobody named".to_owned(), |id| format!("`{}`", id.as_str()))
}

const fn word(state: AffinityState) -> &'static str {
    match state {
        AffinityState::Unset => "without a state",
        AffinityState::Pending | AffinityState::Confirmed | AffinityState::PendingDeletion => {
            state.word()
        }
    }
}
