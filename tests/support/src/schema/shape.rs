//! Shapes of values, and what a value has against its shape.

use super::read::members;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// A string that is not empty.
    Filled,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// RFC 3339, UTC, whole seconds.
    Time,
    /// `true` or `false`.
    Bool,
    /// What is left out where it is false.
    True,
    /// A whole number from 0 to the largest of 64 bits, without exponent or fraction.
    Unsigned,
    /// What is left out where it is zero.
    Positive,
    /// `null`, or the shape.
    OrNull(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A list that is left out where it is empty.
    FilledList(&'static Shape),
    /// An object with names of its own, sorted by their bytes.
    Map(&'static Shape),
    /// The same, left out where it is empty.
    FilledMap(&'static Shape),
    /// An object with these members, in this order.
    Object(&'static [Member]),
    /// An object that others define.
    Others,
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    name: &'static str,
    shape: Shape,
    always: bool,
}

/// A member that is always there.
pub(super) const fn always(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        shape,
        always: true,
    }
}

/// A member that may be absent.
pub(super) const fn sometimes(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        shape,
        always: false,
    }
}

/// Appends what a value has against a shape; `path` says where it stands.
pub(super) fn compare(value: &str, shape: Shape, path: &str, faults: &mut Vec<String>) {
    let fits = match shape {
        Shape::OrNull(shape) => {
            return if value != "null" {
                compare(value, *shape, path, faults);
            };
        }
        Shape::List(shape) => return compare_list(value, *shape, path, faults),
        Shape::FilledList(shape) => {
            compare_list(value, *shape, path, faults);
            value != "[]"
        }
        Shape::Map(shape) => return compare_map(value, *shape, path, faults),
        Shape::FilledMap(shape) => {
            compare_map(value, *shape, path, faults);
            value != "{}"
        }
        Shape::Object(object) => return compare_object(value, object, path, faults),
        Shape::Text => text(value).is_some(),
        Shape::Filled => text(value).is_some_and(|text| !text.is_empty()),
        Shape::OneOf(words) => text(value).is_some_and(|text| words.contains(&text.as_str())),
        Shape::Time => text(value).is_some_and(|text| is_time(&text)),
        Shape::Bool => matches!(value, "true" | "false"),
        Shape::True => value == "true",
        Shape::Unsigned => is_unsigned(value),
        Shape::Positive => is_unsigned(value) && value != "0",
        Shape::Others => members(value).is_some(),
    };
    if !fits {
        faults.push(format!("{path}: {value} is not {shape:?}"));
    }
}

fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

fn is_unsigned(value: &str) -> bool {
    value
        .parse::<u64>()
        .is_ok_and(|number| number.to_string() == value)
}

fn is_time(text: &str) -> bool {
    let pattern = b"0000-00-00T00:00:00Z";
    let fits = |(own, wanted): (&u8, &u8)| match wanted {
        b'0' => own.is_ascii_digit(),
        other => own == other,
    };
    text.len() == pattern.len() && text.as_bytes().iter().zip(pattern).all(fits)
}

fn compare_list(value: &str, shape: Shape, path: &str, faults: &mut Vec<String>) {
    let Ok(items) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(value) else {
        faults.push(format!("{path}: {value} is not a list"));
        return;
    };
    for (index, item) in items.iter().enumerate() {
        compare(item.get(), shape, &format!("{path}[{index}]"), faults);
    }
}

fn compare_map(value: &str, shape: Shape, path: &str, faults: &mut Vec<String>) {
    let Some(members) = members(value) else {
        faults.push(format!("{path}: {value} is not an object"));
        return;
    };
    if !members.is_sorted_by(|(a, _), (b, _)| a < b) {
        faults.push(format!(
            "{path}: its names are not sorted, or one stands twice"
        ));
    }
    for (name, value) in &members {
        compare(value.get(), shape, &format!("{path}.{name}"), faults);
    }
}

fn compare_object(value: &str, object: &[Member], path: &str, faults: &mut Vec<String>) {
    let Some(stored) = members(value) else {
        faults.push(format!("{path}: {value} is not an object"));
        return;
    };
    let mut rest = object;
    for (name, value) in &stored {
        let Some(at) = rest.iter().position(|member| member.name == name) else {
            faults.push(format!(
                "{path}: {name} is no member, stands twice, or is out of order"
            ));
            continue;
        };
        faults.extend(missing(&rest[..at], path));
        let path = format!("{path}.{name}");
        compare(value.get(), rest[at].shape, &path, faults);
        rest = &rest[at + 1..];
    }
    faults.extend(missing(rest, path));
}

/// What is said of members that were passed over, or not reached.
fn missing(members: &[Member], path: &str) -> Vec<String> {
    let missing = members.iter().filter(|member| member.always);
    missing
        .map(|member| format!("{path}: {} is missing, or out of order", member.name))
        .collect()
}
