//! What only people see: colours and the line about long work. Programs never get either.

use std::process::{Command, Output};

use block_ipam_testing::etcd::BlackHole;

use crate::support::Bench;

const ESCAPE: char = '\u{1b}';

/// Runs the program below a terminal, which `script` makes, with this environment.
fn on_a_terminal(bench: &Bench, line: &str, environment: &[(&str, &str)]) -> Output {
    let program = format!("{} {line}", env!("CARGO_BIN_EXE_ipamctl"));
    let path = std::env::var("PATH").expect("a path");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &program, "/dev/null"]);
    command.env_clear().env("PATH", path).env("TERM", "xterm");
    command
        .envs(environment.iter().copied())
        .current_dir(bench.path("."));
    command.output().expect("`script` is part of util-linux")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn colour_stands_on_terminals_alone_and_says_nothing_by_itself() {
    let bench = Bench::golden("calicoctl-base");
    let line = "--datastore sqlite:ipam.db ipam release --ip=10.90.0.99";
    let painted = text(&on_a_terminal(&bench, line, &[]));
    assert!(
        painted.contains(&format!("{ESCAPE}[1m{ESCAPE}[31mError:{ESCAPE}[0m")),
        "{painted:?}"
    );
    let plain = text(&on_a_terminal(&bench, line, &[("NO_COLOR", "1")]));
    assert!(!plain.contains(ESCAPE), "{plain:?}");
    let words = plain.replace('\r', "");
    assert!(
        words.starts_with("Error: IP address 10.90.0.99 is not assigned\n"),
        "{words}"
    );
    let piped = bench.run(&["ipam", "release", "--ip=10.90.0.99"], "");
    assert_eq!(
        String::from_utf8_lossy(&piped.stderr),
        words,
        "the same without a terminal"
    );
}

#[test]
fn the_checks_of_the_doctor_are_painted_on_terminals() {
    let bench = Bench::golden("calicoctl-base");
    let line = "--datastore sqlite:ipam.db store doctor";
    let painted = text(&on_a_terminal(&bench, line, &[]));
    assert!(
        painted.contains(&format!("{ESCAPE}[32mok  {ESCAPE}[0m")),
        "{painted:?}"
    );
    let piped = bench.run(&["store", "doctor"], "");
    assert!(!piped.stdout.contains(&0x1b), "{piped:?}");
}

#[test]
fn long_work_tells_on_terminals_that_it_goes_on() {
    let bench = Bench::new();
    let silent = BlackHole::open();
    let url = silent.url();
    let environment = [("ETCD_ENDPOINTS", url.as_str())];
    let told = on_a_terminal(&bench, "get ippool", &environment);
    assert_eq!(told.status.code(), Some(4), "{}", text(&told));
    assert!(
        text(&told).contains("waiting for the store"),
        "{:?}",
        text(&told)
    );
    let quiet = on_a_terminal(&bench, "get ippool --quiet", &environment);
    assert!(!text(&quiet).contains("waiting"), "{:?}", text(&quiet));
}
