//! Measures how the library behaves where stores are large, pools are full, and many ask at once.
//!
//! `scale [--record | WORD]`: `ETCD_ENDPOINTS` names one member whose records are deleted and made anew for each row; WORD
//! chooses the groups of rows whose name begins with it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

#[path = "../measured/frame.rs"]
mod measured;
mod rows;
mod store;
mod table;

use std::process::ExitCode;

/// Where the table stands in the document.
const MARKS: [&str; 2] = ["<!-- scale: begin -->", "<!-- scale: end -->"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let record = argument == "--record";
    let only = if record { "" } else { argument.as_str() };
    let rows = rows::all(only).await;
    let text = rows.map(|rows| table::text(&rows));
    measured::end(text, record.then_some(MARKS))
}
