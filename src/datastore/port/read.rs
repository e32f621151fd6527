//! Reads: ranges in, a snapshot out, all at one revision.

use super::{DatastoreError, Span};
use crate::revision::Revision;

/// Most ranges of one read.
pub const MAX_RANGES: usize = 120;
/// Most bytes of the values that one page should bring.
pub const MAX_PAGE_BYTES: usize = 4_000_000;

/// Which entries of a span come first, and so which of them a limit leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By key.
    #[default]
    Key,
    /// The one that was written last; any one of several that were written in one transaction.
    Newest,
}

/// One part of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Which keys.
    pub span: Span,
    /// Whether the values stay away.
    pub keys_only: bool,
    /// Most entries to bring; 0 for all.
    pub limit: u32,
    /// Which ones.
    pub order: Order,
}

impl Range {
    /// Reads one key.
    pub fn key(key: impl Into<String>) -> Range {
        Range::of(Span::Key(key.into()))
    }

    /// Reads every key that starts with the prefix.
    pub fn prefix(prefix: impl Into<String>) -> Range {
        Range::of(Span::Prefix(prefix.into()))
    }

    /// Reads the span, values included.
    pub const fn of(span: Span) -> Range {
        Range {
            span,
            keys_only: false,
            limit: 0,
            order: Order::Key,
        }
    }

    /// Reads no value, but when the span was last written: the key that was, and how many keys there are. If neither
    /// has changed since an earlier read, nothing in the span has: a deletion lowers the number, and only a write that
    /// is newer raises it again.
    pub const fn newest(span: Span) -> Range {
        Range {
            span,
            keys_only: true,
            limit: 1,
            order: Order::Newest,
        }
    }

    /// The same without values.
    #[must_use]
    pub fn keys_only(mut self) -> Range {
        self.keys_only = true;
        self
    }

    /// The same with at most this many entries.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Range {
        self.limit = limit;
        self
    }

    fn check(&self) -> Result<(), DatastoreError> {
        if self.order == Order::Newest && self.limit != 1 {
            let detail = format!("the newest {} entries; 1 is allowed", self.limit);
            return Err(DatastoreError::rejected(detail));
        }
        self.span.check()
    }
}

/// What to read in one round trip.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The parts, answered in this order.
    pub ranges: Vec<Range>,
    /// The revision to read at; the newest if `None`. Only pages of one long read set it.
    /// One that is above the store's is refused.
    pub at: Option<Revision>,
}

impl Read {
    /// Reads the newest state of these ranges.
    pub const fn latest(ranges: Vec<Range>) -> Read {
        Read { ranges, at: None }
    }

    /// Refuses what no store would take.
    ///
    /// # Errors
    /// [`DatastoreError::Rejected`] with no range or more than [`MAX_RANGES`], at revision 0, of an empty key or an empty
    /// range, or with more than the one newest entry: their order is no store's to say.
    pub fn check(&self) -> Result<(), DatastoreError> {
        if self.at == Some(Revision(0)) {
            return Err(DatastoreError::rejected("a read at revision 0"));
        }
        match self.ranges.len() {
            1..=MAX_RANGES => self.ranges.iter().try_for_each(Range::check),
            count => Err(DatastoreError::rejected(format!(
                "a read of {count} ranges; 1 to {MAX_RANGES} are allowed"
            ))),
        }
    }
}

/// One record as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value; empty in a read of keys only.
    pub value: Vec<u8>,
    /// The revision at which the key was created.
    pub created: Revision,
    /// The revision at which it was last written.
    pub modified: Revision,
}

/// What one range of a read found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, in key order.
    pub entries: Vec<Entry>,
    /// Whether the limit left some away.
    pub more: bool,
    /// How many keys the span has, those that the limit left away included.
    pub count: usize,
}

/// What a read saw: one [`Found`] for each range, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The newest revision of the store when it was read, also where an older one was read.
    pub revision: Revision,
    /// Which store it is: etcd's cluster id, or a number of the embedded store. A store that was
    /// made anew has another one.
    pub cluster: u64,
    /// What each range found.
    pub found: Vec<Found>,
}
