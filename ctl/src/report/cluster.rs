//! What Calico's ClusterInformation says about the cluster, for reports.

use block_ipam::datastore::{Datastore, DatastoreError, Range, Read, keys};
use block_ipam::plan::RecordId;
use block_ipam::revision::Revision;
use serde::Deserialize;

/// The cluster of a store. All is empty where Calico never ran on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Its identity.
    pub(crate) guid: String,
    /// What kind it is.
    pub(crate) kind: String,
    /// The version of Calico that runs on it.
    pub(crate) version: String,
    /// Whether an operator locked the store.
    pub(crate) is_locked: bool,
    /// When this was last written.
    pub(crate) revision: Option<Revision>,
    /// Which store it is.
    pub(crate) store: u64,
}

impl Cluster {
    /// Reads it. A record that does not parse counts as absent.
    pub(crate) async fn read(
        store: &dyn Datastore,
        at: Option<Revision>,
    ) -> Result<Cluster, DatastoreError> {
        let key = keys::key_of(&RecordId::ClusterInformation);
        let ranges = vec![Range::key(key)];
        let snapshot = store.read(Read { ranges, at }).await?;
        let store = snapshot.cluster;
        let entry = snapshot
            .found
            .into_iter()
            .flat_map(|found| found.entries)
            .next();
        let Some(entry) = entry else {
            return Ok(Cluster {
                store,
                ..Cluster::default()
            });
        };
        let json: ClusterJson = serde_json::from_slice(&entry.value).unwrap_or_default();
        Ok(Cluster {
            guid: json.spec.guid,
            kind: json.spec.kind,
            version: json.spec.version,
            is_locked: json.spec.is_ready == Some(false),
            revision: Some(entry.modified),
            store,
        })
    }
}

#[derive(Default, Deserialize)]
struct ClusterJson {
    #[serde(default)]
    spec: ClusterSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClusterSpec {
    #[serde(rename = "clusterGUID")]
    guid: String,
    #[serde(rename = "clusterType")]
    kind: String,
    #[serde(rename = "calicoVersion")]
    version: String,
    #[serde(rename = "datastoreReady")]
    is_ready: Option<bool>,
}
