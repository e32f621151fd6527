//! The configuration, the choice of pools, and the words about a request that stays short; the selectors of namespaces.

use block_ipam::blocks::Family;
use block_ipam::refusal::Refusal;
use block_ipam::resources::Config;
use block_ipam::resources::plans::{Mode, Put, Written};
use block_ipam::selector::Selector;
use block_ipam_testing::world::now;

use crate::scene::{Ask, Scene, labels};
use crate::table::{Row, differs, same};

pub(crate) const CHOICE: &[Row] = &[
    same("C6", "without a record the defaults", || {
        assert_eq!(
            now(Scene::new().allocator.config()).expect("told"),
            Config::default()
        );
    }),
    same("C7", "reading does not store them", || {
        let scene = Scene::new();
        now(scene.allocator.config()).expect("told");
        assert!(scene.world.records().is_empty());
    }),
    same("C8", "another configuration is set", c8),
    same("C9", "pools by node selector, and by request", c9),
    same("C10", "pools by namespace selector", c10),
    differs(
        "C11",
        "several pools with namespace selectors",
        BAD_SELECTOR,
        c11,
    ),
    differs(
        "C12",
        "the words about a request that stays short",
        OWN_WORDS,
        c12,
    ),
];

const BAD_SELECTOR: &str =
    "a selector that does not parse excludes its pool, and does not fail every request";
const OWN_WORDS: &str =
    "the numbers are the same, the words are ours, and each pool has its reason";

fn c8() {
    let scene = Scene::new();
    let strict = Config {
        strict_affinity: true,
        max_blocks_per_host: 3,
        ..Config::default()
    };
    let request = Put {
        value: strict.clone(),
        mode: Mode::Apply,
        expected: None,
    };
    assert_eq!(
        now(scene.allocator.put_config(&request)).expect("set"),
        Written::Created
    );
    assert_eq!(now(scene.allocator.config()).expect("told"), strict);
}

/// The pools that would be tried for a request, in order; the refusal where there is none.
fn tried(ask: &Ask<'_>, scene: &Scene, family: Family) -> Result<Vec<String>, Refusal> {
    let told = now(scene.allocator.explain(&ask.request)).expect("told");
    let told = told.families.into_iter().find(|told| told.family == family);
    let told = told.expect("the family is asked for");
    match told.refused {
        Some(refusal) => Err(refusal),
        None => {
            let tried = told
                .pools
                .into_iter()
                .filter(|pool| pool.excluded.is_none());
            Ok(tried.map(|pool| pool.name.to_string()).collect())
        }
    }
}

/// Pools `p1` and `p2` of each family with these selectors, and a disabled `off`.
fn two_pools(selectors: [&str; 2], member: &str) -> Scene {
    let scene = Scene::new();
    for (prefix, [first, second, off], size) in [
        ("", ["10.0.0.0/24", "20.0.0.0/24", "30.0.0.0/24"], 26),
        (
            "six-",
            ["fd00:1::/120", "fd00:2::/120", "fd00:3::/120"],
            122,
        ),
    ] {
        for (name, cidr, selector) in [("p1", first, selectors[0]), ("p2", second, selectors[1])] {
            let member = format!(r#""{member}":"{selector}""#);
            scene.pool_with(&format!("{prefix}{name}"), cidr, size, &member);
        }
        scene.pool_with(&format!("{prefix}off"), off, size, r#""disabled":true"#);
    }
    scene.node("n1", &[("foo", "bar")]);
    scene
}

fn c9() {
    const BAR: &str = "foo == 'bar'";
    const NOT: &str = "foo != 'bar'";
    // Selectors, requested pools of IPv4 and of IPv6, pools that are tried; none for a refusal.
    type Entry<'a> = ([&'a str; 2], &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let entries: [Entry<'_>; 14] = [
        ([BAR, BAR], &[], &[], &["p1", "p2"]),
        ([BAR, NOT], &[], &[], &["p1"]),
        ([NOT, BAR], &[], &[], &["p2"]),
        ([NOT, NOT], &[], &[], &[]),
        (["", ""], &[], &[], &["p1", "p2"]),
        (["all()", NOT], &[], &[], &["p1"]),
        (["has(foo)", "!has(foo)"], &[], &[], &["p1"]),
        ([BAR, BAR], &["20.0.0.0/24"], &["fd00:2::/120"], &["p2"]),
        (
            [BAR, BAR],
            &["20.0.0.0/24", "10.0.0.0/24"],
            &["fd00:2::/120", "fd00:1::/120"],
            &["p2", "p1"],
        ),
        ([NOT, BAR], &["10.0.0.0/24"], &["fd00:1::/120"], &["p1"]),
        (
            [NOT, NOT],
            &["10.0.0.0/24", "20.0.0.0/24"],
            &["fd00:1::/120", "fd00:2::/120"],
            &["p1", "p2"],
        ),
        ([BAR, BAR], &["30.0.0.0/24"], &["fd00:3::/120"], &[]),
        ([BAR, BAR], &["10.0.0.7/24"], &["fd00:1::7/120"], &["p1"]),
        (
            [BAR, BAR],
            &["10.0.0.0/24"],
            &["fd00:0001:0000:0000:0000:0000:0000:0000/120"],
            &["p1"],
        ),
    ];
    for (selectors, v4, v6, expected) in entries {
        let scene = two_pools(selectors, "nodeSelector");
        let ask = scene.ask("n1").v4(1).v6(1).from(v4).from6(v6);
        for (family, prefix) in [(Family::V4, ""), (Family::V6, "six-")] {
            let expected: Vec<String> = expected
                .iter()
                .map(|name| format!("{prefix}{name}"))
                .collect();
            match tried(&ask, &scene, family) {
                Ok(found) => assert_eq!(found, expected, "{selectors:?} {v4:?}"),
                Err(refusal) => assert!(expected.is_empty(), "{selectors:?} {v4:?}: {refusal}"),
            }
        }
    }
}

fn c10() {
    const NODE: &str = "foo == 'bar'";
    let bar: &[(&str, &str)] = &[("foo", "bar")];
    let team: &[(&str, &str)] = &[("team", "red"), ("env", "prod")];
    // Node selector, namespace selector, labels of the namespace, whether the pool serves.
    let entries = [
        ("", "", team, true),
        ("", "team == 'red'", team, true),
        ("", "team == 'blue'", team, false),
        (NODE, "team == 'red'", team, true),
        (NODE, "team == 'blue'", team, false),
        ("foo == 'other'", "team == 'red'", team, false),
        (
            NODE,
            "team == 'red' && env in {'prod', 'stage'}",
            team,
            true,
        ),
        (NODE, "team == 'red' && env == 'test'", team, false),
    ];
    for (node, namespace, labels, is_admitted) in entries {
        let scene = Scene::new();
        let selectors = format!(r#""nodeSelector":"{node}","namespaceSelector":"{namespace}""#);
        scene.pool_with("a", "10.0.0.0/24", 26, &selectors);
        scene.node("n1", bar);
        let got = scene.ask("n1").v4(1).namespace(labels).get();
        assert_eq!(got.len() == 1, is_admitted, "{node} {namespace}: {got:?}");
    }
}

fn c11() {
    let scene = two_pools(["team == 'red'", "team == 'blue'"], "namespaceSelector");
    for (team, pool) in [("red", "10.0.0.0/24"), ("blue", "20.0.0.0/24")] {
        let got = scene.ask("n1").v4(1).namespace(&[("team", team)]).get();
        assert!(got.inside(pool) && got.len() == 1, "{team}: {got:?}");
    }
    let none = scene.ask("n1").v4(1).namespace(&[("team", "green")]).get();
    assert!(matches!(none.short_of(0), Refusal::NoAdmissiblePool { .. }));
    let requested = scene
        .ask("n1")
        .v4(1)
        .from(&["p2"])
        .namespace(&[("team", "red")])
        .get();
    assert!(requested.inside("20.0.0.0/24"), "a requested pool wins");
    let broken = two_pools(["team == (", "team == 'red'"], "namespaceSelector");
    let got = broken.ask("n1").v4(1).namespace(&[("team", "red")]).get();
    assert!(got.inside("20.0.0.0/24") && got.len() == 1, "{got:?}");
    let only = broken.ask("n1").v4(1).namespace(&[("team", "blue")]).get();
    assert!(
        only.short_of(0).to_string().contains("team == ("),
        "{only:?}"
    );
}

fn c12() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.ask("n1").v4(1).get().complete(1, 0);
    scene.ask("n1").v4(255).get().complete(255, 0);
    let got = scene.ask("n1").v4(1).get();
    let text = got.short_of(0).to_string();
    assert!(
        text.starts_with("no IPv4 address is left: wanted 1, found 0; "),
        "{text}"
    );
    assert!(
        text.contains("pool `a` (10.0.0.0/24)") || text.contains("10.0.0.0/24"),
        "{text}"
    );
    let six = scene.ask("n1").v6(1).get().short_of(0).to_string();
    assert_eq!(six, "no IPv6 pool exists");
    let both = scene.ask("n1").v4(1).v6(1).get();
    assert_eq!(
        (both.len(), both.short.len()),
        (0, 2),
        "each family has its own"
    );
    let windows = scene.ask("n1").v4(1).windows().get();
    assert_eq!(windows.len(), 0);
    let whole = scene
        .ask("n1")
        .v4(1)
        .whole()
        .ask()
        .expect_err("all or nothing");
    assert_eq!(whole.to_string(), text);
}

pub(crate) const NAMESPACES: &[Row] = &[
    same("N1", "an empty selector", || {
        selects("", &[("a", "b")], true);
    }),
    same("N2", "equality", || {
        selects("a == 'b'", &[("a", "b")], true);
    }),
    same("N3", "a complex one", || {
        selects(
            "a == 'b' && (c != 'd' || has(e))",
            &[("a", "b"), ("c", "x")],
            true,
        );
    }),
    same("N4", "in", || {
        selects("a in {'b', 'c'}", &[("a", "c")], true);
    }),
    same("N5", "has", || selects("has(a)", &[("a", "")], true)),
    same("N6", "no match", || {
        selects("a == 'b'", &[("a", "c")], false);
    }),
    same("N7", "a missing label", || {
        selects("a == 'b'", &[("c", "b")], false);
    }),
    same("N8", "empty labels", || selects("has(a)", &[], false)),
    differs(
        "N9",
        "no labels at all",
        "an unknown namespace is told as unknown",
        || {
            let scene = Scene::new();
            let selector = r#""namespaceSelector":"has(a)""#;
            scene.pool_with("a", "10.0.0.0/24", 26, selector);
            let got = scene.ask("n1").v4(1).get();
            assert!(got.short_of(0).to_string().contains("has(a)"), "{got:?}");
        },
    ),
    same("N10", "malformed", || is_refused("a == 'b")),
    same("N11", "an operator that is none", || {
        is_refused("a === 'b'");
    }),
    same("N12", "an empty name of a namespace", || {
        // The name is no label: it takes no part in the choice.
        selects("", &[("projectcalico.org/name", "")], true);
    }),
    same("N13", "special characters", || {
        selects(
            "example.com/team-1 == 'a_b.c-d'",
            &[("example.com/team-1", "a_b.c-d")],
            true,
        );
    }),
];

fn selects(selector: &str, pairs: &[(&str, &str)], expected: bool) {
    let selector = Selector::parse(selector).expect("a selector");
    assert_eq!(selector.matches(&labels(pairs)), expected);
}

fn is_refused(selector: &str) {
    assert!(Selector::parse(selector).is_err(), "{selector}");
}
