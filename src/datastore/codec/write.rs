//! JSON as Go's encoder writes it: no blanks, maps sorted, `<`, `>`, `&` and two line separators escaped in strings.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use crate::unknown::Unknown;

/// Returns the value of a record that is an object.
pub(super) fn object(fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut text = String::with_capacity(256);
    append_object(&mut text, fill);
    text.into_bytes()
}

/// Appends an object.
pub(super) fn append_object(text: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    text.push('{');
    fill(&mut Object { text, first: true });
    text.push('}');
}

/// An object that is being written. Members come in the order of the calls.
#[derive(Debug)]
pub(super) struct Object<'a> {
    text: &'a mut String,
    first: bool,
}

impl Object<'_> {
    /// Writes the name and returns where the value goes.
    fn name(&mut self, name: &str) -> &mut String {
        if !self.first {
            self.text.push(',');
        }
        self.first = false;
        append_string(self.text, name);
        self.text.push(':');
        self.text
    }

    /// A string.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        append_string(self.name(name), value);
    }

    /// A string, left out if there is none.
    pub(super) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A string, left out if it is empty.
    pub(super) fn text_unless_empty(&mut self, name: &str, value: &str) {
        self.optional_text(name, Some(value).filter(|value| !value.is_empty()));
    }

    /// A number or boolean, or text that is JSON already.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        append_plain(self.name(name), value);
    }

    /// A boolean, left out if it is false.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.plain(name, value);
        }
    }

    /// A list.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        append: impl FnMut(&mut String, T),
    ) {
        append_list(self.name(name), items, append);
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        append_object(self.name(name), fill);
    }

    /// A map of strings, left out if it is empty.
    pub(super) fn texts(&mut self, name: &str, texts: &BTreeMap<String, String>) {
        if !texts.is_empty() {
            self.object(name, |map| {
                for (name, value) in texts {
                    map.text(name, value);
                }
            });
        }
    }

    /// The members that were kept as they were, but for those named.
    pub(super) fn unknown_but(&mut self, unknown: &Unknown, but: &[&str]) {
        for (name, raw) in &unknown.0 {
            if !but.contains(&name.as_str()) {
                self.plain(name, raw);
            }
        }
    }

    /// The members that were kept as they were.
    pub(super) fn unknown(&mut self, unknown: &Unknown) {
        self.unknown_but(unknown, &[]);
    }
}

/// Appends a list.
pub(super) fn append_list<T>(
    text: &mut String,
    items: impl IntoIterator<Item = T>,
    mut append: impl FnMut(&mut String, T),
) {
    text.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if 0 < index {
            text.push(',');
        }
        append(text, item);
    }
    text.push(']');
}

/// Appends a number or boolean, or text that is JSON already.
pub(super) fn append_plain(text: &mut String, value: impl Display) {
    write!(text, "{value}").expect("a String takes everything");
}

/// Appends a string with quotes and escapes.
pub(super) fn append_string(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some(at) = first_escape(rest) {
        text.push_str(&rest[..at]);
        let mut following = rest[at..].chars();
        if let Some(c) = following.next() {
            append_escaped(text, c);
        }
        rest = following.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

fn first_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&at| match bytes[at] {
        0..=0x1f | b'"' | b'\\' | b'<' | b'>' | b'&' => true,
        // U+2028 and U+2029.
        0xe2 => matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])),
        _ => false,
    })
}

fn append_escaped(text: &mut String, c: char) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        other => {
            append_plain(text, format_args!("\\u{:04x}", u32::from(other)));
            return;
        }
    };
    text.push_str(short);
}
