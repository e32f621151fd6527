//! `cni.dev/valid-attachments`: what a runtime says still lives, for GC.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cni::config::members::Members;
use crate::cni::config::network::NetworkConfig;
use crate::cni::error::CniError;

/// The name in the specification from version 1.1.0 on, and the one in its first text. The reference library sends both.
const NAMES: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/// The attachments of a network that still live on this node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidAttachments {
    interfaces: BTreeSet<(String, String)>,
    containers: BTreeSet<String>,
    /// Containers that were listed without an interface: all of theirs live.
    whole: BTreeSet<String>,
}

impl ValidAttachments {
    /// Returns whether an interface of a container lives; where the interface is not known, whether any does.
    pub fn has(&self, container: &str, interface: Option<&str>) -> bool {
        let of = |interface: &str| {
            let pair = (container.to_owned(), interface.to_owned());
            self.whole.contains(container) || self.interfaces.contains(&pair)
        };
        interface.map_or_else(|| self.containers.contains(container), of)
    }

    fn add(&mut self, container: &str, interface: Option<&str>) {
        self.containers.insert(container.to_owned());
        match interface {
            Some(interface) => {
                let pair = (container.to_owned(), interface.to_owned());
                self.interfaces.insert(pair);
            }
            None => {
                self.whole.insert(container.to_owned());
            }
        }
    }
}

/// Returns what lives; `None` where the runtime does not say, which is not the same as nothing. Of two lists
/// whatever one of them names lives.
///
/// # Errors
/// [`crate::cni::Code::Config`] for a list that cannot be read as a whole: nothing may be freed by half a list.
pub fn valid_attachments(config: &NetworkConfig) -> Result<Option<ValidAttachments>, CniError> {
    let root = config.root();
    let mut valid = None;
    for name in NAMES {
        if let Some(list) = root.typed(name, Value::as_array, "a list of attachments")? {
            let all = valid.get_or_insert_with(ValidAttachments::default);
            for (index, value) in list.iter().enumerate() {
                add(all, &root, name, index, value)?;
            }
        }
    }
    Ok(valid)
}

fn add(
    all: &mut ValidAttachments,
    root: &Members<'_>,
    name: &str,
    index: usize,
    value: &Value,
) -> Result<(), CniError> {
    let map = value
        .as_object()
        .ok_or_else(|| root.wrong(name, &format!("wrong: entry {index} is no object")))?;
    let path = format!("{name}[{index}].");
    let members = Members::new(&path, map);
    let container = members.text("containerID")?;
    let container = container.ok_or_else(|| members.wrong("containerID", "missing"))?;
    all.add(container, members.text("ifname")?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<ValidAttachments>, CniError> {
        let config = NetworkConfig::parse(text.as_bytes()).expect("an object");
        valid_attachments(&config)
    }

    #[test]
    fn no_key_is_told_from_an_empty_list() {
        assert_eq!(read("{}"), Ok(None));
        assert_eq!(read(r#"{"cni.dev/valid-attachments":null}"#), Ok(None));
        for name in NAMES {
            let empty = read(&format!(r#"{{"{name}":[]}}"#)).expect("read");
            assert_eq!(empty, Some(ValidAttachments::default()));
        }
    }

    #[test]
    fn of_both_names_all_entries_live() {
        let text = r#"{"cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"},{"containerID":"b"}],
            "cni.dev/attachments":[{"containerID":"c","ifname":"eth1","more":1}]}"#;
        let valid = read(text).expect("read").expect("a list");
        let table = [
            ("a", Some("eth0"), true),
            ("a", Some("eth1"), false),
            ("a", None, true),
            ("b", Some("eth7"), true),
            ("c", Some("eth1"), true),
            ("d", None, false),
        ];
        for (container, interface, lives) in table {
            assert_eq!(
                valid.has(container, interface),
                lives,
                "{container} {interface:?}"
            );
        }
    }

    #[test]
    fn half_a_list_is_none() {
        for bad in [
            r#"{"cni.dev/valid-attachments":{}}"#,
            r#"{"cni.dev/valid-attachments":"a"}"#,
            r#"{"cni.dev/valid-attachments":["a"]}"#,
            r#"{"cni.dev/valid-attachments":[{"containerID":"a"},{"ifname":"eth0"}]}"#,
            r#"{"cni.dev/attachments":[{"containerID":7}]}"#,
        ] {
            assert_eq!(read(bad).expect_err(bad).code.number(), 7, "{bad}");
        }
    }
}
