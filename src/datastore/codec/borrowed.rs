//! Our index of what a node borrowed: the key says it all, the value is an empty object.

use serde::Deserialize;

use super::read::DecodeError;

/// Reads an index entry. Strict, as with everything of our own.
///
/// # Errors
/// [`DecodeError`] for anything but an empty object.
pub fn decode_borrowed(value: &[u8]) -> Result<(), DecodeError> {
    let Borrowed {} = serde_json::from_slice(value).map_err(DecodeError::new)?;
    Ok(())
}

/// Writes an index entry.
pub fn encode_borrowed() -> Vec<u8> {
    b"{}".to_vec()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Borrowed {}
