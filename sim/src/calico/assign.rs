//! Assigning an address that the caller names.

use block_ipam::blocks::{Address, Cidr};
use serde::Deserialize;

use super::block::{Attribute, Block, Reserved, sanitised};
use super::claim::Claimant;
use super::client::Kv;
use super::failure::Failure;
use super::handles::Count;
use super::pools::Pool;
use super::process::{Calico, TRIES};
use super::records::{Attributes, Config};

/// A request for one address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct AssignIp {
    pub ip: String,
    pub host: String,
    pub handle: Option<String>,
    pub attrs: Option<Attributes>,
    #[serde(rename = "use")]
    pub usage: String,
    pub max_per_handle: i64,
    pub reserved4: Option<Reserved>,
}

impl Calico {
    /// Assigns the address. After a conflict the handle stays counted up, as in Calico.
    ///
    /// # Errors
    /// Where it is taken, in no pool, or of another node's block under strict affinity.
    pub async fn assign_ip(&self, request: &AssignIp) -> Result<(), Failure> {
        let address: Address = request
            .ip
            .parse()
            .map_err(|_| Failure::other("no address"))?;
        let pools = self.enabled_pools(address.family()).await?;
        let pool = pools.iter().find(|pool| pool.cidr.contains(address));
        let pool = pool.ok_or_else(|| {
            Failure::other("The provided IP address is not in a configured pool\n")
        })?;
        allows(pool, address, &request.usage)?;
        let config = self.config().await?;
        let owner = format!("host:{}", request.host);
        let who = Claimant {
            owner: &owner,
            reserved: request.reserved4.as_ref(),
        };
        let cidr = address.network(pool.block_size);
        for _ in 0..TRIES {
            match self.assign_in(request, address, cidr, who, &config).await {
                Err(Failure::Conflict(_)) => {}
                ended => return ended,
            }
        }
        Err(Failure::other(
            "Max retries hit - excessive concurrent IPAM requests",
        ))
    }

    async fn assign_in(
        &self,
        request: &AssignIp,
        address: Address,
        cidr: Cidr,
        who: Claimant<'_>,
        config: &Config,
    ) -> Result<(), Failure> {
        let mut block = self.block_for(cidr, who).await?;
        block.value.normalise(self.now(), config.cooldown_seconds);
        if config.strict {
            strict(&block.value, who.owner)?;
        }
        let ordinal = block
            .value
            .ordinal(address)
            .expect("the block holds the address");
        if let Some(attribute) = block.value.attribute(ordinal) {
            let own = attribute.handle_id.as_deref().map(sanitised);
            let is_held =
                0 < request.max_per_handle && own.is_some() && own == request.handle.as_deref();
            let taken = Failure::Taken(address.to_string());
            return if is_held { Ok(()) } else { Err(taken) };
        }
        let attribute = Attribute {
            handle_id: request.handle.clone(),
            secondary: request.attrs.clone(),
            ..Attribute::default()
        };
        block.value.take_ordinal(ordinal, &attribute);
        self.count_and_write(request, address, block, cidr).await
    }

    async fn block_for(&self, cidr: Cidr, who: Claimant<'_>) -> Result<Kv<Block>, Failure> {
        match self.block(cidr).await {
            Err(Failure::Absent(_)) => {}
            found => return found,
        }
        self.config().await?;
        let affinity = self.pending_affinity(who.owner, cidr).await?;
        self.claim_block(affinity, cidr, who).await
    }

    async fn count_and_write(
        &self,
        request: &AssignIp,
        address: Address,
        block: Kv<Block>,
        cidr: Cidr,
    ) -> Result<(), Failure> {
        let Some(handle) = request.handle.as_deref() else {
            return self.update_block(block).await.map(|_| ());
        };
        let most = request.max_per_handle;
        let count = Count {
            handle,
            block: cidr,
            by: 1,
            most,
        };
        match self.increment(count).await {
            Ok(()) => {}
            Err(Failure::HandleFull { .. }) => return self.full(handle, address, most).await,
            Err(failure) => {
                return Err(Failure::other(format!(
                    "failed to increment handle: {failure}"
                )));
            }
        }
        match self.update_block(block).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_conflict() => Err(failure),
            Err(failure) => {
                // What becomes of this is only logged.
                let _ = self.decrement(count, None).await;
                Err(failure)
            }
        }
    }

    /// A full handle that has the address is content.
    async fn full(&self, handle: &str, address: Address, most: i64) -> Result<(), Failure> {
        if self.ips_by_handle(handle).await?.contains(&address) {
            return Ok(());
        }
        Err(Failure::other(format!(
            "handle {handle} already has IP(s) allocated, cannot assign additional IP {address} (maxAllocPerIPVersion={most})"
        )))
    }
}

fn allows(pool: &Pool, address: Address, usage: &str) -> Result<(), Failure> {
    if usage.is_empty() || pool.uses.iter().any(|own| own == usage) {
        return Ok(());
    }
    let uses = pool.uses.join(" ");
    Err(Failure::other(format!(
        "IP address {address} is in IP pool \"{}\", which is not allowed for use \"{usage}\" (allowedUses: [{uses}])",
        pool.name
    )))
}

fn strict(block: &Block, owner: &str) -> Result<(), Failure> {
    match block.affinity.as_deref() {
        Some(own) if own == owner => Ok(()),
        Some(_) => Err(Failure::other("Block host affinity does not match")),
        None => Err(Failure::other(format!(
            "Attempt to assign from block {} with no affinity",
            block.cidr
        ))),
    }
}
