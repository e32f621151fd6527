//! What real Calico did, done by us: every recorded case, with the deliberate differences named.

mod selectors;
