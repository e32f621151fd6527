//! Which machine uses a node's name. A record of our own, and so read strictly.

use serde::{Deserialize, Serialize};

use super::read::DecodeError;
use super::time;
use crate::assign::identity::{NodeIdentity, NodeMachine};

/// Reads the identity of a node.
///
/// # Errors
/// [`DecodeError`], also for a member that we do not know: only a newer version of ours can have written it.
pub fn decode_identity(value: &[u8]) -> Result<NodeIdentity, DecodeError> {
    let stored: Stored = serde_json::from_slice(value).map_err(DecodeError::new)?;
    Ok(NodeIdentity {
        machine: NodeMachine {
            machine: stored.machine,
            boot: stored.boot,
        },
        since: time::parse(&stored.since)?,
        before: stored.before.map(|before| NodeMachine {
            machine: before.machine,
            boot: before.boot,
        }),
    })
}

/// Writes the identity of a node.
pub fn encode_identity(identity: &NodeIdentity) -> Vec<u8> {
    let stored = Stored {
        machine: identity.machine.machine.clone(),
        boot: identity.machine.boot.clone(),
        since: time::render(identity.since),
        before: identity.before.as_ref().map(|before| Before {
            machine: before.machine.clone(),
            boot: before.boot.clone(),
        }),
    };
    serde_json::to_vec(&stored).expect("texts are written to memory")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    machine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    machine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        let machine = |machine: &str, boot: Option<&str>| NodeMachine {
            machine: machine.to_owned(),
            boot: boot.map(str::to_owned),
        };
        let identity = NodeIdentity {
            machine: machine("a", Some("1")),
            since: crate::clock::Timestamp::from_seconds(1_772_442_895),
            before: Some(machine("b", None)),
        };
        let text = String::from_utf8(encode_identity(&identity)).expect("UTF-8");
        expect![[
            r#"{"machine":"a","boot":"1","since":"2026-03-02T09:14:55Z","before":{"machine":"b"}}"#
        ]]
        .assert_eq(&text);
        assert_eq!(decode_identity(text.as_bytes()), Ok(identity));
    }

    #[test]
    fn what_a_newer_version_wrote_is_not_guessed_at() {
        for bad in [
            "",
            "{}",
            r#"{"machine":"a"}"#,
            r#"{"machine":"a","since":"some day"}"#,
            r#"{"machine":"a","since":"2026-03-02T09:14:55Z","more":1}"#,
        ] {
            decode_identity(bad.as_bytes()).expect_err(bad);
        }
    }
}
