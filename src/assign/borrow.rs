//! How a node borrows addresses from blocks of others, or of nobody, when it can get no more blocks.
//!
//! Never under strict affinity (p8): the configuration is guarded (X13). Blocks are read page by page from a
//! point of the node's own, and the first page with a usable address ends the search.

use crate::assign::gather::{Gathered, Gatherer, at};
use crate::ids::OwnerKind;
use crate::plan::{Change, RecordId, Stop};

impl Gatherer<'_> {
    /// Borrows while addresses are missing.
    pub(super) fn borrow(&self, gathered: &mut Gathered) -> Result<(), Stop> {
        loop {
            let missing = self.missing(gathered);
            if missing == 0 {
                return Ok(());
            }
            let found = self
                .foreign(gathered)
                .filter(|record| !is_virtual(record.value.owner().map(|owner| owner.kind)))
                .find_map(|record| Some((record, self.take(record.value.clone(), missing)?)));
            let Some((record, taken)) = found else {
                return self.next_page().map_or(Ok(()), Err);
            };
            let config = RecordId::Config.unchanged(self.surroundings.config_record);
            let block = record.value.cidr();
            gathered.guards.extend([at(record), config]);
            let node = self.request.node.clone();
            gathered.changes.push(Change::PutBorrowed(node, block));
            self.add(gathered, taken);
        }
    }
}

const fn is_virtual(kind: Option<OwnerKind>) -> bool {
    matches!(kind, Some(OwnerKind::Virtual))
}
