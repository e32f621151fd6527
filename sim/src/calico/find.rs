//! Finding a block with room: the node's own first, then one that nobody has, then an empty one of another node.

use std::collections::VecDeque;

use block_ipam::blocks::{Cidr, RangeSet};

use super::affinities::{InUse, Surrender};
use super::block::Block;
use super::claim::Claimant;
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::pools::Pool;
use super::process::{Calico, TRIES};
use super::records::Config;

const MIN_RECLAIM_AGE_SECONDS: u64 = 60;

/// What a request has read before it looks for blocks, and what is left of it.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) who: Claimant<'a>,
    pub(super) config: Config,
    pub(super) reservations: RangeSet,
    pub(super) pools: Vec<Pool>,
    /// Own blocks that were not looked at yet.
    pub(super) own: VecDeque<Cidr>,
    pub(super) owned: usize,
    pub(super) most: usize,
}

impl Search<'_> {
    fn node(&self) -> &str {
        self.who.owner.split_once(':').map_or("", |(_, name)| name)
    }
}

/// Every block of a pool once, beginning at a place that depends on the node.
pub(super) fn walk(calico: &Calico, node: &str, pool: &Pool) -> impl Iterator<Item = Cidr> + use<> {
    let (cidr, size) = (pool.cidr, pool.block_size);
    let count = cidr.subnet_count(size).unwrap_or(0);
    let start = calico.starts.start(node, cidr, count);
    (0..count).filter_map(move |index| cidr.subnet(size, (start + index) % count))
}

impl Calico {
    /// Returns a block with at least `room` free addresses.
    pub(super) async fn find_or_claim(
        &self,
        search: &mut Search<'_>,
        room: usize,
    ) -> Result<Kv<Block>, Failure> {
        while let Some(cidr) = search.own.pop_front() {
            if search.reservations.covers(cidr) {
                continue;
            }
            if let Some(block) = self.own_block(search, cidr).await
                && room <= block.value.free(&search.reservations)
            {
                return Ok(block);
            }
        }
        self.new_block(search, room).await
    }

    async fn own_block(&self, search: &Search<'_>, cidr: Cidr) -> Option<Kv<Block>> {
        for _ in 0..TRIES {
            let affinity = self.affinity(search.who.owner, cidr).await.ok()?;
            match self.block_from_affinity(affinity, cidr, search.who).await {
                Ok(mut block) => {
                    block
                        .value
                        .normalise(self.now(), search.config.cooldown_seconds);
                    return Some(block);
                }
                Err(Failure::Conflict(_)) => {}
                Err(_) => return None,
            }
        }
        None
    }

    async fn new_block(&self, search: &mut Search<'_>, room: usize) -> Result<Kv<Block>, Failure> {
        if search.most <= search.owned {
            return Err(Failure::BlockLimit);
        }
        if !search.config.auto_allocate {
            return Err(Failure::other("failed to find or claim a block"));
        }
        for _ in 0..TRIES {
            let cidr = self.find_usable(search).await?;
            let Some(mut block) = self.claim_found(search, cidr).await? else {
                continue;
            };
            block
                .value
                .normalise(self.now(), search.config.cooldown_seconds);
            let free = block.value.free(&search.reservations);
            if free < room {
                return Err(Failure::other(format!(
                    "Block '{cidr}' has {free} free ips which is less than {room} ips required."
                )));
            }
            search.owned += 1;
            return Ok(block);
        }
        Err(Failure::other("Max retries hit"))
    }

    /// Returns `None` where another was faster.
    async fn claim_found(
        &self,
        search: &Search<'_>,
        cidr: Cidr,
    ) -> Result<Option<Kv<Block>>, Failure> {
        for _ in 0..TRIES {
            let block = match self.pending_affinity(search.who.owner, cidr).await {
                Ok(affinity) => self.block_from_affinity(affinity, cidr, search.who).await,
                Err(failure) => Err(failure),
            };
            match block {
                Ok(block) => return Ok(Some(block)),
                Err(Failure::Conflict(_)) => {}
                Err(Failure::Claimed(_) | Failure::Stale(_)) => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    async fn find_usable(&self, search: &Search<'_>) -> Result<Cidr, Failure> {
        let blocks: Vec<Kv<Block>> = self.client.list(keys::BLOCKS).await?;
        let mut empty = Vec::new();
        for pool in &search.pools {
            for cidr in walk(self, search.node(), pool) {
                if search.reservations.covers(cidr) {
                    continue;
                }
                let Some(block) = blocks.iter().find(|block| block.value.net() == Some(cidr))
                else {
                    return Ok(cidr);
                };
                let has_room = 0 < block.value.free(&search.reservations);
                if has_room && block.value.affinity.as_deref() == Some(search.who.owner) {
                    return Ok(cidr);
                }
                if has_room && block.value.is_empty() {
                    empty.push((cidr, block));
                }
            }
        }
        self.reclaim(search, &empty)
            .await
            .ok_or(Failure::NoFreeBlocks)
    }

    /// Takes the first empty block away from its owner that is old enough.
    async fn reclaim(&self, search: &Search<'_>, empty: &[(Cidr, &Kv<Block>)]) -> Option<Cidr> {
        for (cidr, block) in empty {
            let claimed = block.value.affinity_claim_time;
            let is_young = claimed.is_some_and(|claimed| {
                self.now().since(claimed).as_secs() < MIN_RECLAIM_AGE_SECONDS
            });
            // A block of nobody is never given up: there is no host to name.
            let Some(owner) = block.value.affinity.as_deref().filter(|_| !is_young) else {
                continue;
            };
            let surrender = Surrender {
                owner,
                cidr: *cidr,
                in_use: InUse::Refuse,
                sequence: Some(block.value.sequence),
                cooldown_seconds: search.config.cooldown_seconds,
            };
            if self.surrender(surrender).await.is_ok() {
                return Some(*cidr);
            }
        }
        None
    }
}
