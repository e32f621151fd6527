//! Setting right what processes that died left of affinities. Each repair is decided from a fresh look.

use std::time::Duration;

use crate::affinity::own;
use crate::blocks::BlockCidr;
use crate::ids::Owner;
use crate::plan::{Change, Guard, Plan, RecordId, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::revision::Revision;

/// How long an affinity without its block stands unchanged before it is dropped. A claim of Calico in flight, whose
/// affinity is gone, fails towards its caller.
pub const MIN_DROP_AGE: Duration = Duration::from_secs(120);

/// What a caller knows of a record that it looked at before: since when it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The revision at both looks.
    pub revision: Revision,
    /// The time between them.
    pub unchanged_for: Duration,
}

impl Standing {
    /// Returns whether a record of this revision has stood for so long.
    pub fn has_stood(&self, revision: Revision, age: Duration) -> bool {
        self.revision == revision && age <= self.unchanged_for
    }
}

/// What a repair did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// The records are set right.
    Done,
    /// There was nothing to set right.
    NotNeeded,
    /// The record changed since the caller looked, or not long enough ago: look again later.
    TooYoung,
}

/// Confirms the affinity of a block to its owner, and rewrites the block: whoever holds the block's old revision,
/// such as a release in flight, is refused then (X21, X22).
pub fn decide_confirm(view: &View, owner: &Owner, block: BlockCidr) -> Step<Repaired> {
    Step::from(confirm(view, owner, block))
}

fn confirm(view: &View, owner: &Owner, block: BlockCidr) -> Result<Step<Repaired>, Stop> {
    read_pair(view, owner, block)?;
    let Some(record) = own::owned(readable(view, block)?, owner) else {
        return Ok(Step::Done(Repaired::NotNeeded));
    };
    let (affinity, Some(change)) = own::confirmed(view, owner, block)? else {
        return Ok(Step::Done(Repaired::NotNeeded));
    };
    let mut rewritten = record.value.clone();
    rewritten.bump();
    let at = Guard::At(RecordId::Block(block), record.revision);
    Ok(commit(
        vec![at, affinity],
        vec![change, Change::PutBlock(rewritten)],
    ))
}

/// Drops an affinity whose block is absent, another's or nobody's (X34), once it stood unchanged for
/// [`MIN_DROP_AGE`], or its node is gone: nobody claims for a node without a record that had one.
///
/// `standing` is what the caller saw; `None` where it did not look before.
pub fn decide_drop(
    view: &View,
    owner: &Owner,
    block: BlockCidr,
    standing: Option<Standing>,
) -> Step<Repaired> {
    Step::from(drop_affinity(view, owner, block, standing))
}

fn drop_affinity(
    view: &View,
    owner: &Owner,
    block: BlockCidr,
    standing: Option<Standing>,
) -> Result<Step<Repaired>, Stop> {
    read_pair(view, owner, block)?;
    let seen = readable(view, block)?;
    let affinity = view.affinity(owner, block)?;
    let revision = match &affinity {
        Seen::Absent => return Ok(Step::Done(Repaired::NotNeeded)),
        Seen::Present(record) => record.revision,
        Seen::Corrupt(record) => record.revision,
    };
    if own::owned(seen, owner).is_some() {
        return Ok(Step::Done(Repaired::NotNeeded));
    }
    let id = RecordId::Affinity(owner.clone(), block);
    let mut guards = vec![
        RecordId::Block(block).unchanged(seen),
        id.unchanged(&affinity),
    ];
    if !standing.is_some_and(|standing| standing.has_stood(revision, MIN_DROP_AGE)) {
        match gone_node(view, owner)? {
            Some(guard) => guards.push(guard),
            None => return Ok(Step::Done(Repaired::TooYoung)),
        }
    }
    let change = Change::DeleteAffinity(owner.clone(), block);
    Ok(commit(guards, vec![change]))
}

/// Only where Calico runs every node has a record, and one without is gone.
fn gone_node(view: &View, owner: &Owner) -> Result<Option<Guard>, Stop> {
    let Some(node) = owner.node() else {
        return Ok(None);
    };
    let gone = view.has_cluster_information()? && matches!(view.node(&node)?, Seen::Absent);
    Ok(gone.then_some(Guard::Absent(RecordId::Node(node))))
}

fn read_pair(view: &View, owner: &Owner, block: BlockCidr) -> Result<(), Stop> {
    let mut wants = Vec::new();
    if view.block(block).is_err() {
        wants.push(Want::Record(RecordId::Block(block)));
    }
    if view.affinity(owner, block).is_err() {
        let id = RecordId::Affinity(owner.clone(), block);
        wants.push(Want::Record(id));
    }
    if wants.is_empty() {
        Ok(())
    } else {
        Err(Stop::Read(wants))
    }
}

fn readable(view: &View, block: BlockCidr) -> Result<&Seen<crate::blocks::Block>, Stop> {
    match view.block(block)? {
        Seen::Corrupt(record) => Err(Refusal::Corrupt(vec![record.clone()]).into()),
        seen => Ok(seen),
    }
}

fn commit(guards: Vec<Guard>, changes: Vec<Change>) -> Step<Repaired> {
    Step::Commit(Plan {
        guards,
        changes,
        outcome: Repaired::Done,
        more: false,
    })
}

#[cfg(test)]
mod tests;
