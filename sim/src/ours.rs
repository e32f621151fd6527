//! Our own program: each operation is a call of the real allocator, as a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use block_ipam::affinity::claim_range::ClaimRange;
use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::allocator::{Allocator, AllocatorError, Budget, Hint};
use block_ipam::assign::{
    Assign, AssignAddresses, Edit, EnsureBlock, OwnerChange, OwnerId, PoolRef, PromoteOwner,
    ReleaseAddress, ReleaseHandle, SetOwners, Wanted,
};
use block_ipam::blocks::block::ReservedSlots;
use block_ipam::blocks::{Address, BlockCidr};
use block_ipam::ids::{HandleId, NodeName, Owner};
use block_ipam::report::collect::Memory;
use block_ipam::report::{Grace, Looks, repairs};
use block_ipam::resources::Use;

use crate::actor::{Actor, Answer, Client, Process};
use crate::operation::{self, Operation};
use crate::operators;

/// What becomes of a request: little, so that giving up happens.
const BUDGET: Budget = Budget {
    tries: 20,
    deadline: Duration::from_secs(20),
    patience: Duration::from_secs(3),
};

/// What nobody uses is taken after so long.
const GRACE: Grace = Grace {
    leak: Duration::from_secs(120),
    empty_block: Duration::from_secs(120),
};

/// Our program on one machine. Collectors and repairers remember their earlier looks.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    looks: Arc<Mutex<Looks>>,
    memory: Arc<Mutex<Memory>>,
}

impl Actor for Ours {
    fn begin(&self, operation: &Operation, client: Client) -> Option<Process> {
        let ours = self.clone();
        let operation = operation.clone();
        Some(Box::pin(async move {
            match ours.run(operation, client).await {
                Ok(answer) => answer,
                Err(Stopped::Refused(words)) => Answer::Refused(words),
                Err(Stopped::Failed(words)) => Answer::Failed(words),
            }
        }))
    }
}

/// Why an operation ended without what was asked for.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The rules say no.
    Refused(String),
    /// It was given up.
    Failed(String),
}

impl From<AllocatorError> for Stopped {
    fn from(error: AllocatorError) -> Stopped {
        match error {
            AllocatorError::Refused(refusal) => Stopped::Refused(refusal.to_string()),
            error => Stopped::Failed(error.to_string()),
        }
    }
}

/// What was asked for is spelled wrongly.
pub(crate) fn misspelled(error: impl Display) -> Stopped {
    Stopped::Refused(error.to_string())
}

impl Ours {
    async fn run(self, operation: Operation, client: Client) -> Result<Answer, Stopped> {
        let allocator = Allocator::new(
            Arc::clone(&client.store),
            Arc::clone(&client.clock),
            Arc::clone(&client.entropy),
        )
        .with_budget(BUDGET);
        match operation {
            Operation::Assign(assign) => grant(&allocator, &assign).await,
            Operation::AssignAddresses(named) => grant_named(&allocator, &named).await,
            Operation::ReleaseHandle { handle, interface } => {
                release_handle(&allocator, &handle, interface).await
            }
            Operation::ReleaseAddresses(held) => release(&allocator, &held).await,
            Operation::CheckAndRepair => self.check_and_repair(&allocator, &client).await,
            Operation::Collect { alive } => self.collect(&allocator, alive).await,
            operation => blocks_and_owners(&allocator, operation, &client).await,
        }
    }

    async fn check_and_repair(
        &self,
        allocator: &Allocator,
        client: &Client,
    ) -> Result<Answer, Stopped> {
        let report = allocator.check().await?.report;
        let now = client.clock.now();
        let todo = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            *looks = looks.and(&report.findings, now);
            repairs(&report.findings, &looks, now)
        };
        for repair in todo {
            // What cannot be repaired now is found again by the next look.
            let _ = allocator.repair(&repair.kind).await;
        }
        Ok(Answer::Done)
    }

    async fn collect(&self, allocator: &Allocator, alive: Vec<String>) -> Result<Answer, Stopped> {
        let alive: BTreeSet<HandleId> = alive.iter().map(|id| HandleId::stored(id)).collect();
        let before = {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.clone()
        };
        let (taken, after) = allocator.collect(&alive, &before, GRACE).await?.report;
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = after;
        Ok(Answer::Released(plain(taken.released.released)))
    }
}

async fn grant(allocator: &Allocator, assign: &operation::Assign) -> Result<Answer, Stopped> {
    let wanted = |count: usize, own: bool| Wanted {
        count,
        pools: own
            .then(|| assign.pools.iter().map(|name| PoolRef::parse(name)))
            .into_iter()
            .flatten()
            .collect(),
        reserved_slots: assign.windows.then(ReservedSlots::windows),
        ..Wanted::default()
    };
    let request = Assign {
        handle: assign.handle.as_deref().map(HandleId::stored),
        interface: assign.interface.clone(),
        attributes: attributes(&assign.node, assign.handle.as_deref()),
        v4: wanted(assign.v4, true),
        v6: wanted(assign.v6, assign.v4 == 0),
        purpose: if assign.load_balancer {
            Use::LoadBalancer
        } else {
            Use::Workload
        },
        ..Assign::workload(NodeName::stored(&assign.node), HandleId::stored("unused"))
    };
    let blocks = assign.hint.iter().filter_map(|block| block.parse().ok());
    let hint = Hint {
        blocks: blocks.collect(),
        ..Hint::default()
    };
    let grant = allocator.assign(&request, &hint).await?;
    let addresses = grant.addresses.iter().map(|granted| granted.address);
    Ok(Answer::Granted(plain(addresses)))
}

async fn grant_named(allocator: &Allocator, named: &operation::Named) -> Result<Answer, Stopped> {
    let request = AssignAddresses {
        handle: named.handle.as_deref().map(HandleId::stored),
        interface: named.interface.clone(),
        attributes: attributes(&named.node, named.handle.as_deref()),
        ..AssignAddresses::workload(
            NodeName::stored(&named.node),
            HandleId::stored("unused"),
            named.addresses.iter().map(ours).collect::<Result<_, _>>()?,
        )
    };
    let grant = allocator
        .assign_addresses(&request, &Hint::default())
        .await?;
    let addresses = grant.addresses.iter().map(|granted| granted.address);
    Ok(Answer::Granted(plain(addresses)))
}

fn attributes(node: &str, handle: Option<&str>) -> BTreeMap<String, String> {
    let pod = handle.unwrap_or("nobody");
    [("node", node), ("namespace", "ns"), ("pod", pod)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

async fn release_handle(
    allocator: &Allocator,
    handle: &str,
    interface: Option<String>,
) -> Result<Answer, Stopped> {
    let request = ReleaseHandle {
        handle: HandleId::stored(handle),
        interface,
        aliases: Vec::new(),
    };
    let done = allocator
        .release_by_handle(&request, &Hint::default())
        .await?;
    Ok(Answer::Released(plain(done.released)))
}

async fn release(allocator: &Allocator, held: &[operation::Held]) -> Result<Answer, Stopped> {
    let requests = held.iter().map(|held| {
        Ok(ReleaseAddress {
            address: ours(&held.address)?,
            handle: held.handle.as_deref().map(HandleId::stored),
            sequence: held.sequence,
        })
    });
    let requests: Vec<ReleaseAddress> = requests.collect::<Result<_, Stopped>>()?;
    let done = allocator.release_addresses(&requests).await?;
    Ok(Answer::Released(plain(done.released)))
}

// Long because each kind of operation is one arm.
async fn blocks_and_owners(
    allocator: &Allocator,
    operation: Operation,
    client: &Client,
) -> Result<Answer, Stopped> {
    match operation {
        Operation::ClaimRange { node, cidr } => {
            let request = ClaimRange {
                cidr: cidr.parse().map_err(misspelled)?,
                owner: Owner::host(&NodeName::stored(&node)),
            };
            allocator.claim_range(&request).await?;
        }
        Operation::Surrender { which, in_use } => {
            let request = Surrender {
                which: which_blocks(which)?,
                in_use: if in_use { InUse::Disown } else { InUse::Keep },
            };
            allocator.surrender(&request).await?;
        }
        Operation::EnsureBlock { node, pool } => {
            let wanted = Wanted {
                pools: vec![PoolRef::parse(&pool)],
                ..Wanted::default()
            };
            let request = EnsureBlock {
                node: NodeName::stored(&node),
                v4: Some(wanted),
                v6: None,
            };
            allocator.ensure_block(&request).await?;
        }
        Operation::DeleteNode { node } => {
            allocator.delete_node(&NodeName::stored(&node)).await?;
        }
        Operation::CollectCold { block } => {
            let block: BlockCidr = block.parse().map_err(misspelled)?;
            allocator.collect_cold(block).await?;
        }
        Operation::SetOwners {
            address,
            handle,
            other,
            node,
        } => {
            let request = SetOwners {
                address: ours(&address)?,
                handle: HandleId::stored(&handle),
                active: OwnerChange::default(),
                alternate: OwnerChange {
                    edit: Edit::Set(attributes(&node, Some(&other))),
                    ..OwnerChange::default()
                },
            };
            allocator.set_owners(&request).await?;
        }
        Operation::PromoteOwner { handle, other } => {
            let request = PromoteOwner {
                handle: HandleId::stored(&handle),
                owner: OwnerId {
                    namespace: "ns".to_owned(),
                    pod: other,
                },
            };
            allocator.promote_owner(&request).await?;
        }
        operation => operators::change(allocator, operation, client).await?,
    }
    Ok(Answer::Done)
}

fn which_blocks(which: operation::Which) -> Result<Which, Stopped> {
    let cidr = |text: &str| text.parse().map_err(misspelled);
    Ok(match which {
        operation::Which::Node(node) => Which::Owner(Owner::host(&NodeName::stored(&node))),
        operation::Which::Block { node, block } => {
            Which::Range(cidr(&block)?, Owner::host(&NodeName::stored(&node)))
        }
        operation::Which::Inside(text) => Which::Inside(cidr(&text)?),
        operation::Which::Deselected(node) => Which::Deselected(NodeName::stored(&node)),
    })
}

fn ours(address: &IpAddr) -> Result<Address, Stopped> {
    address.to_string().parse().map_err(misspelled)
}

fn plain(addresses: impl IntoIterator<Item = Address>) -> Vec<IpAddr> {
    let text = addresses.into_iter().map(|address| address.to_string());
    let mut plain: Vec<IpAddr> = text
        .map(|text| text.parse().expect("an address spells an address"))
        .collect();
    plain.sort_unstable();
    plain
}
