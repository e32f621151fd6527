//! The decision about a request for addresses that are named.
//!
//! Each is an assignment from an own block, a claim, a reclaim or a borrowed address, with the guards of that row
//! of `docs/protocol.md`. As for Calico, what is asked for by address passes over reservations, selectors,
//! the assignment mode of the pool, the limit of blocks and the switch of automatic claiming.

use crate::affinity::admit::{Admission, Admitted, admit_address};
use crate::affinity::claim::{Candidate, neighbourhood};
use crate::assign::around::{block_around, see_around, wants_around};
use crate::assign::decide::{Part, combine, together};
use crate::assign::gather::{Gathered, Gatherer, Pick};
use crate::assign::held::{self, Held, is_of};
use crate::assign::surroundings::{self, Surroundings};
use crate::assign::{Assign, AssignAddresses, Grant};
use crate::blocks::block::{Assigned, Slot};
use crate::blocks::{Address, Block, BlockCidr, Family};
use crate::ids::HandleId;
use crate::plan::{Context, RecordId, Recorded, Step, Stop, View, Want};
use crate::refusal::Refusal;

/// Returns what a request for named addresses reads first: with it an address of an existing block needs no
/// other read.
pub fn first_wants(request: &AssignAddresses) -> Vec<Want> {
    let around = request.addresses.iter().copied().flat_map(wants_around);
    let records = surroundings::first_wants(&request.counted());
    records.into_iter().chain(around).collect()
}

/// Decides about a request for named addresses, for each of them:
///
/// 1. what the handle and interface hold already is granted again (p7), in whatever pool it lies;
/// 2. it has to lie in an enabled pool that allows the use;
/// 3. it has to be free, and the block around it, if there is one, of the pool's block size;
/// 4. the handle may not go above its cap;
/// 5. it is taken from an own block, from one that is claimed, from an empty one of nobody that is reclaimed,
///    or borrowed. Strict affinity forbids to borrow (p8).
///
/// # Errors
/// Those of [`Surroundings::see`], [`Refusal::OutsidePools`], [`Refusal::NoAdmissiblePool`],
/// [`Refusal::AddressTaken`], [`Refusal::OtherBlockSize`], [`Refusal::HandleFull`] and [`Refusal::StrictAffinity`].
pub fn decide_assign_addresses(
    view: &View,
    request: &AssignAddresses,
    context: Context,
) -> Step<Grant> {
    Step::from(decide(view, request, context))
}

fn decide(view: &View, request: &AssignAddresses, context: Context) -> Result<Step<Grant>, Stop> {
    check_count(request)?;
    let counted = request.counted();
    let surroundings = Surroundings::see(view, &counted).map_err(|stop| match stop {
        Stop::Read(_) => Stop::Read(first_wants(request)),
        Stop::Refuse(_) => stop,
    })?;
    see_around(view, request.addresses.iter().copied())?;
    let families = Family::BOTH.into_iter();
    let parts = families
        .flat_map(|family| request.of(family))
        .map(|address| {
            let named = Named {
                surroundings: &surroundings,
                request,
                counted: &counted,
                address,
                context,
            };
            named.part()
        });
    Ok(combine(&surroundings, &counted, together(parts)?))
}

fn check_count(request: &AssignAddresses) -> Result<(), Refusal> {
    let several = Family::BOTH
        .into_iter()
        .find(|family| 1 < request.of(*family).count());
    match several {
        Some(family) => Err(Refusal::Rule(format!(
            "more than one {family} address is asked for at once"
        ))),
        None if request.addresses.is_empty() => {
            Err(Refusal::Rule("no address is asked for".to_owned()))
        }
        None => Ok(()),
    }
}

/// One address of a request.
struct Named<'a> {
    surroundings: &'a Surroundings<'a>,
    request: &'a AssignAddresses,
    counted: &'a Assign,
    address: Address,
    context: Context,
}

impl Named<'_> {
    fn part(&self) -> Result<Part, Stop> {
        let around = block_around(self.surroundings.view, self.address)?;
        if let Some(held) = around.and_then(|record| self.held(&record.value)) {
            let (held, gathered) = (vec![held], Gathered::default());
            return Ok(Part { held, gathered });
        }
        let pool = self.pool()?;
        if let Some(record) = around {
            self.check_free(&record.value, &pool)?;
        }
        let family = self.address.family();
        held::check_cap(self.surroundings, self.counted, family, 1)?;
        let held = Vec::new();
        let gathered = self.gather(pool)?;
        Ok(Part { held, gathered })
    }

    fn held(&self, block: &Block) -> Option<Held> {
        let ordinal = block.ordinal(self.address)?;
        let Slot::Assigned(attribute) = block.slot(ordinal) else {
            return None;
        };
        let entry = Assigned {
            ordinal,
            address: self.address,
            attribute,
            sequence: block.sequence_at(ordinal),
        };
        is_of(&entry, self.counted).then_some(Held {
            address: self.address,
            block: block.cidr(),
        })
    }

    fn pool(&self) -> Result<Admitted, Stop> {
        let pools = self.surroundings.pools;
        let purpose = self.request.purpose;
        admit_address(pools, self.counted, self.address, purpose).map_err(Stop::from)
    }

    fn check_free(&self, block: &Block, pool: &Admitted) -> Result<(), Stop> {
        let ordinal = block.ordinal(self.address).expect("the block is around it");
        if let Slot::Assigned(attribute) = block.slot(ordinal) {
            let holder = attribute.handle.as_deref().map(HandleId::stored);
            return Err(self.taken(holder));
        }
        if block.cidr().cidr().length() != pool.block_length {
            return Err(self.other_size(block.cidr()));
        }
        Ok(())
    }

    fn gather(&self, pool: Admitted) -> Result<Gathered, Stop> {
        let block = BlockCidr::new(self.address.network(pool.block_length));
        let Ok(block) = block else {
            return Err(Refusal::OutsidePools(self.address).into());
        };
        let admission = Admission {
            pools: vec![pool],
            excluded: Vec::new(),
        };
        let gatherer = Gatherer {
            surroundings: self.surroundings,
            request: self.counted,
            family: self.address.family(),
            admission: &admission,
            wanted: 1,
            pick: Pick::This(self.address),
            known: &[],
            context: self.context,
        };
        let mut gathered = Gathered::default();
        match self.surroundings.view.block(block)?.present() {
            Some(record) => self.take(&gatherer, &mut gathered, record)?,
            None => self.claim(&gatherer, &mut gathered, block)?,
        }
        if gathered.taken.is_empty() {
            return Err(self.taken(None));
        }
        Ok(gathered)
    }

    fn take(
        &self,
        gatherer: &Gatherer<'_>,
        gathered: &mut Gathered,
        record: &Recorded<Block>,
    ) -> Result<(), Stop> {
        let surroundings = self.surroundings;
        let owner = record.value.owner();
        if owner == Some(&surroundings.owner) {
            return gatherer.take_own(gathered, record, 1);
        }
        if let (None, Some(taken)) = (owner, gatherer.taken_over(record, 1)) {
            return gatherer.add_taken_over(gathered, record, taken);
        }
        if surroundings.config.strict_affinity {
            return Err(Stop::Refuse(Refusal::StrictAffinity {
                address: self.address,
                block: record.value.cidr(),
                owner: owner.cloned(),
            }));
        }
        if let Some(taken) = gatherer.take(record.value.clone(), 1) {
            gatherer.add_borrowed(gathered, record, taken);
        }
        Ok(())
    }

    fn claim(
        &self,
        gatherer: &Gatherer<'_>,
        gathered: &mut Gathered,
        block: BlockCidr,
    ) -> Result<(), Stop> {
        let view = self.surroundings.view;
        let Some(read_at) = view.inside(block.cidr()) else {
            return Err(Stop::Read(vec![Want::BlocksInside(neighbourhood(block))]));
        };
        // Created since its own record was looked for.
        if view.existing.contains(&block) {
            return Err(Stop::Read(vec![Want::Record(RecordId::Block(block))]));
        }
        if let Some(other) = view.overlapping(block.cidr()).next() {
            return Err(self.other_size(other));
        }
        let [pool] = gatherer.admission.pools.as_slice() else {
            return Ok(());
        };
        let candidate = Candidate {
            block,
            pool,
            read_at,
        };
        gatherer.take_new(gathered, candidate, 1).map(|_| ())
    }

    fn taken(&self, holder: Option<HandleId>) -> Stop {
        let address = self.address;
        Stop::Refuse(Refusal::AddressTaken { address, holder })
    }

    fn other_size(&self, block: BlockCidr) -> Stop {
        let address = self.address;
        Stop::Refuse(Refusal::OtherBlockSize { address, block })
    }
}
