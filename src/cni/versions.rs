//! VERSION: which versions the plugin speaks. Needs neither configuration nor store.

use serde::Serialize;

use crate::cni::version::CniVersion;

/// Returns the reply: one line, as the reference library prints it.
pub fn reply() -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        cni_version: &'static str,
        supported_versions: Vec<&'static str>,
    }
    let wire = Wire {
        cni_version: CniVersion::NEWEST.text(),
        supported_versions: CniVersion::ALL.into_iter().map(CniVersion::text).collect(),
    };
    let mut line = serde_json::to_string(&wire).expect("texts are written to memory");
    line.push('\n');
    line
}
