//! What each endpoint says of itself, for whoever looks after the store. Nothing is written, and no endpoint stands in for
//! another.

use std::time::Duration;

use etcd_client::StatusResponse;
use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::Etcd;
use super::endpoint::Dial;
use super::errors::{Failure, Kind};
use crate::revision::Revision;

/// What one endpoint said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// Its URL, as the settings have it.
    pub endpoint: String,
    /// What it says, or why it says nothing.
    pub member: Result<Member, Unanswered>,
    /// Why it does not let in the user of the settings; `None` where it does, or where there is no user.
    pub shut_out: Option<String>,
}

/// A member as it sees itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// The version of its program.
    pub version: String,
    /// The identity of its cluster.
    pub cluster: u64,
    /// Whether it knows of a leader.
    pub has_leader: bool,
    /// Whether it only learns, and serves no reads.
    pub is_learner: bool,
    /// The newest revision that it has.
    pub revision: Revision,
    /// Bytes of its database file.
    pub bytes: u64,
    /// Most bytes that it may have; `None` where its version does not tell.
    pub quota: Option<u64>,
    /// What is raised in the cluster.
    pub alarms: Vec<Alarm>,
}

/// An alarm that a cluster raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// The quota is reached: it takes no writes that need room.
    NoSpace,
    /// The data of members differ.
    Corrupt,
    /// In etcd's words.
    Other(String),
}

/// Why an endpoint said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// No connection, or no answer in time.
    Unreachable(String),
    /// It is there, and says no.
    Refused(String),
}

impl Etcd {
    /// Asks every endpoint what it is, all at once and each by itself.
    pub async fn survey(&self) -> Vec<Surveyed> {
        let (dial, _) = self.look_at_files();
        let deadline = Instant::now() + self.timeout;
        let ask = |url: String| {
            let dial = &dial;
            async move { survey(url, dial, deadline).await }
        };
        let urls = self.endpoints.iter().map(|endpoint| endpoint.url.clone());
        join_all(urls.map(ask)).await
    }
}

async fn survey(url: String, dial: &Dial, deadline: Instant) -> Surveyed {
    let asked = timeout_at(deadline, ask(&url, dial)).await;
    let (member, shut_out) = asked.unwrap_or_else(|_| {
        let text = silent(dial.timeout);
        (Err(Unanswered::Unreachable(text)), None)
    });
    Surveyed {
        endpoint: url,
        member,
        shut_out,
    }
}

fn silent(timeout: Duration) -> String {
    format!("no answer within {timeout:?}")
}

/// What a member is, it tells everybody: a user who is not let in is told of beside it.
async fn ask(url: &str, dial: &Dial) -> (Result<Member, Unanswered>, Option<String>) {
    let mut shut_out = None;
    let mut client = dial.client(url, dial.login.as_ref()).await;
    if let Err(failure) = &client
        && dial.login.is_some()
    {
        if !failure.needs_no_login() && failure.kind == Kind::Refused {
            shut_out = Some(failure.text.clone());
        }
        client = dial.client(url, None).await;
    }
    let status = match client {
        Ok(mut client) => client.status().await.map_err(|error| Failure::of(&error)),
        Err(failure) => Err(failure),
    };
    let member = status.map(|status| member(&status));
    (member.map_err(unanswered), shut_out)
}

fn unanswered(failure: Failure) -> Unanswered {
    match failure.kind {
        Kind::Refused | Kind::Token | Kind::NoSpace | Kind::Compacted | Kind::Unreadable => {
            Unanswered::Refused(failure.text)
        }
        Kind::NotDone | Kind::Unknown => Unanswered::Unreachable(failure.text),
    }
}

fn member(status: &StatusResponse) -> Member {
    let header = status.header();
    let revision = header.map_or(0, etcd_client::ResponseHeader::revision);
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| 0 < *number);
    Member {
        version: status.version().to_owned(),
        cluster: header.map_or(0, etcd_client::ResponseHeader::cluster_id),
        has_leader: status.leader() != 0,
        is_learner: status.is_learner(),
        revision: Revision(positive(revision).unwrap_or(0)),
        bytes: positive(status.db_size()).unwrap_or(0),
        quota: positive(status.db_size_quota()),
        alarms: status
            .errors()
            .iter()
            .filter_map(|text| alarm(text))
            .collect(),
    }
}

/// Reads what etcd prints of an alarm; that there is no leader is told by the leader's number.
fn alarm(text: &str) -> Option<Alarm> {
    if text.contains("NOSPACE") {
        Some(Alarm::NoSpace)
    } else if text.contains("CORRUPT") {
        Some(Alarm::Corrupt)
    } else if text.contains("no leader") {
        None
    } else {
        Some(Alarm::Other(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_read_from_etcds_words() {
        let table = [
            (
                "memberID:10276657743932975437 alarm:NOSPACE ",
                Some(Alarm::NoSpace),
            ),
            ("memberID:1 alarm:CORRUPT ", Some(Alarm::Corrupt)),
            ("etcdserver: no leader", None),
            ("new words", Some(Alarm::Other("new words".to_owned()))),
        ];
        for (text, expected) in table {
            assert_eq!(alarm(text), expected, "{text}");
        }
    }
}
