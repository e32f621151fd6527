//! The stores that need no server, against the conformance suite.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use block_ipam::datastore::sqlite::Sqlite;
use block_ipam::datastore::{Memory, OnAbsent};
use block_ipam::entropy::SystemEntropy;
use block_ipam_testing::conformance::{self, History};
use tempfile::TempDir;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn sqlite(folder: &TempDir) -> Sqlite {
    let path = folder.path().join("ipam.db");
    Sqlite::open(
        &path,
        OnAbsent::Create,
        Duration::from_secs(5),
        &SystemEntropy,
    )
    .unwrap()
}

#[test]
fn memory_conforms() {
    runtime().block_on(conformance::run(&Memory::default(), History::Kept));
}

#[test]
fn memory_answers_random_sequences_as_memory() {
    conformance::compare_with_memory(&Memory::new(7), History::Kept, 200, &runtime());
}

#[test]
fn sqlite_conforms() {
    let folder = TempDir::new().unwrap();
    runtime().block_on(conformance::run(&sqlite(&folder), History::NewestOnly));
}

#[test]
fn sqlite_answers_random_sequences_as_memory() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    conformance::compare_with_memory(&store, History::NewestOnly, 60, &runtime());
}
