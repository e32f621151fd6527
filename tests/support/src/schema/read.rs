//! JSON read without losing anything: members in their order, those named twice included, values as they stand.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in the order of the text.
pub(super) struct Members(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
        from.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Returns the members of an object; `None` for any other value.
pub(super) fn members(text: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    serde_json::from_str(text)
        .ok()
        .map(|Members(members)| members)
}

/// Returns one member of an object as a value of a type.
pub(super) fn member<T: for<'de> Deserialize<'de>>(text: &str, name: &str) -> Option<T> {
    let members = members(text)?;
    let (_, raw) = members.into_iter().find(|(own, _)| own == name)?;
    serde_json::from_str(raw.get()).ok()
}
