//! Automatic assignment of both families, one after the other.

use std::collections::VecDeque;

use block_ipam::blocks::{Address, Cidr, Family};
use serde::Deserialize;

use super::affinities::{InUse, Surrender};
use super::block::{Attribute, Block, Reserved};
use super::claim::Claimant;
use super::client::Kv;
use super::failure::Failure;
use super::find::Search;
use super::pools::{Chosen, Pool, Wish, choose, longest_prefix};
use super::process::{Calico, TRIES};
use super::records::{Attributes, Config};

const DEFAULT_MAX_BLOCKS: usize = 20;

/// A request for addresses, wherever they are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct AutoAssign {
    pub num4: usize,
    pub num6: usize,
    pub host: String,
    #[serde(rename = "use")]
    pub usage: String,
    pub handle: Option<String>,
    pub attrs: Option<Attributes>,
    pub pools4: Vec<String>,
    pub pools6: Vec<String>,
    pub max_blocks: i64,
    pub max_per_handle: i64,
    pub reserved4: Option<Reserved>,
    pub reserved6: Option<Reserved>,
    pub namespace: Option<Namespace>,
}

/// A namespace, for pools that select by it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Its labels.
    pub labels: Attributes,
}

/// What a family got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The addresses, with the length of their block.
    pub ips: Vec<(Address, u8)>,
    /// How many were wanted.
    pub requested: usize,
    /// Why there are fewer.
    pub messages: Vec<String>,
}

/// What both families got, and what ended the request early.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the families")]
pub struct AutoAssigned {
    pub v4: Option<Assigned>,
    pub v6: Option<Assigned>,
    pub failure: Option<Failure>,
}

/// The part of a request that concerns one family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half<'a> {
    pub(super) family: Family,
    pub(super) count: usize,
    pools: &'a [String],
    reserved: Option<&'a Reserved>,
    pub(super) request: &'a AutoAssign,
}

impl Half<'_> {
    pub(super) fn attribute(&self) -> Attribute {
        Attribute {
            handle_id: self.request.handle.clone(),
            secondary: self.request.attrs.clone(),
            ..Attribute::default()
        }
    }

    fn owner(&self) -> String {
        let kind = if self.is_virtual() { "virtual" } else { "host" };
        format!("{kind}:{}", self.request.host)
    }

    fn is_virtual(&self) -> bool {
        self.request.usage == "LoadBalancer"
    }
}

impl Calico {
    /// Assigns addresses: IPv4 first, and IPv6 only if that did not fail. What was assigned before a failure stays.
    pub async fn auto_assign(&self, request: &AutoAssign) -> AutoAssigned {
        let mut done = AutoAssigned::default();
        if request.usage.is_empty() {
            let text = "must specify the intended use when assigning an IP";
            done.failure = Some(Failure::other(text));
            return done;
        }
        let halves = [
            (
                Family::V4,
                request.num4,
                &request.pools4,
                &request.reserved4,
            ),
            (
                Family::V6,
                request.num6,
                &request.pools6,
                &request.reserved6,
            ),
        ];
        for (family, count, pools, reserved) in halves {
            let half = Half {
                family,
                count,
                pools,
                reserved: reserved.as_ref(),
                request,
            };
            if count == 0 || done.failure.is_some() {
                continue;
            }
            if let Err(failure) = requested(family, pools) {
                // Here, and only here, what the other family got is not told.
                done = AutoAssigned {
                    failure: Some(failure),
                    ..AutoAssigned::default()
                };
                continue;
            }
            let (got, failure) = self.assign_half(half).await;
            match family {
                Family::V4 => done.v4 = got,
                Family::V6 => done.v6 = got,
            }
            done.failure = failure;
        }
        done
    }

    async fn assign_half(&self, half: Half<'_>) -> (Option<Assigned>, Option<Failure>) {
        let owner = half.owner();
        let mut search = match self.prepare(half, &owner).await {
            Ok(search) => search,
            Err(failure) => return (None, Some(failure)),
        };
        let mut got = Assigned {
            requested: half.count,
            ..Assigned::default()
        };
        let failure = self.assign_own(half, &mut search, &mut got).await.err();
        (Some(got), failure)
    }

    /// Reads what is needed before the first look at a block, in Calico's order.
    async fn prepare<'a>(&self, half: Half<'a>, owner: &'a str) -> Result<Search<'a>, Failure> {
        let requested = requested(half.family, half.pools)?;
        let config = self.config().await?;
        let reservations = self.reservations().await?;
        let labels = if half.is_virtual() {
            Attributes::new()
        } else {
            self.labels(&half.request.host).await?
        };
        let namespace = half.request.namespace.clone().unwrap_or_default().labels;
        let wish = Wish {
            family: half.family,
            node: &half.request.host,
            labels: &labels,
            namespace: &namespace,
            requested: &requested,
            reserved: half.reserved,
            usage: &half.request.usage,
        };
        let (chosen, own) = self.serving_pools(wish, owner, &config).await?;
        let owned = own.len();
        Ok(Search {
            who: Claimant {
                owner,
                reserved: half.reserved,
            },
            reservations,
            pools: chosen.serving,
            own,
            owned,
            most: most_blocks(&config, half.request.max_blocks),
            config,
        })
    }

    /// Returns the pools and the node's blocks in them, and gives up empty blocks in pools that no longer select it.
    pub(super) async fn serving_pools(
        &self,
        wish: Wish<'_>,
        owner: &str,
        config: &Config,
    ) -> Result<(Chosen, VecDeque<Cidr>), Failure> {
        let longest = longest_prefix(wish.family, wish.reserved)?;
        let enabled = self.enabled_pools(wish.family).await?;
        let chosen = choose(&enabled, longest, wish)?;
        let blocks = self.affine_blocks(owner, wish.family).await?;
        let inside = |pools: &[Pool], block: &Cidr| {
            pools.iter().any(|pool| pool.cidr.contains(block.first()))
        };
        for block in blocks
            .iter()
            .filter(|block| !inside(&chosen.selected, block))
        {
            let pool = enabled
                .iter()
                .find(|pool| pool.cidr.contains(block.first()));
            let Some(pool) = pool else { continue };
            if !pool.selects_node(wish.labels)? {
                self.give_up(owner, *block, config.cooldown_seconds).await;
            }
        }
        let own = blocks
            .into_iter()
            .filter(|block| inside(&chosen.serving, block));
        let own = own.collect();
        Ok((chosen, own))
    }

    /// Whatever lasts is passed over.
    async fn give_up(&self, owner: &str, cidr: Cidr, cooldown_seconds: i64) {
        for _ in 0..TRIES {
            let one = Surrender {
                owner,
                cidr,
                in_use: InUse::Refuse,
                sequence: None,
                cooldown_seconds,
            };
            match self.surrender(one).await {
                Ok(()) | Err(Failure::Absent(_) | Failure::Claimed(_) | Failure::NotEmpty(_)) => {
                    return;
                }
                Err(_) => {}
            }
        }
    }

    async fn assign_own(
        &self,
        half: Half<'_>,
        search: &mut Search<'_>,
        got: &mut Assigned,
    ) -> Result<(), Failure> {
        while got.ips.len() < half.count {
            let block = match self.find_or_claim(search, 1).await {
                Ok(block) => block,
                Err(Failure::NoFreeBlocks) if search.config.strict => {
                    let text = "No more free affine blocks and strict affinity enabled";
                    got.messages.push(text.to_owned());
                    return Ok(());
                }
                Err(Failure::NoFreeBlocks) => {
                    self.borrow(half, search, got).await;
                    return Ok(());
                }
                Err(failure) => {
                    if matches!(failure, Failure::BlockLimit) {
                        let most = search.most;
                        got.messages.push(format!(
                            "Need to allocate an IPAM block but could not - limit of {most} blocks reached for this node"
                        ));
                    }
                    return Err(failure);
                }
            };
            self.assign_from(half, search, got, block).await;
        }
        Ok(())
    }

    /// Tries one block until it gave something or will not.
    async fn assign_from(
        &self,
        half: Half<'_>,
        search: &Search<'_>,
        got: &mut Assigned,
        block: Kv<Block>,
    ) {
        let only_own = search.config.strict;
        if self
            .take_until(half, search, got, block, only_own)
            .await
            .is_err()
        {
            let text = "Failed to assign IPs in newly allocated block";
            if !got.messages.iter().any(|message| message == text) {
                got.messages.push(text.to_owned());
            }
        }
    }
}

pub(super) fn requested(family: Family, texts: &[String]) -> Result<Vec<Cidr>, Failure> {
    let pools = texts.iter().map(|text| {
        Cidr::parse_masking(text)
            .map_err(|_| Failure::other(format!("invalid CIDR address: {text}")))
    });
    let pools: Vec<Cidr> = pools.collect::<Result<_, _>>()?;
    let (own, other) = match family {
        Family::V4 => ("IPv4", "IPv6"),
        Family::V6 => ("IPv6", "IPv4"),
    };
    if pools.iter().all(|pool| pool.family() == family) {
        return Ok(pools);
    }
    Err(Failure::other(format!(
        "provided {own} IPPools list contains one or more {other} IPPools"
    )))
}

fn most_blocks(config: &Config, requested: i64) -> usize {
    let limits = [config.max_blocks, requested]
        .into_iter()
        .filter(|limit| 0 < *limit);
    let limit = limits.min().map(usize::try_from);
    limit.and_then(Result::ok).unwrap_or(DEFAULT_MAX_BLOCKS)
}
