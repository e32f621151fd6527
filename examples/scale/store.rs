//! A store that is filled past the allocator, with records as Calico writes them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{Assign, Grant, Wanted};
use block_ipam::clock::SystemClock;
use block_ipam::datastore::observe::Counting;
use block_ipam::datastore::{Datastore, Txn, Write};
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{HandleId, NodeName};

use crate::measured;

/// Blocks that are made in memory before they are written.
const BLOCKS_AT_ONCE: u32 = 300;

/// How the addresses of a full block look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Nobody holds anything.
    Empty,
    /// All are held, without attributes: 0.6 kB.
    Plain,
    /// All are held, each with handle and attributes of its own: 17 kB.
    Attributed,
}

/// A store with an allocator on it.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) allocator: Allocator,
    pub(crate) counting: Arc<Counting>,
}

impl Store {
    /// Returns the member that `ETCD_ENDPOINTS` names, with every record of address management deleted.
    pub(crate) async fn fresh() -> Result<Store, String> {
        let etcd = measured::store(&measured::endpoint()?, Duration::from_secs(30))?;
        let counting = Arc::new(Counting::new(etcd));
        let allocator = Allocator::new(
            Arc::clone(&counting) as Arc<dyn Datastore>,
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        );
        let store = Store {
            allocator,
            counting,
        };
        store.clear().await?;
        Ok(store)
    }

    async fn clear(&self) -> Result<(), String> {
        use block_ipam::datastore::{Range, Read};
        loop {
            let range = Range::prefix("/").keys_only().limit(10_000);
            let read = self.counting.read(Read::latest(vec![range])).await;
            let snapshot = read.map_err(|error| error.to_string())?;
            let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
            let writes: Vec<Write> = entries.map(|entry| Write::Delete(entry.key)).collect();
            if writes.is_empty() {
                return Ok(());
            }
            self.write(writes).await?;
        }
    }

    /// Writes without comparing anything, in transactions as large as they may be.
    pub(crate) async fn write(&self, writes: Vec<Write>) -> Result<(), String> {
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            let mut txn = Txn::default();
            while txn.writes.len() < 120 && txn.bytes() < 1_000_000 {
                let Some(write) = writes.next() else { break };
                txn.writes.push(write);
            }
            let commit = self.counting.commit(txn).await;
            commit.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Makes a pool of /26 blocks, of which the first `count` belong to other nodes.
    pub(crate) async fn pool(&self, cidr: &str, count: u32, fill: Fill) -> Result<(), String> {
        let pool = format!(
            r#"{{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{{"name":"p"}},"spec":{{"cidr":"{cidr}","blockSize":26}}}}"#
        );
        let key = "/calico/resources/v3/projectcalico.org/ippools/p".to_owned();
        self.write(vec![Write::Put(key, pool.into_bytes())]).await?;
        let (base, _) = cidr.split_once('/').ok_or("a CIDR has a length")?;
        let base: std::net::Ipv4Addr = base.parse().map_err(|_| "an IPv4 pool")?;
        let mut first = 0;
        while first < count {
            let next = count.min(first + BLOCKS_AT_ONCE);
            let blocks =
                (first..next).flat_map(|index| block(base.to_bits() + index * 64, index, fill));
            self.write(blocks.collect()).await?;
            first = next;
        }
        Ok(())
    }

    /// Assigns one IPv4 address.
    pub(crate) async fn assign(
        &self,
        node: &str,
        handle: &str,
        hint: &Hint,
    ) -> Result<Grant, AllocatorError> {
        let node = NodeName::new(node).expect("names of this program are legal");
        let handle = HandleId::new(handle).expect("names of this program are legal");
        let request = Assign {
            v4: Wanted {
                count: 1,
                ..Wanted::default()
            },
            ..Assign::workload(node, handle)
        };
        self.allocator.assign(&request, hint).await
    }
}

/// A block with its affinity, as Calico writes them.
fn block(base: u32, index: u32, fill: Fill) -> [Write; 2] {
    let address = std::net::Ipv4Addr::from_bits(base);
    let owner = format!("other-{}", index / 4);
    let full = fill != Fill::Empty;
    let list = |item: &dyn Fn(u32) -> String| (0..64).map(item).collect::<Vec<_>>().join(",");
    let allocations = match fill {
        Fill::Empty => list(&|_| "null".to_owned()),
        Fill::Plain => list(&|_| "0".to_owned()),
        Fill::Attributed => list(&|ordinal| ordinal.to_string()),
    };
    let attributes = match fill {
        Fill::Empty => String::new(),
        Fill::Plain => "{}".to_owned(),
        Fill::Attributed => list(&|ordinal| attribute(&owner, index, ordinal)),
    };
    let free = if full {
        String::new()
    } else {
        list(&|ordinal| ordinal.to_string())
    };
    let value = format!(
        r#"{{"cidr":"{address}/26","affinity":"host:{owner}","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[{allocations}],"unallocated":[{free}],"attributes":[{attributes}],"sequenceNumber":1772442895123456789,"sequenceNumberForAllocation":{{}},"deleted":false}}"#
    );
    let affinity = format!("/calico/ipam/v2/host/{owner}/ipv4/block/{address}-26");
    [
        Write::Put(
            format!("/calico/ipam/v2/assignment/ipv4/block/{address}-26"),
            value.into_bytes(),
        ),
        Write::Put(
            affinity,
            br#"{"state":"confirmed","deleted":false}"#.to_vec(),
        ),
    ]
}

fn attribute(owner: &str, index: u32, ordinal: u32) -> String {
    let mut container = String::new();
    for part in 0..8 {
        let _ = write!(
            container,
            "{:08x}",
            index
                .wrapping_mul(2_654_435_761)
                .wrapping_add(ordinal * 97 + part)
        );
    }
    format!(
        r#"{{"handle_id":"k8s-pod-network.{container}","secondary":{{"namespace":"shop","node":"{owner}","pod":"web-{index}-{ordinal}","timestamp":"2026-01-01 00:00:00.5 +0000 UTC"}}}}"#
    )
}
