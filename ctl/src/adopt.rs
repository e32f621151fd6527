//! What to know and to do before a node of a Calico cluster is taken over: decided from what its store holds.
//! The reasons stand in `docs/compatibility.md`.

use block_ipam::report::{CheckReport, FindingKind, Severity};

use crate::report::Cluster;

/// What a store tells about the fleet that writes to it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Calico's own record of the cluster; empty where Calico never ran.
    pub(crate) cluster: Cluster,
    /// Whether Calico's controllers for Kubernetes are configured.
    pub(crate) has_controllers: bool,
    /// Whether workload endpoints tell which addresses are in use.
    pub(crate) knows_workloads: bool,
    /// Seconds that a released address cools; 0 for none.
    pub(crate) cooldown: i64,
    /// What a check found.
    pub(crate) check: CheckReport,
}

/// How pressing an advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Without it workloads lose addresses, or get none.
    First,
    /// Better done before.
    Better,
    /// To be known.
    Know,
}

impl Urgency {
    /// Returns the word that is printed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Urgency::First => "first",
            Urgency::Better => "better",
            Urgency::Know => "know",
        }
    }
}

/// Something to do, or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) urgency: Urgency,
    /// What is so.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) act: &'static str,
}

fn advice(urgency: Urgency, what: impl Into<String>, act: &'static str) -> Option<Advice> {
    Some(Advice {
        urgency,
        what: what.into(),
        act,
    })
}

/// Returns what to do and to know, the most pressing first.
pub(crate) fn advise(facts: &Facts) -> Vec<Advice> {
    let rules = [
        locked,
        nodes_without_record,
        cooling,
        problems,
        claim_times,
        controllers,
        leaks,
        not_calicos,
    ];
    let mut told: Vec<Advice> = rules.iter().filter_map(|rule| rule(facts)).collect();
    told.sort_by_key(|advice| advice.urgency);
    told
}

fn runs_calico(facts: &Facts) -> bool {
    facts.cluster.revision.is_some()
}

/// Returns major and minor number of Calico, where its version tells them.
fn version(facts: &Facts) -> Option<(u32, u32)> {
    let mut parts = facts.cluster.version.strip_prefix('v')?.split('.');
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

fn not_calicos(facts: &Facts) -> Option<Advice> {
    if runs_calico(facts) {
        return None;
    }
    let what = "there is no ClusterInformation: Calico never ran on this store";
    advice(Urgency::Know, what, "nothing")
}

fn locked(facts: &Facts) -> Option<Advice> {
    let what =
        "the store is locked (datastoreReady is false): Calico's plugin assigns nothing, ours does";
    let act = "end the migration that locked it, and `calicoctl datastore migrate unlock`";
    facts
        .cluster
        .is_locked
        .then(|| advice(Urgency::First, what, act))?
}

fn nodes_without_record(facts: &Facts) -> Option<Advice> {
    let name = |kind: &FindingKind| match kind {
        FindingKind::NodeWithoutRecord { node, .. } => Some(node.to_string()),
        _ => None,
    };
    let findings = &facts.check.findings;
    let nodes: Vec<String> = findings
        .iter()
        .filter_map(|finding| name(&finding.kind))
        .collect();
    if nodes.is_empty() {
        return None;
    }
    let what = format!(
        "nodes own blocks and have no Node record: {}. Calico's controller frees the addresses of their pods, and an ADD on them is refused",
        nodes.join(", ")
    );
    advice(Urgency::First, what, "create their Node records")
}

fn cooling(facts: &Facts) -> Option<Advice> {
    let act = "`ipamctl ipam configure --ip-cooldown-seconds=0` until all clients are newer";
    match version(facts) {
        Some(version) if (3, 33) <= version => None,
        _ if !runs_calico(facts) || facts.cooldown == 0 => None,
        _ => {
            let what = format!(
                "released addresses cool for {} s; clients up to 3.32 drop the time of the release, and the address is then held for ever",
                facts.cooldown
            );
            advice(Urgency::First, what, act)
        }
    }
}

fn problems(facts: &Facts) -> Option<Advice> {
    let findings = facts.check.findings.iter();
    let counted = findings.filter(|finding| finding.severity() != Severity::Note);
    let count = counted.count() + facts.check.left_out;
    if count == 0 {
        return None;
    }
    let what =
        format!("a check finds {count} problems, as a killed plugin of Calico's leaves them");
    let act = "`ipamctl ipam check` tells them, `ipamctl ipam repair` sets them right";
    advice(Urgency::Better, what, act)
}

fn claim_times(facts: &Facts) -> Option<Advice> {
    if version(facts).is_none_or(|version| (3, 32) <= version) {
        return None;
    }
    let what = format!(
        "Calico {} drops the time of a claim: an empty block may be reclaimed by another node at once",
        facts.cluster.version
    );
    advice(
        Urgency::Know,
        what,
        "nothing: nobody loses an address by it",
    )
}

fn controllers(facts: &Facts) -> Option<Advice> {
    let what = "Calico's controllers are configured: they free addresses whose attributes name a pod that Kubernetes does not know";
    let act = "workloads that are no pods must not be given K8S_POD_NAME by their runtime; addresses without it are never freed";
    facts
        .has_controllers
        .then(|| advice(Urgency::Know, what, act))?
}

fn leaks(facts: &Facts) -> Option<Advice> {
    if !runs_calico(facts) {
        return None;
    }
    let what = if facts.knows_workloads {
        "`calicoctl ipam check` calls every address leaked that has no workload endpoint: those of plain containers"
    } else {
        "no workload endpoint is in this store: `calicoctl ipam check` calls every address leaked"
    };
    let act = "never run `calicoctl ipam release --from-report` here; `ipamctl ipam check` and `ipamctl ipam gc` know better";
    advice(Urgency::Know, what, act)
}

#[cfg(test)]
mod tests;
