//! Documents for programs: JSON and YAML.

use crate::value::Value;

/// Returns JSON, indented, with a line end.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("maps have text for keys, and numbers are finite") + "\n"
}

/// Returns YAML with members in order of their names, as calicoctl prints it. Text that YAML 1.1 would read as
/// something else is quoted.
pub(crate) fn yaml(value: Value) -> String {
    serde_saphyr::to_string(&value.sorted()).expect("every document can be written as YAML")
}
