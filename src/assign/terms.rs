//! What a node's assignments have to agree with besides the rules of pools: the machine behind the node's name, and
//! gateways that no workload may get. Judged from the same view and committed with the same transaction, so that it costs
//! no request.

use crate::assign::identity::{self, Binding, NodeMachine};
use crate::blocks::{Address, Cidr};
use crate::ids::NodeName;
use crate::plan::{Change, Context, RecordId, Scope, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;

/// What a node's assignments have to agree with. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The machine that uses the node's name; not looked at if `None`.
    pub machine: Option<NodeMachine>,
    /// Gateways: each lies outside every pool, or a reservation keeps it.
    pub gateways: Vec<Address>,
}

impl Terms {
    /// Returns what has to be read for them.
    pub fn first_wants(&self, node: &NodeName) -> Vec<Want> {
        let identity = self.machine.iter().map(|_| identity::want(node));
        let scopes = [Scope::Pools, Scope::Reservations].map(Want::Scope);
        let of_gateways = scopes.into_iter().filter(|_| !self.gateways.is_empty());
        identity.chain(of_gateways).collect()
    }

    /// Returns the step of a decision as far as the terms hold: refused where they do not, and with the node's identity
    /// where that is to be written; then also what is written.
    pub fn hold<T>(
        &self,
        view: &View,
        node: &NodeName,
        step: Step<T>,
        context: Context,
    ) -> (Step<T>, Option<Binding>) {
        match step {
            Step::Read(_) | Step::Refuse(_) => (step, None),
            Step::Done(_) | Step::Commit(_) => match self.check(view, node, context) {
                Ok(binding) => bound(view, node, binding, step),
                Err(stop) => (stop.into(), None),
            },
        }
    }

    fn check(
        &self,
        view: &View,
        node: &NodeName,
        context: Context,
    ) -> Result<Option<Binding>, Stop> {
        self.check_gateways(view)?;
        let own = self.machine.as_ref();
        own.map(|own| identity::binding(view, node, own, context.now))
            .transpose()
    }

    fn check_gateways(&self, view: &View) -> Result<(), Stop> {
        if self.gateways.is_empty() {
            return Ok(());
        }
        let pools = view.pools()?.records.values();
        let pools: Vec<Cidr> = pools.map(|pool| pool.value.cidr).collect();
        let reservations = view.reservations()?.records.values();
        let reserved: Vec<Cidr> = reservations
            .flat_map(|record| record.value.reserved.iter().copied())
            .collect();
        for gateway in &self.gateways {
            check_gateway(*gateway, &pools, &reserved)?;
        }
        Ok(())
    }
}

/// Checks a gateway against the pools and reserved ranges of a store.
///
/// # Errors
/// [`Refusal::OpenGateway`] where a workload could get it.
pub fn check_gateway(gateway: Address, pools: &[Cidr], reserved: &[Cidr]) -> Result<(), Refusal> {
    let inside = pools.iter().find(|pool| pool.contains(gateway));
    match inside {
        Some(pool) if !reserved.iter().any(|range| range.contains(gateway)) => {
            Err(Refusal::OpenGateway {
                gateway,
                pool: *pool,
            })
        }
        _ => Ok(()),
    }
}

/// Adds the node's identity to what is committed. An assignment that writes nothing does not write it either.
fn bound<T>(
    view: &View,
    node: &NodeName,
    binding: Option<Binding>,
    step: Step<T>,
) -> (Step<T>, Option<Binding>) {
    match (binding.as_ref().and_then(Binding::record), step) {
        (Some(record), Step::Commit(mut plan)) => {
            let seen = view.identities.get(node).unwrap_or(&Seen::Absent);
            let id = RecordId::Identity(node.clone());
            plan.guards.push(id.unchanged(seen));
            let change = Change::PutIdentity(node.clone(), record.clone());
            plan.changes.push(change);
            (Step::Commit(plan), binding)
        }
        (_, step) => (step, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_outside_every_pool_or_reserved() {
        let cidrs = |texts: &[&str]| -> Vec<Cidr> {
            let parsed = texts.iter().map(|text| text.parse());
            parsed.collect::<Result<_, _>>().expect("CIDRs")
        };
        let pools = cidrs(&["10.64.0.0/24", "fd00:64::/64"]);
        let reserved = cidrs(&["10.64.0.0/31", "fd00:64::1/128"]);
        let table = [
            ("169.254.1.1", true),
            ("10.64.1.1", true),
            ("10.64.0.1", true),
            ("10.64.0.2", false),
            ("fd00:64::1", true),
            ("fd00:64::2", false),
            ("fe80::1", true),
        ];
        for (text, allowed) in table {
            let gateway: Address = text.parse().expect("an address");
            let result = check_gateway(gateway, &pools, &reserved);
            assert_eq!(result.is_ok(), allowed, "{text}: {result:?}");
        }
    }

    #[test]
    fn the_default_asks_for_nothing() {
        let node = NodeName::stored("n1");
        assert_eq!(Terms::default().first_wants(&node), []);
        let context = Context {
            now: crate::clock::Timestamp::from_seconds(0),
            random: 0,
        };
        let step = Terms::default().hold(&View::default(), &node, Step::Done(7), context);
        assert_eq!(step, (Step::Done(7), None));
    }
}
