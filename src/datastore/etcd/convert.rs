//! Between the port and etcd's messages. Pure.

use etcd_client::{
    Compare, CompareOp, GetOptions, GetResponse, KeyValue, ResponseHeader, SortOrder, SortTarget,
    Txn as EtcdTxn, TxnOp, TxnOpResponse, TxnResponse,
};

use crate::datastore::{
    Commit, Entry, Found, Guard, Order, Range, Read, Snapshot, Span, Txn, Write,
};
use crate::revision::Revision;

/// What etcd reads as "from the key to the last one", and the smallest key there can be.
const LOWEST: &str = "\0";

/// One request of etcd.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// Reads one range.
    Get(Vec<u8>, GetOptions),
    /// Reads several, or commits.
    Txn(EtcdTxn),
}

/// The answer to a [`Request`] of the same name.
#[derive(Debug)]
pub(super) enum Answer {
    Get(GetResponse),
    Txn(TxnResponse),
}

/// Makes the request of a read. A transaction that only reads is a linearizable read to etcd: no log entry, no fsync.
pub(super) fn read_request(read: &Read) -> Request {
    match read.ranges.as_slice() {
        [range] => Request::Get(from_key(&range.span), options(range, read.at)),
        ranges => {
            let gets: Vec<TxnOp> = ranges.iter().map(|range| get(range, read.at)).collect();
            Request::Txn(EtcdTxn::new().and_then(gets))
        }
    }
}

/// Makes the request of a commit: what each guard covers is read where a guard fails.
pub(super) fn txn_request(txn: &Txn) -> Request {
    let compares: Vec<Compare> = txn.guards.iter().map(compare).collect();
    let writes: Vec<TxnOp> = txn.writes.iter().map(write).collect();
    let gets: Vec<TxnOp> = txn
        .guards
        .iter()
        .map(|guard| get(&guard.range(), None))
        .collect();
    Request::Txn(EtcdTxn::new().when(compares).and_then(writes).or_else(gets))
}

/// Takes the answer of a read.
pub(super) fn snapshot_of(answer: Answer) -> Snapshot {
    match answer {
        Answer::Get(mut answer) => {
            let header = answer.take_header();
            snapshot(header.as_ref(), vec![found(&mut answer)])
        }
        Answer::Txn(answer) => all_found(&answer),
    }
}

/// Takes the answer of a commit.
pub(super) fn commit_of(answer: Answer) -> Commit {
    match answer {
        Answer::Txn(answer) if answer.succeeded() => Commit::Applied(revision(
            answer.header().map_or(0, ResponseHeader::revision),
        )),
        conflict @ (Answer::Txn(_) | Answer::Get(_)) => Commit::Conflict(snapshot_of(conflict)),
    }
}

fn all_found(answer: &TxnResponse) -> Snapshot {
    let found = answer
        .op_responses()
        .into_iter()
        .map(|answer| match answer {
            TxnOpResponse::Get(mut answer) => found(&mut answer),
            TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => {
                Found::default()
            }
        });
    snapshot(answer.header(), found.collect())
}

fn snapshot(header: Option<&ResponseHeader>, found: Vec<Found>) -> Snapshot {
    Snapshot {
        revision: revision(header.map_or(0, ResponseHeader::revision)),
        cluster: header.map_or(0, ResponseHeader::cluster_id),
        found,
    }
}

fn found(answer: &mut GetResponse) -> Found {
    Found {
        more: answer.more(),
        count: usize::try_from(answer.count()).unwrap_or(0),
        entries: answer.take_kvs().into_iter().map(entry).collect(),
    }
}

/// A key that is not UTF-8 is nobody's record: it is shown with replacement characters, and no guard will hold for it.
fn entry(kv: KeyValue) -> Entry {
    let (created, modified) = (revision(kv.create_revision()), revision(kv.mod_revision()));
    let (key, value) = kv.into_key_value();
    let key = String::from_utf8(key)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Entry {
        key,
        value,
        created,
        modified,
    }
}

fn get(range: &Range, at: Option<Revision>) -> TxnOp {
    TxnOp::get(from_key(&range.span), Some(options(range, at)))
}

fn options(range: &Range, at: Option<Revision>) -> GetOptions {
    let mut options = GetOptions::new().with_limit(i64::from(range.limit));
    if range.keys_only {
        options = options.with_keys_only();
    }
    if range.order == Order::Newest {
        options = options.with_sort(SortTarget::Mod, SortOrder::Descend);
    }
    if let Some(end) = range_end(&range.span) {
        options = options.with_range(end);
    }
    match at {
        Some(at) => options.with_revision(signed(at)),
        None => options,
    }
}

fn compare(guard: &Guard) -> Compare {
    let bound = |compare: Compare, span: &Span| match range_end(span) {
        Some(end) => compare.with_range(end),
        None => compare,
    };
    let less = CompareOp::Less;
    match guard {
        Guard::Absent(key) => Compare::version(key.as_str(), CompareOp::Equal, 0),
        Guard::At(key, at) => Compare::mod_revision(key.as_str(), CompareOp::Equal, signed(*at)),
        Guard::Same(key, value) => Compare::value(key.as_str(), CompareOp::Equal, value.as_slice()),
        Guard::NoneCreated(span, after) => bound(
            Compare::create_revision(from_key(span), less, next(*after)),
            span,
        ),
        Guard::NoneChanged(span, after) => bound(
            Compare::mod_revision(from_key(span), less, next(*after)),
            span,
        ),
    }
}

fn write(write: &Write) -> TxnOp {
    match write {
        Write::Put(key, value) => TxnOp::put(key.as_str(), value.as_slice(), None),
        Write::Delete(key) => TxnOp::delete(key.as_str(), None),
    }
}

/// etcd has no empty key.
fn from_key(span: &Span) -> Vec<u8> {
    let (from, _) = span.bounds();
    if from.is_empty() {
        LOWEST.into()
    } else {
        from.into_bytes()
    }
}

/// Returns the end of the range; `None` for a single key.
fn range_end(span: &Span) -> Option<Vec<u8>> {
    match span {
        Span::Key(_) => None,
        Span::Prefix(_) | Span::Between(..) => {
            let (_, to) = span.bounds();
            Some(to.map_or_else(|| LOWEST.into(), String::into_bytes))
        }
    }
}

fn revision(signed: i64) -> Revision {
    Revision(signed.unsigned_abs())
}

fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

fn next(revision: Revision) -> i64 {
    signed(revision).saturating_add(1)
}
