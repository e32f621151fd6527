//! One endpoint: its client, made when it is first needed, and one request to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions, Error, KvClient, TlsOptions};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tonic::transport;

use super::convert::{Answer, Request};
use super::errors::{Failure, Kind};
use crate::datastore::settings::Login;

/// Large enough for the pages that we ask for, each up to 4 MB more than intended, 120 of them at once included.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// etcd closes connections that are pinged more often than every 5 s, or while nothing is asked.
const PING_EVERY: Duration = Duration::from_secs(10);

/// How to connect: the same for all endpoints.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    /// For endpoints with `https`.
    pub(super) tls: Option<TlsOptions>,
    pub(super) login: Option<Login>,
    /// Of a whole call.
    pub(super) timeout: Duration,
}

impl Dial {
    fn endpoint(&self, url: &str) -> Result<transport::Endpoint, transport::Error> {
        let endpoint = transport::Endpoint::from_shared(url.to_owned())?
            // A second guard, for what the library sends by itself; ours comes first and names the time.
            .timeout(self.timeout * 2)
            // So that a commit can go on to the next endpoint where this one swallows packets.
            .connect_timeout(self.timeout / 4)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .keep_alive_while_idle(false);
        match &self.tls {
            Some(tls) if url.starts_with("https://") => endpoint.tls_config(tls.clone()),
            Some(_) | None => Ok(endpoint),
        }
    }

    async fn connect(&self, url: &str) -> Result<KvClient, Failure> {
        let client = match self.client(url, self.login.as_ref()).await {
            Err(failure) if failure.needs_no_login() => self.client(url, None).await?,
            other => other?,
        };
        Ok(client
            .kv_client()
            .max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// Connects, and logs in where a login is given: a client of all that etcd offers.
    pub(super) async fn client(&self, url: &str, login: Option<&Login>) -> Result<Client, Failure> {
        let endpoint = self.endpoint(url);
        let endpoint = endpoint.map_err(|error| Failure::of(&error.into()))?;
        let channel = endpoint.connect().await;
        let channel = channel.map_err(|error| Failure::unconnected(&error))?;
        let options = login
            .map(|Login { user, password }| ConnectOptions::new().with_user(user, &*password.0));
        let client = Client::from_channel(Channel::Tonic(channel), options).await;
        client.map_err(|error| Failure::before_sending(&error))
    }
}

/// One endpoint of the cluster.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) url: String,
    slot: Mutex<Slot>,
    /// Whether the client was answered before, so that its connection may have died since.
    used: AtomicBool,
}

/// The client, and which one it is, so that a broken one is dropped once.
#[derive(Default)]
struct Slot {
    generation: u64,
    client: Option<KvClient>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(super) fn new(url: &str) -> Endpoint {
        Endpoint {
            url: url.to_owned(),
            slot: Mutex::default(),
            used: AtomicBool::new(false),
        }
    }

    /// Makes the client where there is none. What goes wrong is left for the next request to meet.
    pub(super) async fn connect(&self, dial: &Dial, deadline: Instant) {
        let _ = timeout_at(deadline, self.client(dial)).await;
    }

    /// Drops the client, so that the next request connects anew.
    pub(super) async fn reset(&self) {
        self.forget(&mut *self.slot.lock().await);
    }

    /// Sends a request that only reads, and once more if the connection of an earlier request turns out to be dead.
    pub(super) async fn ask_again(
        &self,
        request: &Request,
        dial: &Dial,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let used = self.used.load(Ordering::Relaxed);
        let died = |failure: &Failure| failure.kind == Kind::Unknown && failure.doubts_connection();
        match self.ask(request, dial, deadline).await {
            Err(failure) if used && died(&failure) && Instant::now() < deadline => {
                self.ask(request, dial, deadline).await
            }
            other => other,
        }
    }

    /// Sends a request, and once more with a new token if the old one is of no use: such a request was not executed.
    pub(super) async fn ask(
        &self,
        request: &Request,
        dial: &Dial,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        match self.ask_once(request, dial, deadline).await {
            Err(failure) if failure.kind == Kind::Token => {
                self.ask_once(request, dial, deadline).await
            }
            other => other,
        }
    }

    async fn ask_once(
        &self,
        request: &Request,
        dial: &Dial,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let connected = timeout_at(deadline, self.client(dial)).await;
        let (generation, client) = connected.unwrap_or_else(|_| {
            let text = format!("no connection within {:?}", dial.timeout);
            Err(Failure::new(Kind::NotDone, text))
        })?;
        let failure = match timeout_at(deadline, send(client, request.clone())).await {
            Ok(Ok(answer)) => {
                self.used.store(true, Ordering::Relaxed);
                return Ok(answer);
            }
            Ok(Err(error)) => Failure::of(&error),
            Err(_) => Failure::new(
                Kind::Unknown,
                format!("no answer within {:?}", dial.timeout),
            ),
        };
        if failure.doubts_connection() {
            self.drop_client(generation).await;
        }
        Err(failure)
    }

    /// Returns the client. Whoever comes while it is being made waits for it: one login serves them all.
    async fn client(&self, dial: &Dial) -> Result<(u64, KvClient), Failure> {
        let mut slot = self.slot.lock().await;
        let client = match &slot.client {
            Some(client) => client.clone(),
            None => dial.connect(&self.url).await?,
        };
        slot.client = Some(client.clone());
        Ok((slot.generation, client))
    }

    fn forget(&self, slot: &mut Slot) {
        slot.generation += 1;
        slot.client = None;
        self.used.store(false, Ordering::Relaxed);
    }

    /// Drops this client, unless somebody else did and there is a newer one.
    async fn drop_client(&self, generation: u64) {
        let mut slot = self.slot.lock().await;
        if slot.generation == generation {
            self.forget(&mut slot);
        }
    }
}

async fn send(mut client: KvClient, request: Request) -> Result<Answer, Error> {
    match request {
        Request::Get(key, options) => client.get(key, Some(options)).await.map(Answer::Get),
        Request::Txn(txn) => client.txn(txn).await.map(Answer::Txn),
    }
}
