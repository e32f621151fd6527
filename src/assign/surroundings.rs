//! What every assignment looks at besides blocks: configuration, node, pools, reservations, affinities, handle.
//!
//! All of it comes with one read; [`first_wants`] lists it.

use std::collections::BTreeMap;

use crate::affinity::admit::{Admission, Labels, admit};
use crate::assign::{Assign, Handle};
use crate::blocks::block::Cooldown;
use crate::blocks::{Family, RangeSet};
use crate::ids::{Owner, ResourceName};
use crate::plan::{Listing, RecordId, Recorded, Scope, Seen, Stop, View, Want};
use crate::refusal::Refusal;
use crate::resources::{Config, Node, Pool, Use};
use crate::revision::Revision;

/// Blocks of a family that a node may own where nobody set a limit, as for Calico.
pub const DEFAULT_MAX_BLOCKS: usize = 20;

/// The records that every assignment looks at.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// The view they come from.
    pub view: &'a View,
    /// The configuration record.
    pub config_record: &'a Seen<Config>,
    /// The configuration in force.
    pub config: Config,
    /// The node's record.
    pub node: &'a Seen<Node>,
    /// The pools.
    pub pools: &'a Listing<ResourceName, Pool>,
    /// All that is reserved.
    pub reserved: RangeSet,
    /// When the reservations were read.
    pub reserved_at: Revision,
    /// Who owns what is claimed.
    pub owner: Owner,
    /// The handle's record, where the request has a handle.
    pub handle: Option<&'a Seen<Handle>>,
}

/// Returns what an assignment reads first.
pub fn first_wants(request: &Assign) -> Vec<Want> {
    let owner = request.owner();
    let records = [
        RecordId::Config,
        RecordId::ClusterInformation,
        RecordId::Node(request.node.clone()),
    ];
    let handle = request.handle.iter().cloned().map(RecordId::Handle);
    let scopes = [Scope::Pools, Scope::Reservations];
    let affinities = request
        .families()
        .map(|family| Scope::Affinities(owner.clone(), family));
    let records = records.into_iter().chain(handle).map(Want::Record);
    let scopes = scopes.into_iter().chain(affinities).map(Want::Scope);
    records.chain(scopes).collect()
}

impl<'a> Surroundings<'a> {
    /// Returns the surroundings of a request.
    ///
    /// # Errors
    /// [`Stop::Read`] with all of [`first_wants`] where any of it was not read; a corrupt record that the
    /// request depends on; and a node without a record where Calico runs on this store, whose collector frees
    /// the addresses of nodes that it does not know.
    pub fn see(view: &'a View, request: &Assign) -> Result<Surroundings<'a>, Stop> {
        Surroundings::read(view, request)
            .map_err(|stop| match stop {
                Stop::Read(_) => Stop::Read(first_wants(request)),
                Stop::Refuse(_) => stop,
            })
            .and_then(|surroundings| surroundings.check_node(request))
    }

    fn read(view: &'a View, request: &Assign) -> Result<Surroundings<'a>, Stop> {
        let owner = request.owner();
        for family in request.families() {
            view.affinities(&owner, family)?;
        }
        view.has_cluster_information()?;
        let handle = request
            .handle
            .as_ref()
            .map(|id| view.handle(id))
            .transpose()?;
        let config_record = view.config()?;
        let node = view.node(&request.node)?;
        for corrupt in [
            corrupt(config_record),
            corrupt(node),
            handle.and_then(corrupt),
        ] {
            corrupt.map_or(Ok(()), Err)?;
        }
        let reservations = view.reservations()?;
        let cidrs = reservations
            .records
            .values()
            .flat_map(|record| &record.value.reserved);
        Ok(Surroundings {
            view,
            config_record,
            config: config_of(config_record),
            node,
            pools: view.pools()?,
            reserved: cidrs.copied().collect(),
            reserved_at: reservations.read_at,
            owner,
            handle,
        })
    }

    fn check_node(self, request: &Assign) -> Result<Surroundings<'a>, Stop> {
        let unknown = matches!(self.node, Seen::Absent)
            && request.purpose != Use::LoadBalancer
            && self.view.has_cluster_information()?;
        if unknown {
            return Err(Stop::Refuse(Refusal::UnknownNode(request.node.clone())));
        }
        Ok(self)
    }

    /// Returns which pools of the family may serve the request.
    ///
    /// # Errors
    /// The refusals of [`admit`].
    pub fn admit(&self, request: &Assign, family: Family) -> Result<Admission, Refusal> {
        let none = BTreeMap::new();
        let node = self.node.present();
        let labels = Labels {
            node: node.map_or(&none, |node| &node.value.metadata.labels),
            namespace: request.namespace.as_ref(),
        };
        admit(self.pools, request, family, labels)
    }

    /// Returns the cool-down in force.
    pub fn cooldown(&self) -> Cooldown {
        self.config.cooldown()
    }

    /// Returns how many blocks of a family the owner may own: the smaller of what is configured and what the request says.
    pub fn max_blocks(&self, request: &Assign) -> usize {
        let configured = usize::try_from(self.config.max_blocks_per_host).unwrap_or(0);
        let limits = [configured, request.max_blocks];
        let set = limits.into_iter().filter(|limit| 0 < *limit);
        set.min().unwrap_or(DEFAULT_MAX_BLOCKS)
    }
}

/// Returns the configuration that a record means: an absent one means the defaults.
pub fn config_of(record: &Seen<Config>) -> Config {
    let present: Option<&Recorded<Config>> = record.present();
    present.map_or_else(Config::default, |config| config.value.clone())
}

/// Returns the cool-down that a record of the configuration means. A release does not wait for one that parses: see
/// [`Cooldown::UNKNOWN`].
pub fn cooldown_of(record: &Seen<Config>) -> Cooldown {
    match record {
        Seen::Corrupt(_) => Cooldown::UNKNOWN,
        Seen::Absent | Seen::Present(_) => config_of(record).cooldown(),
    }
}

/// Returns the configuration that a record means.
///
/// # Errors
/// [`Stop::Refuse`] where it does not parse: what it says is not known then.
pub fn readable_config(record: &Seen<Config>) -> Result<Config, Stop> {
    corrupt(record).map_or_else(|| Ok(config_of(record)), Err)
}

fn corrupt<T>(seen: &Seen<T>) -> Option<Stop> {
    match seen {
        Seen::Corrupt(record) => Some(Stop::Refuse(Refusal::Corrupt(vec![record.clone()]))),
        Seen::Absent | Seen::Present(_) => None,
    }
}
