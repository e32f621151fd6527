//! A directory with a store, and the program run in it with nothing else around it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use block_ipam::datastore::sqlite::Sqlite;
use block_ipam::datastore::{Commit, Datastore, OnAbsent, Range, Read, Txn, Write};
use block_ipam::entropy::SystemEntropy;
use block_ipam_testing::recordings;
use expect_test::Expect;

/// A place of its own to work in.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Bench { directory }
    }

    /// A store with the recorded content.
    pub(crate) fn golden(name: &str) -> Bench {
        let bench = Bench::new();
        let pairs = recordings::store(name).into_iter();
        bench.put(&pairs.collect::<Vec<_>>());
        bench
    }

    /// The store, made if it is not there.
    pub(crate) fn open(&self) -> Sqlite {
        let busy = Duration::from_secs(5);
        let path = self.path("ipam.db");
        Sqlite::open(&path, OnAbsent::Create, busy, &SystemEntropy).expect("a store")
    }

    /// Writes records past every rule.
    pub(crate) fn put(&self, pairs: &[(String, String)]) {
        let store = self.open();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        for (key, value) in pairs {
            let write = Write::Put(key.clone(), value.clone().into_bytes());
            let txn = Txn {
                guards: vec![],
                writes: vec![write],
            };
            let done = runtime.block_on(store.commit(txn)).expect("a commit");
            assert!(matches!(done, Commit::Applied(_)));
        }
    }

    /// The value of a record as it stands there.
    pub(crate) fn value(&self, key: &str) -> String {
        let store = self.open();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let read = store.read(Read::latest(vec![Range::key(key)]));
        let snapshot = runtime.block_on(read).expect("a read");
        let entry = &snapshot.found[0].entries[0];
        String::from_utf8(entry.value.clone()).expect("text")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// The program with these arguments, in this directory, with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipamctl"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Runs it on the store of this place.
    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = self.command(&["--datastore", "sqlite:ipam.db"]);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("a pipe");
        // A program that reads nothing may have ended already.
        let _ = input.write_all(stdin.as_bytes());
        drop(input);
        child.wait_with_output().expect("the program ends")
    }

    #[track_caller]
    pub(crate) fn check(&self, arguments: &[&str], expect: &Expect) {
        self.check_with(arguments, "", expect);
    }

    #[track_caller]
    pub(crate) fn check_with(&self, arguments: &[&str], stdin: &str, expect: &Expect) {
        expect.assert_eq(&show(&self.run(arguments, stdin)));
    }
}

/// Returns everything that the program gave, what is random or of the day replaced.
pub(crate) fn show(output: &Output) -> String {
    let mut text = plain(&output.stdout);
    if !output.stderr.is_empty() {
        text += "--- stderr\n";
        text += &plain(&output.stderr);
    }
    if output.status.code() != Some(0) {
        writeln!(text, "[{}]", output.status).expect("a string takes all");
    }
    text
}

fn plain(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).expect("text");
    let mut plain = String::new();
    for line in text.split_inclusive('\n') {
        let hidden = ["uid", "creationTimestamp"].into_iter().find_map(|member| {
            let at = line.find(&format!("{member}\": ")).map(|at| at + 1);
            let at = at.or_else(|| line.find(&format!("{member}: ")))?;
            let value = at + member.len() + 2;
            let quoted = line[value..].starts_with('"');
            let end = if line.trim_end().ends_with(',') {
                ",\n"
            } else {
                "\n"
            };
            let quote = if quoted { "\"" } else { "" };
            Some(format!("{}{quote}..{quote}{end}", &line[..value]))
        });
        plain += hidden.as_deref().unwrap_or(&without_distance(line));
    }
    plain
}

/// Hides how far from now a time is.
fn without_distance(line: &str) -> String {
    let (before, after) = ("it was released ", "s from now");
    match (line.find(before), line.find(after)) {
        (Some(at), Some(end)) => format!("{}..{}", &line[..at + before.len()], &line[end..]),
        _ => line.to_owned(),
    }
}
