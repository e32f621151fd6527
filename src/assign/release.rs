//! The decisions about giving addresses back: by handle, and by address.
//!
//! A release frees exactly what it was decided on (p6): blocks and handle are guarded, and where the caller
//! knows handle or sequence they are compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::assign::around::{block_around, see_around};
use crate::assign::held::{NODE, blocks_naming, of_interface};
use crate::assign::surroundings::cooldown_of;
use crate::assign::{Handle, ReleaseAddress, ReleaseHandle, Released};
use crate::blocks::block::{Cooldown, Slot};
use crate::blocks::{Address, Block, BlockCidr, Ordinal};
use crate::ids::{HandleId, NodeName, Owner, comparable_handle};
use crate::plan::{
    Change, Context, CorruptRecord, Guard, MOST_WANTS, Plan, RecordId, Recorded, Seen, Step, Stop,
    View, Want,
};
use crate::refusal::Refusal;

/// Bytes of the blocks that one transaction rewrites, after which the others wait for the next. One block is always
/// rewritten, however large: it becomes smaller.
const BYTES_PER_TXN: usize = 1_000_000;
/// Changes after which no further block is added: each may bring handles and borrowers.
const CHANGES_PER_TXN: usize = 40;
/// Most handles that one transaction lowers: each is guarded and written.
pub(crate) const HANDLES_PER_TXN: usize = 40;

/// Returns what a release by handle reads first.
pub fn first_wants(request: &ReleaseHandle) -> Vec<Want> {
    let handles = request.handles();
    let handles = handles.map(|(id, _)| RecordId::Handle(id.clone()));
    let records = std::iter::once(RecordId::Config).chain(handles);
    records.map(Want::Record).collect()
}

/// Decides about giving back what a handle holds:
///
/// 1. every block that the handle names is looked at, and every other that was read;
/// 2. entries of the interface (all where none is given) are freed, or begin to cool;
/// 3. a block without owner that is empty now is deleted;
/// 4. the handle is lowered by what was freed, and deleted when nothing is left;
/// 5. a block that does not parse refuses the request, after everything else was given back.
///
/// A configuration that does not parse keeps nobody from giving back: what is freed begins to cool then, and becomes
/// usable when the configuration says for how long.
///
/// Nothing to free is success. A handle record with no address behind it is left: lowering it here could take
/// from a request of Calico in flight (X24); collection does it in time.
pub fn decide_release_handle(
    view: &View,
    request: &ReleaseHandle,
    context: Context,
) -> Step<Released> {
    Step::from(by_handle(view, request, context))
}

fn by_handle(
    view: &View,
    request: &ReleaseHandle,
    context: Context,
) -> Result<Step<Released>, Stop> {
    let first_wants = |_| Stop::Read(first_wants(request));
    let cooldown = cooldown_of(view.config().map_err(first_wants)?);
    let mut wanted: BTreeMap<BlockCidr, Vec<Ordinal>> = BTreeMap::new();
    let mut unread = Vec::new();
    let mut corrupt = Vec::new();
    for (id, interface) in request.handles() {
        let seen = view.handle(id).map_err(first_wants)?;
        if let Seen::Corrupt(record) = seen {
            return Err(Refusal::Corrupt(vec![record.clone()]).into());
        }
        for record in blocks_naming(view, id) {
            let entries = of_interface(&record.value, id, interface);
            let ordinals = wanted.entry(record.value.cidr()).or_default();
            ordinals.extend(entries.map(|entry| entry.ordinal));
        }
        unread.extend(view.unseen_of(seen));
        corrupt.extend(corrupt_of(view, seen));
    }
    wanted.retain(|_, ordinals| !ordinals.is_empty());
    let mut release = Release::new(view, cooldown, context);
    release.free_all(wanted)?;
    match release.step(unread, Released::default())? {
        Step::Done(_) if !corrupt.is_empty() => Err(Refusal::Corrupt(corrupt).into()),
        Step::Commit(plan) if !corrupt.is_empty() => Ok(Step::Commit(Plan { more: true, ..plan })),
        step => Ok(step),
    }
}

/// Returns the blocks that a handle names and that do not parse.
fn corrupt_of<'a>(
    view: &'a View,
    handle: &'a Seen<Handle>,
) -> impl Iterator<Item = CorruptRecord> + 'a {
    let named = handle
        .present()
        .into_iter()
        .flat_map(|record| record.value.blocks());
    named.filter_map(|block| match view.blocks.get(&block)? {
        Seen::Corrupt(record) => Some(record.clone()),
        Seen::Absent | Seen::Present(_) => None,
    })
}

/// Decides about giving back addresses one by one, whoever holds them:
///
/// 1. the block of an address is looked for under every legal block size, so that its pool need not exist;
/// 2. a sequence number that is not that of the assignment refuses the address, also where it is free;
/// 3. an address that is free or cooling is reported as not assigned;
/// 4. a handle that is not the holder's refuses the address;
/// 5. what remains is freed, as in [`decide_release_handle`].
///
/// `done` holds what earlier transactions of the same request did.
pub fn decide_release_addresses(
    view: &View,
    addresses: &[ReleaseAddress],
    done: &[Released],
    context: Context,
) -> Step<Released> {
    Step::from(by_address(view, addresses, done, context))
}

fn by_address(
    view: &View,
    addresses: &[ReleaseAddress],
    done: &[Released],
    context: Context,
) -> Result<Step<Released>, Stop> {
    let was_done = |address: &ReleaseAddress| {
        let mut released = done.iter().flat_map(|done| &done.released);
        released.any(|released| *released == address.address)
    };
    let open: Vec<&ReleaseAddress> = addresses.iter().filter(|one| !was_done(one)).collect();
    let cooldown = cooldown_of(view.config()?);
    see_around(view, open.iter().map(|one| one.address))?;
    let mut told = Released::default();
    let mut wanted: BTreeMap<BlockCidr, Vec<Ordinal>> = BTreeMap::new();
    for one in open {
        match judge(view, one)? {
            Judged::NotAssigned => told.not_assigned.push(one.address),
            Judged::Refused(refusal) => told.refused.push((one.address, refusal)),
            Judged::Free(block, ordinal) => wanted.entry(block).or_default().push(ordinal),
        }
    }
    let mut release = Release::new(view, cooldown, context);
    release.free_all(wanted)?;
    release.step(Vec::new(), told)
}

enum Judged {
    NotAssigned,
    Refused(Refusal),
    Free(BlockCidr, Ordinal),
}

fn judge(view: &View, one: &ReleaseAddress) -> Result<Judged, Stop> {
    let Some(record) = block_around(view, one.address)? else {
        return Ok(Judged::NotAssigned);
    };
    let block = &record.value;
    let ordinal = block.ordinal(one.address).expect("the address is inside");
    let sequence = block.sequence_at(ordinal);
    if one.sequence.is_some_and(|given| given != sequence) {
        return Ok(Judged::Refused(Refusal::OtherAssignment {
            address: one.address,
            given: one.sequence.unwrap_or_default(),
            found: sequence,
        }));
    }
    Ok(match block.slot(ordinal) {
        Slot::Free | Slot::Cooling(_) => Judged::NotAssigned,
        Slot::Assigned(attribute) => match (&one.handle, &attribute.handle) {
            (Some(given), holder) if !is_holder(given, holder.as_deref()) => {
                Judged::Refused(Refusal::AddressTaken {
                    address: one.address,
                    holder: holder.as_deref().map(HandleId::stored),
                })
            }
            _ => Judged::Free(block.cidr(), ordinal),
        },
    })
}

fn is_holder(given: &HandleId, holder: Option<&str>) -> bool {
    given.comparable() == holder.map_or("", comparable_handle)
}

/// A release that is being put together.
pub(super) struct Release<'a> {
    view: &'a View,
    cooldown: Cooldown,
    context: Context,
    guards: Vec<Guard>,
    changes: Vec<Change>,
    freed: BTreeMap<HandleId, BTreeMap<BlockCidr, u64>>,
    addresses: Vec<Address>,
    room: usize,
    more: bool,
}

impl<'a> Release<'a> {
    pub(super) fn new(view: &'a View, cooldown: Cooldown, context: Context) -> Release<'a> {
        Release {
            view,
            cooldown,
            context,
            guards: Vec::new(),
            changes: Vec::new(),
            freed: BTreeMap::new(),
            addresses: Vec::new(),
            room: BYTES_PER_TXN,
            more: false,
        }
    }

    /// Frees ordinals of blocks that were read, as far as one transaction goes.
    pub(super) fn free_all(
        &mut self,
        wanted: BTreeMap<BlockCidr, Vec<Ordinal>>,
    ) -> Result<(), Stop> {
        let view = self.view;
        for (cidr, mut ordinals) in wanted {
            ordinals.sort_unstable();
            ordinals.dedup();
            let record = view.block(cidr)?.present().expect("its entries were seen");
            if !self.free(record, &ordinals) {
                break;
            }
        }
        Ok(())
    }

    /// Frees the ordinals of a block; `false` if that has to wait for another transaction.
    fn free(&mut self, record: &Recorded<Block>, ordinals: &[Ordinal]) -> bool {
        let size = record.value.text_size();
        let is_first = self.changes.is_empty();
        if !is_first && self.room < size || CHANGES_PER_TXN <= self.changes.len() {
            self.more = true;
            return false;
        }
        let fitting = self.count_fitting(&record.value, ordinals);
        if fitting == 0 {
            return false;
        }
        self.room = self.room.saturating_sub(size);
        let block = self.freed_block(record, &ordinals[..fitting]);
        let cidr = block.cidr();
        self.guards
            .push(Guard::At(RecordId::Block(cidr), record.revision));
        self.forget_borrowers(&record.value, &block);
        let gone = block.owner().is_none() && block.is_empty();
        self.changes.push(if gone {
            Change::DeleteBlock(cidr)
        } else {
            Change::PutBlock(block)
        });
        fitting == ordinals.len()
    }

    /// Counts the ordinals from the front, as far as their handles fit into this transaction, and returns how many.
    fn count_fitting(&mut self, block: &Block, ordinals: &[Ordinal]) -> usize {
        for (index, ordinal) in ordinals.iter().enumerate() {
            let handle = handle_at(block, *ordinal);
            let is_new = handle
                .as_ref()
                .is_some_and(|id| !self.freed.contains_key(id));
            if is_new && HANDLES_PER_TXN <= self.freed.len() {
                self.more = true;
                return index;
            }
            self.addresses.push(block.address(*ordinal));
            if let Some(id) = handle {
                let by_block = self.freed.entry(id).or_default();
                *by_block.entry(block.cidr()).or_default() += 1;
            }
        }
        ordinals.len()
    }

    /// A node that holds nothing in a block any more does not borrow from it.
    fn forget_borrowers(&mut self, before: &Block, after: &Block) {
        let left = borrowers(after);
        let gone = borrowers(before)
            .into_iter()
            .filter(|node| !left.contains(node));
        let block = before.cidr();
        let forget = gone.map(|node| Change::DeleteBorrowed(node, block));
        self.changes.extend(forget);
    }

    fn freed_block(&self, record: &Recorded<Block>, ordinals: &[Ordinal]) -> Block {
        let mut block = record.value.clone();
        block.normalise(self.context.now, self.cooldown);
        block.release(ordinals, self.context.now, self.cooldown);
        block.bump();
        block
    }

    /// Ends the decision: reads on, says that nothing has to be done, or commits.
    pub(super) fn step(
        mut self,
        unread: Vec<BlockCidr>,
        mut told: Released,
    ) -> Result<Step<Released>, Stop> {
        if !unread.is_empty() && !self.more {
            let wants = unread.into_iter().take(MOST_WANTS);
            let wants = wants.map(|block| Want::Record(RecordId::Block(block)));
            return Err(Stop::Read(wants.collect()));
        }
        if self.changes.is_empty() {
            return Ok(Step::Done(told));
        }
        self.lower_handles()?;
        self.addresses.sort_unstable();
        told.released = self.addresses;
        Ok(Step::Commit(Plan {
            guards: self.guards,
            changes: self.changes,
            outcome: told,
            more: self.more,
        }))
    }

    /// Lowers each handle by what was freed. A handle without a record stays so, guarded all the same (X15, X17).
    fn lower_handles(&mut self) -> Result<(), Stop> {
        let view = self.view;
        let missing: Vec<Want> = self
            .freed
            .keys()
            .filter(|id| {
                id.as_str() != HandleId::WINDOWS_RESERVED && !view.handles.contains_key(id)
            })
            .map(|id| Want::Record(RecordId::Handle(id.clone())))
            .collect();
        if !missing.is_empty() {
            return Err(Stop::Read(missing));
        }
        for (id, freed) in std::mem::take(&mut self.freed) {
            if let Some(seen) = view.handles.get(&id) {
                self.guards
                    .push(RecordId::Handle(id.clone()).unchanged(seen));
                self.changes.extend(lowered(id, seen, &freed));
            }
        }
        Ok(())
    }
}

fn handle_at(block: &Block, ordinal: Ordinal) -> Option<HandleId> {
    let Slot::Assigned(attribute) = block.slot(ordinal) else {
        return None;
    };
    let handle = attribute.handle.as_deref()?;
    Some(HandleId::stored(comparable_handle(handle)))
}

/// Returns the nodes that hold addresses in a block that is not theirs.
pub(crate) fn borrowers(block: &Block) -> BTreeSet<NodeName> {
    let owner = block.owner().and_then(Owner::node);
    let nodes = block
        .entries()
        .filter_map(|entry| entry.attribute.secondary.get(NODE));
    let nodes = nodes.map(|node| NodeName::stored(node));
    nodes.filter(|node| owner.as_ref() != Some(node)).collect()
}

fn lowered(id: HandleId, seen: &Seen<Handle>, freed: &BTreeMap<BlockCidr, u64>) -> Option<Change> {
    let before = &seen.present()?.value;
    let mut handle = before.clone();
    for (block, count) in freed {
        handle.lower(*block, *count);
    }
    if handle == *before {
        None
    } else if handle.counts.is_empty() {
        Some(Change::DeleteHandle(id))
    } else {
        Some(Change::PutHandle(id, handle))
    }
}
