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

const MARKS: [&str; 2] = ["<!-- scale: begin -->", "<!-- scale: end -->"];

/// Returns the rows as a table.
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

/// Writes the table into the document.
pub(crate) fn record(document: &Path, table: &str) -> Result<(), String> {
    crate::record::between(document, MARKS, &format!("\n{table}\n\n"))
}
