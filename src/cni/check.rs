//! CHECK: does the interface still hold what its ADD gave? Only reads.
//!
//! An error tells the runtime that the container is broken for good; a store that is away is code 11, which does not.

use std::collections::BTreeSet;

use crate::assign::held::of_interface;
use crate::blocks::{Address, BlockCidr, Cidr};
use crate::cni::call::{Call, Shown};
use crate::cni::config::{DEFAULT_TIMEOUT, previous_addresses, previous_blocks};
use crate::cni::error::{CniError, Code};
use crate::cni::session::{Purpose, Session};
use crate::datastore::codec::{Record, decode_any};
use crate::datastore::{Datastore, DatastoreError, Entry, Range, Read, keys};
use crate::plan::{RecordId, Scope};

/// The addresses that are in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InPlace(pub BTreeSet<Address>);

impl Shown for InPlace {
    fn shown(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// What the store has that concerns the interface.
#[derive(Debug, Default)]
struct Found {
    pools: Vec<Cidr>,
    named: BTreeSet<BlockCidr>,
    read: BTreeSet<BlockCidr>,
    held: BTreeSet<Address>,
}

/// Compares `prevResult` with the store. Addresses outside every pool are of other plugins.
///
/// # Errors
/// [`Code::NotHeld`] naming what is gone; those of the store.
pub async fn check(call: &Call<'_>) -> Result<InPlace, CniError> {
    let node = call.node().ok();
    let timeout = call.config.timeout().unwrap_or(DEFAULT_TIMEOUT);
    let session = Session::open(call, node.as_ref(), Purpose::Compare, timeout).await?;
    let likely: Vec<BlockCidr> = previous_blocks(call.config)
        .into_iter()
        .chain(session.hint.blocks.iter().copied())
        .collect();
    let found = look(call, session.store.as_ref(), &likely).await;
    let found = found.map_err(|error| CniError::from(&error))?;
    let given = previous_addresses(call.config);
    let of_ours = |address: &Address| found.pools.iter().any(|pool| pool.contains(*address));
    let gone: Vec<Address> = given
        .into_iter()
        .filter(|address| of_ours(address) && !found.held.contains(address))
        .collect();
    if gone.is_empty() && !found.held.is_empty() {
        return Ok(InPlace(found.held));
    }
    let handle = &call.attachment.handle;
    let msg = if gone.is_empty() {
        format!("{handle} holds no address")
    } else {
        format!("{handle} does not hold {gone:?} any more")
    };
    Err(CniError::new(Code::NotHeld, msg))
}

/// One read where the likely blocks are all that the handle names, else two.
async fn look(
    call: &Call<'_>,
    store: &dyn Datastore,
    likely: &[BlockCidr],
) -> Result<Found, DatastoreError> {
    let handle = RecordId::Handle(call.attachment.handle.clone());
    let mut ranges = vec![
        Range::of(keys::span_of(&Scope::Pools)),
        Range::key(keys::key_of(&handle)),
    ];
    ranges.extend(
        likely
            .iter()
            .map(|block| Range::key(keys::key_of(&RecordId::Block(*block)))),
    );
    let mut found = Found::default();
    found.take(call, store, ranges).await?;
    let unread: Vec<BlockCidr> = found.named.difference(&found.read).copied().collect();
    let rest = unread
        .iter()
        .map(|block| Range::key(keys::key_of(&RecordId::Block(*block))));
    if !unread.is_empty() {
        found.take(call, store, rest.collect()).await?;
    }
    Ok(found)
}

impl Found {
    async fn take(
        &mut self,
        call: &Call<'_>,
        store: &dyn Datastore,
        ranges: Vec<Range>,
    ) -> Result<(), DatastoreError> {
        for part in ranges.chunks(crate::datastore::port::MAX_RANGES) {
            let snapshot = store.read(Read::latest(part.to_vec())).await?;
            for entry in snapshot.found.iter().flat_map(|found| &found.entries) {
                self.add(call, entry)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, call: &Call<'_>, entry: &Entry) -> Result<(), DatastoreError> {
        let Some((id, record)) = decode_any(&entry.key, &entry.value) else {
            return Ok(());
        };
        match record {
            Ok(Record::Pool(pool)) => self.pools.push(pool.cidr),
            Ok(Record::Handle(handle)) => self.named.extend(handle.blocks()),
            Ok(Record::Block(block)) => {
                let attachment = &call.attachment;
                let interface = Some(attachment.interface.as_str());
                let entries = of_interface(&block, &attachment.handle, interface);
                self.held.extend(entries.map(|entry| entry.address));
                self.read.insert(block.cidr());
            }
            Ok(_) => {}
            Err(_) if matches!(id, RecordId::Pool(_)) => {}
            Err(error) => {
                return Err(DatastoreError::Corrupt {
                    key: entry.key.clone(),
                    revision: entry.modified,
                    detail: error.to_string(),
                });
            }
        }
        Ok(())
    }
}
