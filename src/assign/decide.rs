//! The decision about a request for addresses.

use crate::assign::deselected;
use crate::assign::gather::{Gathered, Gatherer, Pick, Taken};
use crate::assign::held::{self, Held};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Grant, Granted, Searched, Shortage};
use crate::blocks::{Address, Block, Family};
use crate::ids::HandleId;
use crate::plan::{Change, Context, Guard, Plan, RecordId, Seen, Step, Stop, View};
use crate::refusal::Refusal;

/// Decides about a request for addresses:
///
/// 1. what the handle and interface hold already is granted again (p7), and counted to the handle if it was not;
/// 2. pools are admitted, per family;
/// 3. missing addresses are gathered: from own blocks, then from blocks to claim;
/// 4. where a block is to be had for that, those empty ones of the node go first whose pools no longer select it;
/// 5. a family that stays short refuses the request, unless a shortage is accepted (p13);
/// 6. blocks, affinities and the handle change together; a request larger than a transaction is begun only where all
///    of it is there.
///
/// What was learnt before only saves reads: a refusal that is remembered and still right comes without a search, and so
/// does an address of a block that was borrowed from.
pub fn decide_assign(
    view: &View,
    request: &Assign,
    before: Before<'_>,
    context: Context,
) -> Step<Grant> {
    match Step::from(decide(view, request, before, context)) {
        Step::Commit(plan) if is_begun(&plan, request, before) => {
            match the_rest(view, &plan, request, context) {
                stopped @ (Step::Read(_) | Step::Refuse(_)) => stopped,
                Step::Commit(_) | Step::Done(_) => Step::Commit(plan),
            }
        }
        step => step,
    }
}

/// Returns whether a plan takes the first part of a request that takes nothing where it does not get all.
fn is_begun(plan: &Plan<Grant>, request: &Assign, before: Before<'_>) -> bool {
    let is_first = before.done.iter().all(|grant| grant.addresses.is_empty());
    let takes = !plan.outcome.addresses.is_empty();
    plan.more && takes && is_first && request.shortage == Shortage::Refuse
}

/// Tells how a request ends that goes on after this plan, should nobody else change anything.
fn the_rest(view: &View, plan: &Plan<Grant>, request: &Assign, context: Context) -> Step<Grant> {
    let mut after = view.clone().apply(plan, view.revision);
    let mut done = vec![plan.outcome.clone()];
    loop {
        let before = Before {
            done: &done,
            searched: &[],
        };
        match Step::from(decide(&after, request, before, context)) {
            Step::Commit(plan) if plan.more => {
                after = after.apply(&plan, view.revision);
                done.push(plan.outcome);
            }
            end => return end,
        }
    }
}

/// What was before a decision.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before<'a> {
    /// What earlier transactions of the same request brought: it matters where there is no handle to ask.
    pub done: &'a [Grant],
    /// What searches for the same wishes ended in.
    pub searched: &'a [Searched],
}

/// Tells what [`decide_assign`] would grant next, for who asks and commits nothing: transactions that only give up
/// blocks are taken as done.
pub fn foretell_assign(view: &View, request: &Assign, context: Context) -> Step<Grant> {
    match decide_assign(view, request, Before::default(), context) {
        Step::Commit(plan) if plan.more && plan.outcome == Grant::default() => {
            let after = view.clone().apply(&plan, view.revision);
            foretell_assign(&after, request, context)
        }
        step => step,
    }
}

fn decide(
    view: &View,
    request: &Assign,
    before: Before<'_>,
    context: Context,
) -> Result<Step<Grant>, Stop> {
    let surroundings = Surroundings::see(view, request)?;
    let families = request.families();
    let parts = families.map(|family| of_family(&surroundings, request, family, before, context));
    let parts = together(parts);
    if deselected::wants_a_block(&parts)
        && let Some(plan) = deselected::given_up(&surroundings, request, context)?
    {
        return Ok(Step::Commit(plan));
    }
    Ok(combine(&surroundings, request, parts?))
}

/// What is granted of one family.
pub(super) struct Part {
    pub(super) held: Vec<Held>,
    pub(super) gathered: Gathered,
}

/// Returns all parts, or what to read for all of them, or the first refusal.
pub(super) fn together(parts: impl Iterator<Item = Result<Part, Stop>>) -> Result<Vec<Part>, Stop> {
    let mut all = Vec::new();
    let mut wants = Vec::new();
    for part in parts {
        match part {
            Ok(part) => all.push(part),
            Err(Stop::Read(more)) => wants.extend(more),
            Err(refused @ Stop::Refuse(_)) => return Err(refused),
        }
    }
    if wants.is_empty() {
        Ok(all)
    } else {
        Err(Stop::Read(wants))
    }
}

fn of_family(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    before: Before<'_>,
    context: Context,
) -> Result<Part, Stop> {
    let mut held = held::held(surroundings, request, family)?;
    let taken = taken_before(request, before.done, family);
    held.retain(|held| !taken.contains(&held.address));
    let count = request.wanted(family).count.saturating_sub(taken.len());
    held.truncate(count);
    let wanted = count.saturating_sub(held.len());
    let mut gathered = Gathered::default();
    if wanted == 0 {
        return Ok(Part { held, gathered });
    }
    match held::check_cap(surroundings, request, family, wanted) {
        Err(Stop::Refuse(full)) => {
            let mut all = held::held_in_all(surroundings, request, family)?;
            if all.len() < count {
                gathered = short(request, full)?;
            }
            all.truncate(count);
            held = all;
        }
        Err(read @ Stop::Read(_)) => return Err(read),
        Ok(()) => {
            let known = before.searched;
            gathered = gather(surroundings, request, family, wanted, known, context)?;
        }
    }
    Ok(Part { held, gathered })
}

/// Without a handle only those blocks that were read tell what earlier transactions of this request took.
fn taken_before(request: &Assign, done: &[Grant], family: Family) -> Vec<Address> {
    if request.handle.is_some() {
        return Vec::new();
    }
    let granted = done.iter().flat_map(|grant| &grant.addresses);
    let addresses = granted.map(|granted| granted.address);
    addresses
        .filter(|address| address.family() == family)
        .collect()
}

/// A request that stays short is refused, or told why.
fn short(request: &Assign, refusal: Refusal) -> Result<Gathered, Stop> {
    match request.shortage {
        Shortage::Refuse => Err(Stop::Refuse(refusal)),
        Shortage::Accept => Ok(Gathered {
            shortage: Some(refusal),
            ..Gathered::default()
        }),
    }
}

fn gather(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    wanted: usize,
    known: &[Searched],
    context: Context,
) -> Result<Gathered, Stop> {
    let admission = match surroundings.admit(request, family) {
        Ok(admission) => admission,
        Err(refusal) => return short(request, refusal),
    };
    let gatherer = Gatherer {
        surroundings,
        request,
        family,
        admission: &admission,
        wanted,
        pick: Pick::Next,
        known,
        context,
    };
    if let Some(refusal) = gatherer.still_refused() {
        return Err(Stop::Refuse(refusal));
    }
    let gathered = gatherer.gather()?;
    match (&gathered.shortage, request.shortage) {
        (Some(refusal), Shortage::Refuse) => Err(Stop::Refuse(refusal.clone())),
        _ => Ok(gathered),
    }
}

/// Returns the grant of all parts, committed in one transaction where anything is taken or adopted.
pub(super) fn combine(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    parts: Vec<Part>,
) -> Step<Grant> {
    let grant = grant_of(surroundings, &parts);
    let more = parts.iter().any(|part| part.gathered.more);
    let mut guards = Vec::new();
    let mut changes = Vec::new();
    let mut taken = Vec::new();
    for part in parts {
        guards.extend(part.gathered.guards);
        changes.extend(part.gathered.changes);
        taken.extend(part.gathered.taken);
    }
    if let Some(id) = &request.handle {
        let counted = count(surroundings, id, &taken, &grant);
        guards.extend(counted.guards);
        changes.splice(0..0, counted.change);
    }
    changes.extend(taken.into_iter().map(|taken| Change::PutBlock(taken.block)));
    if changes.is_empty() {
        return Step::Done(grant);
    }
    guards = without_repetition(guards);
    Step::Commit(Plan {
        guards,
        changes,
        outcome: grant,
        more,
    })
}

pub(super) fn without_repetition(guards: Vec<Guard>) -> Vec<Guard> {
    let mut once: Vec<Guard> = Vec::with_capacity(guards.len());
    for guard in guards {
        if !once.contains(&guard) {
            once.push(guard);
        }
    }
    once
}

fn grant_of(surroundings: &Surroundings<'_>, parts: &[Part]) -> Grant {
    let mut grant = Grant::default();
    for part in parts {
        let held = part
            .held
            .iter()
            .map(|held| granted_before(surroundings, *held));
        grant.addresses.extend(held);
        grant
            .addresses
            .extend(part.gathered.taken.iter().flat_map(granted));
        grant.shortages.extend(part.gathered.shortage.clone());
    }
    grant.repeated =
        parts.iter().all(|part| part.gathered.taken.is_empty()) && !grant.addresses.is_empty();
    grant
}

fn granted(taken: &Taken) -> impl Iterator<Item = Granted> + '_ {
    taken.addresses.iter().map(|address| Granted {
        address: *address,
        block: taken.block.cidr(),
        pool: Some((taken.pool.name.clone(), taken.pool.cidr)),
    })
}

fn granted_before(surroundings: &Surroundings<'_>, held: Held) -> Granted {
    let mut pools = surroundings.pools.records.iter();
    let pool = pools.find(|(_, pool)| pool.value.cidr.covers(held.block.cidr()));
    Granted {
        address: held.address,
        block: held.block,
        pool: pool.map(|(name, pool)| (name.clone(), pool.value.cidr)),
    }
}

/// What happens to the handle.
struct Counted {
    guards: Vec<Guard>,
    change: Option<Change>,
}

/// Counts what is taken to the handle, and what was held already where the handle says less: an entry whose
/// handle is missing or too low is adopted, guarded by its block.
fn count(
    surroundings: &Surroundings<'_>,
    id: &HandleId,
    taken: &[Taken],
    grant: &Grant,
) -> Counted {
    let seen = surroundings.handle.unwrap_or(&Seen::Absent);
    let before = seen.present().map(|record| record.value.clone());
    let before = before.unwrap_or_default();
    let mut handle = before.clone();
    let mut guards = vec![RecordId::Handle(id.clone()).unchanged(seen)];
    for record in held::blocks_naming(surroundings.view, id) {
        let cidr = record.value.cidr();
        let entries = entries(&record.value, id);
        let is_granted = grant.addresses.iter().any(|granted| granted.block == cidr);
        if is_granted && handle.count(cidr) < entries {
            guards.push(Guard::At(RecordId::Block(cidr), record.revision));
            handle.raise(cidr, entries, 0);
        }
    }
    for block in taken {
        let cidr = block.block.cidr();
        let now = block.addresses.len() as u64;
        let all = entries(&block.block, id);
        handle.raise(cidr, all.saturating_sub(now), now);
    }
    let change = (handle != before).then(|| Change::PutHandle(id.clone(), handle));
    if change.is_none() {
        guards.clear();
    }
    Counted { guards, change }
}

fn entries(block: &Block, id: &HandleId) -> u64 {
    block.entries_of(id).count() as u64
}
