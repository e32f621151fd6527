//! The built `ipamctl` on a store in a file of its own: what it prints and how it ends, as one text.

mod manifests;
mod reference;
mod reports;
mod support;
mod usage;
