//! Calico's own configuration, with our program under the name `calico-ipam`.
//!
//! The main plugin is played by hand, for Calico's needs a cluster: it asks `calico-ipam` with its whole configuration,
//! narrows each address to a host's, routes by way of 169.254.1.1 and answers for it on the node's side.

use serde_json::{Value, json};

use super::documented::recipe;
use super::host::{Host, Kind, Namespace, bare, done, said};
use super::main_plugins::handed_over;

/// The next hop that Calico gives to workloads. No interface has it: the node answers for every address.
const NEXT_HOP: &str = "169.254.1.1";

fn call(host: &Host, verb: &str, container: &str, config: &Value) -> String {
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
        (
            "CNI_ARGS",
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
        ),
    ];
    said(verb, &host.plugin("calico-ipam", &variables, config))
}

/// Connects a workload as Calico's plugin does.
fn connect(host: &Host, workload: &Namespace, interface: &str, addresses: &[String]) {
    let node = |arguments: &[&str]| done(host.namespace.command("ip").args(arguments));
    let inside = |arguments: &[&str]| done(workload.command("ip").args(arguments));
    let namespace = workload.path();
    let name = namespace.rsplit('/').next().expect("a name");
    node(&[
        "link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", name,
    ]);
    node(&["link", "set", interface, "up"]);
    inside(&["link", "set", "eth0", "up"]);
    inside(&["route", "add", NEXT_HOP, "dev", "eth0", "scope", "link"]);
    inside(&["route", "add", "default", "via", NEXT_HOP, "dev", "eth0"]);
    for address in addresses {
        let address = bare(address).to_string();
        let width = if address.contains(':') { 128 } else { 32 };
        inside(&[
            "address",
            "add",
            &format!("{address}/{width}"),
            "dev",
            "eth0",
        ]);
        node(&["route", "add", &address, "dev", interface]);
    }
    let proxy = format!("net.ipv4.conf.{interface}.proxy_arp=1");
    done(
        host.namespace
            .command("sysctl")
            .args(["-qw", &proxy, "net.ipv4.ip_forward=1"]),
    );
}

#[test]
fn calicos_configuration_serves_unchanged_under_calicos_name() {
    let host = Host::new(Kind::Etcd);
    host.install(recipe("Calico's own plugin"));
    let config = handed_over(&host);
    let uplink = |arguments: &[&str]| done(host.namespace.command("ip").args(arguments));
    uplink(&["link", "add", "uplink", "type", "bridge"]);
    uplink(&["link", "set", "uplink", "up"]);
    // A node answers for the next hop where it has a route to it: its default route.
    uplink(&["route", "add", "default", "dev", "uplink"]);
    let workloads = [("c1", "cali-one"), ("c2", "cali-two")].map(|(container, interface)| {
        let reply: Value =
            serde_json::from_str(&call(&host, "ADD", container, &config)).expect("JSON");
        let ips = reply["ips"].as_array().expect("addresses").iter();
        let given: Vec<String> = ips
            .map(|ip| ip["address"].as_str().expect("a text").to_owned())
            .collect();
        let routes: Vec<Value> = given.iter().map(|cidr| json!({"dst": cidr})).collect();
        assert_eq!(
            reply["routes"],
            json!(routes),
            "a route to each address itself"
        );
        assert!(
            given[0].ends_with("/26") && given[1].ends_with("/122"),
            "the prefixes of the blocks: {given:?}"
        );
        let workload = Namespace::new();
        connect(&host, &workload, interface, &given);
        (workload, given)
    });
    workloads[0].0.reaches(bare(&workloads[1].1[0]));
    assert_eq!(host.held(), 4);
    for container in ["c1", "c2", "c2"] {
        assert_eq!(call(&host, "DEL", container, &config), "");
    }
    assert_eq!(host.held(), 0);
}

#[test]
fn what_calico_reads_of_an_assignment_is_calicos() {
    let host = Host::new(Kind::Etcd);
    host.install(recipe("Calico's own plugin"));
    call(&host, "ADD", "c1", &handed_over(&host));
    let url = host.store.strip_prefix("etcd:").expect("an etcd");
    let mut get = host.command("etcdctl");
    let get = get
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", url, "get", "--prefix"]);
    let blocks = done(get.args([
        "--print-value-only",
        "/calico/ipam/v2/assignment/ipv4/block/",
    ]));
    let block: Value = serde_json::from_str(&blocks).expect("one block");
    assert_eq!(block["affinity"], "host:node-a");
    let attribute = &block["attributes"][0];
    assert_eq!(attribute["handle_id"], format!("{}.c1", host.network));
    for (name, value) in [("node", "node-a"), ("namespace", "shop"), ("pod", "web")] {
        assert_eq!(attribute["secondary"][name], value);
    }
}
