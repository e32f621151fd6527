//! Calico's programs as actors of the simulation: its plugin, its client as operators use it, and `calicoctl`.
//!
//! They tell no more than those programs do: a release by handle does not say what it freed.

use std::net::IpAddr;
use std::sync::Arc;

use block_ipam::blocks::{Cidr, Family};
use serde_json::{Value, json};

use super::affinities::InUse;
use super::assign::AssignIp;
use super::auto::{Assigned, AutoAssign};
use super::block::{Reserved, WINDOWS_HANDLE};
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::process::{Calico, HashedStarts};
use super::records::{Attributes, Config};
use super::release::ReleaseOption;
use crate::actor::{Actor, Answer, Client, Process};
use crate::operation::{self, Assign, Held, Named, Operation, Which};

/// Programs of Calico's.
#[derive(Debug, Clone, Copy, Default)]
pub struct CalicoActor;

impl Actor for CalicoActor {
    fn begin(&self, operation: &Operation, client: Client) -> Option<Process> {
        let calico = Calico::new(client.store, client.clock, Arc::new(HashedStarts));
        let operation = operation.clone();
        let knows = !matches!(
            operation,
            Operation::EnsureBlock { .. }
                | Operation::SetOwners { .. }
                | Operation::PromoteOwner { .. }
                | Operation::CheckAndRepair
                | Operation::Collect { .. }
        );
        knows.then(|| Box::pin(async move { answer(calico.perform(&operation).await) }) as Process)
    }
}

fn answer(done: Result<Answer, Failure>) -> Answer {
    done.unwrap_or_else(|failure| Answer::Failed(failure.to_string()))
}

impl Calico {
    async fn perform(&self, operation: &Operation) -> Result<Answer, Failure> {
        match operation {
            Operation::Assign(request) => self.add(request).await,
            Operation::AssignAddresses(request) => self.add_named(request).await,
            Operation::ReleaseHandle { handle, .. } => done(self.del(handle).await),
            Operation::ReleaseAddresses(held) => self.release_held(held).await,
            Operation::ClaimRange { node, cidr } => {
                done(self.claim_affinity(parsed(cidr)?, &host(node)).await)
            }
            Operation::Surrender { which, in_use } => self.surrender_which(which, *in_use).await,
            Operation::CollectCold { block } => {
                let config = self.config().await?;
                let block = self.block(parsed(block)?).await?;
                done(self.collect_cold(block, &config).await)
            }
            operation => self.operate(operation).await,
        }
    }

    async fn operate(&self, operation: &Operation) -> Result<Answer, Failure> {
        done(match operation {
            Operation::DeleteNode { node } => self.delete_node(node).await,
            Operation::PutNode { node, rack } => self.put_node(node, rack).await,
            Operation::PutPool(pool) => self.put_pool(pool).await,
            Operation::DeletePool { name } => self.delete_pool(name).await,
            Operation::PutReservation { name, cidrs } => self.put_reservation(name, cidrs).await,
            Operation::DeleteReservation { name } => self.delete_reservation(name).await,
            Operation::PutConfig(config) => self.set_config(&config_of(config)).await,
            other => Err(Failure::other(format!("Calico has no operation {other:?}"))),
        })
    }

    /// What the plugin does for ADD: one family that is short makes it give back the other.
    async fn add(&self, request: &Assign) -> Result<Answer, Failure> {
        let pools = self.named_pools(&request.pools).await?;
        let of_family = |family: Family| {
            let own = pools.iter().filter(|pool| pool.family() == family);
            own.map(Cidr::to_string).collect()
        };
        let reserved = request.windows.then(windows);
        let usage = if request.load_balancer {
            "LoadBalancer"
        } else {
            "Workload"
        };
        let assigned = self
            .auto_assign(&AutoAssign {
                num4: request.v4,
                num6: request.v6,
                host: request.node.clone(),
                usage: usage.to_owned(),
                handle: request.handle.clone(),
                attrs: Some(attributes(&request.node)),
                pools4: of_family(Family::V4),
                pools6: of_family(Family::V6),
                reserved4: reserved.clone(),
                reserved6: reserved,
                ..AutoAssign::default()
            })
            .await;
        if let Some(failure) = assigned.failure {
            return Err(failure);
        }
        let halves = [assigned.v4, assigned.v6].map(Option::unwrap_or_default);
        if halves.iter().all(|half| half.ips.len() == half.requested) {
            return Ok(Answer::Granted(addresses(&halves)));
        }
        let got = addresses(&halves);
        if !got.is_empty() {
            let give_back = got.iter().map(|address| ReleaseOption {
                ip: address.to_string(),
                ..ReleaseOption::default()
            });
            // What becomes of this is only logged.
            let _ = self.release_ips(&give_back.collect::<Vec<_>>()).await;
        }
        Ok(Answer::Failed("failed to request addresses".to_owned()))
    }

    async fn named_pools(&self, names: &[String]) -> Result<Vec<Cidr>, Failure> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let pools = self.pools().await?;
        let find = |name: &String| pools.iter().find(|pool| pool.name == *name);
        let cidrs = names.iter().map(|name| {
            let pool = find(name).map(|pool| pool.cidr);
            pool.ok_or_else(|| Failure::other(format!("error parsing pool \"{name}\"")))
        });
        cidrs.collect()
    }

    /// What the plugin does where addresses are named. It knows one; here they come one after the other.
    async fn add_named(&self, request: &Named) -> Result<Answer, Failure> {
        for address in &request.addresses {
            let one = AssignIp {
                ip: address.to_string(),
                host: request.node.clone(),
                handle: request.handle.clone(),
                attrs: Some(attributes(&request.node)),
                usage: "Workload".to_owned(),
                ..AssignIp::default()
            };
            self.assign_ip(&one).await?;
        }
        let mut addresses = request.addresses.clone();
        addresses.sort();
        Ok(Answer::Granted(addresses))
    }

    /// What the plugin does for DEL: a handle that is not there is a success.
    async fn del(&self, handle: &str) -> Result<(), Failure> {
        match self.release_by_handle(handle).await {
            Err(Failure::Absent(_)) => Ok(()),
            ended => ended,
        }
    }

    async fn release_held(&self, held: &[Held]) -> Result<Answer, Failure> {
        let options: Vec<ReleaseOption> = held
            .iter()
            .map(|held| ReleaseOption {
                ip: held.address.to_string(),
                handle: held.handle.clone(),
                sequence: held.sequence,
            })
            .collect();
        let done = self.release_ips(&options).await;
        if let Some(failure) = done.failure {
            return Err(failure);
        }
        let freed = done.completed.into_iter();
        let freed = freed.filter(|address| !done.not_allocated.contains(address));
        let mut freed: Vec<IpAddr> = freed.map(IpAddr::from).collect();
        freed.sort();
        Ok(Answer::Released(freed))
    }

    async fn surrender_which(&self, which: &Which, in_use: bool) -> Result<Answer, Failure> {
        let in_use = if in_use { InUse::Disown } else { InUse::Refuse };
        done(match which {
            Which::Node(node) => self.release_host_affinities(&host(node), in_use).await,
            Which::Block { node, block } => {
                self.release_affinity(parsed(block)?, node, in_use).await
            }
            Which::Inside(cidr) => self.release_pool_affinities(parsed(cidr)?).await,
            // It gives these up on its own, with its next request.
            Which::Deselected(_) => Ok(()),
        })
    }

    async fn put_node(&self, node: &str, rack: &str) -> Result<(), Failure> {
        let labels = Attributes::from([("rack".to_owned(), rack.to_owned())]);
        match self.create_node(node, &labels).await {
            Err(Failure::Exists(_)) => {}
            made => return made,
        }
        let mut found: Kv<Value> = self.client.get(&keys::node(node)).await?;
        found.value["metadata"]["labels"] = json!(labels);
        self.client.update(found).await.map(|_| ())
    }

    async fn put_pool(&self, pool: &operation::Pool) -> Result<(), Failure> {
        let spec = json!({
            "cidr": pool.cidr,
            "blockSize": pool.block_length,
            "disabled": pool.disabled,
            "nodeSelector": pool.rack.as_ref().map(|rack| format!("rack == '{rack}'")),
            "allowedUses": if pool.load_balancer {
                json!(["LoadBalancer"])
            } else {
                json!(["Workload", "Tunnel"])
            },
        });
        let found: Result<Kv<Value>, Failure> = self.client.get(&keys::pool(&pool.name)).await;
        let members = match found {
            Err(Failure::Absent(_)) => return self.create_pool(&pool.name, &spec).await,
            found => found?.value["spec"].clone(),
        };
        if [&members["cidr"], &members["blockSize"]] != [&spec["cidr"], &spec["blockSize"]] {
            return Err(Failure::other(
                "IPPool CIDR and BlockSize cannot be modified",
            ));
        }
        let members = spec.as_object().cloned().unwrap_or_default();
        self.update_pool(&pool.name, &members).await
    }

    async fn put_reservation(&self, name: &str, cidrs: &[String]) -> Result<(), Failure> {
        match self.create_reservation(name, cidrs).await {
            Err(Failure::Exists(_)) => {}
            made => return made,
        }
        let mut found: Kv<Value> = self.client.get(&keys::reservation(name)).await?;
        found.value["spec"]["reservedCIDRs"] = json!(cidrs);
        self.client.update(found).await.map(|_| ())
    }
}

fn done<T>(ended: Result<T, Failure>) -> Result<Answer, Failure> {
    ended.map(|_| Answer::Done)
}

fn parsed(text: &str) -> Result<Cidr, Failure> {
    Cidr::parse_masking(text).map_err(|error| Failure::other(error.to_string()))
}

fn host(node: &str) -> String {
    format!("host:{node}")
}

fn attributes(node: &str) -> Attributes {
    Attributes::from([("node".to_owned(), node.to_owned())])
}

fn addresses(halves: &[Assigned; 2]) -> Vec<IpAddr> {
    let ips = halves.iter().flat_map(|half| &half.ips);
    let mut addresses: Vec<IpAddr> = ips.map(|(address, _)| IpAddr::from(*address)).collect();
    addresses.sort();
    addresses
}

fn windows() -> Reserved {
    Reserved {
        start: 3,
        end: 1,
        handle: WINDOWS_HANDLE.to_owned(),
        note: "windows host rsvd".to_owned(),
    }
}

fn config_of(config: &operation::Config) -> Config {
    Config {
        strict: config.strict,
        auto_allocate: true,
        max_blocks: i64::from(config.max_blocks),
        persistence: None,
        cooldown_seconds: i64::from(config.cool_down),
    }
}
