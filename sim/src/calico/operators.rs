//! What operators do through Calico's client: configuration, pools, reservations, nodes.

use std::time::Duration;

use block_ipam::blocks::Cidr;
use serde_json::{Map, Value, json};

use super::affinities::InUse;
use super::block::Block;
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::pools::Pool;
use super::process::Calico;
use super::records::{Attributes, Config};

/// What the client waits for assignments in flight, once a pool is disabled.
const PAUSE: Duration = Duration::from_millis(500);

impl Calico {
    /// Writes the configuration over whatever stands there.
    ///
    /// # Errors
    /// Where its members contradict each other, or the store gives no answer.
    pub async fn set_config(&self, config: &Config) -> Result<(), Failure> {
        let current = self.config().await?;
        // Its comparison looks at the place of the member in memory, so a set one is never equal.
        if current == *config && config.persistence.is_none() {
            return Ok(());
        }
        if !config.strict && !config.auto_allocate {
            let text = "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time";
            return Err(Failure::other(text));
        }
        if 0 < config.max_blocks && !config.strict {
            let text = "MaxBlocksPerHost requires StrictAffinity to be enabled";
            return Err(Failure::other(text));
        }
        self.config().await?;
        self.client.put(keys::CONFIG, config).await
    }

    /// Creates a pool over no other pool and over no block of another size. Fields are not judged here.
    ///
    /// # Errors
    /// Where a pool or block is in the way.
    pub async fn create_pool(&self, name: &str, spec: &Value) -> Result<(), Failure> {
        let spec = with_defaults(spec)?;
        let resource = resource("IPPool", self.metadata(name, &Attributes::new()), spec);
        let new = Pool::of(&resource).ok_or_else(|| Failure::other("no CIDR"))?;
        let overlaps = |pool: &&Pool| pool.cidr.overlaps(new.cidr);
        if let Some(old) = self.pools().await?.iter().find(overlaps) {
            return Err(Failure::other(format!(
                "error with field IPPool.Spec.CIDR = '{}' (IPPool({name}) CIDR overlaps with IPPool({}) CIDR {})",
                new.cidr, old.name, old.cidr
            )));
        }
        let blocks: Vec<Kv<Block>> = self
            .client
            .list(&keys::blocks_of(new.cidr.family()))
            .await?;
        let differs = |block: Cidr| block.overlaps(new.cidr) && block.length() != new.block_size;
        if blocks
            .iter()
            .filter_map(|block| block.value.net())
            .any(differs)
        {
            return Err(Failure::other(format!(
                "error with field IPPool.Spec.BlockSize = '{}' (IPPool blocksSize conflicts with existing allocations that use a different blockSize)",
                new.block_size
            )));
        }
        self.client
            .create(&keys::pool(name), resource)
            .await
            .map(|_| ())
    }

    /// Lays members over those of the pool. That neither CIDR nor block size change is not judged here.
    ///
    /// # Errors
    /// Where there is no such pool, or it was written meanwhile.
    pub async fn update_pool(
        &self,
        name: &str,
        members: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let mut pool: Kv<Value> = self.client.get(&keys::pool(name)).await?;
        let _: Kv<Value> = self.client.get(&keys::pool(name)).await?;
        for (member, value) in members {
            pool.value["spec"][member] = value.clone();
        }
        self.client.update(pool).await.map(|_| ())
    }

    /// Disables the pool, waits, gives up its blocks, deletes it. What is assigned stays.
    ///
    /// # Errors
    /// Where there is no such pool, or it was written meanwhile.
    pub async fn delete_pool(&self, name: &str) -> Result<(), Failure> {
        let mut pool: Kv<Value> = self.client.get(&keys::pool(name)).await?;
        if pool.value["spec"]["disabled"] != true {
            let _: Kv<Value> = self.client.get(&keys::pool(name)).await?;
            pool.value["spec"]["disabled"] = json!(true);
            pool = self.client.update(pool).await?;
            self.clock.sleep(PAUSE).await;
        }
        if let Some(read) = Pool::of(&pool.value) {
            self.release_pool_affinities(read.cidr).await?;
        }
        self.client.remove(&keys::pool(name)).await
    }

    /// Creates a node.
    ///
    /// # Errors
    /// Where there is one of this name.
    pub async fn create_node(&self, name: &str, labels: &Attributes) -> Result<(), Failure> {
        let mut node = resource("Node", self.metadata(name, labels), json!({}));
        node["status"] = json!({});
        self.client
            .create(&keys::node(name), node)
            .await
            .map(|_| ())
    }

    /// Deletes a node without endpoints and tunnels: first its affinities, then its record.
    ///
    /// # Errors
    /// Where there is no such node, or giving up a block failed.
    pub async fn delete_node(&self, name: &str) -> Result<(), Failure> {
        let _: Kv<Value> = self.client.get(&keys::node(name)).await?;
        if let Some(failure) = self.release_ips(&[]).await.failure {
            return Err(failure);
        }
        self.remove_host(&format!("host:{name}")).await?;
        self.client.remove(&keys::node(name)).await
    }

    /// Gives up every block of an owner, and deletes the marker that old versions left.
    ///
    /// # Errors
    /// As [`Calico::release_host_affinities`]; or where the marker is no object.
    pub async fn remove_host(&self, owner: &str) -> Result<(), Failure> {
        self.release_host_affinities(owner, InUse::Disown).await?;
        let marker = self
            .client
            .get::<Map<String, Value>>(&keys::legacy_marker(owner))
            .await;
        match marker {
            Err(Failure::Absent(_)) => Ok(()),
            Err(failure) => Err(failure),
            Ok(marker) => self.client.delete(&marker.key, marker.revision).await,
        }
    }

    /// Creates a reservation.
    ///
    /// # Errors
    /// Where there is one of this name.
    pub async fn create_reservation(&self, name: &str, cidrs: &[String]) -> Result<(), Failure> {
        let spec = json!({ "reservedCIDRs": cidrs });
        let metadata = self.metadata(name, &Attributes::new());
        let reservation = resource("IPReservation", metadata, spec);
        self.client
            .create(&keys::reservation(name), reservation)
            .await
            .map(|_| ())
    }

    /// Deletes a reservation.
    ///
    /// # Errors
    /// Where the store gives no answer.
    pub async fn delete_reservation(&self, name: &str) -> Result<(), Failure> {
        self.client.remove(&keys::reservation(name)).await
    }

    fn metadata(&self, name: &str, labels: &Attributes) -> Value {
        let seconds = self.now().whole_seconds().nanos() / 1_000_000_000;
        let created = jiff::Timestamp::from_second(seconds).map(|time| time.to_string());
        let mut metadata = json!({
            "name": name,
            "uid": "3b3f0c1e-6a5d-4a52-9d0e-6f1f9f5f2d11",
            "creationTimestamp": created.unwrap_or_default(),
        });
        if !labels.is_empty() {
            metadata["labels"] = json!(labels);
        }
        metadata
    }
}

fn resource(kind: &str, metadata: Value, spec: Value) -> Value {
    let mut resource = json!({ "kind": kind, "apiVersion": "projectcalico.org/v3" });
    resource["metadata"] = metadata;
    resource["spec"] = spec;
    resource
}

fn with_defaults(spec: &Value) -> Result<Value, Failure> {
    let text = spec["cidr"].as_str().unwrap_or_default();
    let cidr: Cidr =
        Cidr::parse_masking(text).map_err(|error| Failure::other(error.to_string()))?;
    let mut full = json!({
        "vxlanMode": "Never",
        "ipipMode": "Never",
        "blockSize": cidr.family().default_block_length(),
        "nodeSelector": "all()",
        "allowedUses": ["Workload", "Tunnel"],
        "assignmentMode": "Automatic",
    });
    for (member, value) in spec.as_object().into_iter().flatten() {
        if *value != json!(0) && *value != json!("") {
            full[member] = value.clone();
        }
    }
    full["cidr"] = json!(cidr.to_string());
    Ok(full)
}
