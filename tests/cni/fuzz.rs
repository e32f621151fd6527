//! Whatever comes in, a runtime gets a CNI reply.

use block_ipam::cni::Reply;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::world::{World, pool};

/// Values as configurations have them, right and wrong ones.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "true",
            "false",
            "v4",
            "10.64.0.0/28",
            "10.64.0.1",
            "fd00::1",
            "fd00:64::/124",
            "block",
            "pool",
            "host",
            "0.0.0.0/0",
            "::/0",
            "n1",
            "1.0.0",
            "0.2.0",
            "1.1.0",
            "/absent/file",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(
                prop::sample::select(vec![
                    "dst", "gw", "mtu", "ips", "ip4", "ip", "address", "subnet"
                ]),
                inner,
                0..4,
            )
            .prop_map(|map| map
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

fn members(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    let named = btree_map(prop::sample::select(names), value(), 0..5);
    named.prop_map(|map| {
        map.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

const IPAM: &[&str] = &[
    "type",
    "assign_ipv4",
    "assign_ipv6",
    "ipv4_pools",
    "ipv6_pools",
    "prefix",
    "gateway",
    "routes",
    "timeout",
    "nodename",
    "nodename_file",
    "ranges",
    "subnet",
];
const ROOT: &[&str] = &[
    "cniVersion",
    "name",
    "nodename",
    "nodename_file",
    "hostname",
    "prevResult",
    "ipam",
    "log_level",
];

/// A configuration that is right but for what the members change.
fn configuration() -> impl Strategy<Value = Vec<u8>> {
    (members(IPAM), members(ROOT)).prop_map(|(ipam, root)| {
        let mut config = json!({"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "block-ipam", "nodename": "n1"}});
        for (name, value) in ipam {
            config["ipam"][name] = value;
        }
        for (name, value) in root {
            config[name] = value;
        }
        config.to_string().into_bytes()
    })
}

fn stdin() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => configuration(),
        1 => vec(any::<u8>(), 0..64),
        1 => (configuration(), any::<prop::sample::Index>()).prop_map(|(mut text, at)| {
            text.truncate(at.index(text.len()));
            text
        }),
    ]
}

fn variables() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let verb = prop_oneof![
        6 => prop::sample::select(vec!["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"]).prop_map(str::to_owned),
        1 => ".{0,6}",
    ];
    let id = prop_oneof![4 => "c[0-3]", 1 => ".{0,12}"];
    let interface = prop_oneof![4 => "eth[01]", 1 => ".{0,20}"];
    let args = prop_oneof![
        2 => Just(String::new()),
        2 => "IgnoreUnknown=1;K8S_POD_NAME=[a-z]{0,3};K8S_POD_NAMESPACE=[a-z]{0,3}",
        1 => "([A-Z]{0,3}[=;]?){0,6}",
        1 => ".{0,40}",
    ];
    (verb, id, "/?.{0,20}", interface, args).prop_map(|(verb, id, namespace, interface, args)| {
        vec![
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", id),
            ("CNI_NETNS", namespace),
            ("CNI_IFNAME", interface),
            ("CNI_ARGS", args),
        ]
    })
}

/// What the specification says about replies.
fn check(reply: &Reply) -> Result<(), TestCaseError> {
    if reply.exit == 0 && reply.stdout.is_empty() {
        return Ok(());
    }
    let value: Value = serde_json::from_str(&reply.stdout)
        .map_err(|error| TestCaseError::fail(format!("{error}: {}", reply.stdout)))?;
    prop_assert!(value["cniVersion"].is_string(), "{}", reply.stdout);
    if reply.exit == 0 {
        prop_assert!(value["code"].is_null(), "{}", reply.stdout);
    } else {
        prop_assert_eq!(reply.exit, 1);
        let code = value["code"].as_u64().unwrap_or_default();
        prop_assert!(0 < code && code < 999, "{}", reply.stdout);
        prop_assert!(
            !value["msg"].as_str().unwrap_or_default().is_empty(),
            "{}",
            reply.stdout
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_input_gets_a_reply_by_the_specification(calls in vec((variables(), stdin()), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new(&[
                pool("v4", "10.64.0.0/28", 28, ""),
                pool("v6", "fd00:64::/124", 124, ""),
            ]).await;
            for (variables, stdin) in &calls {
                let variables: Vec<(&str, &str)> =
                    variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
                check(&world.call(&variables, stdin).await)?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
