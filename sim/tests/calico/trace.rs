//! A store that writes down its requests as the recordings do.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Guard, Memory, Read, Snapshot, Span, Txn, Write,
};

use crate::load::Requests;

/// A store in memory and the requests it was sent.
#[derive(Debug, Default)]
pub(crate) struct Tracing {
    pub(crate) memory: Arc<Memory>,
    lines: Mutex<Vec<String>>,
}

impl Tracing {
    /// Returns what was asked, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    /// Counts what was asked.
    pub(crate) fn requests(&self) -> Requests {
        let mut requests = Requests::default();
        for line in self.lines() {
            *requests.of_kind(&line) += 1;
        }
        requests
    }

    fn say(&self, verb: &str, key: &str, outcome: &str) {
        let line = format!("{verb} {}{outcome}", short(key).trim_end_matches('/'));
        self.lines.lock().expect("nobody panics with it").push(line);
    }
}

fn short(key: &str) -> String {
    key.replacen("/calico/ipam/v2/", "ipam/", 1).replacen(
        "/calico/resources/v3/projectcalico.org/",
        "res/",
        1,
    )
}

#[async_trait]
impl Datastore for Tracing {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let [range] = read.ranges.as_slice() else {
            panic!("Calico reads one range at a time: {read:?}");
        };
        let span = range.span.clone();
        let snapshot = self.memory.read(read).await?;
        let entry = snapshot.found[0].entries.first();
        match span {
            Span::Key(key) => {
                let is_text =
                    |value: &[u8]| serde_json::from_slice::<serde_json::Value>(value).is_ok();
                let outcome = match entry {
                    None => " -> absent",
                    Some(entry) if is_text(&entry.value) || key.contains("/block/") => "",
                    Some(_) => " -> error",
                };
                self.say("GET", &key, outcome);
            }
            Span::Prefix(prefix) => self.say("LIST", &prefix, ""),
            Span::Between(..) => panic!("Calico reads keys and prefixes: {span:?}"),
        }
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        let [write] = txn.writes.as_slice() else {
            panic!("Calico writes one key at a time: {txn:?}");
        };
        let key = write.key().to_owned();
        let verb = match (txn.guards.as_slice(), write) {
            ([Guard::Absent(own)], Write::Put(..)) if *own == key => "CREATE",
            ([Guard::At(own, _)], Write::Put(..)) if *own == key => "UPDATE",
            ([Guard::At(own, _)], Write::Delete(_)) if *own == key => "DELETE",
            ([], Write::Put(..)) => "PUT",
            ([], Write::Delete(_)) => "DELETE",
            _ => panic!("Calico compares the key that it writes: {txn:?}"),
        };
        let done = self.memory.commit(txn).await?;
        let outcome = match (&done, verb) {
            (Commit::Applied(_), _) => "",
            (Commit::Conflict(_), "CREATE") => " -> exists",
            (Commit::Conflict(found), _) if found.found[0].entries.is_empty() => " -> absent",
            (Commit::Conflict(_), _) => " -> conflict",
        };
        self.say(verb, &key, outcome);
        Ok(done)
    }
}
