//! What a user of etcd may do, found out by asking: of each span one key is read, and a write is offered that cannot happen.
//!
//! **Invariant:** nothing is ever written: the guard of each write asks for a revision that no record will ever have.

use std::collections::BTreeMap;

use block_ipam::datastore::{Datastore, DatastoreError, Guard, Range, Read, Span, Txn, Write};
use block_ipam::revision::Revision;

use crate::verbs::store_print_role::{May, Program};

/// A right that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lacking {
    pub(crate) may: May,
    pub(crate) keys: &'static str,
}

/// Returns for each program what it would lack.
///
/// # Errors
/// A store that does not answer, or does so otherwise than with yes or no.
pub(crate) async fn programs(
    store: &dyn Datastore,
) -> Result<Vec<(&'static str, Vec<Lacking>)>, DatastoreError> {
    let mut asked = BTreeMap::new();
    let mut told = Vec::new();
    for program in Program::ALL {
        let mut lacking = Vec::new();
        for (may, keys) in program.grants() {
            for right in may.includes() {
                let is_given = match asked.get(&(*right, keys)) {
                    Some(given) => *given,
                    None => is_given(store, *right, keys).await?,
                };
                asked.insert((*right, keys), is_given);
                if !is_given {
                    lacking.push(Lacking { may: *right, keys });
                }
            }
        }
        told.push((program.word(), lacking));
    }
    Ok(told)
}

async fn is_given(store: &dyn Datastore, may: May, keys: &str) -> Result<bool, DatastoreError> {
    let asked = match may {
        May::Read => store.read(read(keys)).await.map(|_| ()),
        May::Write => store.commit(never(keys)).await.map(|_| ()),
    };
    match asked {
        Ok(()) => Ok(true),
        Err(DatastoreError::Rejected { detail, .. }) if detail.contains("permission denied") => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn read(keys: &str) -> Read {
    let span = if keys.ends_with('/') {
        Span::Prefix(keys.to_owned())
    } else {
        Span::Key(keys.to_owned())
    };
    Read::latest(vec![Range::of(span).keys_only().limit(1)])
}

fn never(keys: &str) -> Txn {
    let key = match keys.strip_suffix('/') {
        Some(prefix) => format!("{prefix}/doctor"),
        None => keys.to_owned(),
    };
    Txn {
        guards: vec![Guard::At(key.clone(), Revision(u64::MAX))],
        writes: vec![Write::Put(key, Vec::new())],
    }
}
