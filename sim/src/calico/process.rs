//! One client of Calico's: what it sends requests with, its time, and where it begins to look for new blocks.

use std::fmt;
use std::sync::Arc;

use block_ipam::blocks::Cidr;
use block_ipam::clock::{Clock, Timestamp};
use block_ipam::datastore::Datastore;

use super::block::Block;
use super::client::{Client, Kv};
use super::failure::Failure;
use super::keys;
use super::records::Config;

/// How often Calico tries anything again, without a pause.
pub(super) const TRIES: usize = 100;

/// Where the walk over a pool's blocks begins. Nothing depends on it: it only spreads nodes out.
pub trait Starts: fmt::Debug + Send + Sync {
    /// Returns the index of the first block to look at, below `blocks`.
    fn start(&self, node: &str, pool: Cidr, blocks: u128) -> u128;
}

/// Begins where a hash of the node's name says. Calico draws a number from the same hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashedStarts;

impl Starts for HashedStarts {
    fn start(&self, node: &str, _: Cidr, blocks: u128) -> u128 {
        let hash = node.bytes().fold(2_166_136_261_u32, |hash, byte| {
            hash.wrapping_mul(16_777_619) ^ u32::from(byte)
        });
        u128::from(hash) % blocks.max(1)
    }
}

/// A process of Calico's on a store. Its methods are its operations.
#[derive(Debug, Clone)]
pub struct Calico {
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) starts: Arc<dyn Starts>,
}

impl Calico {
    /// Makes a process.
    pub fn new(
        store: Arc<dyn Datastore>,
        clock: Arc<dyn Clock>,
        starts: Arc<dyn Starts>,
    ) -> Calico {
        Calico {
            client: Client::new(store),
            clock,
            starts,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// Where it does not parse, or the store gives no answer.
    pub async fn config(&self) -> Result<Config, Failure> {
        match self.client.get::<Config>(keys::CONFIG).await {
            Ok(found) => Ok(found.value),
            Err(Failure::Absent(_)) => Ok(Config::default()),
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn block(&self, cidr: Cidr) -> Result<Kv<Block>, Failure> {
        self.client.get(&keys::block(cidr)).await
    }

    /// Writes a block; each update counts its sequence number up.
    pub(super) async fn update_block(&self, mut block: Kv<Block>) -> Result<Kv<Block>, Failure> {
        block.value.sequence += 1;
        self.client.update(block).await
    }

    /// Writes a block, or deletes it where it is empty and nobody's.
    pub(super) async fn update_or_delete(&self, block: Kv<Block>) -> Result<(), Failure> {
        if block.value.is_empty() && block.value.affinity.is_none() {
            return self.client.delete(&block.key, block.revision).await;
        }
        self.update_block(block).await.map(|_| ())
    }
}
