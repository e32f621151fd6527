//! How a node borrows addresses from blocks of others, or of nobody, when it can get no more blocks.
//!
//! Never under strict affinity (p8): the configuration is guarded (X13). Blocks are read page by page from a
//! point of the node's own, and the first page with a usable address ends the search.

use crate::assign::gather::{Gathered, Gatherer, Taken, at};
use crate::assign::held::NODE;
use crate::blocks::Block;
use crate::ids::{NodeName, Owner, OwnerKind};
use crate::plan::{Change, RecordId, Recorded, Stop};

impl Gatherer<'_> {
    /// Borrows where the node borrowed when it last searched, if that gives all that is missing. A block that may be taken
    /// over by now ends that: it is better owned.
    pub(super) fn borrow_again(&self, gathered: &Gathered) -> Result<Option<Gathered>, Stop> {
        let mut enough = gathered.clone();
        if self.missing(&mut enough) == 0 || self.surroundings.config.strict_affinity {
            return Ok(None);
        }
        for block in self.lenders() {
            let missing = self.missing(&mut enough);
            if missing == 0 {
                break;
            }
            let lender = self.surroundings.view.block(*block)?.present();
            let Some(record) = lender.filter(|record| self.may_lend(&record.value)) else {
                continue;
            };
            if self.taken_over(record, missing).is_some() {
                return Ok(None);
            }
            if let Some(taken) = self.take(record.value.clone(), missing) {
                self.add_borrowed(&mut enough, record, taken);
            }
        }
        Ok((self.missing(&mut enough) == 0).then_some(enough))
    }

    /// Borrows while addresses are missing.
    pub(super) fn borrow(&self, gathered: &mut Gathered) -> Result<(), Stop> {
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(());
            }
            let mut foreign = self
                .foreign(gathered)
                .filter(|record| self.may_lend(&record.value));
            let found = foreign.find_map(|record| {
                let taken = self.take(record.value.clone(), missing)?;
                Some((record.clone(), taken))
            });
            drop(foreign);
            let Some((record, taken)) = found else {
                return self.next_page().map_or(Ok(()), Err);
            };
            self.add_borrowed(gathered, &record, taken);
        }
    }

    /// Returns whether a block is of another, or of nobody, and no virtual owner's.
    fn may_lend(&self, block: &Block) -> bool {
        let is_virtual = |owner: &Owner| owner.kind == OwnerKind::Virtual;
        block.owner() != Some(&self.surroundings.owner) && !block.owner().is_some_and(is_virtual)
    }

    /// Adds addresses of a block that is not the owner's. They are noted for the node that they name, which is
    /// where a release looks.
    pub(super) fn add_borrowed(
        &self,
        gathered: &mut Gathered,
        record: &Recorded<Block>,
        taken: Taken,
    ) {
        let config = RecordId::Config.unchanged(self.surroundings.config_record);
        gathered.guards.extend([at(record), config]);
        let node = self.request.attributes.get(NODE);
        let block = record.value.cidr();
        let note = node.map(|node| Change::PutBorrowed(NodeName::stored(node), block));
        gathered.changes.extend(note);
        self.add(gathered, taken);
    }
}
