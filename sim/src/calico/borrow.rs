//! Borrowing: every block of the pools is read in turn, whoever owns it.

use super::auto::{Assigned, Half};
use super::block::Block;
use super::client::Kv;
use super::failure::Failure;
use super::find::{Search, walk};
use super::process::{Calico, TRIES};

impl Calico {
    /// Takes what is wanted from blocks of any owner. A shortage is a message, not a failure.
    pub(super) async fn borrow(&self, half: Half<'_>, search: &Search<'_>, got: &mut Assigned) {
        let mut walked = Vec::new();
        for pool in &search.pools {
            for cidr in walk(self, &half.request.host, pool) {
                if half.count <= got.ips.len() {
                    return;
                }
                if search.reservations.covers(cidr) {
                    continue;
                }
                if let Ok(block) = self.block(cidr).await {
                    self.borrow_from(half, search, got, block).await;
                }
            }
            walked.push(pool.cidr.to_string());
        }
        if got.ips.len() < half.count {
            let pools = walked.join(" ");
            got.messages
                .push(format!("No IPs available in pools: [{pools}]"));
        }
    }

    async fn borrow_from(
        &self,
        half: Half<'_>,
        search: &Search<'_>,
        got: &mut Assigned,
        mut block: Kv<Block>,
    ) {
        let Some(cidr) = block.value.net() else {
            return;
        };
        for _ in 0..TRIES {
            let wanted = half.count - got.ips.len();
            match self.take(half, search, block, wanted, false).await {
                Ok(ips) => {
                    got.ips.extend(ips);
                    return;
                }
                Err(Failure::Conflict(_)) => {}
                Err(Failure::HandleFull { .. }) => {
                    if let Some(ips) = self.held_already(half).await {
                        got.ips = ips;
                        return;
                    }
                }
                Err(_) => return,
            }
            match self.block(cidr).await {
                Ok(again) => block = again,
                Err(_) => return,
            }
        }
    }
}
