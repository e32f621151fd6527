//! Each trouble by itself, at the edge of what is still well.

use std::fmt::Write as _;

use block_ipam::clock::Timestamp;
use block_ipam::cni::observed::WentBack;
use block_ipam::datastore::etcd::{Alarm, Member, Surveyed, Unanswered};
use block_ipam::revision::Revision;
use expect_test::{Expect, expect};

use super::*;
use crate::doctor::facts::{Certificate, Clock, Etcd, History, Kept, Rights, Spoken};
use crate::doctor::permissions::Lacking;
use crate::verbs::store_print_role::May;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn member() -> Member {
    Member {
        version: "3.4.23".to_owned(),
        cluster: 7,
        has_leader: true,
        bytes: 1_000_000,
        ..Member::default()
    }
}

fn surveyed(endpoint: &str, member: Result<Member, Unanswered>) -> Surveyed {
    Surveyed {
        endpoint: endpoint.to_owned(),
        member,
        shut_out: None,
    }
}

fn spoken() -> Spoken {
    Spoken {
        endpoint: "http://a:1".to_owned(),
        certificate: None,
        clock: Some(Clock::Ahead(Duration::ZERO)),
        quota: Some(2_000_000_000),
    }
}

/// A store without any trouble.
fn well() -> Facts {
    let read = Duration::from_millis(1);
    Facts {
        etcd: Some(Etcd {
            members: vec![surveyed("http://a:1", Ok(member()))],
            spoken: vec![spoken()],
            certificates: Vec::new(),
            rights: Some(Rights {
                user: None,
                programs: vec![("plugin", vec![]), ("ipamctl", vec![])],
                trouble: None,
            }),
            history: Some(Ok(History {
                revision: Revision(12),
                kept: Kept::All,
            })),
        }),
        reads: Some(Ok(vec![read, read, read])),
        memory: Memory {
            folder: "/run/x".into(),
            files: 2,
            ..Memory::default()
        },
    }
}

/// Changes a well store, and shows the checks that differ.
#[track_caller]
fn check(change: impl FnOnce(&mut Facts), expected: &Expect) {
    let mut facts = well();
    change(&mut facts);
    let before = judge(&well(), NOW);
    let mut text = String::new();
    for check in judge(&facts, NOW) {
        if !before.contains(&check) {
            let Check {
                name,
                status,
                what,
                act,
            } = check;
            writeln!(text, "{} {name}: {what}", status.word()).expect("a string takes all");
            if let Some(act) = act {
                writeln!(text, "  -> {act}").expect("a string takes all");
            }
        }
    }
    expected.assert_eq(&text);
}

fn etcd(facts: &mut Facts) -> &mut Etcd {
    facts.etcd.as_mut().expect("it is an etcd")
}

fn only(facts: &mut Facts) -> &mut Member {
    etcd(facts).members[0].member.as_mut().expect("it answers")
}

#[test]
fn nothing_ails_a_well_store() {
    let checks = judge(&well(), NOW);
    let bad: Vec<&Check> = checks
        .iter()
        .filter(|check| check.status != Status::Ok)
        .collect();
    assert_eq!(bad, Vec::<&Check>::new());
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    let expected = [
        "endpoints",
        "leader",
        "version",
        "login",
        "rights",
        "latency",
        "space",
        "compaction",
        "clock",
        "revision",
    ];
    assert_eq!(names, expected);
}

#[test]
fn endpoints_that_do_not_answer_are_named() {
    let gone = || Err(Unanswered::Unreachable("no answer within 3s".to_owned()));
    check(
        |facts| etcd(facts).members.push(surveyed("http://b:1", gone())),
        &expect![[r#"
            warn endpoints: 1 of 2 answer; http://b:1: no answer within 3s
              -> look at etcd on those machines, or take them out of the settings
        "#]],
    );
    check(
        |facts| {
            etcd(facts).members = vec![surveyed("http://b:1", gone())];
            facts.reads = None;
        },
        &expect![[r#"
            fail endpoints: 0 of 1 answer; http://b:1: no answer within 3s
              -> start etcd, or correct the endpoints and certificates of the settings
        "#]],
    );
}

#[test]
fn members_of_two_clusters_without_leader_or_too_old_are_told() {
    let other = Member {
        cluster: 8,
        ..member()
    };
    check(
        |facts| etcd(facts).members.push(surveyed("http://b:1", Ok(other))),
        &expect![[r#"
            ok endpoints: 2 of 2 answer
            fail cluster: they are of different clusters: http://a:1 is of 7, http://b:1 is of 8
              -> name the members of one cluster alone: addresses are given out twice by two
        "#]],
    );
    check(
        |facts| only(facts).has_leader = false,
        &expect![[r#"
        fail leader: http://a:1 knows of no leader
          -> bring members back until more than half of them run and reach each other
    "#]],
    );
    check(
        |facts| only(facts).is_learner = true,
        &expect![[r#"
        warn leader: http://a:1 only learns, and serves nothing
          -> promote it, or take it out of the settings
    "#]],
    );
    check(
        |facts| only(facts).version = "3.3.27".to_owned(),
        &expect![[r#"
            fail version: etcd 3.3.27 is too old
              -> update etcd to 3.4 or newer
        "#]],
    );
}

#[test]
fn certificates_are_told_before_they_end() {
    let of = |seconds: i64| {
        move |facts: &mut Facts| {
            etcd(facts).certificates.push(Certificate {
                of: "client",
                until: Ok(Timestamp::from_seconds(1_800_000_000 + seconds)),
            });
        }
    };
    let day = 24 * 60 * 60;
    check(
        of(14 * day),
        &expect![[r#"
        ok certificate: that of the client ends in 14 days (2027-01-29T08:00:00Z)
    "#]],
    );
    check(
        of(14 * day - 1),
        &expect![[r#"
        warn certificate: that of the client ends in 13 days (2027-01-29T07:59:59Z)
          -> renew it; programs read its file again by themselves
    "#]],
    );
    check(
        of(0),
        &expect![[r#"
        fail certificate: that of the client ended at 2027-01-15T08:00:00Z
          -> renew it: nobody is let in with it
    "#]],
    );
    let bad = "invalid peer certificate: Expired".to_owned();
    check(
        |facts| etcd(facts).spoken[0].certificate = Some(Err(bad)),
        &expect![[r#"
            fail certificate: that of http://a:1 cannot be used: invalid peer certificate: Expired
              -> compare it with the authority of the settings, and renew what ended
        "#]],
    );
}

#[test]
fn who_is_shut_out_and_what_is_not_permitted_is_told() {
    let words = "etcdserver: authentication failed, invalid user ID or password";
    check(
        |facts| etcd(facts).members[0].shut_out = Some(words.to_owned()),
        &expect![[r#"
            fail login: the user is not let in: http://a:1: etcdserver: authentication failed, invalid user ID or password
              -> correct ETCD_USERNAME and ETCD_PASSWORD, or add the user (`etcdctl user add`); `ipamctl store print-role` prints the role that it needs
        "#]],
    );
    let lacking = |count: usize| {
        let right = Lacking {
            may: May::Write,
            keys: "/calico/ipam/v2/",
        };
        vec![right; count]
    };
    check(
        |facts| {
            etcd(facts).rights = Some(Rights {
                user: Some("u".to_owned()),
                programs: vec![("plugin", lacking(5)), ("reader", vec![])],
                trouble: None,
            });
        },
        &expect![[r#"
            ok rights: user `u` may do what these need: reader
        "#]],
    );
    check(
        |facts| {
            etcd(facts).rights = Some(Rights {
                user: Some("u".to_owned()),
                programs: vec![("plugin", lacking(5)), ("reader", lacking(6))],
                trouble: None,
            });
        },
        &expect![[r#"
            warn rights: user `u` is not permitted to write /calico/ipam/v2/, write /calico/ipam/v2/, write /calico/ipam/v2/, 2 more
              -> `ipamctl store print-role plugin` prints the role that is nearest
        "#]],
    );
    check(
        |facts| facts.reads = Some(Err("etcdserver: permission denied".to_owned())),
        &expect![[r#"
            skip latency: not permitted: etcdserver: permission denied
        "#]],
    );
    check(
        |facts| etcd(facts).history = Some(Err("permission denied".to_owned())),
        &expect![[r#"
            skip compaction: not permitted: permission denied
        "#]],
    );
    check(
        |facts| etcd(facts).history = None,
        &expect![[r#"
        skip compaction: not looked at, for reads fail
    "#]],
    );
}

#[test]
fn a_slow_store_is_told_by_its_median() {
    let reads = |times: [u64; 3]| {
        move |facts: &mut Facts| {
            facts.reads = Some(Ok(times.map(Duration::from_millis).to_vec()));
        }
    };
    check(
        reads([9000, 1, 249]),
        &expect![[r#"
        ok latency: half of the reads take at most 249 ms
    "#]],
    );
    check(
        reads([250, 1, 9000]),
        &expect![[r#"
        warn latency: half of the reads take at most 250 ms
          -> look at the disk and the load of etcd's machines, and at the network between
    "#]],
    );
    check(
        reads([2000, 9000, 1]),
        &expect![[r#"
        fail latency: half of the reads take at most 2000 ms
          -> look at the disk and the load of etcd's machines, and at the network between
    "#]],
    );
}

#[test]
fn alarms_and_a_quota_that_is_near_are_told() {
    let raised = |alarm: Alarm| move |facts: &mut Facts| only(facts).alarms.push(alarm);
    check(
        raised(Alarm::NoSpace),
        &expect![[r#"
        fail space: the alarm NOSPACE is raised, nothing is written: 1.0 MB of 2000.0 MB
          -> compact (`etcdctl compact REVISION`), `etcdctl defrag` each member, raise `--quota-backend-bytes` if it is too small, then `etcdctl alarm disarm`
    "#]],
    );
    check(
        raised(Alarm::Corrupt),
        &expect![[r#"
        fail space: the alarm CORRUPT is raised: members hold different data
          -> stop writing, find the member that differs (`etcdctl endpoint hashkv`), and replace it
    "#]],
    );
    check(
        raised(Alarm::Other("new".to_owned())),
        &expect![[r#"
        warn space: an alarm is raised: new
          -> `etcdctl alarm list` tells more
    "#]],
    );
    check(
        |facts| only(facts).bytes = 1_599_999_999,
        &expect![[r#"
        ok space: 1599.9 MB of 2000.0 MB
    "#]],
    );
    check(
        |facts| only(facts).bytes = 1_600_000_000,
        &expect![[r#"
        warn space: 1600.0 MB of 2000.0 MB
          -> compact and defragment, or raise `--quota-backend-bytes`: at the quota nothing is written any more
    "#]],
    );
    check(
        |facts| etcd(facts).spoken[0].quota = None,
        &expect![[r#"
        ok space: 1.0 MB of a quota that is not told
    "#]],
    );
}

#[test]
fn a_store_that_nobody_compacts_is_told() {
    let kept = |revision: u64, kept: Kept| {
        move |facts: &mut Facts| {
            etcd(facts).history = Some(Ok(History {
                revision: Revision(revision),
                kept,
            }));
        }
    };
    check(
        kept(9_999, Kept::All),
        &expect![[r#"
        ok compaction: all 9999 revisions are kept, which are few
    "#]],
    );
    check(
        kept(10_000, Kept::All),
        &expect![[r#"
        warn compaction: all 10000 revisions are kept: it was never compacted
          -> start etcd with `--auto-compaction-mode=periodic --auto-compaction-retention=1h`: every write keeps a version until then
    "#]],
    );
    check(
        kept(9_000_000, Kept::More(1_000_000)),
        &expect![[r#"
        warn compaction: more than 1000000 of 9000000 revisions are kept
          -> start etcd with `--auto-compaction-mode=periodic --auto-compaction-retention=1h`: every write keeps a version until then
    "#]],
    );
    check(
        kept(9_000_000, Kept::Fewer(1_000_000)),
        &expect![[r#"
        ok compaction: it is compacted: fewer than 1000000 revisions are kept
    "#]],
    );
}

#[test]
fn clocks_that_are_apart_are_told() {
    let clock = |clock: Clock| move |facts: &mut Facts| etcd(facts).spoken[0].clock = Some(clock);
    let seconds = Duration::from_secs;
    check(
        clock(Clock::Behind(seconds(4))),
        &expect![[r#"
        ok clock: at most 4 s from this machine's
    "#]],
    );
    check(
        clock(Clock::Behind(seconds(5))),
        &expect![[r#"
        warn clock: http://a:1 is 5 s behind this machine
          -> set the clocks by NTP: cool-downs and the age of empty blocks are told by clocks
    "#]],
    );
    check(
        clock(Clock::Ahead(seconds(60))),
        &expect![[r#"
        fail clock: http://a:1 is 60 s ahead of this machine
          -> set the clocks by NTP: cool-downs and the age of empty blocks are told by clocks
    "#]],
    );
    check(
        |facts| etcd(facts).spoken[0].clock = None,
        &expect![[r#"
        skip clock: not known: no endpoint tells the time
    "#]],
    );
}

#[test]
fn a_store_that_went_back_is_told_as_the_plugin_tells_it() {
    let how = WentBack::Revision {
        seen: Revision(9),
        now: Revision(5),
    };
    check(
        |facts| facts.memory.went_back = vec![("/run/x/1/n1.json".into(), how)],
        &expect![[r#"
            fail revision: the store went back: it is at revision 5, and this node has seen 9 (/run/x/1/n1.json)
              -> it was restored from a snapshot or made anew, and may give out addresses that workloads hold: compare them with `ipamctl ipam check`, end the workloads that it does not know, then remove /run/x/1 on each node
        "#]],
    );
    check(
        |facts| {
            let said = "it is cluster f, and this node has used 7".to_owned();
            facts.memory.noted = vec![("/run/x/1/n1.went-back".into(), said)];
        },
        &expect![[r#"
            fail revision: the store went back: it is cluster f, and this node has used 7 (/run/x/1/n1.went-back)
              -> it was restored from a snapshot or made anew, and may give out addresses that workloads hold: compare them with `ipamctl ipam check`, end the workloads that it does not know, then remove /run/x/1 on each node
        "#]],
    );
    check(
        |facts| facts.memory.files = 0,
        &expect![[r#"
        skip revision: nothing in /run/x remembers this store: only a node of it does
    "#]],
    );
    check(
        |facts| facts.memory.trouble = Some("permission denied".to_owned()),
        &expect![[r#"
            skip revision: /run/x cannot be read: permission denied
        "#]],
    );
}

#[test]
fn a_file_has_latency_and_revision_alone() {
    let facts = Facts {
        etcd: None,
        ..well()
    };
    let names: Vec<&str> = judge(&facts, NOW).iter().map(|check| check.name).collect();
    assert_eq!(names, ["latency", "revision"]);
}
