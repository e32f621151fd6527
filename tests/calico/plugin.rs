//! The plugin, called inside this process on a store in memory.

use std::sync::Arc;

use block_ipam::clock::SystemClock;
use block_ipam::cni::config::NetworkConfig;
use block_ipam::cni::store::{OpenStore, Use};
use block_ipam::cni::{self, CniError, Context, Environment, Machine, Reply};
use block_ipam::datastore::Datastore;
use block_ipam::datastore::settings::StoreSettings;
use block_ipam::entropy::SystemEntropy;
use block_ipam::node::{Host, MachineFiles};
use block_ipam_testing::state::State;
use block_ipam_testing::world::World;
use serde_json::Value;

use crate::table::{Row, differs, not_ours, same};

pub(crate) const PLUGIN: &[Row] = &[
    same("PL1", "families and pools of the configuration", pl1),
    same("PL2", "both families, and one has no pool", pl2),
    same("PL3", "one pool that is named, or several", pl3),
    same("PL4", "a disabled pool is not used", pl4),
    differs(
        "PL5",
        "a pool that does not exist",
        "the words are ours; they name the pool too",
        pl5,
    ),
    differs(
        "PL6",
        "an address that the runtime names",
        "asked again for the same interface it is the same, not an error",
        pl6,
    ),
    same("PL7", "DEL of nothing", || {
        let plugin = Plugin::new();
        assert_eq!(plugin.call("DEL", "c1", "", "").exit, 0);
    }),
    same("PL8", "DEL of a handle of old style", pl8),
    not_ours(
        "PL9",
        "affinities of old hosts are upgraded once",
        "an etcd store of that time has no other spelling of them",
    ),
    same("PL10", "a full pool, then a second one", pl10),
    not_ours(
        "PL11",
        "15 tests of KubeVirt's pods",
        "they are about what Kubernetes' API says of a pod; the owners' rows hold what of it is ours",
    ),
];

#[derive(Debug)]
struct Opens(Arc<dyn Datastore>);

impl OpenStore for Opens {
    fn select(&self, _: &NetworkConfig, _: &Environment) -> Result<StoreSettings, CniError> {
        Ok(StoreSettings::Sqlite("memory".into()))
    }

    fn open(&self, _: &StoreSettings, _: Use<'_>) -> Result<Arc<dyn Datastore>, CniError> {
        Ok(Arc::clone(&self.0))
    }
}

struct Plugin {
    world: World,
    directory: tempfile::TempDir,
}

impl Plugin {
    fn new() -> Plugin {
        let plugin = Plugin {
            world: World::new(1),
            directory: tempfile::tempdir().expect("a directory"),
        };
        plugin.world.pool("a", "192.168.0.0/16", 26);
        plugin.world.pool("six", "fd80:24e2:f998:72d6::/64", 122);
        plugin
    }

    /// Calls a verb for a container with members of `ipam`, each after a comma, and `CNI_ARGS`.
    fn call(&self, verb: &str, container: &str, ipam: &str, args: &str) -> Reply {
        let stdin = format!(
            r#"{{"cniVersion":"1.0.0","name":"net","ipam":{{"type":"calico-ipam","nodename":"n1"{ipam}}}}}"#
        );
        let variables = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", container),
            ("CNI_NETNS", "/var/run/netns/absent"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", args),
        ];
        let environment: Environment = variables.into_iter().collect();
        let context = Context {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            stores: Arc::new(Opens(self.world.network.clone())),
            machine: Machine {
                host: Host::default(),
                files: MachineFiles {
                    system: Vec::new(),
                    own: self.directory.path().join("machine-id"),
                    boot: self.directory.path().join("boot-id"),
                },
                namespace: "/absent".into(),
                run_dir: self.directory.path().into(),
            },
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(cni::run(&environment, stdin.as_bytes(), &context))
    }

    /// The addresses with their prefix lengths, or what the plugin said instead.
    fn add(&self, container: &str, ipam: &str) -> Result<Vec<String>, String> {
        told(&self.call("ADD", container, ipam, ""))
    }

    fn add_named(&self, container: &str, address: &str) -> Result<Vec<String>, String> {
        told(&self.call("ADD", container, "", &format!("IP={address}")))
    }

    fn held(&self) -> usize {
        let state = State::of(&self.world.records());
        state.check();
        state.entries().len()
    }
}

fn told(reply: &Reply) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_str(&reply.stdout).expect("JSON");
    if reply.exit != 0 {
        return Err(format!(
            "{}: {} {}",
            value["code"], value["msg"], value["details"]
        ));
    }
    let ips = value["ips"].as_array().cloned().unwrap_or_default();
    let address = |ip: &Value| ip["address"].as_str().expect("a text").to_owned();
    Ok(ips.iter().map(address).collect())
}

fn pl1() {
    let plugin = Plugin::new();
    for (container, ipam, prefixes) in [
        ("c1", "", &["/26"][..]),
        ("c2", r#","assign_ipv4":"true""#, &["/26"]),
        (
            "c3",
            r#","assign_ipv4":"false","assign_ipv6":"true""#,
            &["/122"],
        ),
        (
            "c4",
            r#","assign_ipv4":"true","assign_ipv6":"true""#,
            &["/26", "/122"],
        ),
    ] {
        let got = plugin.add(container, ipam).expect("granted");
        let ends = got
            .iter()
            .zip(prefixes)
            .all(|(one, end)| one.ends_with(end));
        assert!(ends && got.len() == prefixes.len(), "{ipam}: {got:?}");
    }
    assert_eq!(plugin.held(), 5);
}

fn pl2() {
    const BOTH: &str = r#","assign_ipv4":"true","assign_ipv6":"true""#;
    for pool in ["a", "six"] {
        let plugin = Plugin::new();
        let key = format!("/calico/resources/v3/projectcalico.org/ippools/{pool}");
        plugin.world.delete(&key);
        plugin.add("c1", BOTH).expect_err("a family has no pool");
        assert_eq!(plugin.held(), 0, "nothing is left");
    }
}

fn pl3() {
    let plugin = Plugin::new();
    plugin.world.pool("b", "10.20.0.0/16", 26);
    let one = plugin
        .add("c1", r#","ipv4_pools":["10.20.0.0/16"]"#)
        .expect("granted");
    assert!(one[0].starts_with("10.20."), "{one:?}");
    let several = r#","ipv4_pools":["192.168.0.0/16","10.20.0.0/16"]"#;
    let one = plugin.add("c2", several).expect("granted");
    assert!(
        one[0].starts_with("10.20."),
        "the node has a block there: {one:?}"
    );
}

fn pl4() {
    let plugin = Plugin::new();
    plugin
        .world
        .pool_with("a", "192.168.0.0/16", 26, r#","disabled":true"#);
    plugin.world.pool("b", "10.20.0.0/16", 26);
    for index in 0..3 {
        let one = plugin.add(&format!("c{index}"), "").expect("granted");
        assert!(one[0].starts_with("10.20."), "{one:?}");
    }
}

fn pl5() {
    let plugin = Plugin::new();
    let refused = plugin.add("c1", r#","ipv4_pools":["192.169.1.0/24"]"#);
    let text = refused.expect_err("no such pool");
    assert!(
        text.contains("192.169.1.0/24") && text.contains("does not exist"),
        "{text}"
    );
    assert_eq!(plugin.held(), 0);
}

fn pl6() {
    const NAMED: &str = "192.168.123.123";
    let plugin = Plugin::new();
    let granted = Ok(vec![format!("{NAMED}/32")]);
    assert_eq!(plugin.add_named("c1", NAMED), granted);
    assert_eq!(plugin.add_named("c1", NAMED), granted, "the same interface");
    plugin
        .add_named("c2", NAMED)
        .expect_err("another container holds it");
    assert_eq!(plugin.call("DEL", "c1", "", "").exit, 0);
    assert_eq!(plugin.add_named("c2", NAMED), granted);
    let tunnels = r#","allowedUses":["Tunnel"]"#;
    plugin.world.pool_with("t", "10.30.0.0/16", 26, tunnels);
    plugin
        .add_named("c3", "10.30.0.1")
        .expect_err("not for workloads");
}

fn pl8() {
    let plugin = Plugin::new();
    plugin.add("c1", "").expect("granted");
    // As the plugin of old times wrote it: the container alone.
    for (key, value) in plugin.world.records() {
        if key.contains("/handle/") {
            plugin.world.delete(&key);
            plugin.world.put("/calico/ipam/v2/handle/c1", &value);
        } else if key.contains("/assignment/") {
            plugin.world.put(&key, &value.replace("net.c1", "c1"));
        }
    }
    assert_eq!(plugin.held(), 1);
    assert_eq!(plugin.call("DEL", "c1", "", "").exit, 0);
    assert_eq!(plugin.held(), 0);
}

fn pl10() {
    let plugin = Plugin::new();
    plugin.world.pool("a", "10.40.0.0/28", 28);
    let mut all = Vec::new();
    for index in 0..16 {
        all.extend(plugin.add(&format!("c{index}"), "").expect("granted"));
    }
    plugin.add("c16", "").expect_err("full");
    plugin.world.pool("b", "10.41.0.0/28", 28);
    for index in 16..20 {
        let one = plugin.add(&format!("c{index}"), "").expect("granted");
        assert!(
            one[0].starts_with("10.41.") && !all.contains(&one[0]),
            "{one:?}"
        );
        all.extend(one);
    }
}
