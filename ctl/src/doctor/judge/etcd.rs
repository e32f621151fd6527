//! The checks of the cluster itself.

use std::collections::BTreeSet;
use std::time::Duration;

use block_ipam::datastore::etcd::{Alarm, Member, Unanswered};

use crate::doctor::facts::{Clock, Etcd, Kept};
use crate::doctor::judge::Check;

/// The oldest version that has what requests are made of.
const OLDEST: (u32, u32) = (3, 4);
/// So many revisions come together in a cluster that never compacts, and hardly before its first compaction.
const MANY_UNCOMPACTED: u64 = 10_000;
/// Clocks may be apart for as long as nothing is told from them, and no longer than what is waited for.
const CLOCK_WARN: Duration = Duration::from_secs(5);
const CLOCK_FAIL: Duration = Duration::from_secs(60);

fn members(etcd: &Etcd) -> impl Iterator<Item = (&str, &Member)> {
    etcd.members.iter().filter_map(|surveyed| {
        let member = surveyed.member.as_ref().ok()?;
        Some((surveyed.endpoint.as_str(), member))
    })
}

/// Who answers, whether it is one cluster, and whether that can decide.
pub(super) fn endpoints(etcd: &Etcd) -> Vec<Check> {
    const NAME: &str = "endpoints";
    let all = etcd.members.len();
    let silent: Vec<String> = etcd
        .members
        .iter()
        .filter_map(|surveyed| {
            let (Unanswered::Unreachable(why) | Unanswered::Refused(why)) =
                surveyed.member.as_ref().err()?;
            Some(format!("{}: {why}", surveyed.endpoint))
        })
        .collect();
    let answering = all - silent.len();
    let what = match silent.as_slice() {
        [] => format!("{answering} of {all} answer"),
        silent => format!("{answering} of {all} answer; {}", silent.join("; ")),
    };
    if answering == 0 {
        let act = "start etcd, or correct the endpoints and certificates of the settings";
        return vec![Check::fail(NAME, what, act)];
    }
    let mut checks = vec![if silent.is_empty() {
        Check::ok(NAME, what)
    } else {
        let act = "look at etcd on those machines, or take them out of the settings";
        Check::warn(NAME, what, act)
    }];
    checks.extend(one_cluster(etcd));
    checks.push(leader(etcd));
    checks.extend(version(etcd));
    checks
}

fn one_cluster(etcd: &Etcd) -> Option<Check> {
    let clusters: BTreeSet<u64> = members(etcd).map(|(_, member)| member.cluster).collect();
    if clusters.len() < 2 {
        return None;
    }
    let told = members(etcd).map(|(url, member)| format!("{url} is of {:x}", member.cluster));
    let told: Vec<String> = told.collect();
    let act = "name the members of one cluster alone: addresses are given out twice by two";
    let what = format!("they are of different clusters: {}", told.join(", "));
    Some(Check::fail("cluster", what, act))
}

fn leader(etcd: &Etcd) -> Check {
    const NAME: &str = "leader";
    let without: Vec<&str> = members(etcd)
        .filter(|(_, member)| !member.has_leader)
        .map(|(url, _)| url)
        .collect();
    let learners: Vec<&str> = members(etcd)
        .filter(|(_, member)| member.is_learner)
        .map(|(url, _)| url)
        .collect();
    if !without.is_empty() {
        let what = format!("{} knows of no leader", without.join(", "));
        let act = "bring members back until more than half of them run and reach each other";
        return Check::fail(NAME, what, act);
    }
    if !learners.is_empty() {
        let what = format!("{} only learns, and serves nothing", learners.join(", "));
        return Check::warn(NAME, what, "promote it, or take it out of the settings");
    }
    Check::ok(NAME, "there is one")
}

fn version(etcd: &Etcd) -> Option<Check> {
    const NAME: &str = "version";
    let versions: BTreeSet<&str> = members(etcd)
        .map(|(_, member)| member.version.as_str())
        .collect();
    let listed = versions.iter().copied().collect::<Vec<_>>().join(", ");
    let number = |version: &str| {
        let mut parts = version.split('.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        }
    };
    let is_old = |version: &&str| number(version).is_some_and(|number| number < OLDEST);
    if versions.iter().any(is_old) {
        let act = "update etcd to 3.4 or newer";
        return Some(Check::fail(NAME, format!("etcd {listed} is too old"), act));
    }
    Some(Check::ok(NAME, format!("etcd {listed}")))
}

/// Alarms, and how far the quota is.
pub(super) fn space(etcd: &Etcd) -> Check {
    const NAME: &str = "space";
    let alarms: Vec<&Alarm> = members(etcd)
        .flat_map(|(_, member)| &member.alarms)
        .collect();
    if alarms.contains(&&Alarm::Corrupt) {
        let what = "the alarm CORRUPT is raised: members hold different data";
        let act = "stop writing, find the member that differs (`etcdctl endpoint hashkv`), and replace it";
        return Check::fail(NAME, what, act);
    }
    if alarms.contains(&&Alarm::NoSpace) {
        let what = format!(
            "the alarm NOSPACE is raised, nothing is written: {}",
            used(etcd)
        );
        let act = "compact (`etcdctl compact REVISION`), `etcdctl defrag` each member, raise `--quota-backend-bytes` if it is \
                   too small, then `etcdctl alarm disarm`";
        return Check::fail(NAME, what, act);
    }
    if let Some(Alarm::Other(words)) = alarms.first() {
        let act = "`etcdctl alarm list` tells more";
        return Check::warn(NAME, format!("an alarm is raised: {words}"), act);
    }
    let what = used(etcd);
    match quota(etcd) {
        Some(quota) if quota / 5 * 4 <= most_bytes(etcd) => {
            let act = "compact and defragment, or raise `--quota-backend-bytes`: at the quota nothing is written any more";
            Check::warn(NAME, what, act)
        }
        Some(_) | None => Check::ok(NAME, what),
    }
}

fn most_bytes(etcd: &Etcd) -> u64 {
    members(etcd)
        .map(|(_, member)| member.bytes)
        .max()
        .unwrap_or(0)
}

fn quota(etcd: &Etcd) -> Option<u64> {
    let told = members(etcd).filter_map(|(_, member)| member.quota);
    let measured = etcd.spoken.iter().filter_map(|spoken| spoken.quota);
    told.chain(measured).min()
}

fn used(etcd: &Etcd) -> String {
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let quota = quota(etcd).map_or_else(|| "a quota that is not told".to_owned(), megabytes);
    format!("{} of {quota}", megabytes(most_bytes(etcd)))
}

/// Whether somebody compacts.
pub(super) fn compaction(etcd: &Etcd) -> Check {
    const NAME: &str = "compaction";
    let history = match &etcd.history {
        None => return Check::skip(NAME, "not looked at, for reads fail"),
        Some(Err(error)) if error.contains("permission denied") => {
            return Check::skip(NAME, format!("not permitted: {error}"));
        }
        Some(Err(error)) => return Check::skip(NAME, format!("not known: {error}")),
        Some(Ok(history)) => history,
    };
    let revision = history.revision;
    let act = "start etcd with `--auto-compaction-mode=periodic --auto-compaction-retention=1h`: every write keeps a version \
               until then";
    match history.kept {
        Kept::All if MANY_UNCOMPACTED <= revision.0 => {
            let what = format!("all {revision} revisions are kept: it was never compacted");
            Check::warn(NAME, what, act)
        }
        Kept::All => {
            let what = format!("all {revision} revisions are kept, which are few");
            Check::ok(NAME, what)
        }
        Kept::More(count) => {
            let what = format!("more than {count} of {revision} revisions are kept");
            Check::warn(NAME, what, act)
        }
        Kept::Fewer(count) => {
            let what = format!("it is compacted: fewer than {count} revisions are kept");
            Check::ok(NAME, what)
        }
    }
}

/// Whether the clocks of etcd's machines agree with ours: ages of releases and claims are told by clocks of nodes.
pub(super) fn clocks(etcd: &Etcd) -> Check {
    const NAME: &str = "clock";
    let apart = etcd.spoken.iter().filter_map(|spoken| {
        let (Clock::Ahead(apart) | Clock::Behind(apart)) = spoken.clock?;
        Some((apart, spoken))
    });
    let Some((apart, spoken)) = apart.max_by_key(|(apart, _)| *apart) else {
        return Check::skip(NAME, "not known: no endpoint tells the time");
    };
    let way = match spoken.clock {
        Some(Clock::Behind(_)) => "behind",
        Some(Clock::Ahead(_)) | None => "ahead of",
    };
    let seconds = apart.as_secs();
    let what = format!("{} is {seconds} s {way} this machine", spoken.endpoint);
    let act = "set the clocks by NTP: cool-downs and the age of empty blocks are told by clocks";
    if apart < CLOCK_WARN {
        Check::ok(NAME, format!("at most {seconds} s from this machine's"))
    } else if apart < CLOCK_FAIL {
        Check::warn(NAME, what, act)
    } else {
        Check::fail(NAME, what, act)
    }
}
