//! The grammar, its errors and its evaluation, against selectors that Calico parsed.

use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;

use super::Selector;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .collect()
}

#[track_caller]
fn matches(text: &str, pairs: &[(&str, &str)]) -> bool {
    Selector::parse(text).unwrap().matches(&labels(pairs))
}

#[track_caller]
fn refused(text: &str) -> String {
    Selector::parse(text).unwrap_err().to_string()
}

#[test]
fn selectors_of_nodes_say_what_they_mean() {
    let both = "rack == 'r1' && !has(cordoned)";
    assert!(matches(both, &[("rack", "r1")]));
    assert!(!matches(both, &[("rack", "r1"), ("cordoned", "")]));
    let either = "zone in {'a','b'} || tier contains 'edge'";
    assert!(matches(either, &[("zone", "b")]));
    assert!(matches(either, &[("zone", "c"), ("tier", "web-edge-1")]));
    assert!(!matches(either, &[("zone", "c"), ("tier", "web")]));
    let not = r#"!(os == "windows")"#;
    assert!(matches(not, &[]));
    assert!(!matches(not, &[("os", "windows")]));
}

/// The cases of Calico's own test of which namespaces a pool selects.
#[test]
fn selectors_of_namespaces_say_what_they_mean() {
    let prod = &[("environment", "production"), ("team", "web")];
    let stage = &[("environment", "staging")];
    for (name, selector, namespace, selected) in [
        ("empty selector", "", &prod[..], true),
        ("equality", "environment == 'production'", prod, true),
        (
            "complex",
            "environment == 'production' && team in {'web', 'api'}",
            prod,
            true,
        ),
        (
            "in",
            "environment in {'staging', 'production'}",
            stage,
            true,
        ),
        ("has", "has(team)", prod, true),
        ("no match", "environment == 'production'", stage, false),
        ("label absent", "has(team)", stage, false),
        ("no labels, equality", "team == 'web'", &[], false),
        ("no labels, inequality", "team != 'web'", &[], true),
        ("no labels, empty selector", "", &[], true),
        (
            "special characters",
            "app.kubernetes.io/part-of == 'a b/c:d@e'",
            &[("app.kubernetes.io/part-of", "a b/c:d@e")],
            true,
        ),
    ] {
        assert_eq!(matches(selector, namespace), selected, "{name}");
    }
    assert!(Selector::parse("environment ==").is_err(), "malformed");
    assert!(Selector::parse("environment ~= 'x'").is_err(), "operator");
}

#[test]
fn an_absent_label_only_satisfies_what_asks_for_a_difference() {
    for (text, holds) in [
        ("k == ''", false),
        ("k != ''", true),
        ("k contains ''", false),
        ("k starts with ''", false),
        ("k ends with ''", false),
        ("k in {''}", false),
        ("k in {}", false),
        ("k not in {''}", true),
        ("k notin {}", true),
        ("has(k)", false),
    ] {
        assert_eq!(matches(text, &[]), holds, "{text}");
    }
}

#[test]
fn words_need_no_blanks_between_them() {
    for text in [
        "k in{'v'}",
        "k notin{'x'}",
        "k not\tin{'x'}",
        "k startswith'v'",
        "k starts \t with'v'",
        "k contains'v'&&!k=='x'",
        "\t!( k==\"x\" )",
        "has(\tk )&&all( )&&global( )",
    ] {
        assert!(matches(text, &[("k", "v")]), "{text}");
    }
}

#[test]
fn operator_words_are_labels_too() {
    for word in ["in", "not", "has", "all", "global", "contains", "starts"] {
        let text = format!("{word} == 'v' && has({word}) && {word} in {{'v'}}");
        assert!(matches(&text, &[(word, "v")]), "{text}");
    }
}

#[test]
fn not_binds_to_one_operation_and_and_binds_tighter_than_or() {
    let labels = [("a", "1")];
    assert!(matches("!has(b) && has(a)", &labels));
    assert!(!matches("!(has(b) || has(a))", &labels));
    assert!(matches("has(a) || has(b) && has(b)", &labels));
    assert!(!matches("(has(a) || has(b)) && has(b)", &labels));
    assert!(matches("!a == '2'", &labels));
    assert!(matches("!! !has(b)", &labels));
}

#[test]
fn a_label_has_at_most_512_characters() {
    let longest = "x".repeat(512);
    assert!(matches(&format!("has({longest})"), &[(&longest, "")]));
    assert_eq!(
        refused(&format!("rack == 'a' || has({longest}x)")),
        "expected a label of at most 512 characters at character 20, found \"xxxxxxxxxxxxxxxx...\""
    );
}

#[test]
fn a_refusal_says_where_and_what_was_expected() {
    let texts = [
        "rack",
        "rack = 'r1'",
        "rack == zone",
        "rack == 'r1",
        "'r1' == rack",
        "rack == 'r1' & zone == 'a'",
        "rack == 'r1' &&",
        "rack == 'r1' zone == 'a'",
        "rack == 'é' )",
        "(rack == 'r1' || (has(a))",
        "()",
        "rack in 'r1'",
        "rack in {'r1' 'r2'}",
        "rack in {r1}",
        "rack in {,}",
        "rack\n== 'r1'",
        "has()",
        "has(a b)",
        "has (a)",
        "all(x)",
        "!",
        "a ! in {'x'}",
        "é == 'x'",
    ];
    let said: Vec<String> = texts
        .iter()
        .map(|text| format!("{text:?}: {}\n", refused(text)))
        .collect();
    expect![[r#"
        "rack": expected ==, !=, in, not in, contains, starts with or ends with at character 5, found the end
        "rack = 'r1'": expected ==, !=, in, not in, contains, starts with or ends with at character 6, found "= 'r1'"
        "rack == zone": expected a string in quotes at character 9, found "zone"
        "rack == 'r1": expected a string that ends at character 9, found "'r1"
        "'r1' == rack": expected a label, has(), all(), `!` or `(` at character 1, found "'r1' == rack"
        "rack == 'r1' & zone == 'a'": expected `&&`, `||` or the end at character 14, found "& zone == 'a'"
        "rack == 'r1' &&": expected a label, has(), all(), `!` or `(` at character 16, found the end
        "rack == 'r1' zone == 'a'": expected `&&`, `||` or the end at character 14, found "zone == 'a'"
        "rack == 'é' )": expected `&&`, `||` or the end at character 13, found ")"
        "(rack == 'r1' || (has(a))": expected `&&`, `||` or `)` at character 26, found the end
        "()": expected a label, has(), all(), `!` or `(` at character 2, found ")"
        "rack in 'r1'": expected a set in braces at character 9, found "'r1'"
        "rack in {'r1' 'r2'}": expected `,` or `}` after a member of the set at character 15, found "'r2'}"
        "rack in {r1}": expected a string in quotes at character 10, found "r1}"
        "rack in {,}": expected a string in quotes at character 10, found ",}"
        "rack\n== 'r1'": expected ==, !=, in, not in, contains, starts with or ends with at character 5, found "\n== 'r1'"
        "has()": expected the label of has() at character 5, found ")"
        "has(a b)": expected `)` after the label of has() at character 7, found "b)"
        "has (a)": expected ==, !=, in, not in, contains, starts with or ends with at character 5, found "(a)"
        "all(x)": expected `)`, for all() and global() take nothing at character 5, found "x)"
        "!": expected a label, has(), all(), `!` or `(` at character 2, found the end
        "a ! in {'x'}": expected ==, !=, in, not in, contains, starts with or ends with at character 3, found "! in {'x'}"
        "é == 'x'": expected a label, has(), all(), `!` or `(` at character 1, found "é == 'x'"
    "#]].assert_eq(&said.concat());
}

#[test]
fn no_depth_of_nesting_exhausts_the_stack() {
    let depth = 200_000;
    let text = format!("{}has(a){}", "!(".repeat(depth), ")".repeat(depth));
    let selector = Selector::parse(&text).unwrap();
    assert!(selector.matches(&labels(&[("a", "")])));
    assert!(!selector.matches(&labels(&[])));
    assert!(Selector::parse(&"(".repeat(depth)).is_err());
    let alternating = format!(
        "{}all(){}",
        "(!has(a) || has(b) && ".repeat(depth),
        ")".repeat(depth)
    );
    assert!(Selector::parse(&alternating).unwrap().matches(&labels(&[])));
}

/// The model: a selector as a tree, evaluated as the grammar's table reads.
#[derive(Debug, Clone)]
enum Tree {
    All,
    Has(String),
    Value(String, &'static str, String),
    Set(String, &'static str, Vec<String>),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

impl Tree {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Tree::All => true,
            Tree::Has(label) => labels.contains_key(label),
            Tree::Value(label, operator, wanted) => {
                let value = labels.get(label);
                match *operator {
                    "==" => value == Some(wanted),
                    "!=" => value != Some(wanted),
                    "contains" => value.is_some_and(|value| value.contains(wanted)),
                    "starts with" => value.is_some_and(|value| value.starts_with(wanted)),
                    "ends with" => value.is_some_and(|value| value.ends_with(wanted)),
                    other => panic!("no operator {other}"),
                }
            }
            Tree::Set(label, operator, members) => {
                let member = labels.get(label).is_some_and(|v| members.contains(v));
                member == (*operator == "in")
            }
            Tree::Not(tree) => !tree.holds(labels),
            Tree::And(trees) => trees.iter().all(|tree| tree.holds(labels)),
            Tree::Or(trees) => trees.iter().any(|tree| tree.holds(labels)),
        }
    }

    fn print(&self, style: Style) -> String {
        let blank = style.blank;
        match self {
            Tree::All => format!("all({blank})"),
            Tree::Has(label) => format!("has({blank}{label}{blank})"),
            Tree::Value(label, operator, value) => {
                let operator = if style.blank.is_empty() {
                    operator.replace(' ', "")
                } else {
                    (*operator).to_owned()
                };
                format!("{label} {operator}{blank}{}", style.quoted(value))
            }
            Tree::Set(label, operator, members) => {
                let members: Vec<String> = members.iter().map(|m| style.quoted(m)).collect();
                let members = members.join(&format!("{blank},"));
                format!("{label} {operator}{blank}{{{members}}}")
            }
            Tree::Not(tree) => format!("!{blank}{}", tree.operand(style)),
            Tree::And(trees) => Tree::joined(trees, "&&", style),
            Tree::Or(trees) => Tree::joined(trees, "||", style),
        }
    }

    /// Prints for a place where only one operation may stand.
    fn operand(&self, style: Style) -> String {
        let text = self.print(style);
        let needed = matches!(self, Tree::And(_) | Tree::Or(_));
        if needed || style.parentheses {
            format!("({}{text}{})", style.blank, style.blank)
        } else {
            text
        }
    }

    fn joined(trees: &[Tree], operator: &str, style: Style) -> String {
        let operands: Vec<String> = trees.iter().map(|tree| tree.operand(style)).collect();
        operands.join(&format!("{}{operator}{}", style.blank, style.blank))
    }
}

/// The freedom of whoever writes a selector.
#[derive(Debug, Clone, Copy)]
struct Style {
    blank: &'static str,
    quote: char,
    parentheses: bool,
}

impl Style {
    /// Quotes in the preferred way, unless the value contains that quote.
    fn quoted(self, value: &str) -> String {
        let other = if self.quote == '"' { '\'' } else { '"' };
        let quote = if value.contains(self.quote) {
            other
        } else {
            self.quote
        };
        format!("{quote}{value}{quote}")
    }
}

fn label() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "in", "has", "not", "x.y/z-w_0"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "1", "12", "21", "it's", "say \"x\"", "é)&&", "\n"])
        .prop_map(str::to_owned)
}

fn tree() -> impl Strategy<Value = Tree> {
    let operators = vec!["==", "!=", "contains", "starts with", "ends with"];
    let leaf = prop_oneof![
        1 => Just(Tree::All),
        2 => label().prop_map(Tree::Has),
        4 => (label(), prop::sample::select(operators), value())
            .prop_map(|(label, operator, value)| Tree::Value(label, operator, value)),
        2 => (label(), prop::sample::select(vec!["in", "not in"]), prop::collection::vec(value(), 0..4))
            .prop_map(|(label, operator, members)| Tree::Set(label, operator, members)),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            prop::collection::vec(inner.clone(), 2..5).prop_map(Tree::And),
            prop::collection::vec(inner, 2..5).prop_map(Tree::Or),
        ]
    })
}

fn style() -> impl Strategy<Value = Style> {
    let blanks = prop::sample::select(vec!["", " ", "\t", " \t "]);
    (blanks, prop::sample::select(vec!['\'', '"']), any::<bool>()).prop_map(
        |(blank, quote, parentheses)| Style {
            blank,
            quote,
            parentheses,
        },
    )
}

fn some_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(label(), value(), 0..5)
}

proptest! {
    #[test]
    fn evaluation_equals_the_model(tree in tree(), style in style(), labels in some_labels()) {
        let text = tree.print(style);
        let selector = Selector::parse(&text);
        prop_assert!(selector.is_ok(), "{text}: {selector:?}");
        prop_assert_eq!(selector.unwrap().matches(&labels), tree.holds(&labels), "{}", text);
    }

    #[test]
    fn blanks_and_quotes_change_nothing(tree in tree(), one in style(), other in style()) {
        let other = Style { parentheses: one.parentheses, ..other };
        prop_assert_eq!(
            Selector::parse(&tree.print(one)).unwrap(),
            Selector::parse(&tree.print(other)).unwrap()
        );
    }

    #[test]
    fn any_text_is_read_or_refused_in_place(text in any_text()) {
        match Selector::parse(&text) {
            Ok(selector) => drop(selector.matches(&BTreeMap::new())),
            Err(error) => prop_assert!(
                (1..=text.chars().count() + 1).contains(&error.position), "{}", error
            ),
        }
    }
}

/// Any text, and pieces of the grammar in any order, which get further.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a", " ", "==", "!=", "'", "\"", "x", "in", "not", "{", "}", ",", "(", ")", "!", "&&",
        "||", "has(", "all(", "contains", "starts", "with", "é", "=", "&",
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|p| p.concat()),
    ]
}
