//! Deleting a pool, once nothing is inside.

use crate::blocks::Cidr;
use crate::ids::ResourceName;
use crate::plan::{Change, Context, Guard, RecordId, Recorded, Scope, Step, Stop, View, Want};
use crate::refusal::Refusal;
use crate::resources::Pool;
use crate::resources::plans::inside::{inside, no_new_block, wants};
use crate::resources::plans::put::{Subject, commit, refuse};
use crate::resources::refused::{ChangeRefusal, Kind};
use crate::revision::Revision;

/// A request to delete a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// Its name.
    pub name: ResourceName,
    /// The revision that the caller saw; `None` to delete whatever is there.
    pub expected: Option<Revision>,
}

/// Plans to delete a pool.
///
/// 1. Nothing may be inside: neither block nor affinity, those without a block included (Calico leaves them, and makes
///    the block anew from them).
/// 2. The pool goes in one transaction with the proof: it is as it was read (X27), and no block came (X28). Claims
///    of ours compare the pool and so cannot follow.
pub fn delete_pool(view: &View, request: &Delete, _: Context) -> Step<()> {
    plan(view, request).into()
}

/// Plans to disable a pool, before it is drained: from then on nothing is granted from it. Returns its CIDR.
pub fn disable_pool(view: &View, request: &Delete, _: Context) -> Step<Cidr> {
    disable(view, request).into()
}

/// Plans to delete a pool's record, whatever is inside: what stays in its blocks is in no pool then. For an operator
/// who was told so.
pub fn forget_pool(view: &View, request: &Delete, _: Context) -> Step<()> {
    forget(view, request).into()
}

fn forget(view: &View, request: &Delete) -> Result<Step<()>, Stop> {
    let pool = find(view, request)?;
    let guard = Guard::At(RecordId::Pool(request.name.clone()), pool.revision);
    let change = Change::DeletePool(request.name.clone());
    Ok(commit(vec![guard], change, ()))
}

fn disable(view: &View, request: &Delete) -> Result<Step<Cidr>, Stop> {
    let pool = find(view, request)?;
    let cidr = pool.value.cidr;
    if pool.value.disabled {
        return Ok(Step::Done(cidr));
    }
    let guard = Guard::At(RecordId::Pool(request.name.clone()), pool.revision);
    let disabled = Pool {
        disabled: true,
        ..pool.value.clone()
    };
    Ok(commit(vec![guard], Change::PutPool(disabled), cidr))
}

/// Plans to delete a pool that was disabled and drained before. One that somebody enabled meanwhile is refused: it may be
/// in use again at any moment, and somebody wants it to be (X27).
pub fn delete_drained_pool(view: &View, request: &Delete, context: Context) -> Step<()> {
    match find(view, request) {
        Ok(pool) if !pool.value.disabled => {
            let name = request.name.to_string();
            refuse(ChangeRefusal::Enabled { name }).into()
        }
        Ok(_) => delete_pool(view, request, context),
        Err(stop) => stop.into(),
    }
}

fn plan(view: &View, request: &Delete) -> Result<Step<()>, Stop> {
    let pool = find(view, request)?;
    let cidr = pool.value.cidr;
    let inside = inside(view, cidr, |_| true).ok_or_else(|| Stop::Read(wants(cidr)))?;
    if 0 < inside.blocks + inside.affinities {
        return Err(refuse(ChangeRefusal::InUse {
            name: request.name.to_string(),
            cidr,
            inside,
        }));
    }
    let mut guards = vec![Guard::At(
        RecordId::Pool(request.name.clone()),
        pool.revision,
    )];
    guards.extend(no_new_block(view, cidr));
    Ok(commit(guards, Change::DeletePool(request.name.clone()), ()))
}

fn find<'a>(view: &'a View, request: &Delete) -> Result<&'a Recorded<Pool>, Stop> {
    let record = RecordId::Pool(request.name.clone());
    let subject = Subject {
        kind: Kind::Pool,
        name: request.name.as_str(),
        record,
    };
    let Some(pools) = &view.pools else {
        return Err(Stop::Read(vec![Want::Scope(Scope::Pools)]));
    };
    let Some(pool) = pools.records.get(&request.name) else {
        let own = format!("/{}", request.name);
        let corrupt = pools
            .corrupt
            .iter()
            .filter(|found| found.key.ends_with(&own));
        let corrupt: Vec<_> = corrupt.cloned().collect();
        return if corrupt.is_empty() {
            Err(subject.not_found())
        } else {
            Err(Refusal::Corrupt(corrupt).into())
        };
    };
    subject.expect(pool.revision, request.expected)?;
    Ok(pool)
}
