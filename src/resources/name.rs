//! The rule of resource names: a DNS-1123 subdomain, as Calico and Kubernetes ask for.

use crate::resources::field::FieldError;

const LONGEST: usize = 253;
const FIELD: &str = "metadata.name";
const SHAPE: &str = "name must consist of lower case alphanumeric characters, '-' or '.' (regex: \
    [a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)";

/// Returns what is wrong with the name of a resource.
pub fn fault(name: &str) -> Option<FieldError> {
    if name.is_empty() {
        Some(FieldError::bare(FIELD, "name must be specified"))
    } else if LONGEST < name.len() {
        let rule = format!("name must be no more than {LONGEST} characters");
        Some(FieldError::of(FIELD, name, rule))
    } else if name.split('.').all(is_label) {
        None
    } else {
        Some(FieldError::of(FIELD, name, SHAPE))
    }
}

fn is_label(label: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !label.is_empty()
        && label.chars().all(legal)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn names_are_dns_1123_subdomains() {
        for good in ["a", "0", "rack-1", "a.b.c", "1-2.3-4", &"x".repeat(253)] {
            assert_eq!(fault(good), None, "{good}");
        }
        let bad = [
            "",
            "Upper",
            "a_b",
            "-a",
            "a-",
            "a..b",
            ".a",
            "a.",
            "a/b",
            "a b",
            "é",
            "a.-b",
            "\0",
            &"x".repeat(254),
        ];
        for bad in bad {
            let fault = fault(bad).expect(bad);
            assert_eq!(fault.field, "metadata.name", "{bad}");
        }
    }
}
