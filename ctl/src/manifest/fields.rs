//! Members of a document, taken one by one. What is of the wrong kind and what nobody took is told with its path.

use std::collections::BTreeMap;

use block_ipam::resources::FieldError;

use crate::value::Value;

/// The members of a map that are still to be taken.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    path: String,
    members: &'a [(String, Value)],
    known: Vec<&'static str>,
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Opens a map. Anything else is an error, but for nothing at all.
    pub(super) fn open(path: &str, value: Option<&'a Value>) -> Fields<'a> {
        let mut errors = Vec::new();
        let members: &[_] = match value {
            Some(Value::Map(members)) => members,
            None | Some(Value::Null) => &[],
            Some(other) => {
                errors.push(wrong(path, other, "a map of fields"));
                &[]
            }
        };
        Fields {
            path: path.to_owned(),
            members,
            known: Vec::new(),
            errors,
        }
    }

    /// Takes a member as it is. Null counts as absent.
    pub(super) fn any(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        let mut members = self.members.iter();
        let (_, value) = members.find(|(own, _)| own == name)?;
        (*value != Value::Null).then_some(value)
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.any(name)?;
        let text = as_text(&self.path(name), value);
        self.keep(text)
    }

    /// Takes true or false. The words of YAML 1.1 count, as they do for calicoctl.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.any(name)?;
        let flag = match value {
            Value::Flag(flag) => Ok(*flag),
            Value::Text(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(true),
                "false" | "no" | "off" => Ok(false),
                _ => Err(wrong(&self.path(name), value, "true or false")),
            },
            other => Err(wrong(&self.path(name), other, "true or false")),
        };
        self.keep(flag)
    }

    /// Takes a whole number.
    pub(super) fn whole(&mut self, name: &'static str) -> Option<i64> {
        let value = self.any(name)?;
        let number = match value {
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong(&self.path(name), value, "a whole number"));
        self.keep(number)
    }

    /// Takes a list of texts; nothing is an empty one.
    pub(super) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let path = self.path(name);
        match self.any(name) {
            None => Vec::new(),
            Some(Value::List(items)) => {
                let items = items.iter().enumerate();
                let texts = items.map(|(index, item)| as_text(&format!("{path}[{index}]"), item));
                let texts: Vec<_> = texts.collect();
                texts
                    .into_iter()
                    .filter_map(|text| self.keep(text))
                    .collect()
            }
            Some(other) => {
                self.errors.push(wrong(&path, other, "a list of texts"));
                Vec::new()
            }
        }
    }

    /// Takes a map of texts; nothing is an empty one.
    pub(super) fn text_map(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let path = self.path(name);
        match self.any(name) {
            None => BTreeMap::new(),
            Some(Value::Map(members)) => {
                let texts = members.iter().map(|(key, value)| {
                    as_text(&format!("{path}.{key}"), value).map(|text| (key.clone(), text))
                });
                let texts: Vec<_> = texts.collect();
                texts
                    .into_iter()
                    .filter_map(|text| self.keep(text))
                    .collect()
            }
            Some(other) => {
                self.errors.push(wrong(&path, other, "a map of texts"));
                BTreeMap::new()
            }
        }
    }

    /// Ends the taking: what nobody took is not a field.
    pub(super) fn close(mut self) -> Vec<FieldError> {
        for (name, _) in self.members {
            if !self.known.contains(&name.as_str()) {
                let rule = format!(
                    "field in document is not recognized or is in the wrong location; known are {}",
                    self.known.join(", ")
                );
                self.errors.push(FieldError::bare(self.path(name), rule));
            }
        }
        self.errors
    }

    fn keep<T>(&mut self, taken: Result<T, FieldError>) -> Option<T> {
        taken.map_err(|error| self.errors.push(error)).ok()
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

fn as_text(path: &str, value: &Value) -> Result<String, FieldError> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Flag(_) | Value::Number(_) => Err(wrong(path, value, "text: put it in quotes")),
        Value::Null | Value::List(_) | Value::Map(_) => Err(wrong(path, value, "text")),
    }
}

fn wrong(path: &str, value: &Value, wanted: &str) -> FieldError {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => {
            FieldError::bare(path, format!("expected {wanted}, found {}", value.kind()))
        }
        Value::Flag(_) | Value::Number(_) | Value::Text(_) => {
            FieldError::of(path, value, format!("expected {wanted}"))
        }
    }
}
