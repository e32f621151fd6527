//! Counting a handle up before the block is written and down after it: the two writes that a crash parts.

use std::collections::BTreeSet;

use block_ipam::blocks::{Address, Cidr};

use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::process::{Calico, TRIES};
use super::records::Handle;

/// Addresses of a handle in one block, to be counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count<'a> {
    pub(super) handle: &'a str,
    pub(super) block: Cidr,
    pub(super) by: i64,
    /// How many addresses of a family the handle may hold; 0 for any number.
    pub(super) most: i64,
}

impl Calico {
    pub(super) async fn handle(&self, id: &str) -> Result<Kv<Handle>, Failure> {
        if id.is_empty() {
            return Err(Failure::other("insufficient identifiers, missing ''"));
        }
        self.client.get(&keys::handle(id)).await
    }

    /// Counts up, trying again after every failed write.
    pub(super) async fn increment(&self, count: Count<'_>) -> Result<(), Failure> {
        let mut last = Failure::other("Max retries hit");
        for _ in 0..TRIES {
            let block = count.block.to_string();
            let found = match self.handle(count.handle).await {
                Err(Failure::Absent(_)) => None,
                found => Some(found?),
            };
            let mut handle = found
                .as_ref()
                .map(|kv| kv.value.clone())
                .unwrap_or_default();
            let held = handle.of_family(&block);
            if 0 < count.most && count.most < held + count.by {
                return Err(Failure::HandleFull {
                    handle: count.handle.to_owned(),
                    held,
                    most: count.most,
                });
            }
            *handle.block.entry(block).or_default() += count.by;
            let written = match found {
                Some(kv) => {
                    self.client
                        .update(Kv {
                            value: handle,
                            ..kv
                        })
                        .await
                }
                None => {
                    self.client
                        .create(&keys::handle(count.handle), handle)
                        .await
                }
            };
            match written {
                Ok(_) => return Ok(()),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// Counts down; `known` is what an earlier read said, for the first try.
    pub(super) async fn decrement(
        &self,
        count: Count<'_>,
        mut known: Option<Kv<Handle>>,
    ) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let mut kv = match known.take() {
                Some(kv) => kv,
                None => self.handle(count.handle).await?,
            };
            lower(&mut kv.value, count)?;
            let written = if kv.value.block.is_empty() {
                self.client.delete(&kv.key, kv.revision).await
            } else {
                self.client.update(kv).await.map(|_| ())
            };
            match written {
                Err(Failure::Conflict(_)) => {}
                ended => return ended,
            }
        }
        Err(Failure::other("Max retries hit"))
    }

    /// Returns the addresses of a handle, in order.
    ///
    /// # Errors
    /// Where there is no such handle, or the store gives no answer.
    pub async fn ips_by_handle(&self, handle: &str) -> Result<Vec<Address>, Failure> {
        let kv = self.handle(handle).await?;
        self.config().await?;
        let mut addresses = BTreeSet::new();
        for block in kv.value.block.keys().filter_map(|block| block.parse().ok()) {
            if let Ok(block) = self.block(block).await {
                let held = block.value.held_by(handle).into_iter();
                addresses.extend(held.filter_map(|ordinal| block.value.address(ordinal)));
            }
        }
        Ok(addresses.into_iter().collect())
    }
}

fn lower(handle: &mut Handle, count: Count<'_>) -> Result<(), Failure> {
    let block = count.block.to_string();
    let (id, by) = (count.handle, count.by);
    let Some(own) = handle.block.get_mut(&block) else {
        return Err(Failure::other(format!(
            "Tried to decrement block {block} by {by} but it isn't linked to handle {id}"
        )));
    };
    if *own < by {
        return Err(Failure::other(format!(
            "Tried to decrement block {block} by {by} but it only has {own} addresses on handle {id}"
        )));
    }
    *own -= by;
    if *own == 0 {
        handle.block.remove(&block);
    }
    Ok(())
}
