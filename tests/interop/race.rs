//! Both sides at once on the same nodes and pools, processes killed at random: `INTEROP_SECONDS` says for how long.
//!
//! Afterwards every attachment is released. Nothing of ours is left; what Calico leaves is found by `ipamctl ipam check`
//! and set right by `ipamctl ipam repair`.

use std::env;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cases::{MANIFESTS, assert_records_are_calicos};
use super::programs::{Place, Programs, Side};
use super::workers::{History, Worker};

const WORKERS_OF_EACH: u64 = 3;

fn seconds() -> u64 {
    let given = env::var("INTEROP_SECONDS").ok();
    given.map_or(30, |text| {
        text.parse().expect("INTEROP_SECONDS is a number")
    })
}

pub(super) fn both_at_work_with_processes_killed_at_random(programs: &Programs) {
    let third = "---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n3}\n";
    let place = Place::new(programs, &format!("{MANIFESTS}{third}"));
    let history = Mutex::new(History::default());
    let until = Instant::now() + Duration::from_secs(seconds());
    thread::scope(|scope| {
        for number in 0..2 * WORKERS_OF_EACH {
            let side = Side::BOTH[usize::from(number % 2 == 0)];
            let mut worker = Worker::new(&place, &history, side, number, 7);
            scope.spawn(move || worker.work(until));
        }
        watch(&place, until);
    });
    let history = history.into_inner().expect("no worker panicked");
    println!("{} s: {:?}", seconds(), history.counts);
    assert_eq!(history.broken, Vec::<String>::new());
    release_the_rest(&place, &history);
    assert_records_are_calicos(&place);
    assert_nothing_of_ours_is_left(&place);
    set_right_what_calico_left(&place);
}

/// Both command lines can read the store at any moment.
fn watch(place: &Place<'_>, until: Instant) {
    while Instant::now() < until {
        place.calicoctl(&["ipam", "show", "--show-blocks"]).done();
        place.ipamctl(&["ipam", "show", "--show-blocks"]).done();
        thread::sleep(Duration::from_millis(500));
    }
}

fn release_the_rest(place: &Place<'_>, history: &History) {
    for (attachment, side) in &history.left {
        let side = match attachment.network {
            "mixed" => Side::Ours,
            _ => *side,
        };
        place.call(side, "DEL", attachment).done();
    }
}

fn assert_nothing_of_ours_is_left(place: &Place<'_>) {
    let records = place.records("/calico/ipam/");
    let is_ours = |(key, value): &&(String, String)| {
        key.contains("/handle/ours.") || value.contains(r#""handle_id":"ours."#)
    };
    let left: Vec<_> = records.iter().filter(is_ours).collect();
    assert!(left.is_empty(), "{left:#?}");
}

/// What Calico leaves when it is killed between two writes is found, and set right. All processes have ended, so the report
/// may say that it was taken long ago.
fn set_right_what_calico_left(place: &Place<'_>) {
    let path = place.file("report.json");
    let path = path.to_str().expect("a path is text");
    let checked = place.ipamctl(&["ipam", "check", "-o", path]);
    let found = checked.stdout.lines().last().unwrap_or_default();
    println!("Calico left: {found}");
    let mut report: Value =
        serde_json::from_slice(&std::fs::read(path).expect("a report")).expect("JSON");
    for finding in report["findings"].as_array().expect("a list") {
        println!("  {finding}");
    }
    report["takenAt"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(path, report.to_string()).expect("written");
    let argument = format!("--from-report={path}");
    place
        .ipamctl(&["ipam", "repair", &argument, "--yes"])
        .done();
    let checked = place.ipamctl(&["ipam", "check"]);
    assert!(checked.is_done(), "{checked:#?}");
    let handles = place.records("/calico/ipam/v2/handle/");
    assert_eq!(handles, [], "p14: every attachment was released");
}
