//! A plan as a transaction of the store, and what a refused one tells.

use crate::allocator::wants::{Asked, take};
use crate::blocks::BlockCidr;
use crate::datastore::port::{Guard as PortGuard, Range, Read, Snapshot, Txn, Write};
use crate::datastore::{codec, keys};
use crate::ids::{NodeName, ResourceName};
use crate::plan::{Change, Guard, Plan, RecordId, View, Want};
use crate::revision::Revision;

/// A transaction, and what the values of a refusal answer.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) txn: Txn,
    asked: Vec<Asked>,
    /// The blocks that it rewrites, as it knows them.
    pub(super) blocks: Vec<(BlockCidr, Revision)>,
    written: Vec<BlockCidr>,
    repeatable: bool,
}

impl Prepared {
    /// Takes the values of a refusal into the view.
    pub(super) fn absorb(&self, view: &mut View, conflict: &Snapshot) {
        take(view, &self.asked, conflict);
    }

    /// Returns whether two copies cannot both be applied wherever they are planned: both are guarded by the handle (X2, X30).
    pub(super) const fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Returns the blocks that it writes.
    pub(super) fn blocks_written(&self) -> impl Iterator<Item = BlockCidr> + '_ {
        self.written.iter().copied()
    }

    /// Returns what to read to find out whether it was applied: all that it writes.
    pub(super) fn written(&self) -> Read {
        let keys = self.txn.writes.iter().map(Write::key);
        Read::latest(keys.map(Range::key).collect())
    }

    /// Returns the revision as which it was applied, if every record still is what it wrote.
    pub(super) fn applied_at(&self, snapshot: &Snapshot) -> Option<Revision> {
        let mut revision = None;
        for (write, found) in self.txn.writes.iter().zip(&snapshot.found) {
            match (write, found.entries.first()) {
                (Write::Put(_, value), Some(entry)) if *value == entry.value => {
                    revision = Some(entry.modified);
                }
                (Write::Delete(_), None) => {}
                (Write::Put(..) | Write::Delete(_), _) => return None,
            }
        }
        revision
    }
}

/// Returns the transaction of a plan.
pub(super) fn prepare<T>(plan: &Plan<T>) -> Prepared {
    let mut guards = Vec::new();
    let mut asked = Vec::new();
    for guard in &plan.guards {
        for (want, translated) in translate(guard) {
            asked.push(Asked {
                want,
                ranges: translated.len(),
            });
            guards.extend(translated);
        }
    }
    let writes = plan.changes.iter().map(write).collect();
    let of_handle = |guard: &Guard| {
        matches!(
            guard,
            Guard::Absent(RecordId::Handle(_)) | Guard::At(RecordId::Handle(_), _)
        )
    };
    Prepared {
        txn: Txn { guards, writes },
        asked,
        blocks: plan.guards.iter().filter_map(block_at).collect(),
        written: plan.changes.iter().filter_map(block_written).collect(),
        repeatable: plan.guards.iter().any(of_handle),
    }
}

const fn block_at(guard: &Guard) -> Option<(BlockCidr, Revision)> {
    match guard {
        Guard::At(RecordId::Block(block), revision) => Some((*block, *revision)),
        Guard::Absent(_) | Guard::At(..) | Guard::NoneChanged(..) | Guard::NoneCreatedOver(..) => {
            None
        }
    }
}

const fn block_written(change: &Change) -> Option<BlockCidr> {
    match change {
        Change::PutBlock(block) => Some(block.cidr()),
        _ => None,
    }
}

fn translate(guard: &Guard) -> Vec<(Want, Vec<PortGuard>)> {
    match guard {
        Guard::Absent(id) => {
            let absent = PortGuard::Absent(keys::key_of(id));
            vec![(Want::Record(id.clone()), vec![absent])]
        }
        Guard::At(id, revision) => {
            let at = PortGuard::At(keys::key_of(id), *revision);
            vec![(Want::Record(id.clone()), vec![at])]
        }
        Guard::NoneChanged(scope, revision) => {
            let none = PortGuard::NoneChanged(keys::span_of(scope), *revision);
            vec![(Want::Scope(scope.clone()), vec![none])]
        }
        Guard::NoneCreatedOver(cidr, revision) => {
            let spans = keys::block_spans_inside(*cidr).into_iter();
            let none = spans.map(|span| PortGuard::NoneCreated(span, *revision));
            let inside = (Want::BlocksInside(*cidr), none.collect());
            // A range over the keys inside does not see the larger blocks.
            let larger = cidr.larger_blocks().map(|block| {
                let id = RecordId::Block(block);
                let absent = PortGuard::Absent(keys::key_of(&id));
                (Want::Record(id), vec![absent])
            });
            std::iter::once(inside).chain(larger).collect()
        }
    }
}

fn write(change: &Change) -> Write {
    let put = |id: RecordId, value: Vec<u8>| Write::Put(keys::key_of(&id), value);
    let delete = |id: RecordId| Write::Delete(keys::key_of(&id));
    match change {
        Change::PutBlock(block) => put(RecordId::Block(block.cidr()), codec::encode_block(block)),
        Change::DeleteBlock(block) => delete(RecordId::Block(*block)),
        Change::PutAffinity(owner, block, state) => put(
            RecordId::Affinity(owner.clone(), *block),
            codec::encode_affinity(*state),
        ),
        Change::DeleteAffinity(owner, block) => delete(RecordId::Affinity(owner.clone(), *block)),
        Change::PutHandle(id, handle) => {
            put(RecordId::Handle(id.clone()), codec::encode_handle(handle))
        }
        Change::DeleteHandle(id) => delete(RecordId::Handle(id.clone())),
        Change::PutBorrowed(node, block) => put(
            RecordId::Borrowed(node.clone(), *block),
            codec::encode_borrowed(),
        ),
        Change::DeleteBorrowed(node, block) => delete(RecordId::Borrowed(node.clone(), *block)),
        Change::PutIdentity(node, identity) => put(
            RecordId::Identity(node.clone()),
            codec::encode_identity(identity),
        ),
        Change::DeleteIdentity(node) => delete(RecordId::Identity(node.clone())),
        Change::DeleteLegacyHost(node) => delete(RecordId::LegacyHost(node.clone())),
        Change::PutPool(pool) => put(pool_id(&pool.metadata.name), codec::encode_pool(pool)),
        Change::DeletePool(name) => delete(RecordId::Pool(name.clone())),
        Change::PutReservation(reservation) => put(
            RecordId::Reservation(ResourceName::stored(&reservation.metadata.name)),
            codec::encode_reservation(reservation),
        ),
        Change::DeleteReservation(name) => delete(RecordId::Reservation(name.clone())),
        Change::PutNode(node) => put(
            RecordId::Node(NodeName::stored(&node.metadata.name)),
            codec::encode_node(node),
        ),
        Change::DeleteNode(name) => delete(RecordId::Node(name.clone())),
        Change::PutConfig(config) => put(RecordId::Config, codec::encode_config(config)),
    }
}

fn pool_id(name: &str) -> RecordId {
    RecordId::Pool(ResourceName::stored(name))
}
