//! The terms of an allocator at work in one request, and what they did to the node's name.

use crate::allocator::Allocator;
use crate::assign::{Binding, Terms};
use crate::ids::NodeName;
use crate::plan::{Context, Step, View, Want};

/// The terms of one request.
pub(super) struct OnTerms<'a> {
    terms: &'a Terms,
    node: &'a NodeName,
    /// What the last plan did to the node's name.
    bound: Option<Binding>,
}

impl<'a> OnTerms<'a> {
    pub(super) fn of(allocator: &'a Allocator, node: &'a NodeName) -> OnTerms<'a> {
        OnTerms {
            terms: &allocator.terms,
            node,
            bound: None,
        }
    }

    pub(super) fn first_wants(&self) -> Vec<Want> {
        self.terms.first_wants(self.node)
    }

    pub(super) fn hold<T>(&mut self, view: &View, context: Context, step: Step<T>) -> Step<T> {
        let (step, binding) = self.terms.hold(view, self.node, step, context);
        if binding.is_some() {
            self.bound = binding;
        }
        step
    }

    /// Tells about a name that was bound: an operator whose nodes change places wants to know.
    pub(super) fn log(self) {
        let node = self.node;
        match self.bound {
            Some(Binding::Moved(identity)) => {
                let machine = identity.machine.machine;
                let before = identity.before.map(|before| before.machine);
                tracing::warn!(%node, machine, before, "the node's name is bound to another machine: it was reinstalled");
            }
            Some(Binding::Rebooted(identity)) => {
                tracing::info!(%node, boot = identity.machine.boot, "the node was started anew");
            }
            Some(Binding::First(identity)) => {
                let machine = identity.machine.machine;
                tracing::debug!(%node, machine, "the node's name is bound to this machine");
            }
            Some(Binding::Kept) | None => {}
        }
    }
}
