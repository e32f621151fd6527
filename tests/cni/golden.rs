//! The recorded calls of Calico's plugin (`tests/golden/cni.md`), made on ours in the same order on the same pools.
//!
//! A reply is equal in meaning: same exit status, same JSON but for which address of the block it is and for `cniVersion` in
//! errors (the specification wants it, Calico's library leaves it out). The same of Calico's records are new, changed and
//! deleted after it; our own are not compared. Where ours decides otherwise on purpose it stands in [`IMPROVED`] with the
//! reason and with what it writes, which after a refusal is nothing. A recorded call that is compared in neither way fails
//! the test.

use std::collections::{BTreeMap, BTreeSet};

use block_ipam::allocator::Hint;
use block_ipam::assign::{Assign, Wanted};
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::revision::Revision;
use serde_json::{Value, json};

use super::world::{World, pool, record};

const GOLDEN: &str = include_str!("../golden/cni.md");

/// What ours answers instead: the title of the call, exit status, code, part of the message, and why.
struct Improved {
    title: &'static str,
    exit: u8,
    code: Option<u32>,
    says: &'static str,
    /// The records that ours writes.
    writes: &'static str,
    why: &'static str,
}

const fn refused(
    title: &'static str,
    code: u32,
    says: &'static str,
    why: &'static str,
) -> Improved {
    Improved {
        title,
        exit: 1,
        code: Some(code),
        says,
        writes: "",
        why,
    }
}

const fn served(
    title: &'static str,
    says: &'static str,
    writes: &'static str,
    why: &'static str,
) -> Improved {
    Improved {
        title,
        exit: 0,
        code: None,
        says,
        writes,
        why,
    }
}

/// The calls after it are made on what was there before it, for Calico's plugin does nothing.
const GC: &str = "GC : GC 1.1.0";

const OWN_CODE: &str = "Calico gives 999 for everything; ours says what kind of failure it is";

const IMPROVED: [Improved; 28] = [
    served(
        "ADD c1: same container again",
        "10.95.0.0/28",
        "",
        "a repeated ADD gets the address it has; Calico's takes a second one",
    ),
    served(
        "ADD c6: 1.1.0",
        "\"cniVersion\": \"1.1.0\"",
        "~assignment/ipv4/block/10.95.0.0-28, +handle/k8s-pod-network.c6",
        "version 1.1.0 is spoken",
    ),
    served(
        "ADD d5: boolean instead of string",
        "fd00:95::",
        "~assignment/ipv4/block/10.95.0.0-28, ~assignment/ipv6/block/fd00:95::-124, +handle/k8s-pod-network.d5",
        "a JSON boolean is what people write",
    ),
    refused("ADD e3: IP requested twice", 103, "10.95.0.12", OWN_CODE),
    refused("ADD e3: IP in no pool", 104, "10.99.0.1", OWN_CODE),
    refused(
        "ADD e3: IP in a Tunnel pool",
        100,
        "pool tun (10.95.2.0/28)",
        OWN_CODE,
    ),
    refused(
        "ADD e3: IP text bad",
        4,
        "invalid IP address: banana",
        OWN_CODE,
    ),
    refused(
        "ADD e5: unknown argument without IgnoreUnknown",
        4,
        "unknown args [\"COLOUR=red\"]",
        OWN_CODE,
    ),
    refused("ADD f2: pool unknown name", 100, "`nope`", OWN_CODE),
    refused("ADD f2: pool unknown CIDR", 100, "`10.96.0.0/28`", OWN_CODE),
    refused(
        "ADD f2: pool of the other family",
        100,
        "`fd00:95::/124`",
        OWN_CODE,
    ),
    refused("ADD f2: pool disabled", 100, "`off`", OWN_CODE),
    refused(
        "ADD f5: broken JSON",
        6,
        "error unmarshall network config: ",
        "the parser has other words",
    ),
    refused(
        "CHECK zzz: CHECK without ADD",
        107,
        "holds no address",
        "Calico's CHECK does nothing; ours looks",
    ),
    refused("ADD f4: no Node object", 105, "`ghost`", OWN_CODE),
    refused(
        "ADD x2: v6 full: v4 is given back",
        101,
        "fd00:95::/127",
        OWN_CODE,
    ),
    refused("ADD x9: v4 full", 101, "10.95.0.0/30", OWN_CODE),
    refused("ADD x9: both full", 101, "10.95.0.0/30", OWN_CODE),
    refused("ADD x9: full, strict", 101, "10.95.0.0/30", OWN_CODE),
    refused(
        "ADD x9: full, strict, other node",
        101,
        "10.95.0.0/30",
        OWN_CODE,
    ),
    refused(
        "ADD y1: dual stack without v6 pool: error leaves v4",
        100,
        "no IPv6 pool exists",
        OWN_CODE,
    ),
    refused(
        "ADD f7: datastore unreachable",
        11,
        "unreachable",
        "ours answers within its deadline and names the endpoint; Calico's takes 90 s",
    ),
    refused("DEL c5: DEL unreachable", 11, "unreachable", "as with ADD"),
    served(
        "VERSION : VERSION",
        "\"1.1.0\"]",
        "",
        "version 1.1.0 is spoken",
    ),
    served(
        "VERSION : VERSION with empty stdin",
        "\"1.1.0\"]",
        "",
        "version 1.1.0 is spoken",
    ),
    served(
        "VERSION : VERSION 1.1.0",
        "\"1.1.0\"]",
        "",
        "version 1.1.0 is spoken",
    ),
    served("STATUS : STATUS 1.1.0", "", "", "STATUS is real"),
    served(
        GC,
        "",
        "~assignment/ipv4/block/10.95.0.0-28, ~assignment/ipv6/block/fd00:95::-124, \
         -handle/k8s-pod-network.c1, -handle/k8s-pod-network.c2, -handle/k8s-pod-network.c3, \
         -handle/k8s-pod-network.c4, -handle/k8s-pod-network.c5, -handle/k8s-pod-network.c6, \
         -handle/k8s-pod-network.c7, -handle/k8s-pod-network.d1, -handle/k8s-pod-network.d2, \
         -handle/k8s-pod-network.d3, -handle/k8s-pod-network.d5, -handle/k8s-pod-network.e1, \
         -handle/k8s-pod-network.e2, -handle/k8s-pod-network.e4, -handle/k8s-pod-network.f1",
        "GC is real, and an empty list frees all that the network has on the node",
    ),
];

/// Calls whose replies are of a store that is another process: `tests/cni/program.rs` makes them on the built program.
const UNREACHABLE: [&str; 2] = ["ADD f7: datastore unreachable", "DEL c5: DEL unreachable"];

struct Call {
    title: String,
    verb: String,
    container: String,
    stdin: String,
    args: Option<String>,
    more: BTreeMap<String, Option<String>>,
    exit: u8,
    reply: Option<Value>,
    /// The records that Calico's plugin wrote.
    writes: BTreeSet<String>,
}

fn calls() -> Vec<Call> {
    GOLDEN.split("\n### ").skip(1).map(call).collect()
}

/// `VERB ID: TITLE`, a line of what was given, the reply.
fn call(section: &str) -> Call {
    let (title, rest) = section.split_once('\n').expect("a title");
    let (verb, tail) = title.split_once(' ').expect("a verb");
    let container = tail.split(':').next().expect("a container").trim();
    let given = rest
        .lines()
        .find(|line| line.starts_with('`'))
        .expect("what was given");
    let mut parts = given.split("; ");
    let stdin = parts.next().expect("a configuration").trim_matches('`');
    let find = |prefix: &str| given.split("; ").find_map(|part| part.strip_prefix(prefix));
    let json = rest
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("\n```").next());
    Call {
        title: title.to_owned(),
        verb: verb.to_owned(),
        container: container.to_owned(),
        stdin: stdin_of(stdin, given),
        args: find("CNI_ARGS ").map(|args| args.trim_matches('`').to_owned()),
        more: find("env ")
            .map(|env| serde_json::from_str(env).expect("an object"))
            .unwrap_or_default(),
        exit: find("exit ")
            .expect("an exit status")
            .parse()
            .expect("a number"),
        writes: listed(
            rest.lines()
                .find_map(|line| line.strip_prefix("records: "))
                .unwrap_or_default(),
        ),
        reply: json.map(|text| serde_json::from_str(text).expect("JSON")),
    }
}

/// `+new, ~changed, -deleted`, with or without backquotes.
fn listed(text: &str) -> BTreeSet<String> {
    let records = text.split(", ").map(|record| record.replace('`', ""));
    records.filter(|record| !record.is_empty()).collect()
}

/// Returns what was written between two looks.
fn changed(
    before: &BTreeMap<String, Revision>,
    after: &BTreeMap<String, Revision>,
) -> BTreeSet<String> {
    let written = after
        .iter()
        .filter_map(|(key, revision)| match before.get(key) {
            None => Some(format!("+{key}")),
            Some(earlier) => (earlier != revision).then(|| format!("~{key}")),
        });
    let deleted = before.keys().filter(|key| !after.contains_key(*key));
    written
        .chain(deleted.map(|key| format!("-{key}")))
        .collect()
}

/// `C(version, ipam members, other members)`, or the text itself in quotes.
fn stdin_of(first: &str, given: &str) -> String {
    if let Some(quoted) = first.strip_prefix('"') {
        return quoted.trim_end_matches('"').to_owned();
    }
    let inner = given.strip_prefix("`C(").expect("a configuration");
    let inner = inner.split(")`").next().expect("its end");
    let (version, members) = inner.split_once(", ").expect("a version");
    let members = members.replace("-, ", "{}, ");
    let members = members
        .strip_suffix('-')
        .map_or(members.clone(), |head| format!("{head}{{}}"));
    let list: Vec<Value> = serde_json::from_str(&format!("[{members}]")).expect("two objects");
    let mut config = json!({
        "cniVersion": version, "name": "k8s-pod-network", "type": "calico", "nodename": "n1",
        "ipam": {"type": "calico-ipam"},
    });
    merge(&mut config["ipam"], &list[0]);
    merge(&mut config, &list[1]);
    if version == "absent" {
        config
            .as_object_mut()
            .expect("an object")
            .remove("cniVersion");
    }
    config.to_string()
}

fn merge(into: &mut Value, members: &Value) {
    for (name, value) in members.as_object().expect("members") {
        into[name] = value.clone();
    }
}

/// Only one address is forced; which one of its block it is differs.
fn without_addresses(reply: &Value) -> Value {
    match reply {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), without_addresses(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_addresses).collect(),
        Value::String(text) => match text.split_once('/') {
            Some((address, "32" | "128")) => json!(format!("{address} asked for")),
            Some((address, length)) if address.contains(':') => json!(format!("IPv6/{length}")),
            Some((_, length)) => json!(format!("IPv4/{length}")),
            None => reply.clone(),
        },
        other => other.clone(),
    }
}

fn base() -> Vec<(String, String)> {
    vec![
        record(
            "ClusterInformation",
            "clusterinformations",
            "default",
            r#""datastoreReady":true"#,
        ),
        record("Node", "nodes", "n1", ""),
        record("Node", "nodes", "n2", ""),
    ]
}

/// The pools at each stage of the record.
async fn store_for(title: &str, world: Option<World>) -> World {
    let mut records = base();
    match title {
        "ADD c1: first, cold" => records.extend([
            pool("v4", "10.95.0.0/28", 28, ""),
            pool("v6", "fd00:95::/124", 124, ""),
            pool("off", "10.95.1.0/28", 28, r#","disabled":true"#),
            pool("tun", "10.95.2.0/28", 28, r#","allowedUses":["Tunnel"]"#),
        ]),
        "ADD x0: fill" => records.extend([
            pool("v4", "10.95.0.0/30", 30, ""),
            pool("v6", "fd00:95::/127", 127, ""),
        ]),
        "ADD y1: dual stack without v6 pool: error leaves v4" => {
            records.extend([pool("v4", "10.95.0.0/30", 30, "")]);
        }
        "ADD x9: full, strict" => {
            let world = world.expect("a store");
            let config = r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#;
            world
                .put(&[("/calico/ipam/v2/config".to_owned(), config.to_owned())])
                .await;
            return world;
        }
        "DEL old-1: DEL of an old-style handle" => {
            let world = world.expect("a store");
            hold(&world, "shop.old-1").await;
            return world;
        }
        _ => return world.expect("a store"),
    }
    World::new(&records).await
}

async fn hold(world: &World, handle: &str) {
    let node = NodeName::new("n1").expect("a node");
    let request = Assign {
        v4: Wanted {
            count: 1,
            ..Wanted::default()
        },
        ..Assign::workload(node, HandleId::new(handle).expect("a handle"))
    };
    let granted = world
        .allocator()
        .assign(&request, &Hint::default())
        .await
        .expect("granted");
    assert_eq!(granted.addresses.len(), 1);
}

async fn made(world: &World, call: &Call) -> block_ipam::cni::Reply {
    let mut variables = BTreeMap::from([
        ("CNI_COMMAND", call.verb.as_str()),
        ("CNI_CONTAINERID", call.container.as_str()),
        ("CNI_NETNS", "/var/run/netns/x"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ]);
    if let Some(args) = &call.args {
        variables.insert("CNI_ARGS", args);
    }
    for (name, value) in &call.more {
        variables.insert(name, value.as_deref().unwrap_or_default());
    }
    let variables: Vec<(&str, &str)> = variables.into_iter().collect();
    world.call(&variables, call.stdin.as_bytes()).await
}

fn equal(call: &Call, reply: &block_ipam::cni::Reply) -> Result<(), String> {
    let ours: Option<Value> = serde_json::from_str(&reply.stdout).ok();
    let mut expected = call.reply.clone();
    if let (1, Some(expected), Some(ours)) = (call.exit, expected.as_mut(), ours.as_ref()) {
        expected["cniVersion"] = ours["cniVersion"].clone();
    }
    let same_exit = reply.exit == call.exit;
    let same_reply =
        expected.as_ref().map(without_addresses) == ours.as_ref().map(without_addresses);
    if same_exit && same_reply && (ours.is_some() || reply.stdout.is_empty()) {
        Ok(())
    } else {
        Err(format!("expected exit {} and {expected:?}", call.exit))
    }
}

fn improved(entry: &Improved, reply: &block_ipam::cni::Reply) -> Result<(), String> {
    let ours: Value = serde_json::from_str(&reply.stdout).unwrap_or_default();
    let code = entry.code.map(Value::from).unwrap_or_default();
    let said = if entry.exit == 0 {
        reply.stdout.as_str()
    } else {
        ours["msg"].as_str().unwrap_or_default()
    };
    if reply.exit == entry.exit && ours["code"] == code && said.contains(entry.says) {
        Ok(())
    } else {
        Err(format!(
            "expected exit {}, code {code}, {:?} ({})",
            entry.exit, entry.says, entry.why
        ))
    }
}

#[tokio::test]
async fn recorded_calls_of_calicos_plugin_are_answered_alike_or_better() {
    let calls = calls();
    assert_eq!(calls.len(), 62);
    let mut world = None;
    let mut findings = Vec::new();
    for call in calls
        .iter()
        .filter(|call| !UNREACHABLE.contains(&call.title.as_str()))
    {
        let now = store_for(&call.title, world.take()).await;
        let before = now.written().await;
        let undone = if call.title == GC {
            Some(now.all().await)
        } else {
            None
        };
        let reply = made(&now, call).await;
        let written = changed(&before, &now.written().await);
        let entry = IMPROVED.iter().find(|entry| entry.title == call.title);
        let expected = entry.map_or_else(|| call.writes.clone(), |entry| listed(entry.writes));
        if written != expected {
            let title = &call.title;
            findings.push(format!(
                "{title}\n  expected {expected:?}\n  wrote {written:?}"
            ));
        }
        let compared = entry.map_or_else(|| equal(call, &reply), |entry| improved(entry, &reply));
        if let Err(wrong) = compared {
            findings.push(format!(
                "{}\n  {wrong}\n  got exit {}: {}",
                call.title, reply.exit, reply.stdout
            ));
        }
        world = match undone {
            Some(records) => Some(World::new(&records).await),
            None => Some(now),
        };
    }
    assert!(findings.is_empty(), "{}", findings.join("\n\n"));
}

#[test]
fn every_improvement_is_one_of_a_recorded_call() {
    let titles: Vec<String> = calls().into_iter().map(|call| call.title).collect();
    for entry in &IMPROVED {
        assert!(
            titles.iter().any(|title| title == entry.title),
            "{}",
            entry.title
        );
    }
}
