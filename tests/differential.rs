//! What real Calico did, done by us: every recorded operation is repeated on a store in memory and on a real etcd, and
//! must decide the same and leave the same records, but for what `tests/golden/deviations.toml` tells with its reasons.
//!
//! `UPDATE_EXPECT=1 cargo test --test differential` rewrites how a known deviation looks; read what changed.
//! `TRANSITIONS_DIR=FOLDER` runs other recordings.

#[path = "differential/answer.rs"]
mod answer;
#[path = "differential/block.rs"]
mod block;
#[path = "differential/calicos.rs"]
mod calicos;
#[path = "differential/choice.rs"]
mod choice;
#[path = "differential/choice_tests.rs"]
mod choice_tests;
#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/deviations.rs"]
mod deviations;
#[path = "differential/load.rs"]
mod load;
#[path = "differential/records.rs"]
mod records;
#[path = "differential/releases.rs"]
mod releases;
#[path = "differential/rename.rs"]
mod rename;
#[path = "differential/run.rs"]
mod run;
#[path = "differential/selectors.rs"]
mod selectors;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::datastore::etcd::Etcd;
use block_ipam::datastore::settings::{EtcdSettings, TlsSettings};
use block_ipam::datastore::{Datastore, Memory};
use block_ipam::entropy::SystemEntropy;
use block_ipam_testing::etcd::EtcdServer;
use serde_json::json;

use crate::compare::differences_between;
use crate::deviations::{Deviations, Verdict};
use crate::load::{Recordings, Transition};
use crate::run::Ended;

const RECORDED: usize = 261;

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_operation_ends_as_with_calico_or_as_decided_in_memory_and_on_etcd() {
    let recordings = Recordings::named();
    let transitions = recordings.read();
    let memory: Arc<dyn Datastore> = Arc::new(Memory::default());
    let in_memory = all(&memory, &transitions).await;
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        deviations::update("files", &in_memory);
    }
    let server = EtcdServer::start();
    let on_etcd = all(&etcd(&server), &transitions).await;

    let table = Deviations::read();
    let mut wrong = Vec::new();
    for (store, found) in [("memory", &in_memory), ("etcd", &on_etcd)] {
        let run = judge(&table, &transitions, found);
        summary(&format!(
            "{store}: {} recorded operations; {} end as with Calico, {} deviate as deviations.toml tells, {} are wrong",
            found.len(),
            run.same,
            run.deviating,
            run.wrong.len()
        ));
        assert_eq!(
            run.same + run.deviating + run.wrong.len(),
            transitions.len()
        );
        wrong.extend(run.wrong.into_iter().map(|text| format!("{store}: {text}")));
    }
    if recordings.ours {
        assert_eq!(transitions.len(), RECORDED);
        let names = transitions
            .iter()
            .map(|transition| transition.name.as_str());
        wrong.extend(table.idle(&names.collect()));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// Runs them one after another, and returns how each differs.
async fn all(
    store: &Arc<dyn Datastore>,
    transitions: &[Transition],
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for transition in transitions {
        let ours = run::run(store, transition).await;
        let before = found.insert(
            transition.name.clone(),
            differences_between(transition, &ours),
        );
        assert!(before.is_none(), "{} stands in two files", transition.name);
    }
    found
}

#[derive(Default)]
struct Run {
    same: usize,
    deviating: usize,
    wrong: Vec<String>,
}

fn judge(
    table: &Deviations,
    transitions: &[Transition],
    found: &BTreeMap<String, Vec<String>>,
) -> Run {
    let mut run = Run::default();
    for transition in transitions {
        match table.judge(&transition.name, &found[&transition.name]) {
            Verdict::Same => run.same += 1,
            Verdict::Deviates => run.deviating += 1,
            Verdict::Wrong(text) => run.wrong.push(format!("{transition}\n{text}")),
        }
    }
    run
}

/// Prints past the capture of tests: how many deviate is part of the result.
fn summary(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn etcd(server: &EtcdServer) -> Arc<dyn Datastore> {
    let settings = EtcdSettings {
        endpoints: vec![server.url()],
        tls: TlsSettings::default(),
        login: None,
    };
    let timeout = Duration::from_secs(20);
    Arc::new(Etcd::new(&settings, timeout, &SystemEntropy).expect("a client"))
}

#[tokio::test]
async fn no_assignment_or_release_that_ends_the_same_takes_more_requests_than_calico() {
    let table = Deviations::read();
    let compared = |transition: &Transition| {
        let kinds = ["autoAssign", "assignIP", "releaseByHandle", "releaseIPs"];
        kinds.contains(&transition.kind()) && !table.files.contains_key(&transition.name)
    };
    let memory: Arc<dyn Datastore> = Arc::new(Memory::default());
    for transition in golden().into_iter().filter(compared) {
        let ours = run::run(&memory, &transition).await;
        // What Calico refuses without a look at the store, ours may refuse after one.
        let (ours, theirs) = (ours.requests, transition.requests.total().max(1));
        assert!(ours <= theirs, "{transition}: {ours}, Calico {theirs}");
    }
}

#[test]
fn each_decision_leads_to_a_section_of_a_document() {
    for (name, decision) in Deviations::read().decisions {
        let (path, anchor) = decision.section.split_once('#').expect("FILE#SECTION");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut titles = text.lines().filter_map(|line| line.strip_prefix('#'));
        assert!(
            titles.any(|title| slug(title) == anchor),
            "{name}: {path} has no section {anchor}"
        );
        assert!(!decision.why.is_empty(), "{name} gives no reason");
    }
}

/// Returns the anchor of a heading, as forges make it.
fn slug(title: &str) -> String {
    let title = title.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn a_difference_that_nobody_decided_is_noticed_and_so_is_a_line_that_is_idle() {
    let table = Deviations::parse(
        "decisions.d = { why = 'w', section = 's' }\n\
         files.known = { decision = 'd', looks = '''\none\ntwo''' }\n\
         files.gone = { decision = 'e', looks = 'x' }",
    );
    let lines = |text: &[&str]| {
        text.iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let judge = |name, text: &[&str]| table.judge(name, &lines(text));
    assert_eq!(judge("new", &[]), Verdict::Same);
    assert_eq!(judge("known", &["one", "two"]), Verdict::Deviates);
    for (name, text) in [
        ("new", &["one"][..]),
        ("known", &["one"]),
        ("known", &["one", "two", "three"]),
        ("known", &[]),
    ] {
        let verdict = judge(name, text);
        assert!(matches!(verdict, Verdict::Wrong(_)), "{name} {text:?}");
    }
    let idle = table.idle(&BTreeSet::from(["known"]));
    assert_eq!(idle, ["e: no such decision", "gone: no such recording"]);
    let idle = table.idle(&BTreeSet::from(["known", "gone"]));
    assert_eq!(idle, ["e: no such decision"]);
}

#[test]
fn the_comparison_finds_calico_equal_to_itself() {
    for transition in Recordings::named().read() {
        let calico = Ended {
            answer: answer::calicos(&transition),
            after: transition.after.clone(),
            requests: transition.requests.total(),
        };
        let lines = differences_between(&transition, &calico);
        assert_eq!(lines, [""; 0], "{transition}");
    }
}

/// A comparison that overlooks a change would make the others pass for nothing. Where Calico counts too much, the count
/// from before is the true one.
#[test]
fn the_comparison_notices_each_record_that_is_not_as_calico_left_it_but_for_counts_that_are_true() {
    let mut unnoticed = Vec::new();
    for transition in golden() {
        for key in changed(&transition) {
            let mut after = transition.after.clone();
            match transition.before.get(key) {
                Some(value) => after.insert(key.to_owned(), value.clone()),
                None => after.remove(key),
            };
            let stale = Ended {
                answer: answer::calicos(&transition),
                after,
                requests: transition.requests.total(),
            };
            if differences_between(&transition, &stale).is_empty() {
                unnoticed.push(format!("{} {key}", transition.name));
            }
        }
    }
    let expected = ["handle-without-address-auto /calico/ipam/v2/handle/net.h2"];
    assert_eq!(unnoticed, expected);
}

fn golden() -> Vec<Transition> {
    let transitions = Recordings::golden().read();
    assert_eq!(transitions.len(), RECORDED);
    transitions
}

fn changed(transition: &Transition) -> BTreeSet<&str> {
    let (before, after) = (&transition.before, &transition.after);
    before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .map(String::as_str)
        .collect()
}

#[test]
fn another_choice_of_a_new_block_and_a_true_count_are_no_difference_and_a_false_count_is() {
    let transition = golden()
        .into_iter()
        .find(|transition| transition.name == "auto-block-limit-request")
        .expect("a recorded choice of blocks");
    let moved: BTreeMap<String, String> = transition
        .after
        .iter()
        .map(|(key, text)| (moved(key), moved(text)))
        .collect();
    assert_ne!(moved, transition.after);
    let addresses = [
        "10.73.0.12/30",
        "10.73.0.13/30",
        "10.73.0.14/30",
        "10.73.0.15/30",
    ];
    let mut ours = Ended {
        answer: Ok(json!({ "v4": addresses, "v6": [], "short": "block limit" })),
        after: moved,
        requests: transition.requests.total(),
    };
    assert_eq!(differences_between(&transition, &ours), [""; 0]);
    let mut with_count = |count: u64| {
        let handle = "/calico/ipam/v2/handle/net.m".to_owned();
        let counts = format!(r#"{{"block":{{"10.73.0.12/30":{count}}},"deleted":false}}"#);
        ours.after.insert(handle, counts);
        differences_between(&transition, &ours)
    };
    assert_eq!(with_count(4), [""; 0], "the truth");
    assert_eq!(with_count(5), [""; 0], "Calico's");
    assert_eq!(
        with_count(3),
        [r"handle/net.m count 10.73.0.4/30: 3; Calico 5"]
    );
}

/// Puts what concerns the new block of the recorded operation into another one.
fn moved(text: &str) -> String {
    text.replace("10.73.0.4/30", "10.73.0.12/30")
        .replace("10.73.0.4-30", "10.73.0.12-30")
}
