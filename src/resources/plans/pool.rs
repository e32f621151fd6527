//! Creating and editing a pool.

use crate::ids::ResourceName;
use crate::plan::{
    Change, Context, Guard, Listing, RecordId, Recorded, Scope, Step, Stop, View, Want,
};
use crate::refusal::Refusal;
use crate::resources::Pool;
use crate::resources::plans::inside::{inside, no_new_affinity, no_new_block, wants};
use crate::resources::plans::put::{Mode, Put, Subject, Written, carried, commit, refuse};
use crate::resources::pool_rules;
use crate::resources::refused::{ChangeRefusal, Kind};

/// Plans to write a pool.
///
/// 1. A pool keeps its own rules ([`pool_rules::validate`]).
/// 2. A new one overlaps no other, disabled ones included: guarded by all pools (X25).
/// 3. A new one stands over no block and no affinity of another size, for Calico makes a block anew from a
///    forgotten affinity: guarded by all affinities (X26) and by the blocks inside.
/// 4. An existing one keeps CIDR and block size, and members that we do not know: guarded by its revision.
pub fn put_pool(view: &View, request: &Put<Pool>, _: Context) -> Step<Written> {
    plan(view, request, OtherSizes::Refuse).into()
}

/// The same without rule 3, for whoever was told what that breaks: nobody is given what lies in blocks of another size,
/// and Calico may make a block anew from an affinity and give its addresses out twice.
pub fn put_pool_over(view: &View, request: &Put<Pool>, _: Context) -> Step<Written> {
    plan(view, request, OtherSizes::Accept).into()
}

/// What becomes of a pool over blocks and affinities of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherSizes {
    Refuse,
    Accept,
}

fn plan(view: &View, request: &Put<Pool>, others: OtherSizes) -> Result<Step<Written>, Stop> {
    let pool = &request.value;
    let name = ResourceName::stored(&pool.metadata.name);
    let subject = Subject {
        kind: Kind::Pool,
        name: &pool.metadata.name,
        record: RecordId::Pool(name.clone()),
    };
    let Some(pools) = &view.pools else {
        return Err(Stop::Read(first_wants(request)));
    };
    let faults = pool_rules::validate(pool);
    if !faults.is_empty() {
        return Err(subject.invalid(faults));
    }
    readable(pools)?;
    let existing = pools.records.get(&name);
    let metadata = existing.map(|existing| &existing.value.metadata);
    subject.admit(request, metadata, &pool.metadata)?;
    match existing {
        Some(existing) => edit(&subject, existing, request),
        None => create(&subject, view, pools, pool, others),
    }
}

fn first_wants(request: &Put<Pool>) -> Vec<Want> {
    let mut first = vec![Want::Scope(Scope::Pools)];
    if request.mode != Mode::Replace {
        first.extend(wants(request.value.cidr));
    }
    first
}

/// A pool that cannot be read may overlap any other.
fn readable(pools: &Listing<ResourceName, Pool>) -> Result<(), Stop> {
    if pools.corrupt.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Corrupt(pools.corrupt.clone()).into())
    }
}

fn edit(
    subject: &Subject<'_>,
    old: &Recorded<Pool>,
    request: &Put<Pool>,
) -> Result<Step<Written>, Stop> {
    let new = Pool {
        metadata: carried(&old.value.metadata, request.value.metadata.clone()),
        not_allocatable: old.value.not_allocatable,
        unknown_spec: old.value.unknown_spec.clone(),
        unknown: old.value.unknown.clone(),
        ..request.value.clone()
    };
    let faults = pool_rules::validate_edit(&old.value, &new);
    if !faults.is_empty() {
        return Err(subject.invalid(faults));
    }
    subject.replace(request, old, new, Change::PutPool)
}

fn create(
    subject: &Subject<'_>,
    view: &View,
    pools: &Listing<ResourceName, Pool>,
    pool: &Pool,
    other_sizes: OtherSizes,
) -> Result<Step<Written>, Stop> {
    let others = pools.records.values();
    let overlaps = others.filter_map(|other| pool_rules::overlap_fault(pool, &other.value));
    let overlaps: Vec<_> = overlaps.collect();
    if !overlaps.is_empty() {
        return Err(subject.invalid(overlaps));
    }
    let other_size = |block: crate::blocks::BlockCidr| {
        block.cidr().length() != pool.block_length || !pool.cidr.covers(block.cidr())
    };
    let inside = inside(view, pool.cidr, other_size).ok_or_else(|| Stop::Read(wants(pool.cidr)))?;
    if 0 < inside.blocks + inside.affinities && other_sizes == OtherSizes::Refuse {
        return Err(refuse(ChangeRefusal::OtherBlockSize {
            name: pool.metadata.name.clone(),
            cidr: pool.cidr,
            block_length: pool.block_length,
            inside,
        }));
    }
    let mut guards = vec![
        Guard::Absent(subject.record.clone()),
        Guard::NoneChanged(Scope::Pools, pools.read_at),
    ];
    guards.extend(no_new_affinity(view));
    guards.extend(no_new_block(view, pool.cidr));
    Ok(commit(
        guards,
        Change::PutPool(pool.clone()),
        Written::Created,
    ))
}
