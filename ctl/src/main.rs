//! ipamctl.
fn main() {}
