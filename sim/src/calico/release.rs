//! Releasing addresses, by address or by handle: the block is written before the handle is counted down.

use std::collections::BTreeMap;

use block_ipam::blocks::{Address, Cidr, Family};
use serde::Deserialize;

use super::affinities::{InUse, Surrender};
use super::block::{Block, SetsEntries, sanitised};
use super::client::Kv;
use super::failure::Failure;
use super::handles::Count;
use super::keys;
use super::process::{Calico, TRIES};
use super::records::{Config, Handle};

/// An address to be released, and what it must still be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct ReleaseOption {
    pub ip: String,
    pub handle: Option<String>,
    pub sequence: Option<u64>,
}

/// What became of a release by address.
#[derive(Debug, Default)]
pub struct Released {
    /// What was not assigned.
    pub not_allocated: Vec<Address>,
    /// The options of blocks that met no failure.
    pub completed: Vec<Address>,
    /// The first failure. What other blocks freed stays free.
    pub failure: Option<Failure>,
}

type Options = BTreeMap<Address, ReleaseOption>;

impl Calico {
    /// Releases addresses, block by block. Calico works on blocks at the same time; here one comes after the other.
    pub async fn release_ips(&self, options: &[ReleaseOption]) -> Released {
        let mut done = Released::default();
        if let Err(failure) = self.release_all(options, &mut done).await {
            done.failure.get_or_insert(failure);
        }
        done
    }

    async fn release_all(
        &self,
        options: &[ReleaseOption],
        done: &mut Released,
    ) -> Result<(), Failure> {
        let pools = self.pools().await?;
        let mut scanned: BTreeMap<Family, Vec<Cidr>> = BTreeMap::new();
        let mut groups: BTreeMap<Cidr, (Options, Vec<Address>)> = BTreeMap::new();
        for option in options {
            let address: Address = option
                .ip
                .parse()
                .map_err(|_| Failure::other(format!("failed to parse IP: {}", option.ip)))?;
            let pool = pools.iter().find(|pool| pool.cidr.contains(address));
            let block = match pool {
                Some(pool) => Some(address.network(pool.block_size)),
                None => {
                    let family = address.family();
                    if let std::collections::btree_map::Entry::Vacant(unseen) =
                        scanned.entry(family)
                    {
                        unseen.insert(self.all_blocks(family).await?);
                    }
                    scanned[&family]
                        .iter()
                        .find(|block| block.contains(address))
                        .copied()
                }
            };
            match block {
                Some(block) => {
                    let group = groups.entry(block).or_default();
                    group.0.insert(address, option.clone());
                    group.1.push(address);
                }
                None => done.not_allocated.push(address),
            }
        }
        let handles = if 2 < options.len() {
            self.all_handles().await?
        } else {
            BTreeMap::new()
        };
        let config = self.config().await?;
        for (cidr, (options, named)) in groups {
            match self.release_group(cidr, &options, &handles, &config).await {
                Ok(not_allocated) => {
                    done.not_allocated.extend(not_allocated);
                    done.completed.extend(named);
                }
                Err(failure) => {
                    done.failure.get_or_insert(failure);
                }
            }
        }
        Ok(())
    }

    async fn all_blocks(&self, family: Family) -> Result<Vec<Cidr>, Failure> {
        let blocks: Vec<Kv<Block>> = self.client.list(&keys::blocks_of(family)).await?;
        Ok(blocks
            .iter()
            .filter_map(|block| block.value.net())
            .collect())
    }

    async fn all_handles(&self) -> Result<BTreeMap<String, Kv<Handle>>, Failure> {
        let handles: Vec<Kv<Handle>> = self.client.list(keys::HANDLES).await?;
        let by_id = handles.into_iter().filter_map(|kv| {
            let id = kv.key.strip_prefix(keys::HANDLES)?.to_owned();
            (!id.contains('/')).then_some((id, kv))
        });
        Ok(by_id.collect())
    }

    async fn release_group(
        &self,
        cidr: Cidr,
        options: &Options,
        handles: &BTreeMap<String, Kv<Handle>>,
        config: &Config,
    ) -> Result<Vec<Address>, Failure> {
        for _ in 0..TRIES {
            let mut block = match self.block(cidr).await {
                Err(Failure::Absent(_)) => return Ok(options.keys().copied().collect()),
                found => found?,
            };
            block.value.normalise(self.now(), config.cooldown_seconds);
            let judged = judge(&block.value, options)?;
            if judged.ordinals.is_empty() {
                return Ok(judged.not_allocated);
            }
            let owner = block.value.affinity.clone();
            block
                .value
                .cool(&judged.ordinals, self.now(), SetsEntries::Yes);
            match self.write_released(block, config).await {
                Err(Failure::Conflict(_)) => continue,
                ended => ended?,
            }
            for (handle, by) in &judged.freed {
                let count = Count {
                    handle,
                    block: cidr,
                    by: *by,
                    most: 0,
                };
                // What becomes of this is only logged.
                let _ = self.decrement(count, handles.get(handle).cloned()).await;
            }
            // So is what becomes of this.
            let _ = self
                .keep_affinity_consistent(owner.as_deref(), cidr, config)
                .await;
            return Ok(judged.not_allocated);
        }
        Err(Failure::other("Max retries hit"))
    }

    /// The clock has gone on between the mark and the look at it: without cool-down a mark never reaches the store.
    async fn write_released(&self, mut block: Kv<Block>, config: &Config) -> Result<(), Failure> {
        let later = self.now().plus(std::time::Duration::from_nanos(1));
        block.value.normalise(later, config.cooldown_seconds);
        self.update_or_delete(block).await
    }

    /// Releases what a handle holds, in the blocks that it names.
    ///
    /// # Errors
    /// Where there is no such handle, or the store gives no answer.
    pub async fn release_by_handle(&self, handle: &str) -> Result<(), Failure> {
        let handle = sanitised(handle);
        let named = self.handle(handle).await?.value.block;
        let config = self.config().await?;
        for cidr in named.keys().filter_map(|block| block.parse().ok()) {
            self.release_handle_in(handle, cidr, &config).await?;
        }
        Ok(())
    }

    async fn release_handle_in(
        &self,
        handle: &str,
        cidr: Cidr,
        config: &Config,
    ) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let mut block = match self.block(cidr).await {
                Err(Failure::Absent(_)) => return Ok(()),
                found => found?,
            };
            block.value.normalise(self.now(), config.cooldown_seconds);
            let ordinals = block.value.held_by(handle);
            if ordinals.is_empty() {
                return Ok(());
            }
            let owner = block.value.affinity.clone();
            block.value.cool(&ordinals, self.now(), SetsEntries::No);
            match self.write_released(block, config).await {
                Err(Failure::Conflict(_)) => continue,
                ended => ended?,
            }
            let count = Count {
                handle,
                block: cidr,
                by: i64::try_from(ordinals.len()).expect("at most 4096"),
                most: 0,
            };
            // What becomes of both is only logged.
            let _ = self.decrement(count, None).await;
            let _ = self
                .keep_affinity_consistent(owner.as_deref(), cidr, config)
                .await;
            return Ok(());
        }
        Err(Failure::other("Hit max retries"))
    }

    /// Gives up the block if it became empty and its pool no longer selects its owner.
    async fn keep_affinity_consistent(
        &self,
        owner: Option<&str>,
        cidr: Cidr,
        config: &Config,
    ) -> Result<(), Failure> {
        let Some((owner, (_, name))) =
            owner.and_then(|owner| Some((owner, owner.split_once(':')?)))
        else {
            return Ok(());
        };
        let labels = self.labels(name).await?;
        let pools = self.enabled_pools(cidr.family()).await?;
        let pool = pools.iter().find(|pool| pool.cidr.contains(cidr.first()));
        let Some(pool) = pool else { return Ok(()) };
        if pool.selects_node(&labels)? {
            return Ok(());
        }
        let one = Surrender {
            owner,
            cidr,
            in_use: InUse::Refuse,
            sequence: None,
            cooldown_seconds: config.cooldown_seconds,
        };
        self.surrender(one).await
    }

    /// Frees what has cooled in a block that the caller holds in hand.
    ///
    /// # Errors
    /// Where it was written meanwhile, or the store gives no answer.
    pub async fn collect_cold(&self, mut block: Kv<Block>, config: &Config) -> Result<(), Failure> {
        let before = block.value.allocations.clone();
        block.value.normalise(self.now(), config.cooldown_seconds);
        if block.value.allocations == before {
            return Ok(());
        }
        self.update_block(block).await.map(|_| ())
    }
}

/// What a release finds in one block.
#[derive(Debug, Default)]
struct Judged {
    ordinals: Vec<usize>,
    not_allocated: Vec<Address>,
    freed: BTreeMap<String, i64>,
}

/// The sequence number is looked at before anything else.
fn judge(block: &Block, options: &Options) -> Result<Judged, Failure> {
    let mut judged = Judged::default();
    for (address, option) in options {
        let Some(ordinal) = block.ordinal(*address) else {
            return Err(Failure::other(format!(
                "IP {address} not in block {}",
                block.cidr
            )));
        };
        let stored = block
            .entries
            .get(&ordinal.to_string())
            .copied()
            .unwrap_or(0);
        if option.sequence.is_some_and(|sequence| sequence != stored) {
            return Err(Failure::BadSequence(address.to_string()));
        }
        let attribute = block
            .attribute(ordinal)
            .filter(|own| own.released.is_none());
        let Some(attribute) = attribute else {
            judged.not_allocated.push(*address);
            continue;
        };
        let own = attribute.handle_id.as_deref().map_or("", sanitised);
        if option
            .handle
            .as_deref()
            .is_some_and(|handle| sanitised(handle) != own)
        {
            return Err(Failure::BadHandle(address.to_string()));
        }
        judged.ordinals.push(ordinal);
        if !own.is_empty() {
            *judged.freed.entry(own.to_owned()).or_default() += 1;
        }
    }
    Ok(judged)
}
