//! The grammar: what may follow what.
//!
//! Operator words are recognised only after a label, so a label may be called `in` or `has`.

use std::collections::BTreeSet;

use crate::selector::atom::{Atom, Test};
use crate::selector::program::{Builder, Selector};
use crate::selector::scan::{Scanner, SelectorError};

pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let mut scanner = Scanner::new(text);
    let mut builder = Builder::default();
    if scanner.is_at_end() {
        builder.test(Atom::All, false);
    } else {
        expression(&mut scanner, &mut builder)?;
    }
    builder
        .finish()
        .ok_or_else(|| scanner.error("`&&`, `||` or `)`"))
}

/// Reads operands and what joins them up to the end of the text; parentheses are the builder's to match.
fn expression(scanner: &mut Scanner<'_>, builder: &mut Builder) -> Result<(), SelectorError> {
    loop {
        let negated = negated(scanner);
        if scanner.take("(") {
            builder.open(negated);
            continue;
        }
        builder.test(atom(scanner)?, negated);
        while scanner.sees(")") && builder.close() {
            scanner.take(")");
        }
        if scanner.take("&&") {
            builder.and();
        } else if scanner.take("||") {
            builder.or();
        } else if scanner.is_at_end() {
            return Ok(());
        } else {
            return Err(scanner.error("`&&`, `||` or the end"));
        }
    }
}

fn negated(scanner: &mut Scanner<'_>) -> bool {
    let mut negated = false;
    while scanner.take("!") {
        negated = !negated;
    }
    negated
}

fn atom(scanner: &mut Scanner<'_>) -> Result<Atom, SelectorError> {
    if scanner.take("has(") {
        let label = scanner.label("the label of has()")?.to_owned();
        scanner.require(")", "`)` after the label of has()")?;
        return Ok(Atom::Has(label));
    }
    if scanner.take("all(") || scanner.take("global(") {
        scanner.require(")", "`)`, for all() and global() take nothing")?;
        return Ok(Atom::All);
    }
    let label = scanner.label("a label, has(), all(), `!` or `(`")?;
    Ok(Atom::Label(label.to_owned(), test(scanner)?))
}

fn test(scanner: &mut Scanner<'_>) -> Result<Test, SelectorError> {
    let of_string: fn(String) -> Test = if scanner.take("==") {
        Test::Equals
    } else if scanner.take("!=") {
        Test::Differs
    } else if scanner.take("contains") {
        Test::Contains
    } else if scanner.take_words("starts", "with") {
        Test::StartsWith
    } else if scanner.take_words("ends", "with") {
        Test::EndsWith
    } else if scanner.take_words("not", "in") {
        return set(scanner).map(Test::NotIn);
    } else if scanner.take("in") {
        return set(scanner).map(Test::In);
    } else {
        return Err(scanner.error("==, !=, in, not in, contains, starts with or ends with"));
    };
    Ok(of_string(scanner.string()?.to_owned()))
}

fn set(scanner: &mut Scanner<'_>) -> Result<BTreeSet<String>, SelectorError> {
    scanner.require("{", "a set in braces")?;
    let mut members = BTreeSet::new();
    while !scanner.take("}") {
        members.insert(scanner.string()?.to_owned());
        if !scanner.take(",") {
            scanner.require("}", "`,` or `}` after a member of the set")?;
            break;
        }
    }
    Ok(members)
}
