//! Manifests: what operators write in files, read strictly. A file is read whole before anything is changed.

mod config;
mod documents;
mod fields;
mod metadata;
mod node;
mod pool;
mod read;
mod reservation;

#[cfg(test)]
mod tests;

pub(crate) use documents::Source;
pub(crate) use read::{Manifest, Resource, one, read};
