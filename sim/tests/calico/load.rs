//! The recorded operations with the requests that the writer models: those of the records of address management.

pub(crate) use block_ipam_testing::recordings::{Records, Requests, Transition};
use block_ipam_testing::recordings::{golden, transitions};

/// Records that Calico's client touches beside those of address management.
const OTHERS: [&str; 7] = [
    "res/tiers",
    "res/clusterinformations",
    "res/workloadendpoints",
    "res/bgppeers",
    "res/felixconfigurations",
    "res/bgpconfigurations",
    "res/hostendpoints",
];
/// A read of a key that cannot be: Calico's client refuses it without a request.
const UNSENT: &str = "IPAMHandleKey(id=)";

/// Reads all of them, in order of their names.
pub(crate) fn modelled() -> Vec<Transition> {
    let recorded = transitions(&golden("transitions"));
    recorded.into_iter().map(without_others).collect()
}

fn without_others(mut transition: Transition) -> Transition {
    let is_other = |line: &str| line.contains(UNSENT) || OTHERS.iter().any(|of| line.contains(of));
    let (others, kept): (Vec<_>, Vec<_>) = transition
        .trace
        .into_iter()
        .partition(|line| is_other(line));
    for line in others {
        *transition.requests.of_kind(&line) -= 1;
    }
    let whole = |line: String| line.trim_end_matches('/').to_owned();
    transition.trace = kept.into_iter().map(whole).collect();
    transition
}
