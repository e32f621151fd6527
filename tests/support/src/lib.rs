//! What the tests of block-ipam share. No program links it.

pub mod cluster;
pub mod conformance;
pub mod etcd;
pub mod faults;
pub mod hostile;
pub mod ops;
pub mod proxy;
pub mod recordings;
pub mod schema;
pub mod state;
pub mod world;
