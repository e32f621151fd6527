//! The built `ipamctl` on a store in a file of its own: what it prints and how it ends, as one text.

mod adopt;
mod budgets;
mod calicoctl;
mod check;
mod configure;
mod convert;
mod deletion;
mod edit;
mod explain;
mod files;
mod gc;
mod incidents;
mod manifests;
mod nodes;
mod reference;
mod release;
mod repair;
mod reports;
mod reserve;
mod show;
mod split;
mod status;
mod support;
mod terminal;
mod usage;
