//! What is said about values that cannot be read.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(key: &str, value: &str, expected: &Expect) {
    let error = read(key, value.as_bytes()).expect_err("a value that cannot be read");
    expected.assert_eq(&error.to_string());
}

#[test]
fn what_is_no_object_is_named() {
    check(BLOCK, "", &expect!["it is empty"]);
    check(HANDLE, "", &expect!["it is empty"]);
    check(CONFIG, "", &expect!["it is empty"]);
    check(
        BLOCK,
        "not json",
        &expect!["it is not JSON: expected ident at line 1 column 2"],
    );
    check(
        BLOCK,
        "[]",
        &expect!["invalid type: sequence, expected an object at line 1 column 2"],
    );
    check(
        BLOCK,
        "\"text\"",
        &expect![[r#"invalid type: string "text", expected an object at line 1 column 6"#]],
    );
    check(
        BLOCK,
        "{\"cidr\":",
        &expect!["member `cidr`: EOF while parsing a value at line 1 column 8"],
    );
    check(
        CONFIG,
        "{} {}",
        &expect!["it is not JSON: trailing characters at line 1 column 4"],
    );
    check(
        HANDLE,
        "\u{feff}{}",
        &expect!["it is not JSON: expected value at line 1 column 1"],
    );
    let error = read(HANDLE, b"{\"a\":\"\xff\"}").expect_err("no text");
    expect!["it is not UTF-8 text"].assert_eq(&error.to_string());
}

#[test]
fn the_member_at_fault_is_named() {
    check(
        BLOCK,
        r#"{"allocations":{}}"#,
        &expect![
            "member `allocations`: invalid type: map, expected a sequence at line 1 column 15"
        ],
    );
    check(
        BLOCK,
        r#"{"allocations":[-1]}"#,
        &expect![
            "member `allocations`: invalid value: integer `-1`, expected usize at line 1 column 18"
        ],
    );
    check(
        BLOCK,
        r#"{"sequenceNumber":18446744073709551616}"#,
        &expect![
            "member `sequenceNumber`: invalid type: floating point `1.8446744073709552e+19`, expected u64 at line 1 column 38"
        ],
    );
    check(
        BLOCK,
        r#"{"sequenceNumber":1.5}"#,
        &expect![
            "member `sequenceNumber`: invalid type: floating point `1.5`, expected u64 at line 1 column 21"
        ],
    );
    check(
        BLOCK,
        r#"{"attributes":[{"handle_id":7}]}"#,
        &expect![
            "member `attributes`: member `handle_id`: invalid type: integer `7`, expected a string at line 1 column 29"
        ],
    );
    check(
        BLOCK,
        r#"{"attributes":[{"secondary":{"node":true}}]}"#,
        &expect![
            "member `attributes`: member `secondary`: invalid type: boolean `true`, expected a string at line 1 column 40"
        ],
    );
    check(
        BLOCK,
        r#"{"affinity_claim_time":"yesterday"}"#,
        &expect![
            "member `affinity_claim_time`: `yesterday` is not a time such as 2026-03-02T09:14:55Z at line 1 column 35"
        ],
    );
    check(
        BLOCK,
        r#"{"affinity":"n1"}"#,
        &expect![
            "member `affinity`: `n1` is neither host:NODE nor virtual:NAME at line 1 column 17"
        ],
    );
    check(
        AFFINITY,
        r#"{"state":"Confirmed"}"#,
        &expect!["member `state`: `Confirmed` is no state of an affinity"],
    );
    check(
        HANDLE,
        r#"{"block":{"10.65.3.64/30":"1"}}"#,
        &expect![[r#"member `block`: invalid type: string "1", expected i64 at line 1 column 29"#]],
    );
    check(
        HANDLE,
        r#"{"block":{"10.65.3.65/30":1}}"#,
        &expect![
            "member `block`: CIDR `10.65.3.65/30` has host bits set; the network is `10.65.3.64/30`"
        ],
    );
    check(
        CONFIG,
        r#"{"strict_affinity":"yes"}"#,
        &expect![[
            r#"member `strict_affinity`: invalid type: string "yes", expected a boolean at line 1 column 24"#
        ]],
    );
    check(
        NODE,
        r#"{"metadata":{"labels":["rack"]}}"#,
        &expect![
            "member `metadata`: member `labels`: invalid type: sequence, expected an object at line 1 column 22"
        ],
    );
    check(
        BORROWED,
        r#"{"version":2}"#,
        &expect!["unknown field `version`, there are no fields at line 1 column 10"],
    );
}

#[test]
fn blocks_that_nobody_could_read_are_refused() {
    let block = |cidr: &str, allocations: &str| {
        format!(
            r#"{{"cidr":"{cidr}","affinity":null,"allocations":[{allocations}],"attributes":[{{}}]}}"#
        )
    };
    check(
        BLOCK,
        "{}",
        &expect!["member `cidr`: `` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64"],
    );
    check(
        BLOCK,
        &block("10.65.3.65/30", "0"),
        &expect![
            "member `cidr`: CIDR `10.65.3.65/30` has host bits set; the network is `10.65.3.64/30`"
        ],
    );
    check(
        BLOCK,
        &block("10.65.3.68/30", "0"),
        &expect!["member `cidr`: block 10.65.3.68/30 stands under the key of 10.65.3.64/30"],
    );
    check(
        BLOCK,
        &block("10.65.3.64/30", "0,null,null"),
        &expect!["3 allocations for 4 addresses"],
    );
    check(
        BLOCK,
        &block("10.65.3.64/30", "0,null,null,1"),
        &expect!["ordinal 3 points at attribute 1, which does not exist"],
    );
}

#[test]
fn pools_that_serve_nobody_are_refused() {
    check(
        POOL,
        r#"{"spec":{}}"#,
        &expect![
            "member `spec`: member `cidr`: `` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64"
        ],
    );
    check(
        POOL,
        r#"{"spec":{"cidr":"nonsense"}}"#,
        &expect![
            "member `spec`: member `cidr`: `nonsense` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64"
        ],
    );
    check(
        POOL,
        r#"{"spec":{"cidr":"10.65.0.0/16","blockSize":33}}"#,
        &expect!["member `spec`: member `blockSize`: 33 is not between 20 and 32"],
    );
    check(
        POOL,
        r#"{"spec":{"cidr":"fd00::/64","blockSize":26}}"#,
        &expect!["member `spec`: member `blockSize`: 26 is not between 116 and 128"],
    );
    check(
        POOL,
        r#"{"spec":{"cidr":"10.65.0.0/16"},"status":[]}"#,
        &expect!["member `status`: invalid type: sequence, expected an object at line 1 column 2"],
    );
}
