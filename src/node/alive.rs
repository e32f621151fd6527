//! Whether the workload behind an address lives, by what its machine shows. When in doubt, it does.
//!
//! **Invariant:** nothing is gone because a source is silent: an address is gone only where a source that knows its kind says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::assign::NodeHeld;
use crate::blocks::Address;

/// What a machine shows of its workloads at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The machine's boot id; `None` where it is another machine's node, or not known.
    pub boot: Option<String>,
    /// What runtimes keep of their attachments, by the name of the file: `{network}-{container}-{interface}`. `None` where
    /// no runtime keeps any.
    pub results: Option<BTreeMap<String, Namespace>>,
    /// Addresses that a network namespace of the machine has.
    pub configured: BTreeSet<Address>,
    /// Container ids and handles that somebody who knows says to live; `None` where nobody was asked.
    pub named: Option<BTreeSet<String>>,
}

/// The network namespace of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// It is there.
    There,
    /// Its file is gone.
    Gone,
    /// The runtime did not say which one it is, or its file is no namespace.
    Unknown,
}

/// What is known of a workload, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Lives(&'static str),
    /// It is gone.
    Gone(&'static str),
    /// Nothing tells.
    Unknown(&'static str),
}

/// Judges the workload behind an address, by the first of these that tells:
///
/// 1. an address that some namespace of the machine has is in use;
/// 2. who is named lives, by container id or handle;
/// 3. an attachment whose runtime keeps it and whose namespace is there lives;
/// 4. where names were given, who is not among them is gone;
/// 5. an entry that does not name its container is not ours to judge;
/// 6. a workload of an earlier boot is gone;
/// 7. an attachment that no runtime keeps is gone, if there is a runtime that keeps any;
/// 8. one whose namespace is gone is gone; one whose namespace is not known lives.
pub fn judge(held: &NodeHeld, evidence: &Evidence) -> Life {
    let attribute = |name: &str| held.attributes.get(name).map(String::as_str);
    let container = attribute("container");
    if evidence.configured.contains(&held.address) {
        return Life::Lives("a network namespace has the address");
    }
    let is_named = |names: &BTreeSet<String>| {
        names.contains(held.handle.as_str()) || candidates(held).any(|id| names.contains(id))
    };
    if evidence.named.as_ref().is_some_and(is_named) {
        return Life::Lives("it is on the list of what lives");
    }
    let kept = evidence
        .results
        .as_ref()
        .map(|results| namespace_of(held, results));
    match (kept, &evidence.named, container) {
        (Some(Some(Namespace::There)), _, _) => Life::Lives("its network namespace is there"),
        (_, Some(_), _) => Life::Gone("it is not on the list of what lives"),
        (_, None, None) => Life::Unknown("it does not name its container"),
        _ if is_of_earlier_boot(attribute("boot"), evidence) => {
            Life::Gone("it was assigned before the machine started")
        }
        (None, _, _) => Life::Unknown("no runtime keeps its results on this machine"),
        (Some(None), _, _) => Life::Gone("no runtime knows of it"),
        (Some(Some(Namespace::Gone)), _, _) => Life::Gone("its network namespace is gone"),
        (Some(Some(Namespace::Unknown)), _, _) => Life::Lives("a runtime keeps it"),
    }
}

fn is_of_earlier_boot(boot: Option<&str>, evidence: &Evidence) -> bool {
    match (boot, &evidence.boot) {
        (Some(then), Some(now)) => then != now,
        _ => false,
    }
}

/// Returns what may be the container's id: what the entry says, else every tail of the handle `{network}.{container}`,
/// for both parts may have dots.
fn candidates(held: &NodeHeld) -> impl Iterator<Item = &str> {
    let said = held.attributes.get("container").map(String::as_str);
    let handle = held.handle.as_str();
    let tails = handle
        .match_indices('.')
        .map(|(dot, _)| &handle[dot + 1..])
        .filter(move |_| said.is_none());
    said.into_iter().chain(tails)
}

/// Returns the namespace of the attachment's result, if there is a result. An entry without an interface is that of any.
fn namespace_of(held: &NodeHeld, results: &BTreeMap<String, Namespace>) -> Option<Namespace> {
    let handle = held.handle.as_str();
    candidates(held).find_map(|container| {
        let network = handle.strip_suffix(container)?.strip_suffix('.')?;
        let prefix = format!("{network}-{container}-");
        match held.attributes.get("interface") {
            Some(interface) => results.get(&format!("{prefix}{interface}")).copied(),
            None => results
                .range(prefix.clone()..)
                .next()
                .filter(|(name, _)| name.starts_with(&prefix))
                .map(|(_, namespace)| *namespace),
        }
    })
}

/// Returns what both looks saw as gone: the same assignments, of handles of which nothing lives or is in doubt.
pub fn gone_in_both<'a>(
    before: &[(NodeHeld, Life)],
    now: &'a [(NodeHeld, Life)],
) -> Vec<&'a (NodeHeld, Life)> {
    let is_gone = |life: &Life| matches!(life, Life::Gone(_));
    let both = before.iter().chain(now);
    let spared: BTreeSet<&str> = both
        .filter(|(_, life)| !is_gone(life))
        .map(|(held, _)| held.handle.as_str())
        .collect();
    let seen: BTreeSet<(Address, &str, u64)> = before
        .iter()
        .map(|(held, _)| (held.address, held.handle.as_str(), held.sequence))
        .collect();
    let is_stale = |(held, life): &&(NodeHeld, Life)| {
        let handle = held.handle.as_str();
        is_gone(life)
            && !spared.contains(handle)
            && seen.contains(&(held.address, handle, held.sequence))
    };
    now.iter().filter(is_stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::of_node::held;

    fn machine() -> Evidence {
        let results = [
            ("net-there-eth0", Namespace::There),
            ("net-gone-eth0", Namespace::Gone),
            ("net-unknown-eth0", Namespace::Unknown),
            ("net.b-there-eth1", Namespace::There),
        ];
        let owned = results.map(|(name, namespace)| (name.to_owned(), namespace));
        Evidence {
            boot: Some("now".to_owned()),
            results: Some(owned.into_iter().collect()),
            ..Evidence::default()
        }
    }

    const fn word(life: Life) -> &'static str {
        match life {
            Life::Lives(_) => "lives",
            Life::Gone(_) => "gone",
            Life::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn what_a_machine_shows_decides() {
        let ours = |container: &'static str, boot: &'static str| {
            [
                ("container", container),
                ("interface", "eth0"),
                ("boot", boot),
            ]
        };
        let table = [
            (held("net.there", &ours("there", "now")), "lives"),
            (held("net.gone", &ours("gone", "now")), "gone"),
            (held("net.unknown", &ours("unknown", "now")), "lives"),
            (held("net.unknown", &ours("unknown", "then")), "gone"),
            (held("net.none", &ours("none", "now")), "gone"),
            (held("net.b.there", &ours("there", "now")), "gone"),
            (
                held(
                    "net.b.there",
                    &[("container", "there"), ("interface", "eth1")],
                ),
                "lives",
            ),
            (
                held(
                    "net.there",
                    &[("container", "there"), ("interface", "eth1")],
                ),
                "gone",
            ),
            (held("net.there", &[("container", "there")]), "lives"),
            (held("net.there", &[]), "lives"),
            (held("net.gone", &[]), "unknown"),
            (held("net.none", &[]), "unknown"),
        ];
        for (held, expected) in &table {
            assert_eq!(word(judge(held, &machine())), *expected, "{held:?}");
            let bare = Evidence {
                results: None,
                ..machine()
            };
            let of_then = held
                .attributes
                .get("boot")
                .is_some_and(|boot| boot == "then");
            let without = if of_then { "gone" } else { "unknown" };
            assert_eq!(word(judge(held, &bare)), without, "no runtime: {held:?}");
            let used = Evidence {
                configured: BTreeSet::from([held.address]),
                ..machine()
            };
            assert_eq!(word(judge(held, &used)), "lives", "configured: {held:?}");
        }
    }

    #[test]
    fn a_list_of_names_decides_but_for_what_is_seen_to_live() {
        let with = |names: &[&str], results: bool| Evidence {
            named: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            results: machine().results.filter(|_| results),
            ..Evidence::default()
        };
        let listed = held("net.b.c1", &[]);
        for names in [["net.b.c1"], ["c1"], ["b.c1"]] {
            assert_eq!(
                word(judge(&listed, &with(&names, false))),
                "lives",
                "{names:?}"
            );
        }
        assert_eq!(word(judge(&listed, &with(&["c2"], false))), "gone");
        let there = held(
            "net.there",
            &[("container", "there"), ("interface", "eth0")],
        );
        assert_eq!(word(judge(&there, &with(&[], true))), "lives");
        assert_eq!(word(judge(&there, &with(&[], false))), "gone");
        let ours = held("net.b.c1", &[("container", "b.c1")]);
        assert_eq!(
            word(judge(&ours, &with(&["c1"], false))),
            "gone",
            "it names its container"
        );
    }

    #[test]
    fn two_looks_must_see_the_same_assignment_gone_and_nothing_of_its_handle_alive() {
        let gone = |handle: &str, sequence| {
            (
                NodeHeld {
                    sequence,
                    ..held(handle, &[])
                },
                Life::Gone(""),
            )
        };
        let second = |(held, life): (NodeHeld, Life)| {
            let address = "10.0.0.2".parse().expect("an address");
            (NodeHeld { address, ..held }, life)
        };
        let lives = |(held, _): (NodeHeld, Life)| (held, Life::Lives(""));
        let doubted = |(held, _): (NodeHeld, Life)| (held, Life::Unknown(""));
        let before = [
            gone("a", 1),
            gone("b", 1),
            lives(gone("c", 1)),
            gone("d", 1),
            gone("e", 1),
        ];
        let now = [
            gone("a", 1),
            gone("b", 2),
            gone("c", 1),
            gone("d", 1),
            second(lives(gone("d", 1))),
            doubted(gone("e", 1)),
            gone("f", 1),
        ];
        let both = gone_in_both(&before, &now);
        let handles: Vec<&str> = both.iter().map(|(held, _)| held.handle.as_str()).collect();
        assert_eq!(handles, ["a"]);
    }
}
