//! What holds of every commit of ours: p1, p4, p6, p8 to p10 and p12.

use block_ipam::datastore::{Guard, Txn};

use crate::check::Violation;
use crate::check::course::Course;
use crate::check::state::{Changed, State};
use crate::net::Net;
use crate::operation::Operation;
use crate::records::{Block, Entry};

/// A commit with the store around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit<'a> {
    pub(crate) before: &'a State,
    pub(crate) after: &'a State,
    pub(crate) changed: &'a Changed,
    pub(crate) course: &'a Course,
    pub(crate) txn: &'a Txn,
    pub(crate) beside_calico: bool,
}

impl Commit<'_> {
    /// Judges it.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub(crate) fn judge(&self) -> Result<(), Violation> {
        self.p12_every_block_that_is_written_is_well_formed()?;
        self.p1_no_address_changes_hands()?;
        self.p6_only_what_was_meant_is_freed()?;
        self.p3_no_blocks_overlap()?;
        self.p4_owner_and_affinity_agree()?;
        self.p8_strict_affinity_borrows_nothing()?;
        self.p9_no_claim_passes_the_limit()?;
        self.p10_nothing_cools_for_too_short()
    }

    /// What no single record shows: numbers rise, what nobody knows survives.
    fn p12_every_block_that_is_written_is_well_formed(&self) -> Result<(), Violation> {
        for change in self.changed.blocks.values() {
            let (Some(before), Some(after)) = (&change.before, &change.after) else {
                continue;
            };
            if after.sequence <= before.sequence {
                let (old, new) = (before.sequence, after.sequence);
                return broken("p12", format!("{} counts from {old} to {new}", after.net));
            }
            if after.unknown != before.unknown {
                return broken("p12", format!("{} lost an unknown member", after.net));
            }
        }
        Ok(())
    }

    fn p1_no_address_changes_hands(&self) -> Result<(), Violation> {
        for (address, was, now) in self.changed.replaced() {
            let same = (&was.handle, was.sequence) == (&now.handle, now.sequence);
            // The slots of a Windows node go with its block when another node takes that over.
            if !same && !was.is_windows_slot() {
                return broken("p1", format!("{address} goes from {was:?} to {now:?}"));
            }
        }
        let mark = self.course.operation.holder().map(|(handle, _)| handle);
        for (change, address, entry) in self.changed.added() {
            let net = change.after.as_ref().map(|block| block.net);
            let twice = self.after.blocks.values().any(|other| {
                Some(other.net) != net
                    && other
                        .entries()
                        .any(|(also, held)| also == address && !held.is_windows_slot())
            });
            if twice {
                return broken("p1", format!("{address} is held twice, now by {entry:?}"));
            }
            let (v4, v6) = self.course.wanted();
            if v4 + v6 == 0 || entry.handle.as_deref() != mark {
                return broken(
                    "p1",
                    format!("{address} comes to {entry:?} unasked, of {mark:?}"),
                );
            }
            let written = change.after.as_ref().map_or(0, |block| block.sequence);
            if entry.sequence != Some(written - 1) {
                return broken(
                    "p6",
                    format!("{address} has {:?}, not {written} - 1", entry.sequence),
                );
            }
        }
        Ok(())
    }

    fn p6_only_what_was_meant_is_freed(&self) -> Result<(), Violation> {
        for (address, entry) in self.changed.removed() {
            let meant = match &self.course.operation {
                Operation::ReleaseHandle { handle, interface } => {
                    entry.is_of(handle, interface.as_deref())
                }
                Operation::ReleaseAddresses(all) => all.iter().any(|one| {
                    one.address == address
                        && (one.handle.is_none() || one.handle == entry.handle)
                        && (one.sequence.is_none() || one.sequence == entry.sequence)
                }),
                Operation::Collect { alive } => {
                    let handle = entry.handle.as_ref();
                    let stood = || {
                        let mut before = self.course.at_begin.iter();
                        before.any(|(held, was)| *held == address && is_same(was, entry))
                    };
                    handle.is_some_and(|handle| !alive.contains(handle)) && stood()
                }
                _ => false,
            };
            if !meant {
                return broken("p6", format!("{address} of {entry:?} is lost"));
            }
        }
        Ok(())
    }

    fn p3_no_blocks_overlap(&self) -> Result<(), Violation> {
        for (net, change) in &self.changed.blocks {
            if change.before.is_some() || change.after.is_none() {
                continue;
            }
            let mut others = self.after.blocks.keys();
            if let Some(other) = others.find(|other| *other != net && other.overlaps(*net)) {
                return broken("p3", format!("{net} is created over {other}"));
            }
        }
        Ok(())
    }

    fn p4_owner_and_affinity_agree(&self) -> Result<(), Violation> {
        for (net, change) in &self.changed.blocks {
            let Some(owner) = change.owner() else {
                continue;
            };
            let gave = change.after.as_ref().is_some_and(|block| self.gave(block));
            let own = self.course.owner();
            let took = change.former_owner() != Some(owner);
            let used = gave && own.as_deref() == Some(owner);
            let confirmed = self.after.affinities.get(&(owner.to_owned(), *net));
            // Old versions of Calico wrote no state, and meant this one.
            let agrees = matches!(confirmed.map(String::as_str), Some("confirmed" | ""));
            if (took || used) && !agrees {
                return broken("p4", format!("{net} of {owner}: affinity {confirmed:?}"));
            }
        }
        for (net, change) in &self.changed.blocks {
            let former = change
                .former_owner()
                .filter(|former| change.owner() != Some(*former));
            let left = former.and_then(|former| {
                let key = (former.to_owned(), *net);
                self.after.affinities.get_key_value(&key)
            });
            if let Some(left) = left {
                return broken("p4", format!("{net} is not {left:?}'s any more"));
            }
        }
        for (owner, net) in &self.changed.affinities {
            let block = self
                .after
                .blocks
                .get(net)
                .and_then(|block| block.owner.as_ref());
            match self.after.affinities.get(&(owner.clone(), *net)) {
                None if block == Some(owner) => {
                    return broken("p4", format!("{net} of {owner} has no affinity"));
                }
                Some(state) if state != "confirmed" || block != Some(owner) => {
                    return broken("p4", format!("{state} of {owner}: {net} is {block:?}'s"));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn gave(&self, block: &Block) -> bool {
        let mut added = self.changed.added();
        added.any(|(_, address, _)| block.net.place(address).is_some())
    }

    fn p8_strict_affinity_borrows_nothing(&self) -> Result<(), Violation> {
        if !self.before.config().strict {
            return Ok(());
        }
        let own = self.course.owner();
        for (change, address, entry) in self.changed.added() {
            if change.owner() != own.as_deref() {
                let owner = change.owner();
                return broken("p8", format!("{address} of {owner:?} goes to {entry:?}"));
            }
        }
        Ok(())
    }

    /// An operator's order to claim a range, an address that is asked for by name, and a node's wish to have a block at
    /// all are not bound by it, as for Calico.
    fn p9_no_claim_passes_the_limit(&self) -> Result<(), Violation> {
        let bound = matches!(self.course.operation, Operation::Assign(_));
        let Some(owner) = self.course.owner().filter(|_| bound) else {
            return Ok(());
        };
        let limit = self.before.config().max_blocks;
        for v6 in [false, true] {
            let before = self.before.owned(&owner, v6);
            let after = self.after.owned(&owner, v6);
            // A block that was its own and had no affinity is no claim.
            let was_own = |net: &Net| {
                let block = self.before.blocks.get(net);
                block.and_then(|block| block.owner.as_ref()) == Some(&owner)
            };
            let claims = after.difference(&before).filter(|net| !was_own(net));
            let claims = claims.count();
            let has = before.intersection(&after).count() + claims;
            if 0 < claims && limit < has {
                return broken(
                    "p9",
                    format!("{owner} has {has} blocks, {limit} are allowed"),
                );
            }
        }
        Ok(())
    }

    /// The configuration is not guarded where addresses or blocks are given back: who was shown the past may go by an
    /// older one.
    fn p10_nothing_cools_for_too_short(&self) -> Result<(), Violation> {
        if self.course.was_misled {
            return Ok(());
        }
        let (now, cool_down) = (self.course.latest, self.course.cool_down);
        for (address, since) in self.changed.warmed() {
            if now < since + cool_down {
                let left = since + cool_down - now;
                return broken("p10", format!("{address} has {left} s to cool"));
            }
        }
        Ok(())
    }

    /// Returns whether it was guarded by a block as it was.
    pub(crate) fn is_guarded_by_block(&self) -> bool {
        let rewritten = |key: &str| self.txn.writes.iter().any(|write| write.key() == key);
        self.txn.guards.iter().any(|guard| match guard {
            Guard::At(key, _) => key.contains("/assignment/") && rewritten(key),
            _ => false,
        })
    }

    /// Returns the blocks that it creates or gives to another owner.
    pub(crate) fn claimed(&self) -> impl Iterator<Item = (Net, &Block)> {
        let blocks = self.changed.blocks.iter();
        blocks.filter_map(|(net, change)| {
            let after = change.after.as_ref()?;
            let new = after.owner.is_some() && change.former_owner() != after.owner.as_deref();
            new.then_some((*net, after))
        })
    }
}

/// Says what broke.
pub(crate) fn broken<T>(invariant: &'static str, what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation::new(invariant, what))
}

fn is_same(a: &Entry, b: &Entry) -> bool {
    (&a.handle, a.sequence) == (&b.handle, b.sequence)
}
