//! What the facts mean: one check for each kind of trouble, with the way out. Pure.

mod etcd;
mod trust;

use std::time::Duration;

use crate::doctor::facts::{Facts, Memory};

/// Medians of reads from which on a store is slow, and so slow that calls of the plugin end.
const SLOW: Duration = Duration::from_millis(250);
const MUCH_TOO_SLOW: Duration = Duration::from_secs(2);

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// It could not be looked at.
    Skip,
    /// It will be trouble.
    Warn,
    /// It is trouble.
    Fail,
}

impl Status {
    /// Returns the word that is printed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Skip => "skip",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

/// What was looked at, how it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    pub(crate) what: String,
    /// The way out, where something is to be done.
    pub(crate) act: Option<String>,
}

impl Check {
    fn ok(name: &'static str, what: impl Into<String>) -> Check {
        Check::of(name, Status::Ok, what, None)
    }

    fn skip(name: &'static str, what: impl Into<String>) -> Check {
        Check::of(name, Status::Skip, what, None)
    }

    fn warn(name: &'static str, what: impl Into<String>, act: impl Into<String>) -> Check {
        Check::of(name, Status::Warn, what, Some(act.into()))
    }

    fn fail(name: &'static str, what: impl Into<String>, act: impl Into<String>) -> Check {
        Check::of(name, Status::Fail, what, Some(act.into()))
    }

    fn of(
        name: &'static str,
        status: Status,
        what: impl Into<String>,
        act: Option<String>,
    ) -> Check {
        let what = what.into();
        Check {
            name,
            status,
            what,
            act,
        }
    }
}

/// Returns all checks, in the order in which their troubles follow from each other.
pub(crate) fn judge(facts: &Facts, now: block_ipam::clock::Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(etcd) = &facts.etcd {
        checks.extend(etcd::endpoints(etcd));
        checks.extend(trust::certificates(etcd, now));
        checks.push(trust::login(etcd));
        checks.extend(etcd.rights.as_ref().map(trust::rights));
    }
    let Some(reads) = &facts.reads else {
        return checks;
    };
    checks.push(latency(reads));
    if let Some(etcd) = &facts.etcd {
        checks.push(etcd::space(etcd));
        checks.push(etcd::compaction(etcd));
        checks.push(etcd::clocks(etcd));
    }
    checks.push(revision(&facts.memory));
    checks
}

fn latency(reads: &Result<Vec<Duration>, String>) -> Check {
    const NAME: &str = "latency";
    let times = match reads {
        Ok(times) => times,
        Err(error) if error.contains("permission denied") => {
            return Check::skip(NAME, format!("not permitted: {error}"));
        }
        Err(error) => {
            let act = "the words are those of the store; the checks before this one may say why";
            return Check::fail(NAME, format!("a read fails: {error}"), act);
        }
    };
    let mut sorted = times.clone();
    sorted.sort();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let what = format!("half of the reads take at most {} ms", median.as_millis());
    let act = "look at the disk and the load of etcd's machines, and at the network between";
    if median < SLOW {
        Check::ok(NAME, what)
    } else if median < MUCH_TOO_SLOW {
        Check::warn(NAME, what, act)
    } else {
        Check::fail(NAME, what, act)
    }
}

/// The words are those with which the plugin refuses to assign (error 106).
fn revision(memory: &Memory) -> Check {
    const NAME: &str = "revision";
    let seen = memory.went_back.iter();
    let seen = seen.map(|(file, how)| (file, how.to_string()));
    let noted = memory.noted.iter().map(|(file, said)| (file, said.clone()));
    let went_back: Vec<(&std::path::PathBuf, String)> = seen.chain(noted).collect();
    if let Some((file, how)) = went_back.first() {
        let folder = file.parent().unwrap_or(file).display();
        let what = format!("the store went back: {how} ({})", file.display());
        let act = format!(
            "it was restored from a snapshot or made anew, and may give out addresses that workloads hold: compare \
             them with `ipamctl ipam check`, end the workloads that it does not know, then remove {folder} on each node"
        );
        return Check::fail(NAME, what, act);
    }
    let folder = memory.folder.display();
    match (&memory.trouble, memory.files) {
        (Some(error), _) => Check::skip(NAME, format!("{folder} cannot be read: {error}")),
        (None, 0) => {
            let what = format!("nothing in {folder} remembers this store: only a node of it does");
            Check::skip(NAME, what)
        }
        (None, count) => Check::ok(NAME, format!("nothing newer is remembered ({count} files)")),
    }
}

#[cfg(test)]
mod tests;
