//! Making and opening the file.
//!
//! **Invariant:** a file of this name is complete from the moment it exists: it is made under another name and linked.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::datastore::OpenError;

/// The version of the tables that this program knows, kept as `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 1;

/// Revision 1 is the empty store, as in etcd.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    BEGIN;
    CREATE TABLE kv(
        key TEXT PRIMARY KEY NOT NULL,
        value TEXT NOT NULL,
        create_revision INTEGER NOT NULL,
        mod_revision INTEGER NOT NULL
    );
    CREATE INDEX kv_mod_revision ON kv(mod_revision);
    CREATE TABLE meta(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL);
    INSERT INTO meta VALUES ('revision', 1);
    PRAGMA user_version = 1;
    COMMIT;";

/// An open file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) connection: Connection,
    /// The number that was drawn when the file was made.
    pub(super) cluster: u64,
    /// Which file it is, so that one that was replaced is noticed.
    pub(super) identity: Identity,
}

/// The device and the number of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// Returns which file stands at the path; `None` if there is none.
pub(super) fn identify(path: &Path) -> Result<Option<Identity>, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Identity(metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Opens the file; `None` if there is none.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Option<File>, OpenError> {
    // Before the file is opened: one that replaces it in between is then noticed at the next call.
    let Some(identity) = identify(path)? else {
        return Ok(None);
    };
    let connection = connect(path, busy).map_err(|error| failed(path, &error))?;
    check_version(path, &connection)?;
    let cluster = read_cluster(&connection).map_err(|error| unlike(path, &error))?;
    let durable = connection.pragma_update(None, "synchronous", "FULL");
    durable.map_err(|error| failed(path, &error))?;
    Ok(Some(File {
        connection,
        cluster,
        identity,
    }))
}

/// Makes the file with its directories, unless another process was quicker.
pub(super) fn create(path: &Path, drawn: u64) -> Result<(), OpenError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
    }
    refuse_left_over_log(path)?;
    let draft = with_suffix(path, &format!(".{drawn:016x}.new"));
    let made = write_draft(&draft, drawn)
        .map_err(|error| failed(&draft, &error))
        .and_then(|()| publish(&draft, path).map_err(|error| failed(path, &error)));
    // Removed also after a failure; what is left over of a crash is never opened.
    let _ = fs::remove_file(&draft);
    made
}

fn connect(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

fn check_version(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| unlike(path, &error))?;
    match found {
        SCHEMA_VERSION => Ok(()),
        0 => Err(not_a_store(path, &"its user_version is 0")),
        found => Err(OpenError::Version {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        }),
    }
}

fn read_cluster(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM meta WHERE name = 'cluster'";
    let cluster: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(cluster.unsigned_abs())
}

fn write_draft(draft: &Path, drawn: u64) -> rusqlite::Result<()> {
    // A positive number that is never 0, so that it reads well and stands for "known".
    let cluster = i64::try_from(drawn >> 1).expect("63 bits fit").max(1);
    let connection = Connection::open(draft)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute("INSERT INTO meta VALUES ('cluster', ?1)", [cluster])?;
    connection.close().map_err(|(_, error)| error)
}

/// Gives the draft its name, durably. A name that is taken means that another process was quicker.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// SQLite would apply the log of a file that was removed to the new one.
fn refuse_left_over_log(path: &Path) -> Result<(), OpenError> {
    let log = with_suffix(path, "-wal");
    // In this order: a log beside a file that was just made is that file's own.
    if log.exists() && identify(path)?.is_none() {
        return Err(OpenError::LeftOver { path: log });
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn failed(path: &Path, error: &impl ToString) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        detail: error.to_string(),
    }
}

/// Converts an error of the first look into the file: it is another file, unless SQLite could not look.
fn unlike(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::Unknown) | None => not_a_store(path, error),
        Some(_) => failed(path, error),
    }
}

fn not_a_store(path: &Path, error: &impl ToString) -> OpenError {
    OpenError::NotAStore {
        path: path.to_owned(),
        detail: error.to_string(),
    }
}
