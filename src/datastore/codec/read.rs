//! Objects read member by member, in one pass over the text.
//!
//! Follows Go's decoder, for that is what the other programs on the store have: a name matches in any case, a null
//! leaves a member as it was, of doubled members the last counts. Members that an object does not know are kept as text.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::unknown::Unknown;

/// What is wrong with the value of a record. Does not name the record: whoever read it knows the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl DecodeError {
    pub(super) fn new(what: impl fmt::Display) -> DecodeError {
        DecodeError(what.to_string())
    }

    pub(super) fn of_member(name: &str, what: impl fmt::Display) -> DecodeError {
        DecodeError(format!("member `{name}`: {what}"))
    }
}

/// An object of a record. Its default is what an object without members means.
pub(super) trait Object: Default {
    /// The members that it knows, as Calico spells them.
    const MEMBERS: &'static [&'static str];

    /// Takes the value of a member of that list.
    fn member<'de, M: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        from: &mut M,
    ) -> Result<(), M::Error>;

    /// Where the other members are kept; `None` drops them.
    fn unknown(&mut self) -> Option<&mut Unknown> {
        None
    }
}

/// Says how an object is read: each member with what takes its value, and where the others are
/// kept; without that they are dropped.
macro_rules! members {
    (
        $object:ty $(where [$($generics:tt)+])?: |$own:ident, $from:ident|
        $($name:literal => $take:expr,)+
        $(others => $kept:expr)?
    ) => {
        impl $(<$($generics)+>)? $crate::datastore::codec::read::Object for $object {
            const MEMBERS: &'static [&'static str] = &[$($name),+];

            fn member<'de, M: serde::de::MapAccess<'de>>(
                &mut self,
                name: &'static str,
                $from: &mut M,
            ) -> Result<(), M::Error> {
                let $own = self;
                match name {
                    $($name => $take,)+
                    _ => $crate::datastore::codec::read::skip($from),
                }
            }

            $(fn unknown(&mut self) -> Option<&mut $crate::unknown::Unknown> {
                let $own = self;
                Some(&mut $kept)
            })?
        }
    };
}
pub(super) use members;

/// Reads the value of a record that is an object.
pub(super) fn object<T: Object>(value: &[u8]) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(value).map_err(|_| DecodeError::new("it is not UTF-8 text"))?;
    if text.is_empty() {
        return Err(DecodeError::new("it is empty"));
    }
    let Read(object) = serde_json::from_str(text).map_err(unreadable)?;
    Ok(object)
}

fn unreadable(error: serde_json::Error) -> DecodeError {
    if error.is_data() {
        DecodeError::new(error)
    } else {
        DecodeError(format!("it is not JSON: {error}"))
    }
}

/// An object as the deserializer sees it. A null is an object without members.
#[derive(Debug, Default)]
pub(super) struct Read<T>(pub(super) T);

impl<'de, T: Object> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Read<T>, D::Error> {
        from.deserialize_any(ObjectVisitor(PhantomData)).map(Read)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<T, M::Error> {
        let mut object = T::default();
        while let Some(name) = map.next_key_seed(NameSeed(T::MEMBERS))? {
            match name {
                Name::Known(name) => object
                    .member(name, &mut map)
                    .map_err(|error| M::Error::custom(format_args!("member `{name}`: {error}")))?,
                Name::Unknown(name) => {
                    let raw: &RawValue = map.next_value()?;
                    if let Some(unknown) = object.unknown() {
                        unknown.0.insert(name, raw.get().to_owned());
                    }
                }
            }
        }
        Ok(object)
    }
}

enum Name {
    Known(&'static str),
    Unknown(String),
}

struct NameSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        let known = self.0.iter().find(|known| known.eq_ignore_ascii_case(name));
        Ok(known.map_or_else(
            || Name::Unknown(name.to_owned()),
            |known| Name::Known(known),
        ))
    }
}

/// Takes a value; a null leaves what was there.
pub(super) fn set<'de, T, M>(slot: &mut T, from: &mut M) -> Result<(), M::Error>
where
    T: Deserialize<'de>,
    M: MapAccess<'de>,
{
    if let Some(value) = from.next_value::<Option<T>>()? {
        *slot = value;
    }
    Ok(())
}

/// Takes a value that may be missing; so it is with a null.
pub(super) fn set_optional<'de, T, M>(slot: &mut Option<T>, from: &mut M) -> Result<(), M::Error>
where
    T: Deserialize<'de>,
    M: MapAccess<'de>,
{
    *slot = from.next_value()?;
    Ok(())
}

/// Passes over a value.
pub(super) fn skip<'de, M: MapAccess<'de>>(from: &mut M) -> Result<(), M::Error> {
    from.next_value::<IgnoredAny>().map(drop)
}

/// Takes an object; a null empties it.
pub(super) fn set_object<'de, T, M>(slot: &mut T, from: &mut M) -> Result<(), M::Error>
where
    T: Object,
    M: MapAccess<'de>,
{
    let Read(object) = from.next_value()?;
    *slot = object;
    Ok(())
}

/// Takes a list; a null empties it.
pub(super) fn set_list<'de, T, M>(slot: &mut Vec<T>, from: &mut M) -> Result<(), M::Error>
where
    T: Deserialize<'de>,
    M: MapAccess<'de>,
{
    let list: Option<Vec<T>> = from.next_value()?;
    *slot = list.unwrap_or_default();
    Ok(())
}

/// Takes a list of strings; a null among them is an empty one.
pub(super) fn set_texts<'de, M: MapAccess<'de>>(
    slot: &mut Vec<String>,
    from: &mut M,
) -> Result<(), M::Error> {
    let mut texts: Vec<Option<String>> = Vec::new();
    set_list(&mut texts, from)?;
    *slot = texts.into_iter().map(Option::unwrap_or_default).collect();
    Ok(())
}

/// Takes a map of names to values; a null empties it. Of a doubled name the last counts.
pub(super) fn set_map<'de, V, C, M>(slot: &mut C, from: &mut M) -> Result<(), M::Error>
where
    V: Deserialize<'de> + Default,
    C: FromIterator<(String, V)>,
    M: MapAccess<'de>,
{
    let entries: Option<Entries<V>> = from.next_value()?;
    *slot = entries
        .map_or_else(Vec::new, |entries| entries.0)
        .into_iter()
        .collect();
    Ok(())
}

/// The entries of a map in the order of the text. A value that is null is the default one.
#[derive(Debug, Default)]
pub(super) struct Entries<V>(pub(super) Vec<(String, V)>);

impl<'de, V: Deserialize<'de> + Default> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entries<V>, D::Error> {
        from.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de> + Default> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<V>, M::Error> {
        let mut entries = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Option<V>>()? {
            entries.push((name, value.unwrap_or_default()));
        }
        Ok(Entries(entries))
    }
}
