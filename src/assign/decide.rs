//! The decision about a request for addresses.

use crate::assign::gather::{Gathered, Gatherer, Taken};
use crate::assign::held::{self, Held};
use crate::assign::surroundings::Surroundings;
use crate::assign::{Assign, Grant, Granted, Shortage};
use crate::blocks::{Block, Family};
use crate::ids::HandleId;
use crate::plan::{Change, Context, Guard, Plan, RecordId, Seen, Step, Stop, View};
use crate::refusal::Refusal;

/// Decides about a request for addresses:
///
/// 1. what the handle and interface hold already is granted again (p7), and counted to the handle if it was not;
/// 2. pools are admitted, per family;
/// 3. missing addresses are gathered: from own blocks, then from blocks to claim;
/// 4. a family that stays short refuses the request, unless a shortage is accepted (p13);
/// 5. blocks, affinities and the handle change together.
///
/// `done` holds what earlier transactions of the same request brought: it matters where there is no handle to ask.
pub fn decide_assign(
    view: &View,
    request: &Assign,
    done: &[Grant],
    context: Context,
) -> Step<Grant> {
    Step::from(decide(view, request, done, context))
}

fn decide(
    view: &View,
    request: &Assign,
    done: &[Grant],
    context: Context,
) -> Result<Step<Grant>, Stop> {
    let surroundings = Surroundings::see(view, request)?;
    let mut families = Vec::new();
    let mut wants = Vec::new();
    for family in request.families() {
        match of_family(&surroundings, request, family, done, context) {
            Ok(part) => families.push(part),
            Err(Stop::Read(more)) => wants.extend(more),
            Err(refused @ Stop::Refuse(_)) => return Err(refused),
        }
    }
    if !wants.is_empty() {
        return Err(Stop::Read(wants));
    }
    Ok(combine(&surroundings, request, families))
}

/// What is granted of one family.
struct Part {
    held: Vec<Held>,
    gathered: Gathered,
}

fn of_family(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    done: &[Grant],
    context: Context,
) -> Result<Part, Stop> {
    let mut held = held::held(surroundings, request, family)?;
    let count = request.wanted(family).count;
    held.truncate(count);
    let wanted = count.saturating_sub(held.len() + taken_before(request, done, family));
    if wanted == 0 {
        let gathered = Gathered::default();
        return Ok(Part { held, gathered });
    }
    let gathered = gather(surroundings, request, family, wanted, context)?;
    Ok(Part { held, gathered })
}

/// Without a handle nothing in the store tells what earlier transactions of this request took.
fn taken_before(request: &Assign, done: &[Grant], family: Family) -> usize {
    if request.handle.is_some() {
        return 0;
    }
    let addresses = done.iter().flat_map(|grant| &grant.addresses);
    addresses
        .filter(|granted| granted.address.family() == family)
        .count()
}

fn gather(
    surroundings: &Surroundings<'_>,
    request: &Assign,
    family: Family,
    wanted: usize,
    context: Context,
) -> Result<Gathered, Stop> {
    let short = |refusal: Refusal| match request.shortage {
        Shortage::Refuse => Err(Stop::Refuse(refusal)),
        Shortage::Accept => Ok(Gathered {
            shortage: Some(refusal),
            ..Gathered::default()
        }),
    };
    let admission = match surroundings.admit(request, family) {
        Ok(admission) => admission,
        Err(refusal) => return short(refusal),
    };
    let gatherer = Gatherer {
        surroundings,
        request,
        family,
        admission: &admission,
        wanted,
        context,
    };
    let gathered = gatherer.gather()?;
    match (&gathered.shortage, request.shortage) {
        (Some(refusal), Shortage::Refuse) => Err(Stop::Refuse(refusal.clone())),
        _ => Ok(gathered),
    }
}

fn combine(surroundings: &Surroundings<'_>, request: &Assign, parts: Vec<Part>) -> Step<Grant> {
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

fn without_repetition(guards: Vec<Guard>) -> Vec<Guard> {
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
