//! What a node remembers of its last request. A wrong or missing hint costs a read, never correctness.

use crate::assign::Searched;
use crate::blocks::BlockCidr;
use crate::revision::Revision;

/// What the last request on this node saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// Blocks that are worth reading at once: the node's own, last used first.
    pub blocks: Vec<BlockCidr>,
    /// The endpoint that answered.
    pub endpoint: Option<String>,
    /// The highest revision seen.
    pub revision: Revision,
    /// The store's identity (see [`crate::datastore::Snapshot::cluster`]); 0 if unknown.
    pub cluster: u64,
    /// What searches of the node ended in.
    pub searched: Vec<Searched>,
}
