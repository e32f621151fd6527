//! The decisions about the owners of an address that moves with a virtual machine.
//!
//! The active owner is the pod that has the traffic. The alternate one is the target of a live migration before
//! the switch-over, and its source after it. Both are attributes of the one assignment.

use std::collections::BTreeMap;
use std::fmt;

use crate::assign::around::{block_around, see_around};
use crate::assign::release::borrowers;
use crate::assign::surroundings::readable_config;
use crate::blocks::block::{Attribute, Slot};
use crate::blocks::{Address, Block, BlockCidr, Cooldown, Ordinal};
use crate::ids::HandleId;
use crate::plan::{Change, Context, Guard, Plan, RecordId, Recorded, Seen, Step, Stop, View};
use crate::refusal::Refusal;

/// The names of the attributes that an owner is known by.
const POD: &str = "pod";
const NAMESPACE: &str = "namespace";

/// Which of the two owners of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that has the traffic.
    Active,
    /// The other one of a live migration.
    Alternate,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Active => "active",
            Role::Alternate => "alternate",
        })
    }
}

/// A pod, as the attributes of an owner name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
}

impl OwnerId {
    /// Both names have to be there and equal, as for Calico.
    fn is(&self, attributes: &BTreeMap<String, String>) -> bool {
        let has = |name: &str, value: &str| attributes.get(name).is_some_and(|own| own == value);
        has(NAMESPACE, &self.namespace) && has(POD, &self.pod)
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.pod)
    }
}

/// What becomes of an owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Edit {
    /// It stays.
    #[default]
    Keep,
    /// It is this one from now on.
    Set(BTreeMap<String, String>),
    /// There is none from now on.
    Clear,
}

/// Who an owner has to be for it to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whoever it is.
    #[default]
    Anyone,
    /// There has to be none.
    Nobody,
    /// This one.
    Is(OwnerId),
}

/// The change of one owner. The expectation is looked at only where something is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerChange {
    /// What becomes of it.
    pub edit: Edit,
    /// Who it has to be.
    pub expected: Expected,
}

/// A request to change the owners of an address, both or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOwners {
    /// The address.
    pub address: Address,
    /// Who has to hold it.
    pub handle: HandleId,
    /// The change of the active owner.
    pub active: OwnerChange,
    /// The change of the alternate owner.
    pub alternate: OwnerChange,
}

/// A request to make the alternate owner of all addresses of a handle the active one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromoteOwner {
    /// The holder, which is the virtual machine.
    pub handle: HandleId,
    /// Who becomes active.
    pub owner: OwnerId,
}

/// Changes the owners of an address. Owners that are so already are a success, whatever was expected: an
/// earlier try of the same request may have made them so (p7). Others that share the attribute keep theirs.
///
/// # Errors
/// [`Refusal::NotAssigned`], [`Refusal::AddressTaken`] where another handle holds it, [`Refusal::OtherOwner`],
/// and a corrupt block.
pub fn decide_set_owners(view: &View, request: &SetOwners, context: Context) -> Step<()> {
    Step::from(set_owners(view, request, context))
}

fn set_owners(view: &View, request: &SetOwners, context: Context) -> Result<Step<()>, Stop> {
    let config = readable_config(view.config()?)?;
    see_around(view, std::iter::once(request.address))?;
    let record = block_around(view, request.address)?;
    let record = record.ok_or(Refusal::NotAssigned(request.address))?;
    let ordinal = record.value.ordinal(request.address);
    let ordinal = ordinal.expect("the block is around it");
    let before = held_by(&record.value, ordinal, &request.handle)?;
    let after = edited(before, request)?;
    let edits = BTreeMap::from([(ordinal, after)]);
    let mut rewrite = Rewrite::new(config.cooldown(), context);
    rewrite.add(record, edits);
    Ok(rewrite.step())
}

fn held_by<'a>(
    block: &'a Block,
    ordinal: Ordinal,
    handle: &HandleId,
) -> Result<&'a Attribute, Refusal> {
    let address = block.address(ordinal);
    match block.slot(ordinal) {
        Slot::Free | Slot::Cooling(_) => Err(Refusal::NotAssigned(address)),
        Slot::Assigned(attribute) if attribute.is_of(handle) => Ok(attribute),
        Slot::Assigned(attribute) => Err(Refusal::AddressTaken {
            address,
            holder: attribute.handle.as_deref().map(HandleId::stored),
        }),
    }
}

fn edited(before: &Attribute, request: &SetOwners) -> Result<Owners, Refusal> {
    let now = Owners::of(before);
    let after = Owners {
        active: request.active.edit.apply(&now.active),
        alternate: request.alternate.edit.apply(&now.alternate),
    };
    if after == now {
        return Ok(after);
    }
    let address = request.address;
    let (active, alternate) = (&request.active, &request.alternate);
    active.check(address, Role::Active, &now.active)?;
    alternate.check(address, Role::Alternate, &now.alternate)?;
    Ok(after)
}

/// Both owners of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owners {
    active: BTreeMap<String, String>,
    alternate: BTreeMap<String, String>,
}

impl Owners {
    fn of(attribute: &Attribute) -> Owners {
        Owners {
            active: attribute.secondary.clone(),
            alternate: attribute.alternate.clone(),
        }
    }
}

impl Edit {
    fn apply(&self, now: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        match self {
            Edit::Keep => now.clone(),
            Edit::Set(owner) => owner.clone(),
            Edit::Clear => BTreeMap::new(),
        }
    }
}

impl OwnerChange {
    fn check(
        &self,
        address: Address,
        role: Role,
        now: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let expected = match &self.expected {
            _ if self.edit == Edit::Keep => return Ok(()),
            Expected::Anyone => return Ok(()),
            Expected::Nobody if now.is_empty() => return Ok(()),
            Expected::Is(owner) if owner.is(now) => return Ok(()),
            Expected::Nobody => "nobody".to_owned(),
            Expected::Is(owner) => owner.to_string(),
        };
        Err(other_owner(address, role, expected, now))
    }
}

fn other_owner(
    address: Address,
    role: Role,
    expected: String,
    found: &BTreeMap<String, String>,
) -> Refusal {
    let part = |name: &str| found.get(name).map_or("?", String::as_str);
    let found = if found.is_empty() {
        "nobody".to_owned()
    } else {
        format!("{}/{}", part(NAMESPACE), part(POD))
    };
    Refusal::OtherOwner {
        address,
        role,
        expected,
        found,
    }
}

/// Makes the alternate owner of all addresses of a handle the active one, and the active one the alternate, all or
/// none. Where it is active already nothing changes.
///
/// # Errors
/// [`Refusal::HoldsNothing`], [`Refusal::NoAlternateOwner`], [`Refusal::OtherOwner`] where somebody else is the
/// alternate owner, and corrupt records.
pub fn decide_promote_owner(view: &View, request: &PromoteOwner, context: Context) -> Step<()> {
    Step::from(promote(view, request, context))
}

fn promote(view: &View, request: &PromoteOwner, context: Context) -> Result<Step<()>, Stop> {
    let config = readable_config(view.config()?)?;
    let handle = &request.handle;
    let mut rewrite = Rewrite::new(config.cooldown(), context);
    let mut held = 0;
    for block in named_blocks(view, handle)? {
        let record = match view.block(block)? {
            Seen::Present(record) => record,
            Seen::Corrupt(record) => return Err(Refusal::Corrupt(vec![record.clone()]).into()),
            Seen::Absent => continue,
        };
        let mut edits = BTreeMap::new();
        for entry in record.value.entries_of(handle) {
            let after = promoted(entry.address, entry.attribute, &request.owner)?;
            edits.insert(entry.ordinal, after);
            held += 1;
        }
        rewrite.add(record, edits);
    }
    if held == 0 {
        return Err(Refusal::HoldsNothing(handle.clone()).into());
    }
    Ok(rewrite.step())
}

/// Returns the blocks that a handle names, all of them read.
fn named_blocks(view: &View, handle: &HandleId) -> Result<Vec<BlockCidr>, Stop> {
    let seen = view.handle(handle)?;
    if let Seen::Corrupt(record) = seen {
        return Err(Refusal::Corrupt(vec![record.clone()]).into());
    }
    view.see_named(seen)?;
    let record = seen.present().into_iter();
    Ok(record.flat_map(|record| record.value.blocks()).collect())
}

fn promoted(address: Address, attribute: &Attribute, owner: &OwnerId) -> Result<Owners, Refusal> {
    let Owners { active, alternate } = Owners::of(attribute);
    if owner.is(&active) {
        return Ok(Owners { active, alternate });
    }
    if alternate.is_empty() {
        return Err(Refusal::NoAlternateOwner(address));
    }
    if !owner.is(&alternate) {
        let expected = owner.to_string();
        return Err(other_owner(address, Role::Alternate, expected, &alternate));
    }
    Ok(Owners {
        active: alternate,
        alternate: active,
    })
}

/// Blocks in which owners change.
struct Rewrite {
    cooldown: Cooldown,
    context: Context,
    guards: Vec<Guard>,
    changes: Vec<Change>,
}

impl Rewrite {
    const fn new(cooldown: Cooldown, context: Context) -> Rewrite {
        Rewrite {
            cooldown,
            context,
            guards: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Adds the block with these owners, if that changes any.
    fn add(&mut self, record: &Recorded<Block>, owners: BTreeMap<Ordinal, Owners>) {
        let mut block = record.value.clone();
        let mut is_changed = false;
        for (ordinal, after) in owners {
            let Slot::Assigned(now) = block.slot(ordinal) else {
                continue;
            };
            if Owners::of(now) != after {
                is_changed = true;
                block.edit_attribute(ordinal, |attribute| {
                    attribute.secondary = after.active;
                    attribute.alternate = after.alternate;
                });
            }
        }
        if is_changed {
            block.normalise(self.context.now, self.cooldown);
            block.bump();
            self.note_borrowers(&record.value, &block);
            let id = RecordId::Block(block.cidr());
            self.guards.push(Guard::At(id, record.revision));
            self.changes.push(Change::PutBlock(block));
        }
    }

    /// The node of the active owner is the one that borrows.
    fn note_borrowers(&mut self, before: &Block, after: &Block) {
        let cidr = after.cidr();
        let (before, after) = (borrowers(before), borrowers(after));
        let new = after.difference(&before).cloned();
        let gone = before.difference(&after).cloned();
        self.changes
            .extend(new.map(|node| Change::PutBorrowed(node, cidr)));
        self.changes
            .extend(gone.map(|node| Change::DeleteBorrowed(node, cidr)));
    }

    fn step(self) -> Step<()> {
        if self.changes.is_empty() {
            return Step::Done(());
        }
        Step::Commit(Plan {
            guards: self.guards,
            changes: self.changes,
            outcome: (),
            more: false,
        })
    }
}
