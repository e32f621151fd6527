//! Calico's backend on etcd: each request touches one key and is compared by that key's revision alone.
//!
//! It knows keys and JSON, and no block. A lost reply is a failure like any other, as there.

use std::sync::Arc;

use block_ipam::datastore::{Commit, Datastore, Entry, Guard, Range, Read, Snapshot, Txn, Write};
use block_ipam::revision::Revision;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::keys;

/// A record with the key it stands under and the revision it was read or written at.
#[derive(Debug, Clone)]
pub struct Kv<T> {
    /// The key.
    pub key: String,
    /// What stands there.
    pub value: T,
    /// The revision that an update or a deletion is compared with.
    pub revision: Revision,
}

/// What Calico sends its requests with.
#[derive(Debug, Clone)]
pub(super) struct Client {
    store: Arc<dyn Datastore>,
}

impl Client {
    pub(super) fn new(store: Arc<dyn Datastore>) -> Client {
        Client { store }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Kv<T>, Failure> {
        let read = Read::latest(vec![Range::key(key)]);
        let snapshot = self.store.read(read).await?;
        let entry = only(snapshot).ok_or_else(|| Failure::Absent(keys::name(key)))?;
        parse(entry)
    }

    /// What does not parse is left out of a list without a word.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<Kv<T>>, Failure> {
        let read = Read::latest(vec![Range::prefix(prefix)]);
        let snapshot = self.store.read(read).await?;
        let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
        Ok(entries.filter_map(|entry| parse(entry).ok()).collect())
    }

    pub(super) async fn create<T: Serialize>(&self, key: &str, value: T) -> Result<Kv<T>, Failure> {
        let guard = Guard::Absent(key.to_owned());
        let write = Write::Put(key.to_owned(), bytes(&value));
        match self.commit(vec![guard], write).await? {
            Commit::Applied(revision) => Ok(Kv {
                key: key.to_owned(),
                value,
                revision,
            }),
            Commit::Conflict(_) => Err(Failure::Exists(keys::name(key))),
        }
    }

    pub(super) async fn update<T: Serialize>(&self, kv: Kv<T>) -> Result<Kv<T>, Failure> {
        let guard = Guard::At(kv.key.clone(), kv.revision);
        let write = Write::Put(kv.key.clone(), bytes(&kv.value));
        match self.commit(vec![guard], write).await? {
            Commit::Applied(revision) => Ok(Kv { revision, ..kv }),
            Commit::Conflict(snapshot) => Err(refused(&kv.key, snapshot)),
        }
    }

    pub(super) async fn delete(&self, key: &str, revision: Revision) -> Result<(), Failure> {
        let guard = Guard::At(key.to_owned(), revision);
        match self
            .commit(vec![guard], Write::Delete(key.to_owned()))
            .await?
        {
            Commit::Applied(_) => Ok(()),
            Commit::Conflict(snapshot) => Err(refused(key, snapshot)),
        }
    }

    /// Deletes whatever stands there.
    pub(super) async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.commit(Vec::new(), Write::Delete(key.to_owned()))
            .await?;
        Ok(())
    }

    /// Writes over whatever stands there.
    pub(super) async fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<(), Failure> {
        let write = Write::Put(key.to_owned(), bytes(value));
        self.commit(Vec::new(), write).await?;
        Ok(())
    }

    async fn commit(&self, guards: Vec<Guard>, write: Write) -> Result<Commit, Failure> {
        let writes = vec![write];
        Ok(self.store.commit(Txn { guards, writes }).await?)
    }
}

fn only(snapshot: Snapshot) -> Option<Entry> {
    let mut entries = snapshot.found.into_iter().flat_map(|found| found.entries);
    entries.next()
}

fn refused(key: &str, snapshot: Snapshot) -> Failure {
    match only(snapshot) {
        None => Failure::Absent(keys::name(key)),
        Some(_) => Failure::Conflict(keys::name(key)),
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("records of Calico have text for keys")
}

fn parse<T: DeserializeOwned>(entry: Entry) -> Result<Kv<T>, Failure> {
    let text: &[u8] = match entry.value.as_slice() {
        [] if keys::is_affinity(&entry.key) => b"{}",
        [] => return Err(Failure::Other("missing etcd KV".to_owned())),
        text => text,
    };
    let value = serde_json::from_slice(text).map_err(|cause| {
        let text = String::from_utf8_lossy(text);
        let key = &entry.key;
        Failure::Other(format!(
            "failed to parse datastore entry key={key}; value={text}: {cause}"
        ))
    })?;
    Ok(Kv {
        key: entry.key,
        value,
        revision: entry.modified,
    })
}
