//! The only place that prints: data to stdout, sentences to stderr.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Color, Style};
use block_ipam::datastore::observe::Counts;

use crate::failure::{Failure, FailureKind};
use crate::progress;

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
        let written = progress::aside(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        written.map_err(|error| unwritable(&error))
    }

    /// Prints data with colours in it, which stay away where no terminal wants them.
    pub(crate) fn painted(self, text: &str) -> Result<(), Failure> {
        let written = progress::aside(|| {
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
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
        progress::end();
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

/// Returns where much data goes, piece by piece.
pub(crate) fn pieces() -> impl Write + Send {
    progress::end();
    io::BufWriter::new(io::stdout())
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

/// Prints a sentence; the colour of its first word says what the word says. Nobody could be told that stderr does not work.
fn complain(line: &str) {
    let line = &printable(line);
    let style = PAINTED.iter().find(|(word, _)| line.starts_with(word));
    let painted = style.map(|(word, colour)| {
        let style = Style::new().fg_color(Some(Color::Ansi(*colour))).bold();
        format!("{style}{word}{style:#}{}", &line[word.len()..])
    });
    let line = painted.as_deref().unwrap_or(line);
    progress::aside(|| {
        let _ = writeln!(anstream::AutoStream::auto(io::stderr().lock()), "{line}");
    });
}

/// What others wrote may hold escapes; a terminal must not act on them. Lines may be several.
fn printable(text: &str) -> Cow<'_, str> {
    let is_acted_on = |letter: char| letter.is_control() && letter != '\n';
    if !text.contains(is_acted_on) {
        return Cow::Borrowed(text);
    }
    let letters = text.chars().map(|letter| {
        if is_acted_on(letter) {
            letter.escape_debug().to_string()
        } else {
            letter.to_string()
        }
    });
    Cow::Owned(letters.collect())
}

/// First words of sentences, and their colours where a terminal wants any.
const PAINTED: [(&str, AnsiColor); 3] = [
    ("Error:", AnsiColor::Red),
    ("Warning:", AnsiColor::Yellow),
    ("Hint:", AnsiColor::Cyan),
];
