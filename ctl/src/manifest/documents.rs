//! A file as documents: JSON or YAML, one or several, lists taken apart.
//!
//! YAML is read by version 1.2: `off`, `no` and `yes` are text. Where a flag is wanted, `fields` takes them as
//! calicoctl does.

use std::fmt;

use crate::failure::Failure;
use crate::value::Value;

/// A file and what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// How messages call it: a path, or `standard input`.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Where in a file a resource stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: String,
    /// Counted from 1.
    document: usize,
    /// Index in a list, where it stands in one.
    item: Option<usize>,
}

impl Place {
    /// Says the part that tells two places of one file apart.
    pub(crate) fn inside(&self) -> String {
        match self.item {
            Some(item) => format!("document {}, items[{item}]", self.document),
            None => format!("document {}", self.document),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.file, self.inside())
    }
}

/// Returns every resource of a file as a value, in order. Empty documents are passed over.
///
/// # Errors
/// A file that is no text, or neither JSON nor YAML.
pub(crate) fn split(source: &Source) -> Result<Vec<(Place, Value)>, Failure> {
    let mut resources = Vec::new();
    for (index, value) in parse(source)?.into_iter().enumerate() {
        let place = |item| Place {
            file: source.name.clone(),
            document: index + 1,
            item,
        };
        match list_items(value) {
            Ok(items) => {
                let items = items.into_iter().enumerate();
                resources.extend(items.map(|(item, value)| (place(Some(item)), value)));
            }
            Err(Value::Null) => {}
            Err(value) => resources.push((place(None), value)),
        }
    }
    Ok(resources)
}

/// Returns the items of a list of resources, or the value itself if it is none.
fn list_items(value: Value) -> Result<Vec<Value>, Value> {
    let kind = value.get("kind").and_then(Value::text);
    if !kind.is_some_and(|kind| kind.ends_with("List")) {
        return Err(value);
    }
    match value.get("items") {
        Some(Value::List(items)) => Ok(items.clone()),
        Some(_) | None => Err(value),
    }
}

fn parse(source: &Source) -> Result<Vec<Value>, Failure> {
    let name = &source.name;
    let text = std::str::from_utf8(&source.bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::refused(format!("{name} is not text: byte {at} is not UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '['])
        && let Ok(documents) = serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect::<Result<Vec<Value>, _>>()
    {
        return Ok(documents);
    }
    let documents = cut(text).into_iter().enumerate();
    documents
        .map(|(index, document)| {
            parse_yaml(document.text).map_err(|_| not_yaml(name, index + 1, &document))
        })
        .collect()
}

/// A YAML document as text.
#[derive(Debug, Clone, Copy)]
struct Document<'a> {
    text: &'a str,
    /// How many lines stand before it.
    line: usize,
}

/// Cuts a YAML stream at its markers: `---` and `...` at the beginning of a line are such wherever they stand.
fn cut(stream: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let mut document = Document { text: "", line: 0 };
    let (mut begin, mut at) = (0, 0);
    for (number, line) in stream.split_inclusive('\n').enumerate() {
        if is_marker(line, "---") || is_marker(line, "...") {
            document.text = &stream[begin..at];
            documents.push(document);
            document = Document {
                text: "",
                line: number,
            };
            begin = at;
        }
        at += line.len();
    }
    document.text = &stream[begin..];
    documents.push(document);
    documents.retain(|document| !is_nothing(document.text));
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    let rest = line.strip_prefix(marker);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// What may stand between documents without being one: comments, directives, and the end of the one before.
fn is_nothing(text: &str) -> bool {
    let mut lines = text.lines();
    lines.all(|line| {
        let line = if is_marker(line, "...") {
            ""
        } else {
            line.trim_start()
        };
        line.is_empty() || line.starts_with(['#', '%'])
    })
}

fn parse_yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        // `Value` tells of them in words of ours.
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
    };
    let mut values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)?;
    Ok(values.pop().unwrap_or(Value::Null))
}

/// Reads it once more below as many empty lines as it stands below: the parser then names the line of the file.
fn not_yaml(name: &str, number: usize, document: &Document<'_>) -> Failure {
    let text = "\n".repeat(document.line) + document.text;
    let why = parse_yaml(&text).err().map(|error| error.to_string());
    let why = why.unwrap_or_default();
    Failure::refused(format!(
        "{name}, document {number} is neither JSON nor YAML: {why}"
    ))
}
