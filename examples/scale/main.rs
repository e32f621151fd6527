//! Measures how the library behaves where stores are large, pools are full, and many ask at once.
//!
//! `scale [--record]`: `ETCD_ENDPOINTS` names one member whose records are deleted and made anew for each row.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

#[path = "../bench/record.rs"]
mod record;
mod rows;
mod store;
mod table;

use std::path::Path;
use std::process::ExitCode;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let record = std::env::args().any(|argument| argument == "--record");
    let measured = rows::all().await.and_then(|rows| {
        let text = table::text(&rows);
        println!("{text}");
        if record {
            table::record(Path::new(DOCUMENT), &text)
        } else {
            Ok(())
        }
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
