//! Rules of this repository that neither the compiler nor clippy knows. Each test is one rule and says how to keep it.

#[path = "tidy/markdown.rs"]
mod markdown;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tree.rs"]
mod tree;

use std::collections::BTreeSet;

use source::{Source, line_of, places};
use tree::{File, ending, exists, files, text};

/// The folders and files that decide: values in, values out.
const PURE: [&str; 12] = [
    "src/blocks/",
    "src/resources/",
    "src/selector/",
    "src/affinity/",
    "src/assign/",
    "src/report/",
    "src/ids.rs",
    "src/plan.rs",
    "src/refusal.rs",
    "src/revision.rs",
    "src/unknown.rs",
    "src/view.rs",
];

/// What a pure part must not name: stores, formats, time, the machine.
const IMPURE: [&str; 19] = [
    "datastore",
    "etcd_client",
    "rusqlite",
    "serde",
    "serde_json",
    "async",
    "await",
    "futures",
    "tokio",
    "tracing",
    "getrandom",
    "Clock",
    "Instant",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
];

/// Where the library may name `serde_json`: Calico's records, the CNI protocol, annotations, results that runtimes keep,
/// the hint, and settings.
const JSON: [&str; 7] = [
    "src/datastore/codec",
    "src/workload.rs",
    "src/cni/",
    "src/node/evidence.rs",
    "src/allocator/hint_file",
    "src/settings",
    "src/bin/",
];

const MOST_LINES: usize = 600;
const MOST_FUNCTION_LINES: usize = 80;
const MOST_README_LINES: usize = 150;

/// Fails with all findings of a rule at once, and with how to keep it.
#[track_caller]
fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn rust() -> impl Iterator<Item = (String, Source)> {
    ending(".rs")
        .into_iter()
        .map(|file| (file.path, Source::of(&file.text)))
}

/// Names each place where product code of the chosen files says one of the words.
fn naming(words: &[&str], chosen: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, source) in rust().filter(|(path, _)| !is_test(path) && chosen(path)) {
        for word in words {
            let found = places(&source.product, word);
            findings.extend(
                found.map(|at| format!("{path}:{} names {word}", line_of(&source.product, at))),
            );
        }
    }
    findings
}

/// Names each line of the chosen files that has one of the texts in it.
fn saying(texts: &[&str], chosen: impl Fn(&File) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files()
        .iter()
        .filter(|file| chosen(file) && !file.path.starts_with("tests/tidy"))
    {
        for (number, line) in (1..).zip(file.text.lines()) {
            let said = texts.iter().filter(|text| line.contains(**text));
            findings.extend(said.map(|text| format!("{}:{number} says {text}", file.path)));
        }
    }
    findings
}

#[test]
fn the_pure_parts_know_no_store_no_time_and_no_format() {
    let findings = naming(&IMPURE, |path| {
        PURE.iter().any(|pure| path.starts_with(pure))
    });
    none(
        &findings,
        "Pure parts take values and give values. Move the reading, the clock or the format to the caller:",
    );
}

#[test]
fn only_the_edges_of_the_library_know_json() {
    let findings = naming(&["serde_json"], |path| {
        path.starts_with("src/") && !JSON.iter().any(|json| path.starts_with(json))
    });
    none(
        &findings,
        "Records become values in `datastore::codec` alone. Let it convert:",
    );
}

#[test]
fn only_the_adapters_know_their_database() {
    let adapters = ["src/datastore/etcd", "src/datastore/sqlite"];
    let findings = naming(&["etcd_client", "rusqlite"], |path| {
        path.starts_with("src/") && !adapters.iter().any(|adapter| path.starts_with(adapter))
    });
    none(
        &findings,
        "The port speaks keys, bytes and revisions. Keep the database behind it:",
    );
}

#[test]
fn files_are_short() {
    let findings: Vec<String> = rust()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, source)| (path, source.product.lines().count()))
        .filter(|(_, lines)| MOST_LINES < *lines)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    none(
        &findings,
        "A file has at most 600 lines, tests not counted. Split it by what it knows:",
    );
}

#[test]
fn functions_are_short_or_say_why_not() {
    let mut findings = Vec::new();
    for (path, source) in rust().filter(|(path, _)| !is_test(path)) {
        let lines: Vec<&str> = source.text.lines().collect();
        for function in source.functions() {
            let length = function.last + 1 - function.first;
            let from = function.first.saturating_sub(4);
            let excused = lines[from..function.last]
                .iter()
                .any(|line| line.contains("// Long because"));
            if MOST_FUNCTION_LINES < length && !excused {
                findings.push(format!(
                    "{path}:{} {} has {length} lines",
                    function.first, function.name
                ));
            }
        }
    }
    none(
        &findings,
        "A function has at most 80 lines, or a line `// Long because ...`:",
    );
}

#[test]
fn every_file_begins_with_what_it_is() {
    let findings: Vec<String> = rust()
        .filter(|(_, source)| !source.text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    none(
        &findings,
        "A Rust file begins with `//!`: what it is, which invariant it keeps, what it does not know:",
    );
}

#[test]
fn a_mod_file_has_no_logic() {
    let findings: Vec<String> = rust()
        .filter(|(path, _)| path.ends_with("/mod.rs") && !is_test(path))
        .flat_map(|(path, source)| {
            let functions = source.functions().into_iter();
            functions.map(move |function| format!("{path}:{} {}", function.first, function.name))
        })
        .collect();
    none(
        &findings,
        "`mod.rs` has the module's docs, `mod` lines in reading order and re-exports. Move the function to a file of its own:",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "TODO",
        "FIXME",
        "XXX:",
        "todo!",
        "unimplemented!",
        "#[ignore",
        "[allow(",
    ];
    let findings = saying(&words, |file| file.path != "CONTRIBUTING.md");
    none(
        &findings,
        "Do it now, or name it under \"Not yet\" in a document. Instead of `allow` write `expect` with a reason:",
    );
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let everywhere = ["/work/", "/farm/", "/home/", "/root/"];
    let mut findings = saying(&everywhere, |_| true);
    findings.extend(saying(&["/tmp/"], |file| file.path.ends_with(".md")));
    none(
        &findings,
        "Name places by what they are for (`DIR`, a flag, a variable):",
    );
}

#[test]
fn links_lead_somewhere() {
    let documents = ending(".md");
    let findings: Vec<String> = documents
        .iter()
        .flat_map(|file| markdown::broken_links(file, exists))
        .collect();
    none(
        &findings,
        "A link names a file of the repository and, after #, one of its headings:",
    );
}

#[test]
fn paths_in_documents_exist() {
    let findings: Vec<String> = ending(".md")
        .iter()
        .flat_map(|file| markdown::missing_paths(file, exists))
        .collect();
    none(
        &findings,
        "A path in backticks is a file or folder of the repository; documents describe what is there:",
    );
}

#[test]
fn each_line_on_compatibility_names_tests_that_exist() {
    let tests: BTreeSet<String> = ending(".rs")
        .iter()
        .filter(|file| file.path.contains("tests"))
        .flat_map(|file| {
            let source = Source::of(&file.text);
            source
                .function_names()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let page = text("docs/compatibility.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let lines = rows
        .iter()
        .filter(|row| !row.starts_with("| ---") && !row.ends_with(" test |"));
    let unproven: Vec<String> = lines
        .filter(|row| {
            let last = row.trim_end_matches(" |").rsplit(" | ").next();
            let names: Vec<&str> = last.into_iter().flat_map(markdown::in_backticks).collect();
            names.is_empty() || !names.iter().all(|name| tests.contains(*name))
        })
        .map(|row| (*row).to_owned())
        .collect();
    assert!(20 < rows.len(), "the page has tables");
    none(
        &unproven,
        "The last column of a line of docs/compatibility.md names the tests behind it, in backticks:",
    );
}

#[test]
fn the_readme_is_short() {
    let lines = text("README.md").lines().count();
    assert!(
        lines < MOST_README_LINES,
        "README.md has {lines} lines; below {MOST_README_LINES} it is read. Move the rest to docs/."
    );
}

#[test]
fn dependencies_come_from_the_registry_and_each_has_its_reason() {
    let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let lock = text("Cargo.lock");
    let mut findings: Vec<String> = lock
        .lines()
        .filter(|line| line.starts_with("source = ") && *line != registry)
        .map(str::to_owned)
        .collect();
    let manifest = text("Cargo.toml");
    let table = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .expect("the table of dependencies");
    let lines = table
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'));
    findings.extend(
        lines
            .filter(|line| !line.contains("# ") || line.contains("\"*\""))
            .map(str::to_owned),
    );
    none(
        &findings,
        "A dependency is one line of [workspace.dependencies] with its version and, behind #, its reason:",
    );
}

#[test]
fn scripts_stop_at_the_first_failure_and_can_be_started() {
    use std::os::unix::fs::PermissionsExt;
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.text.starts_with("#!")) {
        let mode = std::fs::metadata(tree::root().join(&file.path))
            .expect("a script is readable")
            .permissions()
            .mode();
        if !file.text.starts_with("#!/usr/bin/env bash\n# ") {
            findings.push(format!(
                "{}: begins otherwise than `#!/usr/bin/env bash` and a line that says what it does",
                file.path
            ));
        }
        if !file.text.contains("\nset -euo pipefail\n") || mode & 0o111 == 0 {
            findings.push(format!(
                "{}: lacks `set -euo pipefail` or the mark of a program",
                file.path
            ));
        }
    }
    none(&findings, "Scripts:");
}

#[test]
fn every_make_target_says_what_it_does() {
    let makefile = text("Makefile");
    let targets = makefile
        .lines()
        .filter_map(|line| line.strip_prefix(".PHONY: "));
    let findings: Vec<String> = targets
        .filter(|target| !makefile.contains(&format!("\n{target}: ## ")))
        .map(str::to_owned)
        .collect();
    none(
        &findings,
        "A target is declared `.PHONY: NAME`, then `NAME: ## What it does`:",
    );
}

mod invariants {
    //! Each invariant of `docs/protocol.md` is kept by tests of its name.

    use super::{BTreeSet, none, rust, text};

    /// What the document says of an invariant whose test comes with later work.
    const NOT_YET: &str = "Not yet tested";

    fn functions() -> BTreeSet<String> {
        rust()
            .flat_map(|(_, source)| {
                source
                    .function_names()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn each_names_its_tests_or_is_said_to_have_none_yet() {
        let functions = functions();
        let document = text("docs/protocol.md");
        let mut findings = Vec::new();
        for number in 1..=14 {
            let start = format!("* **p{number}** ");
            let lines: Vec<&str> = document
                .lines()
                .filter(|line| line.starts_with(&start))
                .collect();
            let [line] = lines[..] else {
                findings.push(format!("{} lines begin with `{start}`", lines.len()));
                continue;
            };
            let prefix = format!("p{number}_");
            let words = line.split('`').skip(1).step_by(2);
            let named: BTreeSet<&str> = words.filter(|word| word.starts_with(&prefix)).collect();
            let written: BTreeSet<&str> = functions
                .iter()
                .map(String::as_str)
                .filter(|name| name.starts_with(&prefix))
                .collect();
            if named.is_empty() {
                findings.extend(
                    written
                        .first()
                        .map(|name| format!("{name} is written: name it behind p{number}")),
                );
            }
            findings.extend(
                named
                    .difference(&written)
                    .map(|name| format!("{name} is no function")),
            );
            if written.is_empty() != line.contains(NOT_YET) {
                findings.push(format!(
                    "p{number}: \"{NOT_YET}\" stands where no test is, and only there"
                ));
            }
        }
        none(
            &findings,
            "docs/protocol.md has one line for each invariant, with the tests that keep it:",
        );
    }
}
