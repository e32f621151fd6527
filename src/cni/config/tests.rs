//! Tests of `config`: what users and runtimes see, as text.

use super::*;
use crate::blocks::Family;
use crate::cni::result::Route;
use expect_test::{Expect, expect};

fn config(text: &str) -> NetworkConfig {
    NetworkConfig::parse(text.as_bytes()).expect("a JSON object")
}

fn options(ipam: &str) -> Result<Options, crate::cni::CniError> {
    let config = config(&format!(r#"{{"name":"n","ipam":{ipam}}}"#));
    Options::read(&config.ipam()?)
}

fn routes_text(routes: &[Route]) -> String {
    let one = |route: &Route| {
        let (address, length) = route.destination;
        format!(
            "{address}/{length} via {:?} mtu {:?}",
            route.gateway, route.attributes.mtu
        )
    };
    routes.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn shows(ipam: &str, expected: &Expect) {
    let shown = match options(ipam) {
        Ok(options) => format!(
            "v4 {} {:?}; v6 {} {:?}; {:?}; gateways {:?}; routes {:?}",
            options.v4.count,
            options.v4.pools,
            options.v6.count,
            options.v6.pools,
            options.prefix,
            options.gateways,
            options.routes.as_deref().map(routes_text),
        ),
        Err(error) => format!("{}: {}\n{}", error.code.number(), error.msg, error.details),
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_defaults_are_calicos() {
    shows(
        "{}",
        &expect!["v4 1 []; v6 0 []; Block; gateways []; routes None"],
    );
    shows(
        r#"{"assign_ipv4":null,"assign_ipv6":"","ipv4_pools":[],"prefix":"","gateway":null}"#,
        &expect!["v4 1 []; v6 0 []; Block; gateways []; routes None"],
    );
}

#[test]
fn flags_are_booleans_or_calicos_texts() {
    for (on, off) in [("true", "false"), (r#""true""#, r#""false""#)] {
        shows(
            &format!(r#"{{"assign_ipv4":{off},"assign_ipv6":{on}}}"#),
            &expect!["v4 0 []; v6 1 []; Block; gateways []; routes None"],
        );
    }
}

#[test]
fn pools_gateways_and_routes_are_read() {
    shows(
        r#"{"ipv4_pools":["v4","10.64.0.9/16"],"ipv6_pools":["fd00::/64"],"prefix":"pool",
            "gateway":["10.64.0.1","fd00::1"],"routes":[{"dst":"0.0.0.0/0"},{"dst":"10.0.0.0/8","gw":"10.64.0.1","mtu":1400}],
            "mystery":{"of":"others"}}"#,
        &expect![[
            r#"v4 1 [Name("v4"), Cidr(10.64.0.0/16)]; v6 0 [Cidr(fd00::/64)]; Pool; gateways [10.64.0.1, fd00::1]; routes Some("0.0.0.0/0 via None mtu None, 10.0.0.0/8 via Some(10.64.0.1) mtu Some(1400)")"#
        ]],
    );
    shows(
        r#"{"prefix":"host","gateway":"169.254.1.1","routes":[]}"#,
        &expect![[r#"v4 1 []; v6 0 []; Host; gateways [169.254.1.1]; routes Some("")"#]],
    );
}

#[test]
fn a_wrong_member_is_named_with_its_value() {
    let table = [
        (
            r#"{"assign_ipv6":"yes"}"#,
            r#"ipam.assign_ipv6 is "yes"; it must be true or false"#,
        ),
        (
            r#"{"assign_ipv4":1}"#,
            "ipam.assign_ipv4 is 1; it must be true or false",
        ),
        (
            r#"{"ipv4_pools":"v4"}"#,
            r#"ipam.ipv4_pools is "v4"; it must be a list of texts"#,
        ),
        (
            r#"{"ipv6_pools":[5]}"#,
            "ipam.ipv6_pools is [5]; it must be a list of texts",
        ),
        (
            r#"{"prefix":"subnet"}"#,
            r#"ipam.prefix is "subnet"; it must be "block", "pool" or "host""#,
        ),
        (
            r#"{"gateway":"10.64.0"}"#,
            "ipam.gateway is wrong: `10.64.0` is not an IP address",
        ),
        (
            r#"{"routes":{}}"#,
            "ipam.routes is {}; it must be a list of routes",
        ),
        (
            r#"{"routes":["0.0.0.0/0"]}"#,
            "ipam.routes is wrong: entry 0 is no object",
        ),
        (r#"{"routes":[{}]}"#, "ipam.routes[0].dst is missing"),
        (
            r#"{"routes":[{"dst":"0.0.0.0/0"},{"dst":"10.0.0.1"}]}"#,
            "ipam.routes[1].dst is wrong: `10.0.0.1` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64",
        ),
        (
            r#"{"routes":[{"dst":"10.0.0.0/8","gw":"fd00::1"}]}"#,
            "ipam.routes[0].gw is not of the family of 10.0.0.0/8",
        ),
        (
            r#"{"routes":[{"dst":"10.0.0.0/8","mtu":-1}]}"#,
            "ipam.routes[0].mtu is -1; it must be a whole number from 0 to 4294967295",
        ),
    ];
    for (ipam, msg) in table {
        let error = options(ipam).expect_err(ipam);
        assert_eq!((error.code.number(), error.msg.as_str()), (7, msg));
    }
}

#[test]
fn a_long_value_is_cut_in_the_error() {
    let long = "\u{e4}".repeat(1000);
    let error = options(&format!(r#"{{"prefix":"{long}"}}"#)).expect_err("refused");
    assert!(error.msg.len() < 300, "{}", error.msg);
}

#[test]
fn a_host_local_configuration_is_told_the_pool_that_does_the_same() {
    shows(
        r#"{"type":"block-ipam","ranges":[[{"subnet":"10.1.2.0/24","rangeStart":"10.1.2.9"},{"subnet":"10.1.3.0/28"}]]}"#,
        &expect![[r#"
            7: ipam.ranges is a member of host-local; here addresses come from pools in the store
            `ipamctl convert -f CONFIGURATION` prints what takes its place; apply this with `ipamctl apply -f FILE`:
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: pool-10-1-2-0
            spec:
              cidr: 10.1.2.0/24
              blockSize: 26
            ---
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: reserved-10-1-2-0
            spec:
              reservedCIDRs:
              - 10.1.2.0/29
              - 10.1.2.8/32
              - 10.1.2.255/32
            ---
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: pool-10-1-3-0
            spec:
              cidr: 10.1.3.0/28
              blockSize: 28
            ---
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: reserved-10-1-3-0
            spec:
              reservedCIDRs:
              - 10.1.3.0/31
              - 10.1.3.15/32
        "#]],
    );
    for member in ["subnet", "rangeStart", "rangeEnd"] {
        let error = options(&format!(r#"{{"{member}":"10.0.0.0/8"}}"#)).expect_err(member);
        assert!(error.msg.contains(member), "{}", error.msg);
    }
    options(r#"{"type":"calico-ipam","subnet":"usePodCidr"}"#).expect("Calico's plugin ignores it");
}

#[test]
fn what_is_no_object_is_code_6() {
    for text in ["", "{", "[]", "7", "\"x\"", "{}{}", "\u{0}"] {
        let error = NetworkConfig::parse(text.as_bytes()).expect_err(text);
        assert_eq!(error.code.number(), 6, "{text}");
    }
}

#[test]
fn members_are_looked_for_inside_ipam_first() {
    let config = config(
        r#"{"nodename":"outer","hostname":"outer-host","ipam":{"nodename":"inner","nodename_file":"/f","timeout":2.5}}"#,
    );
    let node = config.node().expect("texts");
    assert_eq!(node.nodename.as_deref(), Some("inner"));
    assert_eq!(node.nodename_file, Some("/f".into()));
    assert_eq!(node.hostname.as_deref(), Some("outer-host"));
    assert_eq!(config.timeout().expect("a number").as_millis(), 2500);
}

#[test]
fn a_timeout_is_a_number_of_seconds_above_zero() {
    for bad in ["0", "-1", "601", "\"20s\"", "true", "1e308"] {
        let config = config(&format!(r#"{{"ipam":{{"timeout":{bad}}}}}"#));
        assert_eq!(config.timeout().expect_err(bad).code.number(), 7);
    }
    let unset = config("{}");
    assert_eq!(unset.timeout().expect("the default"), DEFAULT_TIMEOUT);
}

#[test]
fn previous_results_of_every_shape_tell_the_blocks() {
    let table = [
        ("{}", "[]"),
        (r#"{"prevResult":[]}"#, "[]"),
        (
            r#"{"prevResult":{"ips":[{"address":"10.64.0.7/26"},{"address":"fd00::7/122"}]}}"#,
            "[10.64.0.0/26, fd00::/122]",
        ),
        (
            r#"{"prevResult":{"ips":[{"version":"4","address":"10.64.0.7/26"}]}}"#,
            "[10.64.0.0/26]",
        ),
        (
            r#"{"prevResult":{"ip4":{"ip":"10.64.0.7/26"},"ip6":{"ip":"fd00::7/122"}}}"#,
            "[10.64.0.0/26, fd00::/122]",
        ),
        (
            r#"{"prevResult":{"ips":[{"address":"10.64.0.7/32"},{"address":"10.64.0.7/16"},{"address":5},{},7]}}"#,
            "[]",
        ),
    ];
    for (text, blocks) in table {
        assert_eq!(
            format!("{:?}", previous_blocks(&config(text))),
            blocks,
            "{text}"
        );
    }
}

#[test]
fn an_address_gets_the_gateway_of_its_pool_else_the_first_of_its_family() {
    let text = r#"{"gateway":["fd00::1","10.1.0.1","10.2.0.1","fd01::1"]}"#;
    let options = options(text).expect("options");
    for (family, pool, expected) in [
        (Family::V4, "10.2.0.0/24", "10.2.0.1"),
        (Family::V4, "10.3.0.0/24", "10.1.0.1"),
        (Family::V6, "fd01::/64", "fd01::1"),
    ] {
        let pool = pool.parse().expect("a CIDR");
        let gateway = options.gateway(family, Some(pool)).expect("a gateway");
        assert_eq!(gateway.to_string(), expected);
    }
    let first = options.gateway(Family::V6, None).expect("a gateway");
    assert_eq!(first.to_string(), "fd00::1");
}
