//! The rows as a table in Markdown.

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
    format!("\n{}\n\n", lines.join("\n"))
}
