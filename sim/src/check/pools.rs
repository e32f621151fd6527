//! What holds of grants and blocks by the pools around them (p2), and of changes of pools.

use std::net::IpAddr;

use crate::check::Violation;
use crate::check::commits::{Commit, broken};
use crate::net::Net;
use crate::operation::Operation;
use crate::records::Pool;

/// Judges a commit.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn judge(commit: &Commit<'_>) -> Result<(), Violation> {
    p2_every_grant_lies_in_a_pool_that_admits_it(commit)?;
    p2_every_claim_lies_in_a_pool_that_admits_it(commit)?;
    for (name, was) in &commit.changed.pools {
        match (was, commit.after.pools.get(name)) {
            (None, Some(pool)) => created(commit, pool)?,
            (Some(pool), None) => deleted(commit, pool)?,
            _ => {}
        }
    }
    Ok(())
}

fn p2_every_grant_lies_in_a_pool_that_admits_it(commit: &Commit<'_>) -> Result<(), Violation> {
    let by_name = matches!(commit.course.operation, Operation::AssignAddresses(_));
    for (change, address, entry) in commit.changed.added() {
        let block = change.after.as_ref().map(|block| block.net);
        let pool = block.and_then(|net| commit.before.pool_of(net));
        let Some(pool) = pool.filter(|pool| !pool.disabled) else {
            return broken("p2", format!("{address} of {entry:?} is of {pool:?}"));
        };
        if !by_name && commit.before.is_reserved(address) {
            return broken("p2", format!("{address} of {entry:?} is reserved"));
        }
        if let Operation::Assign(assign) = &commit.course.operation {
            let named = assign.pools.is_empty() || assign.pools.contains(&pool.name);
            if (!named && !address.is_ipv6()) || pool.load_balancer != assign.load_balancer {
                return broken("p2", format!("{address} is of {pool:?} for {assign:?}"));
            }
        }
    }
    Ok(())
}

/// A block comes to a node only where its pool selects the node, and beside Calico only if the node has a record.
fn p2_every_claim_lies_in_a_pool_that_admits_it(commit: &Commit<'_>) -> Result<(), Violation> {
    let operation = &commit.course.operation;
    for (net, block) in commit.claimed() {
        let pool = commit.before.pool_of(net);
        let Some(pool) = pool.filter(|pool| !pool.disabled) else {
            return broken("p2", format!("{net} is claimed of {pool:?}"));
        };
        let owner = block.owner.as_deref().unwrap_or_default();
        let Some(node) = owner.strip_prefix("host:") else {
            continue;
        };
        let rack = commit.before.nodes.get(node);
        let by_order = matches!(operation, Operation::ClaimRange { .. });
        if rack.is_none() && commit.before.calico_runs && !by_order {
            return broken("p2", format!("{net} comes to {node}, which has no record"));
        }
        let by_selector = matches!(operation, Operation::Assign(assign) if assign.pools.is_empty() || net.is_v6());
        let selected = pool.rack.is_none() || pool.rack.as_ref() == rack;
        if by_selector && !selected {
            return broken("p2", format!("{net} comes to {node} of {rack:?}: {pool:?}"));
        }
    }
    Ok(())
}

fn created(commit: &Commit<'_>, pool: &Pool) -> Result<(), Violation> {
    let mut others = commit.after.pools.values();
    let overlaps = |other: &&Pool| other.name != pool.name && other.net.overlaps(pool.net);
    if let Some(other) = others.find(overlaps) {
        return broken("p3", format!("{pool:?} is created over {other:?}"));
    }
    let misfit = |net: &&Net| net.overlaps(pool.net) && net.length != pool.block_length;
    let mut blocks = commit.after.blocks.keys();
    let mut affinities = commit.after.affinities.keys().map(|(_, net)| net);
    let found = blocks.find(misfit).or_else(|| affinities.find(misfit));
    found.map_or(Ok(()), |net| {
        broken("p3", format!("{pool:?} is created over {net}"))
    })
}

fn deleted(commit: &Commit<'_>, pool: &Pool) -> Result<(), Violation> {
    if !pool.disabled {
        return broken("p2", format!("{pool:?} is gone, and was enabled"));
    }
    let mut blocks = commit.after.blocks.keys();
    match blocks.find(|net| pool.net.covers(**net)) {
        Some(net) => broken("p2", format!("{pool:?} is gone under {net}")),
        None => Ok(()),
    }
}

/// Returns whether a pool gives addresses to a workload of this rack that names no pool.
pub(super) fn serves(pool: &Pool, rack: Option<&String>, address: IpAddr) -> bool {
    let selects = pool.rack.is_none() || pool.rack.as_ref() == rack;
    !pool.disabled && !pool.load_balancer && selects && pool.net.place(address).is_some()
}
