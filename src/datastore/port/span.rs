//! Which keys a range covers. Keys compare bytewise, as in etcd.

use super::DatastoreError;

/// The keys that a range covers. Keys compare bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// One key.
    Key(String),
    /// Every key that starts with this text.
    Prefix(String),
    /// From the first (inclusive) to the second (exclusive).
    Between(String, String),
}

impl Span {
    /// Returns whether the key is covered.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Span::Key(own) => own == key,
            Span::Prefix(prefix) => key.starts_with(prefix.as_str()),
            Span::Between(from, to) => from.as_str() <= key && key < to.as_str(),
        }
    }

    /// Returns the first key that may be covered and the first above that is not; `None` if all above are.
    ///
    /// ```
    /// use block_ipam::datastore::Span;
    /// let span = Span::Prefix("/a/".into());
    /// assert_eq!(span.bounds(), ("/a/".into(), Some("/a0".into())));
    /// ```
    pub fn bounds(&self) -> (String, Option<String>) {
        match self {
            Span::Key(key) => (key.clone(), Some(format!("{key}\0"))),
            Span::Prefix(prefix) => (prefix.clone(), after_prefix(prefix)),
            Span::Between(from, to) => (from.clone(), Some(to.clone())),
        }
    }

    /// Refuses what etcd would refuse or understand otherwise.
    ///
    /// # Errors
    /// [`DatastoreError::Rejected`] with an empty key or an empty range.
    pub fn check(&self) -> Result<(), DatastoreError> {
        let reason = match self {
            Span::Key(key) if key.is_empty() => "an empty key".to_owned(),
            Span::Between(from, to) if to <= from || to == "\0" => {
                format!("an empty range from {from:?} to {to:?}")
            }
            Span::Key(_) | Span::Prefix(_) | Span::Between(..) => return Ok(()),
        };
        Err(DatastoreError::rejected(reason))
    }

    /// Returns the number of bytes it takes in a request.
    pub fn bytes(&self) -> usize {
        match self {
            Span::Key(key) | Span::Prefix(key) => key.len(),
            Span::Between(from, to) => from.len() + to.len(),
        }
    }
}

/// Returns the smallest text above every text with the prefix. Code points and bytes of UTF-8 sort alike.
fn after_prefix(prefix: &str) -> Option<String> {
    let (index, last) = prefix.char_indices().rfind(|(_, c)| *c != char::MAX)?;
    let next = (last..=char::MAX).nth(1)?;
    Some(format!("{}{next}", &prefix[..index]))
}
