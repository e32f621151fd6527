//! The least that a plugin on etcd can be: connect, read one key, commit one transaction that compares it, end.
//!
//! `make bench` measures the plugin beside it. `floor ENDPOINT KEY` writes back what stands at the key.

use std::error::Error;

use etcd_client::{Client, Compare, CompareOp, Txn, TxnOp};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(endpoint), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("floor ENDPOINT KEY".into());
    };
    let mut client = Client::connect([endpoint], None).await?;
    let found = client.get(key.as_str(), None).await?;
    let entry = found.kvs().first().ok_or("there is nothing at the key")?;
    let unchanged = Compare::mod_revision(key.as_str(), CompareOp::Equal, entry.mod_revision());
    let write = TxnOp::put(key.as_str(), entry.value(), None);
    let answer = client
        .txn(Txn::new().when([unchanged]).and_then([write]))
        .await?;
    if answer.succeeded() {
        Ok(())
    } else {
        Err("the key changed".into())
    }
}
