//! The file: when it is made, what is refused, who shares it, and what a person sees in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use expect_test::expect;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::datastore::{
    Commit, Datastore, DatastoreError, Guard, OnAbsent, OpenError, Range, Read, Snapshot, Txn,
    Write,
};
use crate::entropy::SystemEntropy;
use crate::revision::Revision;

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep/ipam.db");
    Place {
        _folder: folder,
        path,
    }
}

fn open(path: &Path, on_absent: OnAbsent) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, on_absent, Duration::from_millis(20), &SystemEntropy)
}

fn created(path: &Path) -> Sqlite {
    open(path, OnAbsent::Create).unwrap()
}

fn put(key: &str, value: &[u8]) -> Txn {
    Txn {
        guards: vec![],
        writes: vec![Write::Put(key.into(), value.into())],
    }
}

fn write(store: &Sqlite, key: &str) -> Result<Commit, DatastoreError> {
    futures::executor::block_on(store.commit(put(key, b"value")))
}

fn read(store: &Sqlite, key: &str) -> Result<Snapshot, DatastoreError> {
    futures::executor::block_on(store.read(Read::latest(vec![Range::key(key)])))
}

fn files(place: &Place) -> Vec<String> {
    let folder = fs::read_dir(place.path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_read_never_makes_the_file_and_the_first_write_does() {
    let place = place();
    let store = created(&place.path);
    let empty = read(&store, "a").unwrap();
    assert_eq!((empty.revision, empty.cluster), (Revision(1), 0));
    assert!(!place.path.parent().unwrap().exists());
    assert_eq!(write(&store, "a").unwrap(), Commit::Applied(Revision(2)));
    let made = read(&store, "a").unwrap();
    assert_ne!(made.cluster, 0);
    assert_eq!(made.found[0].entries.len(), 1);
    drop(store);
    assert_eq!(files(&place), ["ipam.db"], "neither draft nor log stays");
}

#[test]
fn an_absent_file_is_refused_where_it_is_not_to_be_made() {
    let place = place();
    let error = open(&place.path, OnAbsent::Refuse).unwrap_err();
    assert!(matches!(error, OpenError::Absent { .. }), "{error}");
    write(&created(&place.path), "a").unwrap();
    let store = open(&place.path, OnAbsent::Refuse).unwrap();
    fs::remove_file(&place.path).unwrap();
    assert!(matches!(
        read(&store, "a"),
        Err(DatastoreError::Unavailable { .. })
    ));
    assert!(matches!(
        write(&store, "a"),
        Err(DatastoreError::Unavailable { .. })
    ));
    assert!(!place.path.exists());
}

#[test]
fn a_newer_version_is_refused_with_words() {
    let place = place();
    write(&created(&place.path), "a").unwrap();
    let file = Connection::open(&place.path).unwrap();
    file.pragma_update(None, "user_version", 2).unwrap();
    let error = open(&place.path, OnAbsent::Create).unwrap_err().to_string();
    let error = error.replace(&place.path.display().to_string(), "PATH");
    expect!["store PATH is of version 2 and this program knows 1: use a newer one"]
        .assert_eq(&error);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let place = place();
    fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    for content in ["", "hello, this is no database at all"] {
        fs::write(&place.path, content).unwrap();
        let error = open(&place.path, OnAbsent::Create).unwrap_err();
        assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
        assert_eq!(fs::read_to_string(&place.path).unwrap(), content);
    }
    fs::remove_file(&place.path).unwrap();
    let other = Connection::open(&place.path).unwrap();
    other
        .execute_batch("CREATE TABLE t(x); PRAGMA user_version = 1;")
        .unwrap();
    let error = open(&place.path, OnAbsent::Create).unwrap_err();
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
}

#[test]
fn the_log_of_a_removed_file_is_not_applied_to_a_new_one() {
    let place = place();
    let store = created(&place.path);
    write(&store, "a").unwrap();
    let log = PathBuf::from(format!("{}-wal", place.path.display()));
    assert!(log.exists(), "an open store has a log");
    fs::remove_file(&place.path).unwrap();
    let error = write(&created(&place.path), "b").unwrap_err();
    assert!(matches!(error, DatastoreError::Rejected { .. }), "{error}");
    fs::remove_file(&log).unwrap();
    drop(store);
    write(&created(&place.path), "b").unwrap();
}

#[test]
fn a_file_that_was_replaced_is_noticed() {
    let (old, new) = (place(), place());
    let store = created(&old.path);
    write(&store, "a").unwrap();
    let other = created(&new.path);
    write(&other, "b").unwrap();
    drop(other);
    let before = read(&store, "a").unwrap();
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", old.path.display())).unwrap();
    }
    fs::rename(&new.path, &old.path).unwrap();
    let after = read(&store, "b").unwrap();
    assert_eq!(after.found[0].entries.len(), 1);
    assert_ne!(before.cluster, after.cluster);
}

#[test]
fn a_lock_held_too_long_is_unavailable_and_reads_go_on() {
    let place = place();
    let store = created(&place.path);
    write(&store, "a").unwrap();
    let other = Connection::open(&place.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = write(&store, "b").unwrap_err();
    assert!(
        matches!(error, DatastoreError::Unavailable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("locked"), "{error}");
    assert_eq!(read(&store, "a").unwrap().found[0].entries.len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    write(&store, "b").unwrap();
}

#[test]
fn many_that_make_the_file_at_once_share_one() {
    const MAKERS: usize = 8;
    let place = place();
    let barrier = Barrier::new(MAKERS);
    let make = |name: usize| {
        let busy = Duration::from_secs(10);
        let store = Sqlite::open(&place.path, OnAbsent::Create, busy, &SystemEntropy).unwrap();
        barrier.wait();
        write(&store, &name.to_string()).unwrap();
        read(&store, "0").unwrap().cluster
    };
    let clusters: Vec<u64> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS)
            .map(|name| scope.spawn(move || make(name)))
            .collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect()
    });
    assert!(
        clusters.iter().all(|cluster| *cluster == clusters[0]),
        "{clusters:?}"
    );
    let store = created(&place.path);
    let all = futures::executor::block_on(store.read(Read::latest(vec![Range::prefix("")])));
    assert_eq!(all.unwrap().found[0].entries.len(), MAKERS);
}

#[test]
fn a_person_reads_text_as_text() {
    let place = place();
    let store = created(&place.path);
    futures::executor::block_on(store.commit(put("text", "{\"ä\":1}".as_bytes()))).unwrap();
    futures::executor::block_on(store.commit(put("number", b"007"))).unwrap();
    futures::executor::block_on(store.commit(put("bytes", b"\xff\0"))).unwrap();
    let guards = vec![Guard::Same("number".into(), b"007".into())];
    let again = Txn {
        guards,
        ..put("number", b"008")
    };
    futures::executor::block_on(store.commit(again)).unwrap();
    let file = Connection::open(&place.path).unwrap();
    let sql = "SELECT key || ' ' || quote(value) || ' ' || create_revision || ' ' || mod_revision
        FROM kv ORDER BY mod_revision";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let shown: Vec<String> = rows.map(|row| row.unwrap()).collect();
    expect![[r#"
        text '{"ä":1}' 2 2
        bytes X'FF00' 4 4
        number '008' 3 5"#]]
    .assert_eq(&shown.join("\n"));
    let mode: String = file
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}
