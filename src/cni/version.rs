//! The versions of the CNI specification that the plugin speaks. Membership is exact, not a range.

use std::fmt;

/// A version of the CNI specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CniVersion {
    /// 0.1.0; also what a configuration without `cniVersion` means.
    V0_1_0,
    /// 0.2.0: VERSION.
    V0_2_0,
    /// 0.3.0: results with a list of addresses.
    V0_3_0,
    /// 0.3.1.
    V0_3_1,
    /// 0.4.0: CHECK, `prevResult` for DEL.
    V0_4_0,
    /// 1.0.0: addresses without `version`.
    V1_0_0,
    /// 1.1.0: STATUS, GC, attributes of routes.
    V1_1_0,
}

impl CniVersion {
    /// All versions, oldest first.
    pub const ALL: [CniVersion; 7] = [
        CniVersion::V0_1_0,
        CniVersion::V0_2_0,
        CniVersion::V0_3_0,
        CniVersion::V0_3_1,
        CniVersion::V0_4_0,
        CniVersion::V1_0_0,
        CniVersion::V1_1_0,
    ];

    /// The newest version.
    pub const NEWEST: CniVersion = CniVersion::V1_1_0;

    /// Returns the version with this text; the empty text means 0.1.0 (as the CNI library has it).
    pub fn parse(text: &str) -> Option<CniVersion> {
        if text.is_empty() {
            return Some(CniVersion::V0_1_0);
        }
        CniVersion::ALL
            .into_iter()
            .find(|version| version.text() == text)
    }

    /// Returns the text in configurations and results.
    pub const fn text(self) -> &'static str {
        match self {
            CniVersion::V0_1_0 => "0.1.0",
            CniVersion::V0_2_0 => "0.2.0",
            CniVersion::V0_3_0 => "0.3.0",
            CniVersion::V0_3_1 => "0.3.1",
            CniVersion::V0_4_0 => "0.4.0",
            CniVersion::V1_0_0 => "1.0.0",
            CniVersion::V1_1_0 => "1.1.0",
        }
    }
}

impl fmt::Display for CniVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
