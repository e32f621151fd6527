//! The only place that prints: data to stdout, sentences to stderr.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::{Failure, FailureKind};

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// Whether sentences about success stay away.
    pub(crate) quiet: bool,
}

impl Ui {
    /// Prints data.
    ///
    /// A reader that went away ends the command, and that is no failure: `ipamctl get ippool | head -1` is ordinary.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(FailureKind::ClosedPipe, "closed pipe"),
            _ => Failure::refused("the output cannot be written").caused_by(&error),
        })
    }

    /// Prints a sentence about what was done.
    pub(crate) fn status(self, sentence: &str) {
        if !self.quiet {
            complain(sentence);
        }
    }

    /// Prints why a command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if matches!(failure.kind, FailureKind::ClosedPipe | FailureKind::Told) {
            return;
        }
        complain(&format!("Error: {}", failure.error));
        for detail in &failure.details {
            complain(&format!("  {detail}"));
        }
        for cause in &failure.causes {
            complain(&format!("Caused by: {cause}"));
        }
        for hint in &failure.hints {
            complain(&format!("Hint: {hint}"));
        }
    }
}

/// Prints help, the version, or what is wrong with the command line.
pub(crate) fn help(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() || printed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// Nobody could be told that stderr does not work.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
