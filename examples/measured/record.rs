//! Writes what was measured into a document, between two marks.

use std::path::Path;

/// Replaces what stands between the marks, each on a line of its own.
pub(crate) fn between(document: &Path, [begin, end]: [&str; 2], text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", document.display());
    let old = std::fs::read_to_string(document).map_err(failed)?;
    let parts = old
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("{} lacks the marks {begin} {end}", document.display()))?;
    std::fs::write(document, format!("{before}{begin}\n{text}{end}{after}")).map_err(failed)
}
