//! One SQLite file and many processes: all of them make it, all of them count, and a killed one leaves nothing half done.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const TIMES: usize = 25;

fn increment(path: &Path) -> Child {
    let times = TIMES.to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_increment"));
    command
        .arg(path)
        .args(["count", &times])
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn revision(path: &Path) -> usize {
    let sql = "SELECT value || '' FROM meta WHERE name = 'revision'";
    query(path, sql).parse().unwrap()
}

fn query(path: &Path, sql: &str) -> String {
    let file = rusqlite::Connection::open(path).unwrap();
    file.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn processes_that_make_the_file_at_once_count_together() {
    const PROCESSES: usize = 6;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ipam.db");
    let children: Vec<Child> = (0..PROCESSES).map(|_| increment(&path)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let count = (PROCESSES * TIMES).to_string();
    assert_eq!(
        query(&path, "SELECT value FROM kv WHERE key = 'count'"),
        count
    );
    let revision = (1 + PROCESSES * TIMES).to_string();
    assert_eq!(query(&path, "SELECT mod_revision || '' FROM kv"), revision);
}

#[test]
fn a_process_that_is_killed_leaves_whole_transactions() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ipam.db");
    for round in 1..8 {
        let mut child = increment(&path);
        // In the midst of its writes; a child that is done before that is as good.
        let reached = || path.exists() && round * 10 < revision(&path);
        while !reached() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let torn = "SELECT count(*) || '' FROM kv, meta WHERE name = 'revision'
            AND (mod_revision <> meta.value OR CAST(kv.value AS INTEGER) + 1 <> mod_revision)";
        assert_eq!(query(&path, torn), "0");
        assert_eq!(query(&path, "PRAGMA integrity_check"), "ok");
    }
    assert!(increment(&path).wait().unwrap().success());
}
