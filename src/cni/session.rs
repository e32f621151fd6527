//! A call's time with the store: the hint before it, the turn in the node's queue, and the hint after it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::allocator::hint_file::NodeFiles;
use crate::allocator::{Allocator, AllocatorError, Budget, Hint};
use crate::assign::{Searched, Terms};
use crate::blocks::{Address, BlockCidr};
use crate::cni::attachment::Subject;
use crate::cni::call::Call;
use crate::cni::error::{CniError, Code};
use crate::cni::observed::{Known, Observed, OnWentBack, WentBack};
use crate::cni::store::Use;
use crate::datastore::Datastore;
use crate::ids::NodeName;
use crate::node_queue::{self, Turn};

/// Longest part of the call's time that is spent in the queue. Those who leave it early, all at once, only get in each
/// other's way; the rest of the time is for who stands behind a process that hangs.
const QUEUE_SHARE: u32 = 2;
/// Longest part that one request to the store may take.
const REQUEST_SHARE: u32 = 4;
/// The part of the time that is left after which the allocator gives up by itself, in tenths: its words tell more than ours.
const ALLOCATOR_TENTHS: u32 = 9;

/// What a call is with the store for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It assigns.
    Assign,
    /// It gives back, which is right on any store.
    GiveBack,
    /// It asks whether an ADD could be served. Only reads.
    Look,
    /// It compares what is there. Only reads, and is right on any store.
    Compare,
}

impl Purpose {
    /// Returns what becomes of the call where the store went back: giving back is right on any store.
    const fn on_went_back(self) -> OnWentBack {
        match self {
            Purpose::Assign | Purpose::Look => OnWentBack::Refuse,
            Purpose::GiveBack | Purpose::Compare => OnWentBack::Note,
        }
    }

    /// Returns whether it writes, and so waits for those of this node that came before.
    const fn writes(self) -> bool {
        matches!(self, Purpose::Assign | Purpose::GiveBack)
    }
}

/// A call's time with the store.
#[derive(Debug)]
pub struct Session {
    /// Serves the requests.
    pub allocator: Allocator,
    /// The store itself.
    pub store: Arc<Observed>,
    /// What the node remembers.
    pub hint: Hint,
    purpose: Purpose,
    files: Option<NodeFiles>,
    _turn: Option<Turn>,
}

impl Session {
    /// Opens the store of a call; one that writes after those of this node that came before.
    ///
    /// # Errors
    /// [`Code::Config`] where no store is configured or it cannot be opened; [`Code::StoreWentBack`] where an earlier call
    /// saw that, and assigning is asked for.
    pub async fn open<S: Subject>(
        call: &Call<'_, S>,
        node: Option<&NodeName>,
        purpose: Purpose,
        timeout: Duration,
    ) -> Result<Session, CniError> {
        let context = call.context;
        let settings = context.stores.select(call.config, call.environment)?;
        let run_dir = call.config.text("run_dir").ok().flatten();
        let run_dir = run_dir.map_or(context.machine.run_dir.as_path(), |path| path.as_ref());
        let files = node.map(|node| NodeFiles::new(run_dir, &settings.to_string(), node));
        let last = files.as_ref().map(NodeFiles::load).unwrap_or_default();
        let used = Use {
            timeout: timeout / REQUEST_SHARE,
            first: last.endpoint.as_deref(),
            entropy: context.entropy.as_ref(),
        };
        let store = context.stores.open(&settings, used)?;
        let turn = match files.as_ref().filter(|_| purpose.writes()) {
            Some(files) => take_turn(files, timeout / QUEUE_SHARE, &store).await,
            None => None,
        };
        check_went_back(files.as_ref(), purpose)?;
        let mut hint = files.as_ref().map(NodeFiles::load).unwrap_or_default();
        // What a clock that was ahead remembered would shut out what is learnt now.
        hint.searched.retain(|one| one.since <= call.began);
        let known = Known {
            revision: hint.revision,
            cluster: hint.cluster,
        };
        let store = Observed::new(store, known, purpose.on_went_back());
        let store = Arc::new(store);
        call.watch(&store);
        let allocator = Allocator::new(
            store.clone(),
            context.clock.clone(),
            context.entropy.clone(),
        );
        Ok(Session {
            allocator: allocator.with_budget(budget(timeout, call.spent())),
            store,
            hint,
            purpose,
            files,
            _turn: turn,
        })
    }

    /// The same for what a call assigns: the machine must be the node's, and no workload may get a gateway.
    ///
    /// A machine that has no id and nowhere to keep one is not told from others.
    #[must_use]
    pub fn on_terms<S>(mut self, call: &Call<'_, S>, gateways: &[Address]) -> Session {
        let files = &call.context.machine.files;
        let machine = if self.purpose.writes() {
            files.read_or_make(call.context.entropy.as_ref())
        } else {
            files.read().ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let terms = Terms {
            machine: machine
                .inspect_err(|error| tracing::debug!(%error, "this machine has no id"))
                .ok(),
            gateways: gateways.to_vec(),
        };
        self.allocator = self.allocator.on_terms(terms);
        self
    }

    /// Says what a failed request means for the runtime.
    pub fn explain(&self, error: &AllocatorError) -> CniError {
        match self.store.sighting().went_back {
            Some(how) if self.purpose.on_went_back() == OnWentBack::Refuse => {
                self.remember_that_it_went_back(how);
                went_back(&how.to_string(), self.files.as_ref())
            }
            _ => error.into(),
        }
    }

    /// From here on ADD is refused until somebody says that the store is to be taken as it is, for its revision passes the
    /// one that was seen before long.
    fn remember_that_it_went_back(&self, how: WentBack) {
        let Some(files) = self.files.as_ref().filter(|_| self.purpose.writes()) else {
            return;
        };
        let file = files.went_back();
        if let Err(error) = std::fs::write(&file, how.to_string()) {
            tracing::debug!(file = %file.display(), %error, "not written");
        }
    }

    /// Writes down what the call learnt, blocks of its addresses first. A hint that cannot be written is not missed.
    /// The revision never goes down, so that a store that went back is still known after a DEL.
    pub fn remember(&self, used: impl IntoIterator<Item = BlockCidr>) {
        self.remember_with(used, self.hint.searched.clone());
    }

    /// The same, and what searches of the node ended in.
    pub fn remember_with(
        &self,
        used: impl IntoIterator<Item = BlockCidr>,
        searched: Vec<Searched>,
    ) {
        let Some(files) = &self.files else { return };
        let seen = self.store.sighting();
        let mut hint = self.hint.clone();
        match seen.went_back {
            Some(how) => self.remember_that_it_went_back(how),
            None => {
                hint.revision = seen.revision.max(hint.revision);
                hint.cluster = seen.cluster;
            }
        }
        if let Some(endpoint) = self.store.answered_by() {
            hint.endpoint = Some(endpoint);
        }
        hint.blocks = moved_to_front(&hint.blocks, used);
        hint.searched = searched;
        if hint != self.hint
            && let Err(error) = files.save(&hint)
        {
            tracing::debug!(file = %files.hint().display(), %error, "hint not written");
        }
    }
}

/// Refuses what assigns while an earlier call's word stands that the store went back.
fn check_went_back(files: Option<&NodeFiles>, purpose: Purpose) -> Result<(), CniError> {
    let refuses = purpose.on_went_back() == OnWentBack::Refuse;
    let said = files
        .filter(|_| refuses)
        .and_then(|files| std::fs::read_to_string(files.went_back()).ok());
    said.map_or(Ok(()), |said| Err(went_back(&said, files)))
}

fn went_back(how: &str, files: Option<&NodeFiles>) -> CniError {
    let directory = files.map(|files| files.directory().display().to_string());
    let msg = format!("the store went back: {how}");
    CniError::new(Code::StoreWentBack, msg).details(format!(
        "it was restored from a snapshot or made anew, and may give out addresses that workloads here hold; \
         compare them with `ipamctl ipam check`, end the workloads that it does not know, then remove {}",
        directory.unwrap_or_default()
    ))
}

fn budget(timeout: Duration, spent: Duration) -> Budget {
    Budget {
        deadline: timeout.saturating_sub(spent) * ALLOCATOR_TENTHS / 10,
        patience: timeout / REQUEST_SHARE,
        ..Budget::default()
    }
}

/// Connects while it waits, so that only requests are made in the turn.
async fn take_turn(
    files: &NodeFiles,
    longest: Duration,
    store: &Arc<dyn Datastore>,
) -> Option<Turn> {
    let path = files.lock();
    let connecting = Arc::clone(store);
    tokio::spawn(async move { connecting.connect().await });
    node_queue::wait(&path, longest)
        .await
        .inspect_err(
            |error| tracing::debug!(file = %path.display(), %error, "no turn in the queue"),
        )
        .ok()
}

fn moved_to_front(
    blocks: &[BlockCidr],
    used: impl IntoIterator<Item = BlockCidr>,
) -> Vec<BlockCidr> {
    let mut ordered: Vec<BlockCidr> = Vec::new();
    for block in used.into_iter().chain(blocks.iter().copied()) {
        if !ordered.contains(&block) {
            ordered.push(block);
        }
    }
    ordered
}
