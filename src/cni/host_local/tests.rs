//! What the ranges of host-local become.

use super::*;
use expect_test::{Expect, expect};

#[track_caller]
fn check(ipam: &str, expected: &Expect) {
    let shown = match convert(&format!(r#"{{"name":"net","ipam":{ipam}}}"#)) {
        Ok(converted) => {
            let pool =
                |(pool, reserved): &(Cidr, Vec<Cidr>)| format!("{pool} without {reserved:?}\n");
            let pools: String = converted.pools.iter().map(pool).collect();
            format!("{pools}{}", converted.ipam)
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn what_is_never_given_out_is_reserved() {
    check(
        r#"{"subnet":"10.1.0.0/24"}"#,
        &expect![[r#"
            10.1.0.0/24 without [10.1.0.0/31, 10.1.0.255/32]
            {"assign_ipv4":true,"assign_ipv6":false,"gateway":["10.1.0.1"],"ipv4_pools":["pool-10-1-0-0"],"prefix":"pool","type":"block-ipam"}"#]],
    );
    check(
        r#"{"subnet":"10.1.0.9/24","rangeStart":"10.1.0.16","rangeEnd":"10.1.0.31","gateway":"10.1.0.254"}"#,
        &expect![[r#"
            10.1.0.0/24 without [10.1.0.0/28, 10.1.0.32/27, 10.1.0.64/26, 10.1.0.128/25]
            {"assign_ipv4":true,"assign_ipv6":false,"gateway":["10.1.0.254"],"ipv4_pools":["pool-10-1-0-0"],"prefix":"pool","type":"block-ipam"}"#]],
    );
    check(
        r#"{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.16","rangeEnd":"10.1.0.31","gateway":"10.1.0.20"}"#,
        &expect![[r#"
            10.1.0.0/24 without [10.1.0.0/28, 10.1.0.20/32, 10.1.0.32/27, 10.1.0.64/26, 10.1.0.128/25]
            {"assign_ipv4":true,"assign_ipv6":false,"gateway":["10.1.0.20"],"ipv4_pools":["pool-10-1-0-0"],"prefix":"pool","type":"block-ipam"}"#]],
    );
    check(
        r#"{"subnet":"fd00:1::/126"}"#,
        &expect![[r#"
            fd00:1::/126 without [fd00:1::/127]
            {"assign_ipv4":false,"assign_ipv6":true,"gateway":["fd00:1::1"],"ipv6_pools":["pool-fd00-1"],"prefix":"pool","type":"block-ipam"}"#]],
    );
}

#[test]
fn each_list_gives_one_address_and_routes_stay() {
    check(
        r#"{"ranges":[[{"subnet":"10.1.0.0/29","gateway":"10.1.0.1"},{"subnet":"10.1.1.0/29"}],[{"subnet":"fd00::/126"}]],
            "routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]}"#,
        &expect![[r#"
            10.1.0.0/29 without [10.1.0.0/31, 10.1.0.7/32]
            10.1.1.0/29 without [10.1.1.0/31, 10.1.1.7/32]
            fd00::/126 without [fd00::/127]
            {"assign_ipv4":true,"assign_ipv6":true,"gateway":["10.1.0.1","10.1.1.1","fd00::1"],"ipv4_pools":["pool-10-1-0-0","pool-10-1-1-0"],"ipv6_pools":["pool-fd00"],"prefix":"pool","routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}],"type":"block-ipam"}"#]],
    );
}

#[test]
fn what_has_no_like_is_refused() {
    for (ipam, said) in [
        ("{}", "no plugin has"),
        (r#"{"ranges":[]}"#, "no plugin has"),
        (
            r#"{"ranges":[{"subnet":"10.1.0.0/24"}]}"#,
            "a list of lists of ranges",
        ),
        (r#"{"ranges":[[{}]]}"#, "subnet is missing"),
        (r#"{"subnet":"10.1.0.0/31"}"#, "10.1.0.0/31 has no address"),
        (
            r#"{"subnet":"10.1.0.0/24","rangeStart":"10.2.0.1"}"#,
            "10.2.0.1 is outside of subnet 10.1.0.0/24",
        ),
        (
            r#"{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.8"}"#,
            "has no address",
        ),
        (
            r#"{"subnet":"10.1.0.0/24","gateway":"x"}"#,
            "ipam.gateway is wrong",
        ),
        (
            r#"{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}"#,
            "two lists of ranges give IPv4",
        ),
    ] {
        let error = convert(&format!(r#"{{"name":"net","ipam":{ipam}}}"#)).expect_err(ipam);
        assert!(error.to_string().contains(said), "{ipam}: {error}");
    }
}
