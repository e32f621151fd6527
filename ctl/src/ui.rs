//! The only place that prints: data to stdout, sentences to stderr.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use block_ipam::datastore::observe::Counts;

use crate::failure::{Failure, FailureKind};

/// What the operator said beforehand to the question whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `--yes`.
    Yes,
    /// Nothing: ask.
    Ask,
}

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
        written.map_err(|error| unwritable(&error))
    }

    /// Prints a sentence about what was done where calicoctl prints it: on stdout, for those who look for it there.
    pub(crate) fn result(self, sentence: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        self.data(&format!("{sentence}\n"))
    }

    /// Prints a sentence about what was done.
    pub(crate) fn status(self, sentence: &str) {
        if !self.quiet {
            complain(sentence);
        }
    }

    /// Returns where much data goes, piece by piece.
    pub(crate) fn pieces(self) -> impl Write {
        io::BufWriter::new(io::stdout().lock())
    }

    /// Prints what was asked of the store.
    pub(crate) fn requests(self, requests: Counts) {
        let Counts {
            reads,
            commits,
            conflicts,
        } = requests;
        let line = format!("Requests: reads={reads} commits={commits} conflicts={conflicts}");
        complain(&line);
    }

    /// Asks whether to go on. Nobody is asked where no person sits at a terminal: `--yes` is the answer there.
    pub(crate) fn confirm(self, question: &str, answer: Answer) -> Result<(), Failure> {
        if answer == Answer::Yes {
            return Ok(());
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            let error = "nothing was done: nobody can be asked here";
            return Err(Failure::refused(error)
                .hint("`--yes` does it, `--dry-run` shows what would be done"));
        }
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let is_yes = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        match read {
            Ok(_) if is_yes => Ok(()),
            Ok(_) | Err(_) => Err(Failure::refused("nothing was done")),
        }
    }

    /// Prints why a command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if matches!(
            failure.kind,
            FailureKind::ClosedPipe | FailureKind::Told | FailureKind::Found
        ) {
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

/// A reader that went away is no failure; anything else is.
pub(crate) fn unwritable(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(FailureKind::ClosedPipe, "closed pipe"),
        _ => Failure::refused("the output cannot be written").caused_by(error),
    }
}

/// Nobody could be told that stderr does not work.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
