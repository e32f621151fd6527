//! Borrowing: every block of the pools is read in turn, whoever owns it.

use super::auto::{Assigned, Half};
use super::find::{Search, walk};
use super::process::Calico;

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
                    // What will not pass in one block may in the next.
                    let _ = self.take_until(half, search, got, block, false).await;
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
}
