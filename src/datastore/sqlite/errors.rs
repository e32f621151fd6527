//! What SQLite's errors mean for the caller. Everything before COMMIT is surely not done: SQLite rolls it back.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::datastore::{DatastoreError, OpenError};

/// Converts an error of a read, or of a transaction that was not committed yet.
pub(super) fn not_done(path: &Path, error: &rusqlite::Error) -> DatastoreError {
    let detail = describe(path, error);
    match error.sqlite_error_code() {
        // Another process holds the lock, or the disk failed for a moment.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OperationInterrupted
            | ErrorCode::SystemIoFailure,
        ) => DatastoreError::unavailable(detail),
        // A full disk, a read-only or damaged file, a table that is not ours: trying again does not help.
        Some(_) | None => DatastoreError::rejected(detail),
    }
}

/// Converts an error of COMMIT itself: the pages may have reached the log.
pub(super) fn perhaps_done(path: &Path, error: &rusqlite::Error) -> DatastoreError {
    DatastoreError::Indeterminate {
        detail: describe(path, error),
        source: None,
    }
}

/// Converts an error of opening the file during a call.
pub(super) fn not_open(error: &OpenError) -> DatastoreError {
    match error {
        OpenError::Absent { .. } | OpenError::File { .. } => {
            DatastoreError::unavailable(error.to_string())
        }
        OpenError::NotAStore { .. }
        | OpenError::Version { .. }
        | OpenError::LeftOver { .. }
        | OpenError::Setting { .. } => DatastoreError::rejected(error.to_string()),
    }
}

fn describe(path: &Path, error: &rusqlite::Error) -> String {
    format!("sqlite:{}: {error}", path.display())
}
