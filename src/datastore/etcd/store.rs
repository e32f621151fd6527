//! The store over the endpoints: which one is asked, when the next one is, and what their failures add up to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::convert;
use super::endpoint::{Dial, Endpoint};
use super::errors::{self, Failure, Kind};
use super::race::first_answer;
use super::tls::{self, Stamp};
use crate::datastore::settings::{EtcdSettings, TlsSettings};
use crate::datastore::{
    Commit, Datastore, DatastoreError, Guard, OpenError, Range, Read, Snapshot, Txn, Write,
};
use crate::entropy::Entropy;

/// How long a read waits for an endpoint before it asks the next one too.
pub const HEDGE_AFTER: Duration = Duration::from_millis(100);

/// How long an endpoint that answered counts as living.
const LIVING_FOR: Duration = Duration::from_secs(5);

/// How often the files of certificates are looked at.
const LOOK_AT_FILES_EVERY: Duration = Duration::from_secs(10);

/// A store in etcd. Connects with the first request, where nobody asked for it before.
#[derive(Debug)]
pub struct Etcd {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) timeout: Duration,
    tls: TlsSettings,
    connecting: Mutex<Connecting>,
    /// The endpoint that is asked first.
    first: AtomicUsize,
    /// When that endpoint answered; `None` if it never did.
    answered: Mutex<Option<Instant>>,
}

/// How to connect, and what the files of the certificates were like when they were read.
#[derive(Debug)]
struct Connecting {
    dial: Arc<Dial>,
    stamp: Stamp,
    looked: Option<Instant>,
}

impl Etcd {
    /// Takes the settings and reads the certificates. Each call will end within the timeout.
    ///
    /// Which endpoint is asked first is drawn, so that not all nodes burden the same one.
    ///
    /// # Errors
    /// [`OpenError`] without an endpoint, or where a certificate cannot be read.
    pub fn new(
        settings: &EtcdSettings,
        timeout: Duration,
        entropy: &dyn Entropy,
    ) -> Result<Etcd, OpenError> {
        let endpoints: Vec<Endpoint> = settings
            .endpoints
            .iter()
            .map(|url| Endpoint::new(url))
            .collect();
        let count = u64::try_from(endpoints.len()).unwrap_or(u64::MAX);
        let first = entropy
            .bits()
            .checked_rem(count)
            .ok_or_else(|| OpenError::Setting {
                name: "etcd endpoints".to_owned(),
                detail: "there is none".to_owned(),
            })?;
        let stamp = tls::stamp(&settings.tls);
        let secure = settings
            .endpoints
            .iter()
            .any(|url| url.starts_with("https://"));
        let dial = Dial {
            tls: secure.then(|| tls::load(&settings.tls)).transpose()?,
            login: settings.login.clone(),
            timeout,
        };
        Ok(Etcd {
            endpoints,
            timeout,
            tls: settings.tls.clone(),
            connecting: Mutex::new(Connecting {
                dial: Arc::new(dial),
                stamp,
                looked: None,
            }),
            first: AtomicUsize::new(usize::try_from(first).unwrap_or(0)),
            answered: Mutex::new(None),
        })
    }

    /// Asks this endpoint first, if it is among those of the settings: the one that answered another process last.
    pub fn prefer(&self, url: &str) {
        if let Some(index) = self
            .endpoints
            .iter()
            .position(|endpoint| endpoint.url == url)
        {
            self.first.store(index, Ordering::Relaxed);
        }
    }

    /// Returns the endpoints to ask, the one that answered last first, the others as they stand after it.
    fn order(&self) -> Vec<usize> {
        let count = self.endpoints.len();
        let first = self.first.load(Ordering::Relaxed);
        (0..count).map(|step| (first + step) % count).collect()
    }

    fn note_answer(&self, endpoint: usize) {
        self.first.store(endpoint, Ordering::Relaxed);
        *lock(&self.answered) = Some(Instant::now());
    }

    fn named(&self, failures: Vec<(usize, Failure)>) -> Vec<(&str, Failure)> {
        let name =
            |(index, failure): (usize, Failure)| (self.endpoints[index].url.as_str(), failure);
        failures.into_iter().map(name).collect()
    }

    /// Returns how to connect. Certificates that were renewed are read anew, and the old connections dropped.
    async fn dial(&self) -> Arc<Dial> {
        let (dial, changed) = self.look_at_files();
        if changed {
            for endpoint in &self.endpoints {
                endpoint.reset().await;
            }
        }
        dial
    }

    /// Returns how to connect now, and whether that changed.
    pub(super) fn look_at_files(&self) -> (Arc<Dial>, bool) {
        let mut connecting = lock(&self.connecting);
        let now = Instant::now();
        let looked = connecting.looked.get_or_insert(now);
        if now.duration_since(*looked) < LOOK_AT_FILES_EVERY {
            return (Arc::clone(&connecting.dial), false);
        }
        *looked = now;
        let changed = connecting.renew(&self.tls);
        (Arc::clone(&connecting.dial), changed)
    }

    async fn read_any(&self, read: &Read) -> Result<Snapshot, DatastoreError> {
        let deadline = Instant::now() + self.timeout;
        let dial = self.dial().await;
        let request = convert::read_request(read);
        let ask = |index: usize| self.endpoints[index].ask_again(&request, &dial, deadline);
        match first_answer(self.order(), HEDGE_AFTER, ask).await {
            Ok((endpoint, answer)) => {
                self.note_answer(endpoint);
                Ok(convert::snapshot_of(answer))
            }
            Err(failures) => Err(errors::of_read(&self.named(failures), read.at)),
        }
    }

    /// Finds an endpoint that lives, where none answered lately and there is a choice. A commit that hangs on a dead
    /// one would cost its whole deadline, and its outcome would be unknown.
    async fn find_living(&self, write: &Write) -> Result<(), DatastoreError> {
        let lately = lock(&self.answered).is_some_and(|at| at.elapsed() < LIVING_FOR);
        if lately || self.endpoints.len() == 1 {
            return Ok(());
        }
        let probe = Read::latest(vec![Range::key(write.key()).keys_only()]);
        self.read_any(&probe).await.map(|_| ())
    }

    /// Tells after a "no space" whether the transaction was executed: it was not where the key that it would have
    /// written is still as the guards want it.
    async fn judge_no_space(&self, txn: &Txn, failures: &[(&str, Failure)]) -> DatastoreError {
        let writes = |guard: &&Guard| txn.writes.iter().any(|write| names(guard, write.key()));
        let guards: Vec<&Guard> = txn.guards.iter().filter(writes).collect();
        let ranges: Vec<Range> = guards.iter().map(|guard| guard.range()).collect();
        if ranges.is_empty() {
            return errors::indeterminate(failures);
        }
        match self.read_any(&Read::latest(ranges)).await {
            Ok(now)
                if guards
                    .iter()
                    .zip(&now.found)
                    .all(|(guard, found)| guard.holds(found)) =>
            {
                errors::of_commit(failures)
            }
            Ok(_) | Err(_) => errors::indeterminate(failures),
        }
    }
}

#[async_trait]
impl Datastore for Etcd {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        read.check()?;
        self.read_any(&read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        txn.check()?;
        self.find_living(&txn.writes[0]).await?;
        let deadline = Instant::now() + self.timeout;
        let dial = self.dial().await;
        let request = convert::txn_request(&txn);
        let mut failures = Vec::new();
        for index in self.order() {
            match self.endpoints[index].ask(&request, &dial, deadline).await {
                Ok(answer) => {
                    self.note_answer(index);
                    return Ok(convert::commit_of(answer));
                }
                Err(failure) => failures.push((index, failure)),
            }
            if failures
                .last()
                .is_some_and(|(_, failure)| failure.kind != Kind::NotDone)
            {
                break;
            }
        }
        let failures = self.named(failures);
        match failures.last().map(|(_, failure)| failure.kind) {
            Some(Kind::NoSpace) => Err(self.judge_no_space(&txn, &failures).await),
            _ => Err(errors::of_commit(&failures)),
        }
    }

    async fn connect(&self) {
        let deadline = Instant::now() + self.timeout;
        let dial = self.dial().await;
        let first = self.first.load(Ordering::Relaxed);
        self.endpoints[first].connect(&dial, deadline).await;
    }

    fn answered_by(&self) -> Option<String> {
        let answered = lock(&self.answered).is_some();
        answered.then(|| {
            self.endpoints[self.first.load(Ordering::Relaxed)]
                .url
                .clone()
        })
    }
}

impl Connecting {
    /// Reads the certificates if their files changed. What cannot be read, or is half written, waits for the next look.
    fn renew(&mut self, settings: &TlsSettings) -> bool {
        let stamp = tls::stamp(settings);
        if stamp == self.stamp || self.dial.tls.is_none() {
            return false;
        }
        match tls::load(settings) {
            Ok(tls) => {
                self.stamp = stamp;
                let tls = Some(tls);
                self.dial = Arc::new(Dial {
                    tls,
                    ..Dial::clone(&self.dial)
                });
                true
            }
            Err(error) => {
                tracing::warn!(%error, "renewed certificates are not usable; the old ones stay");
                false
            }
        }
    }
}

/// Returns whether the guard is about this one key.
fn names(guard: &Guard, key: &str) -> bool {
    match guard {
        Guard::Absent(own) | Guard::At(own, _) | Guard::Same(own, _) => own == key,
        Guard::NoneCreated(..) | Guard::NoneChanged(..) => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
