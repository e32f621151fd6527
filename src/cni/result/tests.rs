//! Tests of `result`: what users and runtimes see, as text.

use super::*;
use expect_test::{Expect, expect};

fn ip(text: &str, gateway: Option<&str>) -> Ip {
    let (address, length) = net(text);
    Ip {
        address,
        length,
        gateway: gateway.map(|text| text.parse().expect("an address")),
    }
}

fn net(text: &str) -> (Address, u8) {
    let (address, length) = text.split_once('/').expect("address/length");
    (
        address.parse().expect("an address"),
        length.parse().expect("a length"),
    )
}

fn route(destination: &str, gateway: Option<&str>) -> Route {
    Route {
        destination: net(destination),
        gateway: gateway.map(|text| text.parse().expect("an address")),
        attributes: RouteAttributes {
            mtu: Some(1400),
            ..RouteAttributes::default()
        },
    }
}

#[track_caller]
fn check(version: CniVersion, success: &Success, expected: &Expect) {
    let text = success.render(version);
    let compact: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(compact["cniVersion"], version.text());
    expected.assert_eq(&text);
}

fn dual() -> Success {
    Success {
        ips: vec![
            ip("10.95.0.8/28", Some("10.95.0.1")),
            ip("fd00:95::1/124", None),
        ],
        routes: vec![
            route("0.0.0.0/0", Some("10.95.0.1")),
            route("fd00:95::1/124", None),
        ],
    }
}

#[test]
fn version_0_2_has_one_object_a_family() {
    check(
        CniVersion::V0_2_0,
        &dual(),
        &expect![[r#"
            {
                "cniVersion": "0.2.0",
                "ip4": {
                    "ip": "10.95.0.8/28",
                    "gateway": "10.95.0.1",
                    "routes": [
                        {
                            "dst": "0.0.0.0/0",
                            "gw": "10.95.0.1"
                        }
                    ]
                },
                "ip6": {
                    "ip": "fd00:95::1/124",
                    "routes": [
                        {
                            "dst": "fd00:95::1/124"
                        }
                    ]
                },
                "dns": {}
            }"#]],
    );
}

#[test]
fn version_0_3_and_0_4_have_a_list_with_versions() {
    check(
        CniVersion::V0_4_0,
        &dual(),
        &expect![[r#"
            {
                "cniVersion": "0.4.0",
                "ips": [
                    {
                        "version": "4",
                        "address": "10.95.0.8/28",
                        "gateway": "10.95.0.1"
                    },
                    {
                        "version": "6",
                        "address": "fd00:95::1/124"
                    }
                ],
                "routes": [
                    {
                        "dst": "0.0.0.0/0",
                        "gw": "10.95.0.1"
                    },
                    {
                        "dst": "fd00:95::1/124"
                    }
                ],
                "dns": {}
            }"#]],
    );
}

#[test]
fn version_1_1_has_no_versions_and_attributes_of_routes() {
    check(
        CniVersion::V1_1_0,
        &dual(),
        &expect![[r#"
            {
                "cniVersion": "1.1.0",
                "ips": [
                    {
                        "address": "10.95.0.8/28",
                        "gateway": "10.95.0.1"
                    },
                    {
                        "address": "fd00:95::1/124"
                    }
                ],
                "routes": [
                    {
                        "dst": "0.0.0.0/0",
                        "gw": "10.95.0.1",
                        "mtu": 1400
                    },
                    {
                        "dst": "fd00:95::1/124",
                        "mtu": 1400
                    }
                ]
            }"#]],
    );
}

#[test]
fn nothing_assigned_is_an_empty_result() {
    let none = Success::default();
    check(
        CniVersion::V1_0_0,
        &none,
        &expect![[r#"
        {
            "cniVersion": "1.0.0"
        }"#]],
    );
    check(
        CniVersion::V0_1_0,
        &none,
        &expect![[r#"
        {
            "cniVersion": "0.1.0",
            "dns": {}
        }"#]],
    );
    check(
        CniVersion::V0_3_0,
        &none,
        &expect![[r#"
        {
            "cniVersion": "0.3.0",
            "dns": {}
        }"#]],
    );
}
