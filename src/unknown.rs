//! Members of a record that this version does not know, kept as the text they were.
//!
//! **Invariant:** what somebody else wrote into a record survives our rewrite (p12).

use std::collections::BTreeMap;

/// Raw JSON text by member name. Opaque to everything but the codec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown(pub BTreeMap<String, String>);
