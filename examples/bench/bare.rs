//! The bare requests of etcd: what no client of it can go below.

use etcd_client::{Client, Compare, CompareOp, Error, KvClient, Txn, TxnOp};

use crate::samples::{Samples, Stopwatch};

/// About the size of a block record in use.
const BLOCK_BYTES: usize = 4096;
/// About the size of a handle or an affinity record.
const SMALL_BYTES: usize = 256;
/// The three records of an assignment, beside the keys of any IPAM.
const KEYS: [(&str, usize); 3] = [
    ("/bench/block", BLOCK_BYTES),
    ("/bench/affinity", SMALL_BYTES),
    ("/bench/handle", SMALL_BYTES),
];

/// The key that the floor program reads and writes.
pub(crate) const FLOOR_KEY: &str = "/bench/floor";

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bare {
    pub(crate) read: Samples,
    pub(crate) put: Samples,
    pub(crate) transaction: Samples,
    /// A read and then a transaction: the least that an assignment can be.
    pub(crate) both: Samples,
}

/// Sends bare requests.
pub(crate) struct BareClient {
    kv: KvClient,
    revisions: [i64; 3],
    measured: Bare,
}

impl BareClient {
    pub(crate) async fn connect(endpoint: &str) -> Result<BareClient, Error> {
        let mut kv = Client::connect([endpoint], None).await?.kv_client();
        kv.put(FLOOR_KEY, value(BLOCK_BYTES, 0), None).await?;
        let mut client = BareClient {
            kv,
            revisions: [0; 3],
            measured: Bare::default(),
        };
        client.transaction(0).await?;
        Ok(client)
    }

    /// Measures each request once.
    pub(crate) async fn round(&mut self, number: u64) -> Result<(), Error> {
        let watch = Stopwatch::start();
        self.read().await?;
        self.measured.read.extend([watch.stop()]);

        let watch = Stopwatch::start();
        self.kv
            .put("/bench/put", value(BLOCK_BYTES, number), None)
            .await?;
        self.measured.put.extend([watch.stop()]);

        let watch = Stopwatch::start();
        self.transaction(number).await?;
        self.measured.transaction.extend([watch.stop()]);

        let watch = Stopwatch::start();
        self.read().await?;
        self.transaction(number + 1).await?;
        self.measured.both.extend([watch.stop()]);
        Ok(())
    }

    /// Returns what was measured since the last call.
    pub(crate) fn take(&mut self) -> Bare {
        std::mem::take(&mut self.measured)
    }

    async fn read(&mut self) -> Result<(), Error> {
        self.kv.get(KEYS[0].0, None).await.map(drop)
    }

    async fn transaction(&mut self, number: u64) -> Result<(), Error> {
        let guards: Vec<Compare> = std::iter::zip(KEYS, self.revisions)
            .map(|((key, _), revision)| Compare::mod_revision(key, CompareOp::Equal, revision))
            .collect();
        let writes: Vec<TxnOp> = KEYS
            .iter()
            .map(|(key, bytes)| TxnOp::put(*key, value(*bytes, number), None))
            .collect();
        let answer = self
            .kv
            .txn(Txn::new().when(guards).and_then(writes))
            .await?;
        assert!(
            answer.succeeded(),
            "nobody else writes the keys of the bench"
        );
        self.revisions = [answer.header().map_or(0, |header| header.revision()); 3];
        Ok(())
    }
}

/// Returns text that looks different in each round.
fn value(bytes: usize, number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'a' + u8::try_from(state % 26).expect("a remainder of 26 fits")
    };
    (0..bytes).map(letter).collect()
}
