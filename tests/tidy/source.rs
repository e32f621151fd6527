//! Rust source as text: what is code, what is a comment, where tests begin. A scanner, not a parser.

/// A source file in the forms that rules look at. All have the same line numbers.
#[derive(Debug)]
pub(crate) struct Source {
    /// As written.
    pub(crate) text: String,
    /// Comments and the insides of literals blanked.
    pub(crate) code: String,
    /// The code without the tests at its end.
    pub(crate) product: String,
}

/// A function of the product code, by lines counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Source {
    pub(crate) fn of(text: &str) -> Source {
        let code = blank(text);
        let product = without_tests(&code).to_owned();
        Source {
            text: text.to_owned(),
            code,
            product,
        }
    }

    /// Returns the functions with a body that the product code has.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let code = self.product.as_str();
        places(code, "fn")
            .filter_map(|at| {
                let name = identifier(&code[at + "fn".len()..])?;
                let end = body_end(code, at)?;
                Some(Function {
                    name: name.to_owned(),
                    first: line_of(code, at),
                    last: line_of(code, end),
                })
            })
            .collect()
    }

    /// Returns the names of all functions, tests included.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        places(&self.code, "fn").filter_map(|at| identifier(&self.code[at + "fn".len()..]))
    }
}

/// Returns where a word or path stands, not as part of a longer one.
pub(crate) fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = code[..*at].chars().next_back();
            let after = code[at + word.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        })
}

/// Returns the line of a byte offset, counted from 1.
pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn identifier(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    (0 < end).then(|| &rest[..end])
}

/// Returns where the body of the function that starts at `at` closes; none for a declaration.
fn body_end(code: &str, at: usize) -> Option<usize> {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at + offset);
                }
            }
            _ => {}
        }
    }
    None
}

fn without_tests(code: &str) -> &str {
    let inline = code.match_indices("#[cfg(test)]").find(|(at, attribute)| {
        let rest = code[at + attribute.len()..].trim_start();
        rest.starts_with("mod ")
            && rest
                .split(['{', ';'])
                .next()
                .is_some_and(|head| rest[head.len()..].starts_with('{'))
    });
    inline.map_or(code, |(at, _)| &code[..at])
}

/// Blanks comments and the insides of string and character literals; keeps line breaks.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kept, blanked) = match literal(rest) {
            Some(length) => (0, length),
            None => (first.len_utf8(), 0),
        };
        let after_identifier = out
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        if blanked == 0 || (after_identifier && !first.is_ascii_punctuation()) {
            let length = kept.max(first.len_utf8());
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            out.extend(
                rest[..blanked]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[blanked..];
        }
    }
    out
}

/// Returns the length of the comment or literal that `rest` starts with.
fn literal(rest: &str) -> Option<usize> {
    let until = |close: &str, from: usize| {
        rest[from..]
            .find(close)
            .map_or(rest.len(), |at| from + at + close.len())
    };
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(until("*/", 2));
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if 1 < prefix {
        return None;
    }
    if unprefixed.starts_with('"') {
        return Some(prefix + string(unprefixed));
    }
    let hashes = unprefixed.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    let opens = hashes[count..].starts_with('"');
    opens.then(|| until(&format!("\"{}", "#".repeat(count)), prefix + count + 2))
}

/// Returns the length of a character literal; none for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = &rest[1..];
    if inside.starts_with('\\') {
        return inside[2..].find('\'').map(|at| at + 4);
    }
    let first = inside.chars().next()?;
    inside[first.len_utf8()..]
        .starts_with('\'')
        .then(|| first.len_utf8() + 2)
}

fn string(quoted: &str) -> usize {
    let mut escaped = false;
    for (at, c) in quoted.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    quoted.len()
}

#[test]
fn comments_literals_and_tests_are_no_code() {
    let source = Source::of(
        "//! todo\nfn a<'x>(c: &'x str) -> char { \"fn b\\\" {\"; r#\"fn c\"{\"#; '{'; '\\'' }\n/* fn d */\n#[cfg(test)]\nmod tests;\nfn e();\n#[cfg(test)]\nmod more {\n    fn p1_x() {}\n}\n",
    );
    let function = |name: &str, first, last| Function {
        name: name.to_owned(),
        first,
        last,
    };
    assert_eq!(source.functions(), [function("a", 2, 2)]);
    assert_eq!(
        source.function_names().collect::<Vec<_>>(),
        ["a", "e", "p1_x"]
    );
    assert!(!source.code.contains("todo"));
}

#[test]
fn a_function_ends_at_its_closing_brace() {
    let source = Source::of(
        "impl X {\n    fn long(\n        a: [u8; 2],\n    ) {\n        if a { b } else { c }\n    }\n    fn short() {}\n}\n",
    );
    let lines: Vec<_> = source
        .functions()
        .into_iter()
        .map(|found| (found.first, found.last))
        .collect();
    assert_eq!(lines, [(2, 6), (7, 7)]);
}

#[test]
fn a_word_is_found_only_whole() {
    assert_eq!(
        places("asyncs async my_async std::async", "async").count(),
        2
    );
    assert_eq!(places("std::fs::read std::fsx", "std::fs").count(), 1);
}
