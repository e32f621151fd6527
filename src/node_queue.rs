//! The local queue: processes of one node take turns at the store, for they want the same block.
//!
//! It is fair: who comes draws the next number from a file and holds a lock on the byte of that number, and its turn comes
//! when the byte of the number before is let go, in whatever way that process ends. One waits for one, so that nobody is
//! woken for nothing.
//!
//! It is not needed for correctness, only to avoid conflicts: without the lock, or when waiting took too long, a caller
//! goes on and the guards of its transaction decide.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;

/// Where the bytes of the numbers begin: behind everything that the file holds. Locks need no byte to be there.
const NUMBERS: i64 = 1 << 32;

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
        Ok(()) => {
            let number = draw(&file).map_err(NoTurn::File)?;
            if lock_before(&file, number, Patience::None).map_err(NoTurn::File)? {
                return Ok(Turn { _file: file });
            }
            wait_in_thread(file, Some(number), longest).await
        }
        Err(rustix::io::Errno::WOULDBLOCK) => wait_in_thread(file, None, longest).await,
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
        .read(true)
        .write(true)
        .open(path)
}

/// Draws the next number and locks its byte, while the file itself is locked. A file that holds no number begins at 0.
fn draw(file: &File) -> io::Result<i64> {
    let mut bytes = [0; 8];
    let number = match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => i64::from_le_bytes(bytes).clamp(0, i64::MAX - NUMBERS - 1),
        Err(_) => 0,
    };
    let is_free = lock_byte(file, number, Patience::None)?;
    if !is_free {
        return Err(io::Error::other("the number was drawn by somebody else"));
    }
    file.write_all_at(&(number + 1).to_le_bytes(), 0)?;
    flock(file, FlockOperation::Unlock)?;
    Ok(number)
}

/// Returns whether the number before was let go.
fn lock_before(file: &File, number: i64, patience: Patience) -> io::Result<bool> {
    if number == 0 {
        return Ok(true);
    }
    lock_byte(file, number - 1, patience)
}

/// Whether a lock is waited for.
#[derive(Debug, Clone, Copy)]
enum Patience {
    None,
    Endless,
}

/// Locks the byte of a number for this open file, so that it is let go when the file is closed.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the two constants are 1 and 0"
)]
fn lock_byte(file: &File, number: i64, patience: Patience) -> io::Result<bool> {
    let region = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: NUMBERS + number,
        l_len: 1,
        l_pid: 0,
    };
    let locked = match patience {
        Patience::None => fcntl(file, FcntlArg::F_OFD_SETLK(&region)),
        Patience::Endless => fcntl(file, FcntlArg::F_OFD_SETLKW(&region)),
    };
    match locked {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The kernel wakes the waiter at once, which polling would not. A thread that nobody waits for any more lets go as soon as
/// it gets the lock, or ends with the process.
async fn wait_in_thread(
    file: File,
    number: Option<i64>,
    longest: Duration,
) -> Result<Turn, NoTurn> {
    let (sender, receiver) = oneshot::channel();
    let waiter = move || {
        let _ = sender.send(wait_here(file, number));
    };
    thread::Builder::new()
        .name("node-queue".to_owned())
        .spawn(waiter)
        .map_err(NoTurn::File)?;
    match tokio::time::timeout(longest, receiver).await {
        Ok(Ok(turn)) => turn.map_err(NoTurn::File),
        Ok(Err(_)) => Err(NoTurn::File(io::Error::other("the waiting thread died"))),
        Err(_) => Err(NoTurn::TooLong(longest)),
    }
}

fn wait_here(file: File, number: Option<i64>) -> io::Result<Turn> {
    let number = match number {
        Some(number) => number,
        None => {
            flock(&file, FlockOperation::LockExclusive)?;
            draw(&file)?
        }
    };
    lock_before(&file, number, Patience::Endless)?;
    Ok(Turn { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(5);

    fn drawn(path: &Path) -> i64 {
        let bytes = fs::read(path).expect("the file");
        bytes.try_into().map_or(0, i64::from_le_bytes)
    }

    #[tokio::test]
    async fn turns_come_in_the_order_of_coming() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("made/on/the/way.lock");
        let first = wait(&path, SHORT).await.expect("the first");
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..20 {
            let (path, order) = (path.clone(), Arc::clone(&order));
            let before = drawn(&path);
            waiting.push(tokio::spawn({
                let path = path.clone();
                async move {
                    let turn = wait(&path, LONG).await.expect("a turn");
                    order.lock().expect("unpoisoned").push(number);
                    drop(turn);
                }
            }));
            while drawn(&path) == before {
                tokio::task::yield_now().await;
            }
        }
        drop(first);
        for one in waiting {
            one.await.expect("joined");
        }
        let order = order.lock().expect("unpoisoned").clone();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
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
    async fn a_file_with_anything_in_it_serves() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        for content in [
            "",
            "abc",
            "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}",
        ] {
            fs::write(&path, content).expect("written");
            let turn = wait(&path, LONG).await.expect("a turn");
            drop(turn);
            wait(&path, LONG).await.expect("the next");
        }
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
