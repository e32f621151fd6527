//! GC: gives back what no valid attachment of this network holds on this node. Never another network or node.
//!
//! **Invariant:** what cannot be told to be of this network stays, and so does whatever was assigned since the call began.

use crate::assign::NodeHeld;
use crate::blocks::Address;
use crate::clock::Timestamp;
use crate::cni::attachment::Network;
use crate::cni::call::{Call, Shown};
use crate::cni::config::{ValidAttachments, valid_attachments};
use crate::cni::error::{CniError, Code};
use crate::cni::go_time::parse_go_time;
use crate::cni::session::{Purpose, Session};
use crate::plan::CorruptRecord;

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The addresses that were given back.
    pub released: Vec<Address>,
    /// Addresses of this network that live, or are too young to be judged.
    pub kept: usize,
}

impl Shown for Collected {
    fn shown(&self) -> String {
        format!("{:?}, {} kept", self.released, self.kept)
    }
}

/// Gives back what no valid attachment holds, and goes on after errors.
///
/// # Errors
/// [`CniError`]; of several the first one's code, and all in the details. What could be given back was.
pub async fn gc(call: &Call<'_, Network>) -> Result<Collected, CniError> {
    let Some(valid) = valid_attachments(call.config)? else {
        tracing::debug!("no list of valid attachments: nothing is known to be gone");
        return Ok(Collected::default());
    };
    let node = call.node()?;
    let timeout = call.config.timeout()?;
    let session = Session::open(call, Some(&node), Purpose::GiveBack, timeout).await?;
    let holdings = session.allocator.held_by(&node, &session.hint).await;
    let holdings = holdings.map_err(|error| session.explain(&error))?;
    let rule = Rule {
        network: &call.attachment.name,
        valid: &valid,
        began: call.began,
    };
    let mut done = Collected::default();
    let mut stale = Vec::new();
    for held in holdings.held {
        match rule.judge(&held) {
            Verdict::Foreign => {}
            Verdict::Kept => done.kept += 1,
            Verdict::Stale => stale.push(held),
        }
    }
    let mut errors: Vec<CniError> = holdings.corrupt.iter().map(unreadable).collect();
    let (released, failed) = session.allocator.release_held(&stale).await;
    done.released = released.released;
    errors.extend(failed.iter().map(|error| session.explain(error)));
    session.remember([]);
    all_told(done, errors)
}

fn unreadable(record: &CorruptRecord) -> CniError {
    let msg = format!("record {} is corrupt: {}", record.key, record.detail);
    CniError::new(Code::Decode, msg)
}

fn all_told(done: Collected, errors: Vec<CniError>) -> Result<Collected, CniError> {
    let lines: Vec<String> = errors.iter().map(CniError::sentence).collect();
    let Some(first) = errors.into_iter().next() else {
        return Ok(done);
    };
    if lines.len() == 1 {
        return Err(first);
    }
    let msg = format!(
        "{} addresses were given back, and {} things went wrong: {}",
        done.released.len(),
        lines.len(),
        first.msg
    );
    Err(CniError::new(first.code, msg).details(lines.join("\n")))
}

/// What is judged by.
struct Rule<'a> {
    network: &'a str,
    valid: &'a ValidAttachments,
    began: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is not of this network, or nobody can tell.
    Foreign,
    /// It lives, or was assigned since the call began.
    Kept,
    /// Nobody claims it.
    Stale,
}

impl Rule<'_> {
    fn judge(&self, held: &NodeHeld) -> Verdict {
        let Some(container) = container_of(self.network, held) else {
            return Verdict::Foreign;
        };
        let interface = held.attributes.get("interface").map(String::as_str);
        if self.valid.has(container, interface) || self.is_young(held) {
            Verdict::Kept
        } else {
            Verdict::Stale
        }
    }

    /// The runtime has to keep ADD away from GC; whoever does not must not lose an address by it.
    fn is_young(&self, held: &NodeHeld) -> bool {
        let text = held.attributes.get("timestamp");
        text.and_then(|text| parse_go_time(text))
            .is_some_and(|assigned| self.began <= assigned)
    }
}

/// Returns the container that holds an address, if it is one of this network.
///
/// The handle is `{network}.{container}`, and both may have dots. Our entries name the container; of others (Calico's)
/// only handles with one dot can be told apart. Handles of virtual machines outlive their containers, and old-style
/// handles are `{namespace}.{pod}`.
fn container_of<'a>(network: &str, held: &'a NodeHeld) -> Option<&'a str> {
    let rest = held.handle.as_str().strip_prefix(network)?;
    let container = rest.strip_prefix('.')?;
    let attribute = |name: &str| held.attributes.get(name).map(String::as_str);
    match attribute("container") {
        Some(own) => (own == container).then_some(container),
        None => {
            let is_plain = !network.contains('.') && !container.contains('.');
            let is_machine = attribute("vmi-name").is_some() || held.has_alternate;
            let is_old =
                attribute("namespace") == Some(network) && attribute("pod") == Some(container);
            (is_plain && !is_machine && !is_old).then_some(container)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::of_node::held;
    use crate::cni::config::NetworkConfig;

    const BEGAN: i64 = 1_772_442_901;

    #[test]
    fn only_what_is_surely_of_this_network_and_old_and_unclaimed_is_stale() {
        let text = r#"{"cni.dev/valid-attachments":[{"containerID":"lives","ifname":"eth0"}]}"#;
        let config = NetworkConfig::parse(text.as_bytes()).expect("an object");
        let valid = valid_attachments(&config).expect("read").expect("a list");
        let judge = |network: &str, held: &NodeHeld| {
            let began = Timestamp::from_seconds(BEGAN);
            let rule = Rule {
                network,
                valid: &valid,
                began,
            };
            rule.judge(held)
        };
        use Verdict::{Foreign, Kept, Stale};
        type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Verdict);
        let table: &[Case<'_>] = &[
            ("net", "net.gone", &[("container", "gone")], Stale),
            ("net", "net.gone", &[], Stale),
            (
                "net",
                "net.lives",
                &[("container", "lives"), ("interface", "eth0")],
                Kept,
            ),
            (
                "net",
                "net.lives",
                &[("container", "lives"), ("interface", "eth1")],
                Stale,
            ),
            ("net", "net.lives", &[], Kept),
            ("net", "net2.gone", &[("container", "gone")], Foreign),
            ("net", "net", &[("container", "")], Foreign),
            ("net", "net.b.gone", &[("container", "gone")], Foreign),
            ("net.b", "net.b.gone", &[("container", "gone")], Stale),
            ("net", "net.b.gone", &[("container", "b.gone")], Stale),
            ("net", "net.b.gone", &[], Foreign),
            ("net.b", "net.b.gone", &[], Foreign),
            ("net", "net.hash", &[("vmi-name", "vm")], Foreign),
            (
                "shop",
                "shop.web-1",
                &[("namespace", "shop"), ("pod", "web-1")],
                Foreign,
            ),
            (
                "shop",
                "shop.gone",
                &[("namespace", "shop"), ("pod", "web-1")],
                Stale,
            ),
            (
                "net",
                "net.gone",
                &[("timestamp", "2026-03-02 09:15:00.999 +0000 UTC")],
                Stale,
            ),
            (
                "net",
                "net.gone",
                &[("timestamp", "2026-03-02 09:15:01 +0000 UTC")],
                Kept,
            ),
            (
                "net",
                "net.gone",
                &[("timestamp", "2026-03-02 10:15:00 +0100 CET")],
                Stale,
            ),
            ("net", "net.gone", &[("timestamp", "some day")], Stale),
        ];
        for (network, handle, attributes, expected) in table {
            let held = held(handle, attributes);
            assert_eq!(judge(network, &held), *expected, "{network}: {held:?}");
        }
        let migrating = NodeHeld {
            has_alternate: true,
            ..held("net.gone", &[])
        };
        assert_eq!(judge("net", &migrating), Foreign);
    }
}
