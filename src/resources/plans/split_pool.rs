//! Splitting a pool into equal parts, each a pool, in one transaction: no moment without a pool, and none with two.
//!
//! Blocks stay valid, for their CIDRs fall into the parts and the size of blocks is the same.

use crate::blocks::Cidr;
use crate::ids::ResourceName;
use crate::plan::{
    Change, Context, Guard, Listing, Plan, RecordId, Recorded, Scope, Step, Stop, View, Want,
};
use crate::refusal::Refusal;
use crate::resources::field::FieldError;
use crate::resources::metadata::Metadata;
use crate::resources::plans::put::refuse;
use crate::resources::pool::Pool;
use crate::resources::refused::{ChangeRefusal, Kind};

/// Most parts of one split: their guards and writes fit one transaction. Parts can be split again.
pub const MOST_PARTS: usize = 32;
/// Calico cuts longer names of pools before it makes names of parts of them.
const LONGEST_NAME: usize = 245;

/// Which pool to split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// That of this name.
    Name(ResourceName),
    /// That with exactly this CIDR.
    Cidr(Cidr),
}

/// A request to split a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The pool.
    pub whole: Whole,
    /// Into how many.
    pub parts: usize,
    /// An identity for each part, drawn once for each request: by it a repeated try knows its own work (p7).
    pub uids: Vec<String>,
    /// When the parts are born, as records tell it.
    pub created: String,
}

/// Plans to split a pool.
///
/// 1. The number is a power of two above 1, and each part holds a block at least.
/// 2. The parts are called `split-{pool}-{index}` and have all else from the pool, labels and whether it is disabled
///    included.
/// 3. They come as the pool goes: guarded by the pool (X27) and by all pools (X25). Claims of ours in the pool compare
///    it and decide again; what Calico claims meanwhile lies in one of the parts.
pub fn split_pool(view: &View, request: &Split, _: Context) -> Step<Vec<Pool>> {
    plan(view, request).into()
}

fn plan(view: &View, request: &Split) -> Result<Step<Vec<Pool>>, Stop> {
    let Some(pools) = &view.pools else {
        return Err(Stop::Read(vec![Want::Scope(Scope::Pools)]));
    };
    if !pools.corrupt.is_empty() {
        return Err(Refusal::Corrupt(pools.corrupt.clone()).into());
    }
    let done = done(pools, request);
    if !done.is_empty() {
        return Ok(Step::Done(done));
    }
    let (name, whole) = find(pools, &request.whole)?;
    let parts = parts(name, &whole.value, request)?;
    let record = |part: &Pool| RecordId::Pool(ResourceName::stored(&part.metadata.name));
    let mut guards = vec![
        Guard::At(RecordId::Pool(name.clone()), whole.revision),
        Guard::NoneChanged(Scope::Pools, pools.read_at),
    ];
    guards.extend(parts.iter().map(|part| Guard::Absent(record(part))));
    let mut changes = vec![Change::DeletePool(name.clone())];
    changes.extend(parts.iter().cloned().map(Change::PutPool));
    Ok(Step::Commit(Plan {
        guards,
        changes,
        outcome: parts,
        more: false,
    }))
}

/// What an earlier try of this request made.
fn done(pools: &Listing<ResourceName, Pool>, request: &Split) -> Vec<Pool> {
    let is_own = |pool: &Pool| {
        let uid = pool.metadata.uid.as_ref();
        uid.is_some_and(|uid| request.uids.contains(uid))
    };
    let own = pools.records.values().map(|pool| &pool.value);
    let mut own: Vec<Pool> = own.filter(|pool| is_own(pool)).cloned().collect();
    own.sort_by_key(|pool| pool.cidr);
    own
}

fn find<'a>(
    pools: &'a Listing<ResourceName, Pool>,
    whole: &Whole,
) -> Result<(&'a ResourceName, &'a Recorded<Pool>), Stop> {
    let (found, called) = match whole {
        Whole::Name(name) => (pools.records.get_key_value(name), name.to_string()),
        Whole::Cidr(cidr) => {
            let mut all = pools.records.iter();
            (
                all.find(|(_, pool)| pool.value.cidr == *cidr),
                cidr.to_string(),
            )
        }
    };
    found.ok_or_else(|| refuse(ChangeRefusal::NotFound(Kind::Pool, called)))
}

fn parts(name: &ResourceName, whole: &Pool, request: &Split) -> Result<Vec<Pool>, Stop> {
    let refused = |rule: String| {
        let faults = vec![FieldError::of("number of parts", request.parts, rule)];
        let (kind, name) = (Kind::Pool, name.to_string());
        refuse(ChangeRefusal::Invalid { kind, name, faults })
    };
    if request.parts < 2 || !request.parts.is_power_of_two() {
        return Err(refused("must be a power of 2 and more than 1".to_owned()));
    }
    if MOST_PARTS < request.parts {
        let rule = format!("at most {MOST_PARTS} at once; the parts can be split again");
        return Err(refused(rule));
    }
    let length = u32::from(whole.cidr.length()) + request.parts.ilog2();
    let length = u8::try_from(length)
        .ok()
        .filter(|length| *length <= whole.block_length);
    let Some(length) = length else {
        let blocks = whole.cidr.subnet_count(whole.block_length).unwrap_or(0);
        let (cidr, block) = (whole.cidr, whole.block_length);
        let rule = format!("{cidr} is not large enough: it has {blocks} blocks of /{block}");
        return Err(refused(rule));
    };
    let cut = name.as_str().char_indices().nth(LONGEST_NAME);
    let stem = &name.as_str()[..cut.map_or(name.as_str().len(), |(at, _)| at)];
    let parts = (0u128..).zip(&request.uids).take(request.parts);
    let parts = parts.filter_map(|(index, uid)| {
        Some(Pool {
            metadata: Metadata {
                name: format!("split-{stem}-{index}"),
                uid: Some(uid.clone()),
                created: Some(request.created.clone()),
                labels: whole.metadata.labels.clone(),
                annotations: whole.metadata.annotations.clone(),
                ..Metadata::default()
            },
            cidr: whole.cidr.subnet(length, index)?,
            ..whole.clone()
        })
    });
    Ok(parts.collect())
}

#[cfg(test)]
mod tests;
