//! `docs/cli-reference.md` is what the program says about itself.

use expect_test::expect_file;

use crate::support::Bench;

pub(crate) const VERBS: [&[&str]; 34] = [
    &[],
    &["create"],
    &["apply"],
    &["replace"],
    &["get"],
    &["delete"],
    &["patch"],
    &["label"],
    &["validate"],
    &["ipam"],
    &["ipam", "show"],
    &["ipam", "check"],
    &["ipam", "repair"],
    &["ipam", "explain"],
    &["ipam", "release"],
    &["ipam", "gc"],
    &["ipam", "configure"],
    &["ipam", "split"],
    &["ipam", "reserve"],
    &["ipam", "unreserve"],
    &["status"],
    &["store"],
    &["store", "doctor"],
    &["store", "adopt"],
    &["store", "print-role"],
    &["node"],
    &["node", "list"],
    &["node", "show"],
    &["node", "register"],
    &["node", "release"],
    &["node", "resync"],
    &["convert"],
    &["version"],
    &["completion"],
];

#[test]
fn the_reference_is_what_the_program_says() {
    let bench = Bench::new();
    let mut text = "# Reference of ipamctl\n\nMade from the program: `UPDATE_EXPECT=1 cargo test -p ipamctl reference`.\n".to_owned();
    for verb in VERBS {
        let output = bench.run(&[verb, &["--help"][..]].concat(), "");
        assert!(output.status.success(), "{verb:?}");
        let help = String::from_utf8(output.stdout).expect("text");
        let title = [&["ipamctl"][..], verb].concat().join(" ");
        text += &format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end());
    }
    expect_file!["../../../docs/cli-reference.md"].assert_eq(&text);
}

#[test]
fn every_verb_stands_in_the_reference() {
    let bench = Bench::new();
    let groups = VERBS
        .iter()
        .filter(|verb| [&[][..], &["ipam"], &["node"], &["store"]].contains(verb));
    for group in groups {
        let output = bench.run(&[group, &["--help"][..]].concat(), "");
        let help = String::from_utf8(output.stdout).expect("text");
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().expect("a name");
            let verb = [group, &[name][..]].concat();
            let is_help = name == "help";
            assert!(is_help || VERBS.contains(&verb.as_slice()), "{verb:?}");
        }
    }
}

#[test]
fn every_verb_shows_examples() {
    let bench = Bench::new();
    let groups: [&[&str]; 4] = [&[], &["ipam"], &["node"], &["store"]];
    for verb in VERBS.iter().filter(|verb| !groups.contains(verb)) {
        let output = bench.run(&[verb, &["--help"][..]].concat(), "");
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(help.contains("\nExamples:\n  "), "{verb:?}");
    }
}
