//! Reading a selector's text piece by piece, and saying where and why it cannot be read further.
//!
//! White space is blank and tab only. Words end where the next piece begins: `rack in{'r1'}` and `a startswith'b'` are fine.

use thiserror::Error;

/// A text that is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected} at character {position}, found {found}")]
pub struct SelectorError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What could have stood there.
    pub expected: &'static str,
    /// What stands there, shortened and in quotes, or `the end`.
    pub found: String,
}

const LONGEST_LABEL: usize = 512;
const LONGEST_FOUND: usize = 16;

#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.skip_blanks();
        scanner
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn sees(&self, piece: &str) -> bool {
        self.rest().starts_with(piece)
    }

    /// Goes past `piece` if it comes next.
    pub(super) fn take(&mut self, piece: &str) -> bool {
        let seen = self.sees(piece);
        if seen {
            self.advance(piece.len());
        }
        seen
    }

    /// Goes past one of the ways to write an operator of two words.
    pub(super) fn take_words(&mut self, first: &str, second: &str) -> bool {
        let start = self.at;
        let seen = self.take(first) && self.take(second);
        if !seen {
            self.at = start;
        }
        seen
    }

    /// Goes past `piece`, which `expected` describes.
    pub(super) fn require(
        &mut self,
        piece: &str,
        expected: &'static str,
    ) -> Result<(), SelectorError> {
        if self.take(piece) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    /// Reads a label name.
    pub(super) fn label(&mut self, expected: &'static str) -> Result<&'a str, SelectorError> {
        let rest = self.rest();
        let length = rest.bytes().take_while(|&byte| is_of_label(byte)).count();
        match length {
            0 => Err(self.error(expected)),
            1..=LONGEST_LABEL => {
                self.advance(length);
                Ok(&rest[..length])
            }
            _ => Err(self.error("a label of at most 512 characters")),
        }
    }

    /// Reads a string in either kind of quotes; there are no escapes.
    pub(super) fn string(&mut self) -> Result<&'a str, SelectorError> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Err(self.error("a string in quotes"));
        };
        let Some((string, _)) = rest[1..].split_once(quote) else {
            return Err(self.error("a string that ends"));
        };
        self.advance(string.len() + 2);
        Ok(string)
    }

    pub(super) fn error(&self, expected: &'static str) -> SelectorError {
        let start: String = self.rest().chars().take(LONGEST_FOUND).collect();
        let found = match start.len() {
            0 => "the end".to_owned(),
            n if n == self.rest().len() => format!("{start:?}"),
            _ => format!("{:?}", start + "..."),
        };
        SelectorError {
            position: self.text[..self.at].chars().count() + 1,
            expected,
            found,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.skip_blanks();
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }
}

fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./-".contains(&byte)
}
