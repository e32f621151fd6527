//! The label selector grammar of pools (`nodeSelector`, `namespaceSelector`), Calico's to the letter.
//!
//! A selector is a flat program with one truth value, so that neither reading, nor matching, nor dropping one
//! recurses: no text, however deeply nested, can exhaust the stack.
//! What pools forbid beyond the grammar (`global()`, a length) is a rule of pools and not known here.
//!
//! ```text
//! selector  := or | (blank)                                  blank selects everything
//! or        := and { "||" and }
//! and       := operation { "&&" operation }
//! operation := { "!" } ( "(" or ")" | atom )
//! atom      := label ( "==" | "!=" | "contains" | "starts with" | "ends with" ) string
//!            | label ( "in" | "not in" ) set
//!            | "has(" label ")" | "all()" | "global()"
//! set       := "{" [ string { "," string } [ "," ] ] "}"
//! string    := '...' | "..."                                 no escapes
//! label     := 1 to 512 of A-Z a-z 0-9 _ . / -
//! ```

mod atom;
mod parse;
mod program;
mod scan;
#[cfg(test)]
mod tests;

pub use program::Selector;
pub use scan::SelectorError;
