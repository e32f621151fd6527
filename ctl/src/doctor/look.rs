//! Looks at a store. What fails is a fact, and never ends the looking.

use std::path::PathBuf;
use std::time::Duration;

use block_ipam::allocator::hint_file::{NodeFiles, remembered};
use block_ipam::clock::{Clock, SystemClock};
use block_ipam::cni::observed::Known;
use block_ipam::datastore::settings::{EtcdSettings, StoreSettings};
use block_ipam::datastore::{Datastore, OpenError, Range, Read, Snapshot, etcd, keys};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::NodeName;
use block_ipam::plan::RecordId;
use futures::future::join_all;

use crate::doctor::facts::{Etcd, Facts, Memory, Rights};
use crate::doctor::{certificates, history, permissions, wire};

/// Reads whose times are taken.
const READS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(3);

/// Looks at the store of the settings, which is open already.
///
/// # Errors
/// Certificates that cannot be used: nothing can be asked with them.
pub(crate) async fn look(
    settings: &StoreSettings,
    store: &dyn Datastore,
) -> Result<Facts, OpenError> {
    let mut facts = Facts::default();
    if let StoreSettings::Etcd(settings) = settings {
        facts.etcd = Some(survey(settings).await?);
    }
    let answers = |etcd: &Etcd| etcd.members.iter().any(|member| member.member.is_ok());
    if !facts.etcd.as_ref().is_none_or(answers) {
        return Ok(facts);
    }
    let (reads, last) = reads(store).await;
    facts.reads = Some(reads);
    let StoreSettings::Etcd(etcd) = settings else {
        facts.memory = memory(settings, last.as_ref());
        return Ok(facts);
    };
    // Who may not read this one record may be permitted others.
    let is_let_in = match &facts.reads {
        Some(Err(error)) => error.contains("permission denied"),
        Some(Ok(_)) | None => true,
    };
    if is_let_in && let Some(found) = &mut facts.etcd {
        found.rights = Some(rights(etcd, store).await);
        found.history = Some(history::of(store).await.map_err(|error| error.to_string()));
    }
    facts.memory = memory(settings, last.as_ref());
    Ok(facts)
}

async fn survey(settings: &EtcdSettings) -> Result<Etcd, OpenError> {
    let adapter = etcd::Etcd::new(settings, TIMEOUT, &SystemEntropy)?;
    let spoken = settings.endpoints.iter();
    let spoken = spoken.map(|endpoint| wire::ask(endpoint, &settings.tls));
    let (members, spoken) = futures::join!(adapter.survey(), join_all(spoken));
    Ok(Etcd {
        members,
        spoken,
        certificates: certificates::of(&settings.tls),
        ..Etcd::default()
    })
}

async fn reads(store: &dyn Datastore) -> (Result<Vec<Duration>, String>, Option<Snapshot>) {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..READS {
        let begun = SystemClock.now();
        let key = keys::key_of(&RecordId::Config);
        match store.read(Read::latest(vec![Range::key(key)])).await {
            Ok(snapshot) => last = Some(snapshot),
            Err(error) => return (Err(error.to_string()), None),
        }
        times.push(SystemClock.now().since(begun));
    }
    (Ok(times), last)
}

async fn rights(settings: &EtcdSettings, store: &dyn Datastore) -> Rights {
    let (programs, trouble) = match permissions::programs(store).await {
        Ok(programs) => (programs, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    Rights {
        user: settings.login.as_ref().map(|login| login.user.clone()),
        programs,
        trouble,
    }
}

/// Returns what the nodes of this machine remember of the store: files below the folder of its address, and those that
/// name its identity, for its endpoints may be spelled otherwise in their configuration.
fn memory(settings: &StoreSettings, now: Option<&Snapshot>) -> Memory {
    let folder = std::env::var_os("BLOCK_IPAM_RUN_DIR").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from("/run/block-ipam"));
    let mut memory = Memory {
        folder: folder.clone(),
        ..Memory::default()
    };
    let files = match remembered(&folder) {
        Ok(files) => files,
        Err(error) => {
            memory.trouble = Some(error.to_string());
            return memory;
        }
    };
    let any = NodeName::stored("any");
    let own = NodeFiles::new(&folder, &settings.to_string(), &any);
    let is_of_this = |file: &std::path::Path, cluster: u64| {
        file.starts_with(own.directory()) || now.is_some_and(|now| now.cluster == cluster)
    };
    for one in files {
        if !is_of_this(&one.file, one.hint.cluster) {
            continue;
        }
        memory.files += 1;
        memory.noted.extend(one.went_back);
        let known = Known {
            revision: one.hint.revision,
            cluster: one.hint.cluster,
        };
        let how = now.and_then(|now| known.judge(now.revision, now.cluster));
        memory.went_back.extend(how.map(|how| (one.file, how)));
    }
    memory
}
