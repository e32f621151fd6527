//! The table of pool choice: what annotations and configuration say, and what comes of it.

use super::*;
use expect_test::{Expect, expect};

/// The configuration names `configured` for IPv4 alone, unless `families` switches IPv6 on.
#[track_caller]
fn check(annotations: &[(&str, &str)], expected: &Expect) {
    let annotations = annotations
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let v4 = Wanted {
        count: 1,
        pools: vec![PoolRef::parse("configured")],
        ..Wanted::default()
    };
    let shown = match choose(&annotations, v4, Wanted::default()) {
        Ok(choice) => {
            let family = |wanted: &Wanted| {
                let pools: Vec<String> = wanted.pools.iter().map(PoolRef::to_string).collect();
                format!(
                    "{} of [{}] by {}",
                    wanted.count,
                    pools.join(", "),
                    wanted.named_by
                )
            };
            let addresses = choice.addresses;
            format!(
                "v4 {}\nv6 {}\n{addresses:?}",
                family(&choice.v4),
                family(&choice.v6)
            )
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn without_annotations_the_configuration_decides() {
    check(
        &[],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 0 of [] by the request
        []"#]],
    );
    check(
        &[
            ("team", "a"),
            (V4_POOLS, ""),
            (CILIUM_POOL, ""),
            (ADDRESSES, ""),
        ],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 0 of [] by the request
        []"#]],
    );
}

#[test]
fn calicos_annotation_comes_before_ciliums_and_both_before_the_configuration() {
    check(
        &[(V4_POOLS, r#"["10.64.0.9/16","b"]"#)],
        &expect![[r#"
        v4 1 of [10.64.0.0/16, b] by annotation cni.projectcalico.org/ipv4pools
        v6 0 of [] by the request
        []"#]],
    );
    check(
        &[(CILIUM_POOL, "blue")],
        &expect![[r#"
        v4 1 of [blue] by annotation ipam.cilium.io/ip-pool
        v6 0 of [blue] by annotation ipam.cilium.io/ip-pool
        []"#]],
    );
    check(
        &[(CILIUM_POOL, "blue"), (CILIUM_V6_POOL, "red")],
        &expect![[r#"
        v4 1 of [blue] by annotation ipam.cilium.io/ip-pool
        v6 0 of [red] by annotation ipam.cilium.io/ipv6-pool
        []"#]],
    );
    check(
        &[
            (CILIUM_POOL, "blue"),
            (CILIUM_V4_POOL, "red"),
            (V4_POOLS, r#"["green"]"#),
        ],
        &expect![[r#"
            v4 1 of [green] by annotation cni.projectcalico.org/ipv4pools
            v6 0 of [blue] by annotation ipam.cilium.io/ip-pool
            []"#]],
    );
    check(
        &[(V6_POOLS, r#"["fd00:64::/64"]"#)],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 0 of [fd00:64::/64] by annotation cni.projectcalico.org/ipv6pools
        []"#]],
    );
}

#[test]
fn an_empty_list_leaves_the_pools_to_their_selectors() {
    check(
        &[(V4_POOLS, "[]")],
        &expect![[r#"
        v4 1 of [] by annotation cni.projectcalico.org/ipv4pools
        v6 0 of [] by the request
        []"#]],
    );
}

#[test]
fn a_name_of_cilium_is_never_a_cidr() {
    check(
        &[(CILIUM_V4_POOL, "10.64.0.0/16")],
        &expect![[r#"
        v4 1 of [10.64.0.0/16] by annotation ipam.cilium.io/ipv4-pool
        v6 0 of [] by the request
        []"#]],
    );
    let named = PoolRef::Name("10.64.0.0/16".to_owned());
    let annotations = BTreeMap::from([(CILIUM_V4_POOL.to_owned(), named.to_string())]);
    let choice = choose(&annotations, Wanted::default(), Wanted::default()).expect("a choice");
    assert_eq!(choice.v4.pools, [named]);
}

#[test]
fn families_are_switched_by_annotation() {
    check(
        &[(FAMILIES, r#"["IPv6"]"#)],
        &expect![[r#"
        v4 0 of [configured] by the request
        v6 1 of [] by the request
        []"#]],
    );
    check(
        &[(FAMILIES, r#"["IPv6","IPv4"]"#)],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 1 of [] by the request
        []"#]],
    );
}

#[test]
fn addresses_are_named_at_most_one_of_a_family() {
    check(
        &[(ADDRESSES, r#"["10.64.0.9"]"#)],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 0 of [] by the request
        [10.64.0.9]"#]],
    );
    check(
        &[(ADDRESSES, r#"["fd00:64::9","10.64.0.9"]"#)],
        &expect![[r#"
        v4 1 of [configured] by the request
        v6 0 of [] by the request
        [fd00:64::9, 10.64.0.9]"#]],
    );
    check(
        &[(ADDRESSES, r#"["10.64.0.9","10.64.0.8"]"#)],
        &expect![
            "annotation cni.projectcalico.org/ipAddrs names two IPv4 addresses; one is allowed"
        ],
    );
}

#[test]
fn what_cannot_be_followed_is_named() {
    for (annotation, value) in [
        (V4_POOLS, "10.64.0.0/16"),
        (V4_POOLS, r#"["a",7]"#),
        (V6_POOLS, r#"[""]"#),
        (FAMILIES, r#"["ipv4"]"#),
        (ADDRESSES, r#"["10.64.0.9/24"]"#),
        (ADDRESSES, "{}"),
        (ADDRESSES_WITHOUT_IPAM, r#"["10.64.0.9"]"#),
    ] {
        let annotations = BTreeMap::from([(annotation.to_owned(), value.to_owned())]);
        let refused = choose(&annotations, Wanted::default(), Wanted::default());
        let said = refused.expect_err(value).to_string();
        assert!(said.contains(annotation), "{said}");
    }
    check(
        &[(V4_POOLS, "10.64.0.0/16")],
        &expect![[
            r#"annotation cni.projectcalico.org/ipv4pools is "10.64.0.0/16"; it must be a JSON list of pools, by CIDR or name, such as ["10.64.0.0/16"]"#
        ]],
    );
    check(
        &[
            (ADDRESSES_WITHOUT_IPAM, r#"["10.64.0.9"]"#),
            (ADDRESSES, r#"["10.64.0.9"]"#),
        ],
        &expect![
            "annotation cni.projectcalico.org/ipAddrsNoIpam asks for addresses that no IPAM assigns"
        ],
    );
}
