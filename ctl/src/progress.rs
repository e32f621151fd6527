//! One line on a terminal about work that lasts: how long, how many requests, how many records. It is gone at the end, and
//! whatever else is printed comes through [`aside`], so that the two never mix.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, timeout_at};

/// What is done sooner needs no line.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
const DRAWN_EVERY: Duration = Duration::from_millis(200);

static LINE: LazyLock<ProgressBar> = LazyLock::new(|| {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
    let style = style.expect("a template of names that there are");
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    line.with_style(style)
});

/// Runs what prints, with the line out of its way.
pub(crate) fn aside<T>(print: impl FnOnce() -> T) -> T {
    LINE.suspend(print)
}

/// Takes the line away for good.
pub(crate) fn end() {
    LINE.finish_and_clear();
    LINE.set_draw_target(ProgressDrawTarget::hidden());
}

/// Returns the store, watched where a person looks on.
pub(crate) fn watched(store: Arc<dyn Datastore>) -> Arc<dyn Datastore> {
    if !io::stderr().is_terminal() {
        return store;
    }
    Arc::new(Watched {
        store,
        begun: Instant::now(),
        requests: AtomicUsize::new(0),
        records: AtomicUsize::new(0),
    })
}

/// A store whose requests are counted on the line.
#[derive(Debug)]
struct Watched {
    store: Arc<dyn Datastore>,
    begun: Instant,
    requests: AtomicUsize,
    records: AtomicUsize,
}

impl Watched {
    /// Waits for an answer, and shows the line as soon as all of it lasts.
    async fn waited<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        let shown_at = self.begun + SHOWN_AFTER;
        if let Ok(answer) = timeout_at(shown_at, &mut answer).await {
            return answer;
        }
        self.tell();
        if LINE.is_hidden() {
            LINE.set_draw_target(ProgressDrawTarget::stderr());
            LINE.enable_steady_tick(DRAWN_EVERY);
        }
        answer.await
    }

    fn tell(&self) {
        let requests = self.requests.load(Ordering::Relaxed);
        let records = self.records.load(Ordering::Relaxed);
        LINE.set_message(words(requests, records));
    }
}

fn words(requests: usize, records: usize) -> String {
    match requests {
        0 => "waiting for the store".to_owned(),
        _ => format!("{requests} requests answered, {records} records read"),
    }
}

#[async_trait]
impl Datastore for Watched {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let snapshot = self.waited(self.store.read(read)).await?;
        let records = snapshot.found.iter().map(|found| found.entries.len()).sum();
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.tell();
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        let done = self.waited(self.store.commit(txn)).await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.tell();
        Ok(done)
    }

    fn answered_by(&self) -> Option<String> {
        self.store.answered_by()
    }
}
