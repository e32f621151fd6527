//! How a node borrows addresses from blocks of others, or of nobody, when it can get no more blocks.
//!
//! Never under strict affinity (p8): the configuration is guarded (X13). Blocks are read page by page from a
//! point of the node's own, and the first page with a usable address ends the search.

use crate::assign::gather::{Gathered, Gatherer, Taken, at};
use crate::assign::held::NODE;
use crate::blocks::Block;
use crate::ids::{NodeName, OwnerKind};
use crate::plan::{Change, RecordId, Recorded, Stop};

impl Gatherer<'_> {
    /// Borrows while addresses are missing.
    pub(super) fn borrow(&self, gathered: &mut Gathered) -> Result<(), Stop> {
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(());
            }
            let mut foreign = self
                .foreign(gathered)
                .filter(|record| !is_virtual(record.value.owner().map(|owner| owner.kind)));
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

const fn is_virtual(kind: Option<OwnerKind>) -> bool {
    matches!(kind, Some(OwnerKind::Virtual))
}
