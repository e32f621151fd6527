//! What documents point to: links, headings, paths in backticks.

use std::collections::BTreeSet;

use crate::tree::{File, text};

/// The folders in which a path in backticks is taken for a file of the repository.
const FOLDERS: [&str; 11] = [
    ".ci/",
    "agent/",
    "benches/",
    "controller/",
    "ctl/",
    "docs/",
    "examples/",
    "src/",
    "test-env/",
    "tests/",
    "tools/",
];

/// Returns the links of a document that lead nowhere.
pub(crate) fn broken_links(file: &File, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let prose = prose(&file.text);
    let targets = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter(|target| {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                file.path.clone()
            } else {
                beside(&file.path, path)
            };
            !exists(&path) || (!heading.is_empty() && !headings(&text(&path)).contains(heading))
        })
        .map(|target| format!("{}: {target}", file.path))
        .collect()
}

/// Returns the paths in backticks that are not in the repository. Patterns and paths of other machines are no paths of ours.
pub(crate) fn missing_paths(file: &File, exists: impl Fn(&str) -> bool) -> Vec<String> {
    in_backticks(&prose(&file.text))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '{', '<', ' ', '$']))
        .filter(|word| !exists(word))
        .map(|word| format!("{}: {word}", file.path))
        .collect()
}

/// Returns what stands in backticks.
pub(crate) fn in_backticks(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

/// Takes the blocks of code away.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// Returns the path of a link in the document at `document`.
fn beside(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Returns the anchors of a document's headings, as forges make them.
fn headings(text: &str) -> BTreeSet<String> {
    prose(text)
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|title| {
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .collect::<String>()
        })
        .map(|title| title.replace(' ', "-"))
        .collect()
}

#[test]
fn links_and_paths_are_found_in_prose_alone() {
    let file = File {
        path: "docs/a.md".to_owned(),
        text: "# One, two\n[x](b.md) [y](#one-two) [z](#three) [w](https://example.org)\n`src/no.rs` `src/*.rs` `etc/no`\n```\n[v](no.md) `src/not.rs`\n```\n".to_owned(),
    };
    let anchors = headings(&file.text);
    assert!(anchors.contains("one-two") && !anchors.contains("three"));
    assert_eq!(missing_paths(&file, |_| false), ["docs/a.md: src/no.rs"]);
    assert_eq!(beside("docs/a.md", "../README.md"), "README.md");
    assert_eq!(beside("docs/a.md", "b.md"), "docs/b.md");
    assert_eq!(prose(&file.text).matches("](").count(), 4);
}
