//! The local queue: processes of one node take turns at the store, for they want the same block.
//!
//! It is not needed for correctness, only to avoid conflicts: without the lock, or when waiting took too long, a caller
//! goes on and the guards of its transaction decide.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;

/// A place at the head of the queue; given up when dropped, or when the process ends in any way.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

/// Why a caller goes on without its turn.
#[derive(Debug, thiserror::Error)]
pub enum NoTurn {
    /// Those before it took too long.
    #[error("others held the queue for {0:?}")]
    TooLong(Duration),
    /// The file cannot be opened or locked.
    #[error("the queue's file cannot be used")]
    File(#[source] io::Error),
}

/// Waits for the turn on a lock file, which is made where it is missing.
///
/// # Errors
/// [`NoTurn`], after which a caller goes on without.
pub async fn wait(path: &Path, longest: Duration) -> Result<Turn, NoTurn> {
    let file = open(path).map_err(NoTurn::File)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Turn { _file: file }),
        Err(rustix::io::Errno::WOULDBLOCK) => wait_in_thread(file, longest).await,
        Err(error) => Err(NoTurn::File(error.into())),
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

/// The kernel wakes waiters at once, which polling would not. A thread that nobody waits for any more lets go as soon as
/// it gets the lock, or ends with the process.
async fn wait_in_thread(file: File, longest: Duration) -> Result<Turn, NoTurn> {
    let (sender, receiver) = oneshot::channel();
    let waiter = move || {
        let locked = flock(&file, FlockOperation::LockExclusive);
        let _ = sender.send(locked.map(|()| Turn { _file: file }));
    };
    thread::Builder::new()
        .name("node-queue".to_owned())
        .spawn(waiter)
        .map_err(NoTurn::File)?;
    match tokio::time::timeout(longest, receiver).await {
        Ok(Ok(Ok(turn))) => Ok(turn),
        Ok(Ok(Err(error))) => Err(NoTurn::File(error.into())),
        Ok(Err(_)) => Err(NoTurn::File(io::Error::other("the waiting thread died"))),
        Err(_) => Err(NoTurn::TooLong(longest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn one_after_the_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("made/on/the/way.lock");
        let first = wait(&path, SHORT).await.expect("the first");
        let second = wait(&path, LONG);
        let waiting = tokio::spawn({
            let path = path.clone();
            async move { wait(&path, LONG).await.map(drop) }
        });
        drop(first);
        second.await.map(drop).expect("the second");
        waiting.await.expect("joined").expect("the third");
    }

    #[tokio::test]
    async fn who_waits_too_long_goes_on_without_and_blocks_nobody() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let first = wait(&path, SHORT).await.expect("the first");
        let late = wait(&path, SHORT).await;
        assert!(matches!(late, Err(NoTurn::TooLong(_))), "{late:?}");
        drop(first);
        wait(&path, LONG).await.expect("the waiting thread let go");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_made_is_no_obstacle() {
        let dir = tempfile::tempdir().expect("a directory");
        let in_the_way = dir.path().join("file");
        fs::write(&in_the_way, "").expect("written");
        let turn = wait(&in_the_way.join("lock"), SHORT).await;
        assert!(matches!(turn, Err(NoTurn::File(_))), "{turn:?}");
    }
}
