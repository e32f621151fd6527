//! Which pool an ADD takes its addresses from, and which addresses it names: annotations, arguments, configuration.

use block_ipam::assign::{Assign, Wanted};
use block_ipam::cni::Reply;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::report::explain::Next;
use serde_json::{Value, json};

use super::world::{World, pool, record};

/// Two pools by themselves, a group of two, one of IPv6, one that serves only requests that name it.
async fn pools() -> World {
    let grouped = |name: &str, cidr: &str, length: u8| {
        let (key, value) = pool(name, cidr, length, r#","assignmentMode":"Manual""#);
        let labelled = value.replace(
            &format!(r#""name":"{name}""#),
            &format!(r#""name":"{name}","labels":{{"block-ipam/pool-group":"blue"}}"#),
        );
        (key, labelled)
    };
    World::new(&[
        pool("first", "10.1.0.0/28", 28, ""),
        pool("manual", "10.2.0.0/28", 28, r#","assignmentMode":"Manual""#),
        pool(
            "tenant",
            "10.3.0.0/28",
            28,
            r#","namespaceSelector":"team == 'a'""#,
        ),
        pool(
            "elsewhere",
            "10.4.0.0/28",
            28,
            r#","nodeSelector":"rack == 'r9'""#,
        ),
        grouped("blue-1", "10.5.0.0/32", 32),
        grouped("blue-2", "10.6.0.0/32", 32),
        grouped("blue-six", "fd00:5::/128", 128),
        pool("six", "fd00:1::/124", 124, ""),
    ])
    .await
}

/// What is put into the configuration, and into `CNI_ARGS`.
struct Asked {
    ipam: Value,
    root: Value,
    args: &'static str,
}

const fn asked(ipam: Value, root: Value) -> Asked {
    let args = "";
    Asked { ipam, root, args }
}

fn annotated(annotations: &Value, ipam: Value) -> Asked {
    asked(
        ipam,
        json!({"runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations}}),
    )
}

async fn add(world: &World, container: &str, asked: &Asked) -> Reply {
    let mut config = json!({
        "cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": {"type": "block-ipam", "nodename": "n1"},
    });
    for (into, members) in [("/ipam", &asked.ipam), ("", &asked.root)] {
        let object = config.pointer_mut(into).and_then(Value::as_object_mut);
        object
            .expect("an object")
            .extend(members.as_object().expect("members").clone());
    }
    let variables = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", asked.args),
    ];
    world.call(&variables, config.to_string().as_bytes()).await
}

/// The addresses of a reply in order, or its code, message and details.
fn shown(reply: &Reply) -> String {
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    match value["ips"].as_array() {
        Some(ips) => {
            let addresses = ips.iter().filter_map(|ip| ip["address"].as_str());
            addresses.collect::<Vec<_>>().join(" ")
        }
        None => format!("{}: {} | {}", value["code"], value["msg"], value["details"]),
    }
}

#[tokio::test]
async fn annotations_come_before_the_configuration_and_both_before_selectors() {
    let none = json!({});
    let manual = json!({"ipv4_pools": ["manual"]});
    let dual = json!({"assign_ipv6": true});
    let (v4, v6) = (
        "cni.projectcalico.org/ipv4pools",
        "cni.projectcalico.org/ipv6pools",
    );
    let (cilium, cilium4) = ("ipam.cilium.io/ip-pool", "ipam.cilium.io/ipv4-pool");
    let table: [(&str, Asked, &str); 12] = [
        ("selectors", asked(none.clone(), none.clone()), "10.1.0."),
        (
            "configuration",
            asked(manual.clone(), none.clone()),
            "10.2.0.",
        ),
        (
            "Calico, by name",
            annotated(&json!({v4: r#"["elsewhere"]"#}), manual.clone()),
            "10.4.0.",
        ),
        (
            "Calico, by CIDR",
            annotated(&json!({v4: r#"["10.3.0.0/28"]"#}), none.clone()),
            "10.3.0.",
        ),
        (
            "Calico, in order",
            annotated(&json!({v4: r#"["tenant","first"]"#}), none.clone()),
            "10.3.0.",
        ),
        (
            "Calico, both families",
            annotated(
                &json!({v4: r#"["manual"]"#, v6: r#"["six"]"#}),
                dual.clone(),
            ),
            "10.2.0.",
        ),
        (
            "Cilium, one family",
            annotated(&json!({cilium4: "manual", cilium: "first"}), none.clone()),
            "10.2.0.",
        ),
        (
            "Calico before Cilium",
            annotated(
                &json!({cilium: "manual", v4: r#"["tenant"]"#}),
                none.clone(),
            ),
            "10.3.0.",
        ),
        (
            "a group",
            annotated(&json!({cilium: "blue"}), dual.clone()),
            "10.5.0.0/32 fd00:5::/128",
        ),
        (
            "a group in the configuration",
            asked(json!({"ipv4_pools": ["blue"]}), none.clone()),
            "10.5.0.0/32",
        ),
        (
            "no list",
            annotated(&json!({v4: "[]"}), manual.clone()),
            "10.1.0.",
        ),
        (
            "families",
            annotated(
                &json!({"cni.projectcalico.org/ipFamilies": r#"["IPv6"]"#}),
                none.clone(),
            ),
            "fd00:1::",
        ),
    ];
    for (what, asked, expected) in &table {
        let shown = shown(&add(&pools().await, "c", asked).await);
        assert!(shown.starts_with(expected), "{what}: {shown}");
    }
}

#[tokio::test]
async fn a_group_gives_from_the_next_of_its_pools_when_one_is_full() {
    let world = pools().await;
    let blue = asked(json!({"ipv4_pools": ["blue"]}), json!({}));
    for (container, expected) in [
        ("c1", "10.5.0.0/32"),
        ("c2", "10.6.0.0/32"),
        ("c3", "101: "),
    ] {
        let shown = shown(&add(&world, container, &blue).await);
        assert!(shown.starts_with(expected), "{shown}");
    }
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_with_the_way_out() {
    let table: [(Asked, [&str; 2]); 8] = [
        (
            annotated(
                &json!({"cni.projectcalico.org/ipv4pools": r#"["nope"]"#}),
                json!({}),
            ),
            [
                "100: \"requested IPv4 pool `nope`",
                "annotation cni.projectcalico.org/ipv4pools",
            ],
        ),
        (
            annotated(
                &json!({"cni.projectcalico.org/ipv4pools": "first"}),
                json!({}),
            ),
            [
                "7: \"annotation cni.projectcalico.org/ipv4pools",
                "JSON list",
            ],
        ),
        (
            annotated(
                &json!({"cni.projectcalico.org/ipAddrsNoIpam": r#"["10.1.0.1"]"#}),
                json!({}),
            ),
            [
                "7: \"annotation cni.projectcalico.org/ipAddrsNoIpam",
                "without IPAM",
            ],
        ),
        (
            annotated(
                &json!({"ipam.cilium.io/ip-pool": "first"}),
                json!({"assign_ipv6": true}),
            ),
            [
                "is of the other family",
                "annotation ipam.cilium.io/ip-pool",
            ],
        ),
        (
            annotated(&json!({"team": 7}), json!({})),
            [
                "7: \"runtimeConfig.io.kubernetes.cri.pod-annotations",
                "texts",
            ],
        ),
        (
            asked(
                json!({}),
                json!({"runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.0/28"}]]}}),
            ),
            ["7: \"runtimeConfig.ipRanges", "ipam.ipv4_pools"],
        ),
        (
            asked(
                json!({}),
                json!({"runtimeConfig": {"ips": ["10.1.0.1", "10.1.0.2/28"]}}),
            ),
            ["7: \"the runtime asks for two IPv4", "at most one address"],
        ),
        (
            asked(json!({}), json!({"args": {"cni": {"ips": ["banana"]}}})),
            ["7: \"args.cni.ips", "banana"],
        ),
    ];
    let world = pools().await;
    for (asked, expected) in &table {
        let reply = add(&world, "c", asked).await;
        let shown = shown(&reply);
        for part in expected {
            assert!(reply.exit == 1 && shown.contains(part), "{part}: {shown}");
        }
    }
}

#[tokio::test]
async fn addresses_are_named_by_annotation_then_runtime_then_arguments() {
    let ips =
        |ips: Value| json!({"runtimeConfig": {"ips": ips}, "args": {"cni": {"ips": ["10.1.0.8"]}}});
    let annotation = json!({
        "runtimeConfig": {
            "ips": ["10.1.0.6"],
            "io.kubernetes.cri.pod-annotations": {"cni.projectcalico.org/ipAddrs": r#"["10.1.0.5","fd00:1::5"]"#},
        },
    });
    let empty =
        json!({"runtimeConfig": {"ips": [], "ipRanges": []}, "args": {"labels": [], "cni": {}}});
    let table: [(Value, &str, &str); 6] = [
        (annotation, "IP=10.1.0.9", "10.1.0.5/32 fd00:1::5/128"),
        (ips(json!(["10.1.0.7/28"])), "IP=10.1.0.9", "10.1.0.7/32"),
        (
            ips(json!(["fd00:1::7/124", "10.1.0.10"])),
            "",
            "10.1.0.10/32 fd00:1::7/128",
        ),
        (ips(json!([])), "IP=10.1.0.9", "10.1.0.8/32"),
        (empty.clone(), "IP=10.1.0.9", "10.1.0.9/32"),
        (empty, "", "10.1.0.0/28"),
    ];
    let world = pools().await;
    for (number, (root, args, expected)) in table.into_iter().enumerate() {
        let ipam = json!({"ipv4_pools": ["first"]});
        let asked = Asked { ipam, root, args };
        let reply = add(&world, &format!("c{number}"), &asked).await;
        assert_eq!(shown(&reply), expected);
    }
}

#[tokio::test]
async fn a_named_address_keeps_the_prefix_that_is_configured() {
    let world = pools().await;
    world
        .put(&[record(
            "IPReservation",
            "ipreservations",
            "gateway",
            r#""reservedCIDRs":["10.1.0.1/32"]"#,
        )])
        .await;
    let ipam = json!({"prefix": "pool", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]});
    let reply = add(
        &world,
        "c",
        &asked(ipam, json!({"args": {"cni": {"ips": ["10.1.0.9"]}}})),
    )
    .await;
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    let expected = json!([{"address": "10.1.0.9/28", "gateway": "10.1.0.1"}]);
    assert_eq!(value["ips"], expected, "{}", reply.stdout);
}

#[tokio::test]
async fn kubernetes_is_named_only_where_a_namespace_would_decide() {
    let kubernetes = json!({"kubernetes": {"kubeconfig": "/absent"}, "policy": {"type": "k8s"}});
    let world = World::new(&[pool(
        "tenant",
        "10.3.0.0/28",
        28,
        r#","namespaceSelector":"team == 'a'""#,
    )])
    .await;
    let refused = add(&world, "c", &asked(json!({}), kubernetes.clone())).await;
    assert!(
        shown(&refused).contains("labels of namespaces are known to Kubernetes alone"),
        "{}",
        refused.stdout
    );
    let named = json!({"ipv4_pools": ["tenant"]});
    assert_eq!(
        shown(&add(&world, "c", &asked(named, kubernetes.clone())).await),
        "10.3.0.0/28"
    );
    world.put(&[pool("first", "10.1.0.0/28", 28, "")]).await;
    assert_eq!(
        shown(&add(&world, "d", &asked(json!({}), kubernetes)).await),
        "10.1.0.0/28"
    );
}

/// Of each selector, whether it matches a namespace without labels.
#[tokio::test]
async fn a_pool_for_namespaces_is_matched_with_no_labels_by_add_as_by_explain() {
    for (selector, matches) in [
        ("team == 'a'", false),
        ("has(team)", false),
        ("team == 'a' && all()", false),
        ("!has(team)", true),
        ("team != 'a'", true),
        ("all()", true),
    ] {
        let tenant = format!(r#","namespaceSelector":"{selector}""#);
        let world = World::new(&[pool("tenant", "10.3.0.0/28", 28, &tenant)]).await;
        let request = Assign {
            handle: None,
            v4: Wanted {
                count: 1,
                ..Wanted::default()
            },
            ..Assign::workload(NodeName::stored("n1"), HandleId::stored("explained"))
        };
        let explained = world.allocator().explain(&request).await;
        let explained = explained.expect("an explanation").next;
        let reply = shown(&add(&world, "c", &asked(json!({}), json!({}))).await);
        match explained {
            Next::Grant { grant, .. } => {
                assert!(matches, "{selector}");
                let foretold = grant.addresses[0].address.to_string();
                assert_eq!(reply, format!("{foretold}/28"), "{selector}");
            }
            Next::Refuse(refusal) => {
                assert!(!matches, "{selector}");
                assert!(reply.starts_with("100: "), "{selector}: {reply}");
                assert!(reply.contains(&refusal.to_string()), "{selector}: {reply}");
            }
        }
    }
}
