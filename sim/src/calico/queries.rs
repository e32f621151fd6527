//! What Calico answers about one address.

use block_ipam::blocks::Address;

use super::failure::Failure;
use super::process::Calico;
use super::records::Attributes;

/// Who holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct Looked {
    pub handle: Option<String>,
    pub active: Option<Attributes>,
    pub alternate: Option<Attributes>,
}

impl Calico {
    /// Returns who holds the address.
    ///
    /// # Errors
    /// Where it is free, cooling, or in no enabled pool.
    pub async fn attributes(&self, address: Address) -> Result<Looked, Failure> {
        let pools = self.enabled_pools(address.family()).await?;
        let pool = pools.iter().find(|pool| pool.cidr.contains(address));
        let absent = |cause: &str| {
            Failure::other(format!(
                "resource does not exist: {address} with error: {cause}"
            ))
        };
        let pool = pool.ok_or_else(|| absent("No valid IPPool"))?;
        let cooldown_seconds = self.config().await?.cooldown_seconds;
        let mut block = self.block(address.network(pool.block_size)).await?;
        block.value.normalise(self.now(), cooldown_seconds);
        let ordinal = block
            .value
            .ordinal(address)
            .expect("the block holds the address");
        let attribute = block
            .value
            .attribute(ordinal)
            .ok_or_else(|| absent("IP is unassigned"))?;
        if attribute.released.is_some() {
            return Err(Failure::other(format!("address {address} is in cooldown")));
        }
        Ok(Looked {
            handle: attribute.handle_id.clone(),
            active: attribute.secondary.clone(),
            alternate: attribute.alternate.clone(),
        })
    }
}
