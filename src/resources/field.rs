//! What is wrong with a resource, field by field, so that an operator can mend all of it at once.

use std::fmt;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where the field stands, such as `spec.cidr`.
    pub field: String,
    /// What stands there; `None` where nothing does, or where the rule is about several fields.
    pub value: Option<String>,
    /// The rule, in Calico's words where it has some.
    pub rule: String,
}

impl FieldError {
    /// A field with a wrong value.
    pub fn of(
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<String>,
    ) -> FieldError {
        FieldError {
            field: field.into(),
            value: Some(value.to_string()),
            rule: rule.into(),
        }
    }

    /// A field that is missing, or several that do not go together.
    pub fn bare(field: impl Into<String>, rule: impl Into<String>) -> FieldError {
        FieldError {
            field: field.into(),
            value: None,
            rule: rule.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = '{value}': {}", self.field, self.rule),
            None => write!(f, "{}: {}", self.field, self.rule),
        }
    }
}
