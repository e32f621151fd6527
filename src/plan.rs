//! What the pure parts take and give: a [`View`] in, a [`Step`] out.
//!
//! A decision is a function from a view to the next step. When the view lacks something, the step says what
//! to read; the one loop in `allocator` reads it, and asks again. Nothing here names a store.
//! Plans compose: [`View::apply`] gives the view after a plan, so that a batch and a dry run are folds of the same functions.
//!
//! **Invariant:** every plan guards all that it relied on, by the table of `docs/protocol.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::affinity::AffinityState;
use crate::assign::{Handle, NodeIdentity};
use crate::blocks::{Block, BlockCidr, Cidr, Family};
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner, OwnerKind, ResourceName};
use crate::refusal::Refusal;
use crate::resources::{Config, Node, Pool, Reservation};
use crate::revision::Revision;

/// What a decision may use besides the view. Drawn once for each try, so that a decision stays a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The time.
    pub now: Timestamp,
    /// Random bits.
    pub random: u64,
}

impl Context {
    /// Returns where a new block counts from: the nanoseconds of now with random low bits, so that a block that is
    /// created again stands above everything that was seen of it.
    pub fn new_sequence(self) -> u64 {
        const RANDOM_BITS: u64 = (1 << 20) - 1;
        let nanos = u64::try_from(self.now.nanos()).unwrap_or(0);
        (nanos & !RANDOM_BITS) | (self.random & RANDOM_BITS)
    }
}

/// A value with the revisions of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    /// The value.
    pub value: T,
    /// When the record was last written.
    pub revision: Revision,
}

/// A record that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It does not exist.
    Absent,
    /// It exists.
    Present(Recorded<T>),
    /// It exists and does not parse.
    Corrupt(CorruptRecord),
}

impl<T> Seen<T> {
    /// Returns the record, if there is a readable one.
    pub const fn present(&self) -> Option<&Recorded<T>> {
        match self {
            Seen::Present(recorded) => Some(recorded),
            Seen::Absent | Seen::Corrupt(_) => None,
        }
    }
}

/// A record that does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptRecord {
    /// Its key.
    pub key: String,
    /// When it was last written.
    pub revision: Revision,
    /// What is wrong with it.
    pub detail: String,
}

/// All records of a kind (or of a kind and an owner), read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<K: Ord, T> {
    /// Those that parse.
    pub records: BTreeMap<K, Recorded<T>>,
    /// Those that do not. They never hide the others.
    pub corrupt: Vec<CorruptRecord>,
    /// The revision of the read of this range: what a range guard compares with.
    pub read_at: Revision,
}

impl<K: Ord, T> Default for Listing<K, T> {
    fn default() -> Listing<K, T> {
        Listing {
            records: BTreeMap::new(),
            corrupt: Vec::new(),
            read_at: Revision::default(),
        }
    }
}

/// The name of one record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    /// A block.
    Block(BlockCidr),
    /// The affinity of an owner to a block.
    Affinity(Owner, BlockCidr),
    /// A handle.
    Handle(HandleId),
    /// A pool.
    Pool(ResourceName),
    /// A reservation.
    Reservation(ResourceName),
    /// A node.
    Node(NodeName),
    /// The configuration.
    Config,
    /// The mark that old versions of Calico left for each node.
    LegacyHost(NodeName),
    /// Our index of what a node borrowed from a block.
    Borrowed(NodeName, BlockCidr),
    /// Which machine uses a node's name.
    Identity(NodeName),
    /// The mark of a store that Calico runs on: without its Node record a node gets nothing there.
    ClusterInformation,
}

/// Many records that are read and guarded together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All pools.
    Pools,
    /// All reservations.
    Reservations,
    /// The affinities of an owner in one family.
    Affinities(Owner, Family),
    /// The affinities of all owners of a kind, both families.
    AllAffinities(OwnerKind),
    /// Our index of what a node borrowed.
    Borrowed(NodeName),
}

/// Most things that a decision should ask for at once: a read carries 120 ranges, and some need two.
pub const MOST_WANTS: usize = 96;

/// Something that a decision needs to see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// One record.
    Record(RecordId),
    /// All records of a scope.
    Scope(Scope),
    /// The keys of the blocks inside a CIDR, and so whether a candidate is free to claim, or a pool is drained.
    BlocksInside(Cidr),
    /// How many blocks are inside a CIDR, without their keys.
    Count(Cidr),
    /// The next page of the blocks inside a CIDR, from a starting point of the caller's on.
    NextPage(Cidr, BlockCidr),
    /// Whether any block inside a CIDR has changed, without reading one.
    Footprint(Cidr),
}

/// What one or several reads saw. A record that is in no map was not looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The newest revision that any read saw.
    pub revision: Revision,
    /// The configuration.
    pub config: Option<Seen<Config>>,
    /// The pools, by name.
    pub pools: Option<Listing<ResourceName, Pool>>,
    /// The reservations, by name.
    pub reservations: Option<Listing<ResourceName, Reservation>>,
    /// Nodes.
    pub nodes: BTreeMap<NodeName, Seen<Node>>,
    /// Affinities by owner and family.
    pub affinities: BTreeMap<(Owner, Family), Listing<BlockCidr, AffinityState>>,
    /// Affinities of all owners of a kind.
    pub all_affinities: BTreeMap<OwnerKind, Listing<(Owner, BlockCidr), AffinityState>>,
    /// Affinities that were read one by one.
    pub affinity: BTreeMap<(Owner, BlockCidr), Seen<AffinityState>>,
    /// Handles.
    pub handles: BTreeMap<HandleId, Seen<Handle>>,
    /// Blocks.
    pub blocks: BTreeMap<BlockCidr, Seen<Block>>,
    /// The revision at which each of these blocks was looked at.
    pub blocks_at: BTreeMap<BlockCidr, Revision>,
    /// The marks that old versions of Calico left for nodes; the content does not matter.
    pub legacy_hosts: BTreeMap<NodeName, Seen<()>>,
    /// What nodes borrowed, by our index.
    pub borrowings: BTreeMap<NodeName, Listing<BlockCidr, ()>>,
    /// Our index of borrowed addresses; the record has no content.
    pub borrowed: BTreeMap<(NodeName, BlockCidr), Seen<()>>,
    /// Which machines use the names of nodes.
    pub identities: BTreeMap<NodeName, Seen<NodeIdentity>>,
    /// Whether Calico runs on this store; the content does not matter here.
    pub cluster_information: Option<Seen<()>>,
    /// CIDRs whose blocks' keys were read, with the revision of that read.
    pub inside: BTreeMap<Cidr, Revision>,
    /// Blocks that are known to exist, whether or not they were read.
    pub existing: BTreeSet<BlockCidr>,
    /// How many blocks were inside these CIDRs when they were counted.
    pub counts: BTreeMap<Cidr, usize>,
    /// CIDRs whose blocks are read page by page, and how far that is.
    pub pages: BTreeMap<Cidr, Pages>,
    /// CIDRs whose footprint was read.
    pub footprints: BTreeMap<Cidr, Footprint>,
    /// How large the records of blocks are that were read, by what sizes a block can have: how many make a page.
    pub block_records: BTreeMap<(Family, u8), RecordSizes>,
}

/// What changes whenever a block inside a CIDR does: a deletion lowers the number, any other change raises the revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// How many blocks there are.
    pub blocks: usize,
    /// When one of them was last written; 0 where there is none.
    pub newest: Revision,
}

/// How large records are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordSizes {
    /// Records that were read.
    pub records: usize,
    /// Their bytes together.
    pub bytes: usize,
}

/// How far the blocks inside a CIDR were read page by page. Full blocks are counted and not kept, so that an
/// exhausted pool of any size is read in bounded memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// What is left to read: opaque spans of keys, in order.
    pub left: Vec<(String, String)>,
    /// The revision of the first page; `None` before it.
    pub first_at: Option<Revision>,
    /// What was read so far.
    pub read: Footprint,
}

/// One comparison of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The record does not exist.
    Absent(RecordId),
    /// The record was last written at this revision.
    At(RecordId, Revision),
    /// Nothing of the scope was written after the revision of its read.
    NoneChanged(Scope, Revision),
    /// No block inside the CIDR was created after the revision, and none exists that contains it (X8, X9, X28).
    NoneCreatedOver(Cidr, Revision),
}

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a block.
    PutBlock(Block),
    /// Deletes a block.
    DeleteBlock(BlockCidr),
    /// Writes an affinity.
    PutAffinity(Owner, BlockCidr, AffinityState),
    /// Deletes an affinity.
    DeleteAffinity(Owner, BlockCidr),
    /// Writes a handle.
    PutHandle(HandleId, Handle),
    /// Deletes a handle.
    DeleteHandle(HandleId),
    /// Notes that a node borrows from a block.
    PutBorrowed(NodeName, BlockCidr),
    /// Takes that note away.
    DeleteBorrowed(NodeName, BlockCidr),
    /// Writes which machine uses a node's name.
    PutIdentity(NodeName, NodeIdentity),
    /// Forgets it.
    DeleteIdentity(NodeName),
    /// Deletes the mark of an old version of Calico for a node.
    DeleteLegacyHost(NodeName),
    /// Writes a pool.
    PutPool(Pool),
    /// Deletes a pool.
    DeletePool(ResourceName),
    /// Writes a reservation.
    PutReservation(Reservation),
    /// Deletes a reservation.
    DeleteReservation(ResourceName),
    /// Writes a node.
    PutNode(Node),
    /// Deletes a node.
    DeleteNode(NodeName),
    /// Writes the configuration.
    PutConfig(Config),
}

/// A change that is decided: what must still hold, what is written, and what the caller is told then.
///
/// The changes are in an order that is safe step by step, for a store without transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<T> {
    /// What must still hold.
    pub guards: Vec<Guard>,
    /// What is written.
    pub changes: Vec<Change>,
    /// What it brings.
    pub outcome: T,
    /// Whether the request needs another transaction after this one.
    pub more: bool,
}

/// What a decision says to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// Read these and ask again.
    Read(Vec<Want>),
    /// Nothing has to be written.
    Done(T),
    /// Commit this.
    Commit(Plan<T>),
    /// It cannot be done.
    Refuse(Refusal),
}

/// Why a decision stops before it has a plan. Lets the parts of a decision use `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It has to see these first.
    Read(Vec<Want>),
    /// It cannot be done.
    Refuse(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refuse(refusal)
    }
}

impl<T> From<Stop> for Step<T> {
    fn from(stop: Stop) -> Step<T> {
        match stop {
            Stop::Read(wants) => Step::Read(wants),
            Stop::Refuse(refusal) => Step::Refuse(refusal),
        }
    }
}

impl<T> From<Result<Step<T>, Stop>> for Step<T> {
    fn from(result: Result<Step<T>, Stop>) -> Step<T> {
        result.unwrap_or_else(Step::from)
    }
}

impl RecordId {
    /// Returns the guard that the record is still what `seen` says.
    pub fn unchanged<T>(self, seen: &Seen<T>) -> Guard {
        match seen {
            Seen::Absent => Guard::Absent(self),
            Seen::Present(recorded) => Guard::At(self, recorded.revision),
            Seen::Corrupt(corrupt) => Guard::At(self, corrupt.revision),
        }
    }
}
