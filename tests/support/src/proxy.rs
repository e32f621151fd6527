//! A proxy before etcd that forwards commits of blocks and, of some, drops the reply and the connection.
//!
//! It knows as much of HTTP/2 as that: a frame has a length and a type, and an answer comes in a frame of data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What only a commit of a block has in it on its way to the server.
const OF_A_BLOCK: &[u8] = b"\"allocations\"";
const FRAME_HEADER: usize = 9;
const DATA: u8 = 0;

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    commits: AtomicUsize,
    dropped: AtomicUsize,
    every: usize,
}

impl Proxy {
    /// Opens a proxy before the server of this URL, which drops the reply of every `every`th commit of a block, the
    /// first among them. It runs as long as the runtime does.
    ///
    /// # Panics
    /// Where there is no free port.
    pub async fn open(server: &str, every: usize) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = server.trim_start_matches("http://").to_owned();
        let counts = Arc::new(Counts {
            commits: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            every,
        });
        let proxy = Proxy {
            url: format!("http://{address}"),
            counts: Arc::clone(&counts),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, counts) = (server.clone(), Arc::clone(&counts));
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        // Either side may go at any time; then both do.
                        let _ = forward(client, server, &counts).await;
                    }
                });
            }
        });
        proxy
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how many replies were dropped.
    pub fn dropped(&self) -> usize {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    counts: &Counts,
) -> std::io::Result<()> {
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    let mut tail = Vec::new();
    let mut frames = Frames::default();
    let mut drops = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                drops |= is_commit(&mut tail, bytes) && counts.drops_this();
                server.write_all(bytes).await?;
            }
            read = server.read(&mut told) => {
                let bytes = &told[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let has_data = frames.have_data(bytes);
                if drops && has_data {
                    counts.dropped.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                if !drops {
                    client.write_all(bytes).await?;
                }
            }
        }
    }
}

impl Counts {
    fn drops_this(&self) -> bool {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        number.is_multiple_of(self.every)
    }
}

/// Returns whether the mark of a commit ends in these bytes; `tail` holds what may begin one.
fn is_commit(tail: &mut Vec<u8>, bytes: &[u8]) -> bool {
    tail.extend_from_slice(bytes);
    let found = tail
        .windows(OF_A_BLOCK.len())
        .any(|part| part == OF_A_BLOCK);
    let kept = if found { 0 } else { OF_A_BLOCK.len() - 1 };
    tail.drain(..tail.len().saturating_sub(kept));
    found
}

/// Where the next frame of a stream begins.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes of the current frame that are still to come.
    left: usize,
    header: Vec<u8>,
}

impl Frames {
    /// Returns whether a frame of data begins in these bytes.
    fn have_data(&mut self, mut bytes: &[u8]) -> bool {
        let mut found = false;
        while !bytes.is_empty() {
            if 0 < self.left {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if self.header.len() == FRAME_HEADER {
                let length = &self.header[..3];
                self.left = length
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                found |= self.header[3] == DATA;
                self.header.clear();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_data_is_seen_however_its_bytes_arrive() {
        let settings = [0, 0, 2, 4, 0, 0, 0, 0, 0, 9, 9];
        let data = [0, 0, 1, DATA, 1, 0, 0, 0, 1, 7];
        let stream: Vec<u8> = settings.into_iter().chain(data).collect();
        for cut in 0..stream.len() {
            let mut frames = Frames::default();
            let (first, second) = stream.split_at(cut);
            let seen = [frames.have_data(first), frames.have_data(second)];
            let ends_in_first = settings.len() + FRAME_HEADER <= cut;
            assert_eq!(seen, [ends_in_first, !ends_in_first], "cut at {cut}");
        }
        assert!(!Frames::default().have_data(&settings));
    }

    #[test]
    fn a_commit_is_seen_once_however_its_bytes_arrive() {
        let text = b"..{\"allocations\":[..";
        for cut in 0..text.len() {
            let mut tail = Vec::new();
            let (first, second) = text.split_at(cut);
            let seen = [first, second].map(|bytes| is_commit(&mut tail, bytes));
            assert_eq!(seen.iter().filter(|seen| **seen).count(), 1, "cut at {cut}");
        }
    }
}
