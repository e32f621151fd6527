//! The rows as a table in Markdown, and where it is kept.

use std::path::Path;

/// One kind of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    /// What was measured.
    pub(crate) ours: String,
    /// Requests of one unit of work, as counted at the port.
    pub(crate) requests: String,
    /// What Calico takes for the same.
    pub(crate) calico: &'static str,
}

const BEGIN: &str = "<!-- scale: written by `make bench-scale RECORD=yes` -->";
const END: &str = "<!-- end of scale -->";

pub(crate) fn text(rows: &[Row]) -> String {
    let mut lines = vec![
        "| work | ours | requests | Calico |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        format!(
            "| {} | {} | {} | {} |",
            row.work, row.ours, row.requests, row.calico
        )
    }));
    lines.join("\n")
}

/// Replaces what stands between the marks.
pub(crate) fn record(document: &Path, table: &str) -> Result<(), String> {
    let name = document.display();
    let old = std::fs::read_to_string(document).map_err(|error| format!("{name}: {error}"))?;
    let (before, rest) = old
        .split_once(BEGIN)
        .ok_or_else(|| format!("{name} has no line `{BEGIN}`"))?;
    let (_, after) = rest
        .split_once(END)
        .ok_or_else(|| format!("{name} has no line `{END}`"))?;
    let new = format!("{before}{BEGIN}\n\n{table}\n\n{END}{after}");
    std::fs::write(document, new).map_err(|error| format!("{name}: {error}"))
}
