//! Typed access to the members of a JSON object, with errors that name the member and its value.

use serde_json::{Map, Value};

use crate::cni::error::{CniError, Code};

/// The members of one object of the configuration. A missing member, `null` and `""` are the same: not given.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    path: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// Looks at an object; `path` stands before the names of its members in errors, such as `ipam.`.
    pub const fn new(path: &'a str, map: &'a Map<String, Value>) -> Members<'a> {
        Members { path, map }
    }

    /// Returns the value of a member, if it is given.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        let given = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        self.map.get(name).filter(given)
    }

    /// Returns a text.
    ///
    /// # Errors
    /// [`Code::Config`] where it is something else.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, CniError> {
        self.typed(name, Value::as_str, "a text")
    }

    /// Returns a flag: `true`, `false`, or the same words as a text (Calico's form).
    ///
    /// # Errors
    /// [`Code::Config`] where it is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, CniError> {
        let read = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        self.typed(name, read, "true or false")
    }

    /// Returns a whole number from 0 to 4 294 967 295.
    ///
    /// # Errors
    /// [`Code::Config`] where it is something else.
    pub fn number(&self, name: &str) -> Result<Option<u32>, CniError> {
        let read = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        self.typed(name, read, "a whole number from 0 to 4294967295")
    }

    /// Returns a list of texts; empty if it is not given.
    ///
    /// # Errors
    /// [`Code::Config`] where it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>, CniError> {
        let read = |value: &'a Value| value.as_array()?.iter().map(Value::as_str).collect();
        Ok(self
            .typed(name, read, "a list of texts")?
            .unwrap_or_default())
    }

    /// Returns one text or a list of them.
    ///
    /// # Errors
    /// [`Code::Config`] where it is something else.
    pub fn text_or_texts(&self, name: &str) -> Result<Vec<&'a str>, CniError> {
        match self.value(name) {
            Some(Value::String(text)) => Ok(vec![text]),
            _ => self.texts(name),
        }
    }

    /// Returns a member as `read` understands it.
    ///
    /// # Errors
    /// [`Code::Config`] saying what was `expected`, where `read` does not.
    pub fn typed<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, CniError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| self.wrong(name, &format!("{}; it must be {expected}", shown(value))))
    }

    /// Returns the error that says what is wrong with a member.
    pub fn wrong(&self, name: &str, what: &str) -> CniError {
        CniError::new(Code::Config, format!("{}{name} is {what}", self.path))
    }
}

/// Long values are cut: an error should stay readable.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
