//! Records of older versions of Calico, and what their clients do to ours: the tests that `docs/compatibility.md` names.

mod clients;
mod records;
mod world;
mod writes;
