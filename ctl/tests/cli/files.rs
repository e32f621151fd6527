//! `-f`: files, directories and standard input.

use expect_test::expect;

use crate::support::Bench;

const POOL: &str = "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: NAME\nspec:\n  cidr: CIDR\n";

fn pool(name: &str, cidr: &str) -> String {
    POOL.replace("NAME", name).replace("CIDR", cidr)
}

/// A directory with files, another directory in it, and what is none of ours.
fn directory() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("pools/deep/empty")).expect("a directory");
    bench.file("pools/b.yaml", &pool("b", "10.2.0.0/24"));
    bench.file("pools/a.yml", &pool("a", "10.1.0.0/24"));
    bench.file("pools/notes.txt", "no manifest");
    bench.file("pools/deep/c.json", r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"c"},"spec":{"cidr":"10.3.0.0/24"}}"#);
    bench
}

#[test]
fn a_directory_is_its_files_in_order() {
    let bench = directory();
    bench.check(
        &["create", "-f", "pools"],
        &expect![[r#"
        Successfully created 2 'IPPool' resource(s)
        --- stderr
        Created IPPool a
        Created IPPool b
    "#]],
    );
    bench.check(
        &["apply", "-R", "-f", "pools", "--dry-run"],
        &expect![[r#"
        --- stderr
        Would leave as it is: IPPool a
        Would leave as it is: IPPool b
        Would create IPPool c
    "#]],
    );
    bench.check(
        &["create", "-R", "-f", "pools", "--skip-exists"],
        &expect![[r#"
            Successfully created 3 'IPPool' resource(s)
            --- stderr
            Unchanged: IPPool a
            Unchanged: IPPool b
            Created IPPool c
        "#]],
    );
    bench.check(
        &["get", "-R", "-f", "pools", "-o", "name"],
        &expect![[r#"
        ippool/a
        ippool/b
        ippool/c
    "#]],
    );
    bench.check(
        &["delete", "-R", "-f", "pools"],
        &expect![[r#"
            Successfully deleted 3 'IPPool' resource(s)
            --- stderr
            Deleted IPPool a
            Deleted IPPool b
            Deleted IPPool c
        "#]],
    );
}

#[test]
fn what_is_empty_is_a_failure_unless_it_may_be() {
    let bench = directory();
    bench.file("none.yaml", "# nothing\n");
    bench.check(
        &["apply", "-f", "pools/deep/empty"],
        &expect![[r#"
        --- stderr
        Error: no file that ends in .json, .yaml or .yml is in pools/deep/empty
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["apply", "-f", "pools/deep/empty", "--skip-empty"],
        &expect![[""]],
    );
    bench.check(
        &["apply", "-f", "none.yaml"],
        &expect![[r#"
        --- stderr
        Error: no resources are in none.yaml
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["apply", "-f", "none.yaml", "--skip-empty"],
        &expect![[""]],
    );
}

#[test]
fn files_are_judged_without_a_store() {
    let bench = directory();
    bench.file("over.yaml", &pool("d", "10.1.0.128/25"));
    bench.check(
        &["validate", "-R", "-f", "pools"],
        &expect![[r#"
        Successfully validated 3 'IPPool' resource(s)
    "#]],
    );
    bench.check(
        &["validate", "-R", "-f", "pools", "-f", "over.yaml"],
        &expect![[r#"
            --- stderr
            Error: the manifest is refused
              IPPool `d`: spec.cidr = '10.1.0.128/25': IPPool(d) CIDR overlaps with IPPool(a) CIDR 10.1.0.0/24
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["validate", "-f", "pools", "-f", "pools/a.yml"],
        &expect![[r#"
            --- stderr
            Error: the manifest is refused, nothing was changed
              pools/a.yml, document 1: IPPool `a` stands in pools/a.yml, document 1 too
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["validate"],
        &expect![[r#"
        --- stderr
        Error: a file is needed: -f FILE, or -f - for standard input
        [exit status: 2]
    "#]],
    );
    assert!(!bench.path("ipam.db").exists());
}

#[test]
fn what_a_terminal_would_act_on_is_escaped_in_what_is_said() {
    let bench = Bench::new();
    bench.file("escape.yaml", &pool("\"a\\e[31m\\0\"", "10.0.0.0/24"));
    bench.check(&["validate", "-f", "escape.yaml"], &expect![[r#"
        --- stderr
        Error: the manifest is refused, nothing was changed
          escape.yaml, document 1: metadata.name = 'a\u{1b}[31m\0': name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)
        [exit status: 1]
    "#]]);
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_named() {
    let bench = Bench::new();
    let huge = std::fs::File::create(bench.path("huge.yaml")).unwrap();
    huge.set_len((64 << 20) + 1).unwrap();
    std::fs::write(bench.path("binary.yaml"), b"kind: \xff\xfe\x00").unwrap();
    bench.check(
        &["validate", "-f", "huge.yaml"],
        &expect![[r#"
        --- stderr
        Error: huge.yaml is larger than 64 MiB
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["validate", "-f", "binary.yaml"],
        &expect![[r#"
        --- stderr
        Error: binary.yaml is not text: byte 6 is not UTF-8
        [exit status: 1]
    "#]],
    );
}
