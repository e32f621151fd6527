//! Whether two values are the same, without keeping them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Tells whether two values are the same without keeping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes it of the text that shows every part of a value, in this version of the rules.
    pub(super) fn of(value: &dyn fmt::Debug) -> Fingerprint {
        let text = format!("{} {value:?}", env!("CARGO_PKG_VERSION"));
        Fingerprint(Sha256::digest(text).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let digits: Option<Vec<u8>> = text
            .bytes()
            .map(|digit| {
                char::from(digit)
                    .to_digit(16)
                    .and_then(|value| u8::try_from(value).ok())
            })
            .collect();
        let digits = digits.ok_or(NoFingerprint)?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        let whole = bytes.try_into().ok().filter(|_| text.len() == 64);
        whole.map(Fingerprint).ok_or(NoFingerprint)
    }
}
