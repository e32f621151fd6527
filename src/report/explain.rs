//! Why a request would get what it would get: the rules at work, and the decision itself without its commit.

use std::fmt;

use crate::affinity::own;
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Grant, NamedBy, PoolRef, Wanted, foretell_assign};
use crate::blocks::{BlockCidr, Cidr, Family};
use crate::clock::Timestamp;
use crate::ids::ResourceName;
use crate::plan::{Change, Context, Seen, Step, Stop, View};
use crate::refusal::{PoolReason, Refusal};

/// A pool of the family, and why it may not serve; `None` if it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolExplained {
    /// Its name.
    pub name: ResourceName,
    /// Its addresses.
    pub cidr: Cidr,
    /// The rule that excludes it.
    pub excluded: Option<PoolReason>,
}

/// A block of the node, in numbers of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBlock {
    /// The block.
    pub cidr: BlockCidr,
    /// Those that are free.
    pub free: usize,
    /// Of these, those that are reserved.
    pub reserved: usize,
    /// Those that cool, of which none is free.
    pub cooling: usize,
    /// All of them.
    pub size: usize,
}

/// What is told of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyExplained {
    /// The family.
    pub family: Family,
    /// The pools that are asked for, and who named them; without any, selectors decide.
    pub named: Option<(Vec<PoolRef>, NamedBy)>,
    /// Why no pool is looked at further.
    pub refused: Option<Refusal>,
    /// Its pools: those that may serve in the order in which they are tried, then the others.
    pub pools: Vec<PoolExplained>,
    /// The node's blocks in pools that may serve.
    pub blocks: Vec<OwnBlock>,
}

/// What would be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These addresses would be granted; blocks would be claimed, or taken over, or borrowed from.
    Grant {
        /// The grant of the next transaction.
        grant: Grant,
        /// Blocks that would get an affinity of the node.
        claimed: Vec<BlockCidr>,
        /// Blocks that the node would borrow from.
        borrowed: Vec<BlockCidr>,
    },
    /// The request would be refused.
    Refuse(Refusal),
}

/// Why a request would get what it would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Each family that is asked for.
    pub families: Vec<FamilyExplained>,
    /// What would be done.
    pub next: Next,
}

/// Explains a request: nothing is written.
pub fn explain(view: &View, request: &Assign, context: Context) -> Step<Explanation> {
    Step::from(explained(view, request, context))
}

fn explained(view: &View, request: &Assign, context: Context) -> Result<Step<Explanation>, Stop> {
    let next = match foretell_assign(view, request, context) {
        Step::Read(wants) => return Err(Stop::Read(wants)),
        Step::Refuse(refusal) => Next::Refuse(refusal),
        Step::Done(grant) => granted(request, grant, &[]),
        Step::Commit(plan) => granted(request, plan.outcome, &plan.changes),
    };
    let families = match Surroundings::see(view, request) {
        Ok(surroundings) => request
            .families()
            .map(|family| of_family(&surroundings, request, family, context.now))
            .collect::<Result<Vec<_>, Stop>>()?,
        Err(Stop::Refuse(_)) => Vec::new(),
        Err(stop @ Stop::Read(_)) => return Err(stop),
    };
    Ok(Step::Done(Explanation { families, next }))
}

fn granted(request: &Assign, grant: Grant, changes: &[Change]) -> Next {
    let owner = request.owner();
    let mut claimed = Vec::new();
    let mut borrowed = Vec::new();
    for change in changes {
        match change {
            Change::PutAffinity(_, block, _) => claimed.push(*block),
            Change::PutBlock(block) if block.owner() != Some(&owner) => borrowed.push(block.cidr()),
            _ => {}
        }
    }
    Next::Grant {
        grant,
        claimed,
        borrowed,
    }
}

fn of_family(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    now: Timestamp,
) -> Result<FamilyExplained, Stop> {
    let mut told = FamilyExplained {
        family,
        named: named(request.wanted(family)),
        refused: None,
        pools: Vec::new(),
        blocks: Vec::new(),
    };
    let admission = match surroundings.admit(request, family) {
        Ok(admission) => admission,
        Err(refusal) => {
            if let Refusal::NoAdmissiblePool { pools, .. } = &refusal {
                told.pools.extend(pools.iter().cloned().map(excluded));
            }
            told.refused = Some(refusal);
            return Ok(told);
        }
    };
    told.pools = admission
        .pools
        .iter()
        .map(|pool| PoolExplained {
            name: pool.name.clone(),
            cidr: pool.cidr,
            excluded: None,
        })
        .chain(admission.excluded.iter().cloned().map(excluded))
        .collect();
    let view = surroundings.view;
    let blocks = own::usable_blocks(view, &surroundings.owner, family, &admission.pools)?;
    let unread = own::next_to_read(view, &blocks);
    if !unread.is_empty() {
        return Err(Stop::Read(unread));
    }
    told.blocks = blocks
        .into_iter()
        .filter_map(|block| own_block(surroundings, view.blocks.get(&block)?, now))
        .collect();
    told.blocks.sort_by_key(|block| block.cidr);
    Ok(told)
}

/// An annotation that names no pool overrides a configuration that does, so it is told too.
fn named(wanted: &Wanted) -> Option<(Vec<PoolRef>, NamedBy)> {
    let said = !wanted.pools.is_empty() || wanted.named_by != NamedBy::Request;
    said.then(|| (wanted.pools.clone(), wanted.named_by))
}

fn excluded(verdict: crate::refusal::PoolVerdict) -> PoolExplained {
    PoolExplained {
        name: verdict.name,
        cidr: verdict.cidr,
        excluded: Some(verdict.reason),
    }
}

fn own_block(
    surroundings: &Surroundings<'_>,
    seen: &Seen<crate::blocks::Block>,
    now: Timestamp,
) -> Option<OwnBlock> {
    let mut block = own::owned(seen, &surroundings.owner)?.value.clone();
    block.normalise(now, surroundings.cooldown());
    let free = block.free_count();
    Some(OwnBlock {
        cidr: block.cidr(),
        free,
        reserved: free - block.usable_count(&surroundings.reserved),
        cooling: block.cooling_count(),
        size: usize::from(block.size()),
    })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for family in &self.families {
            writeln!(f, "{}:", family.family)?;
            if let Some((pools, by)) = &family.named {
                let listed: Vec<String> = pools.iter().map(ToString::to_string).collect();
                writeln!(f, "  {by} names {}", or_none(&listed.join(", ")))?;
            }
            for pool in &family.pools {
                match &pool.excluded {
                    None => writeln!(f, "  pool {} {}: may serve", pool.name, pool.cidr)?,
                    Some(reason) => writeln!(f, "  pool {} {}: {reason}", pool.name, pool.cidr)?,
                }
            }
            for block in &family.blocks {
                writeln!(f, "  {block}")?;
            }
        }
        write!(f, "{}", self.next)
    }
}

const fn or_none(text: &str) -> &str {
    if text.is_empty() {
        "no pool: selectors decide"
    } else {
        text
    }
}

impl fmt::Display for OwnBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "own block {}: {} of {} free ({} of them reserved), {} cooling",
            self.cidr, self.free, self.size, self.reserved, self.cooling
        )
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, word: &str, blocks: &[BlockCidr]| {
            blocks
                .iter()
                .try_for_each(|block| write!(f, ", {word} {block}"))
        };
        match self {
            Next::Refuse(refusal) => write!(f, "would be refused: {refusal}"),
            Next::Grant {
                grant,
                claimed,
                borrowed,
            } => {
                f.write_str(if grant.repeated {
                    "holds already"
                } else {
                    "would get"
                })?;
                for granted in &grant.addresses {
                    write!(f, " {}", granted.address)?;
                }
                list(f, "claiming", claimed)?;
                list(f, "borrowing from", borrowed)?;
                grant
                    .shortages
                    .iter()
                    .try_for_each(|short| write!(f, "; {short}"))
            }
        }
    }
}
