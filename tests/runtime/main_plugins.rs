//! The reference plugins over the reference library: `cnitool` plays the runtime.

use serde_json::{Value, json};

use super::documented::recipe;
use super::host::{Host, Kind, Namespace, bare, done, fed, said, tool};

/// Calls a verb, which has to succeed.
#[track_caller]
fn cnitool(host: &Host, verb: &str, workload: &Namespace) -> String {
    let mut command = host.command(tool("cnitool"));
    done(command.args([verb, &host.network, &workload.path()]))
}

/// Adds two workloads, lets them reach each other and the gateways, and removes them.
#[track_caller]
fn two_workloads_reach_each_other(host: &Host) {
    let workloads = [Namespace::new(), Namespace::new()];
    let mut all = Vec::new();
    for workload in &workloads {
        let result: Value = serde_json::from_str(&cnitool(host, "add", workload)).expect("JSON");
        let ips = result["ips"].as_array().expect("addresses").iter();
        let given: Vec<String> = ips
            .map(|ip| ip["address"].as_str().expect("a text").to_owned())
            .collect();
        assert_eq!(
            given,
            workload.addresses(),
            "what was given is on the interface"
        );
        assert_eq!(given.len(), 2, "dual stack");
        cnitool(host, "check", workload);
        all.push(given);
    }
    assert_eq!(host.held(), 4);
    for address in &all[1] {
        workloads[0].reaches(bare(address));
    }
    for gateway in ["10.64.0.1", "fd00:64::1"] {
        workloads[1].reaches(gateway.parse().expect("an address"));
    }
    for workload in &workloads {
        cnitool(host, "del", workload);
    }
    cnitool(host, "del", &workloads[0]);
    assert_eq!(host.held(), 0);
}

#[test]
fn workloads_of_one_bridge_reach_each_other() {
    let host = Host::new(Kind::Sqlite);
    host.install(recipe("bridge"));
    two_workloads_reach_each_other(&host);
}

#[test]
fn workloads_behind_ptp_reach_each_other() {
    let host = Host::new(Kind::Etcd);
    host.install(recipe("ptp"));
    two_workloads_reach_each_other(&host);
}

#[test]
fn every_version_of_the_specification_goes_through_the_reference_plugins() {
    let host = Host::new(Kind::Sqlite);
    for version in ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let mut config = recipe("bridge");
        config["cniVersion"] = json!(version);
        host.install(config);
        let workload = Namespace::new();
        cnitool(&host, "add", &workload);
        assert_eq!(workload.addresses().len(), 2, "{version}");
        cnitool(&host, "del", &workload);
    }
    assert_eq!(host.held(), 0);
}

#[test]
fn status_tells_the_runtime_whether_an_add_would_be_served() {
    let host = Host::new(Kind::Etcd);
    let mut config = recipe("bridge");
    config["cniVersion"] = json!("1.1.0");
    host.install(config.clone());
    let nobody = Namespace::new();
    cnitool(&host, "status", &nobody);
    config["plugins"][0]["ipam"]["ipv4_pools"] = json!(["nowhere"]);
    host.install(config);
    let mut status = host.command(tool("cnitool"));
    let output = fed(status.args(["status", &host.network, &nobody.path()]), "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains("`nowhere`"),
        "{text}"
    );
    assert_eq!(host.held(), 0);
}

/// The main plugins do not hand GC on, so it is called as a runtime that does would call it.
#[test]
fn gc_frees_what_the_runtime_forgot_and_nothing_else() {
    let host = Host::new(Kind::Sqlite);
    host.install(recipe("bridge"));
    let workloads = [("kept", Namespace::new()), ("forgotten", Namespace::new())];
    for (container, workload) in &workloads {
        let path = workload.path();
        let variables = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", container),
            ("CNI_NETNS", path.as_str()),
            ("CNI_IFNAME", "eth0"),
        ];
        said(
            "ADD",
            &host.plugin("bridge", &variables, &handed_over(&host)),
        );
    }
    let mut config = handed_over(&host);
    config["cniVersion"] = json!("1.1.0");
    config["cni.dev/valid-attachments"] = json!([{"containerID": "kept", "ifname": "eth0"}]);
    let variables = [("CNI_COMMAND", "GC"), ("CNI_PATH", "/absent")];
    said("GC", &host.plugin("block-ipam", &variables, &config));
    assert_eq!(host.held(), 2);
    let kept = bare(&workloads[0].1.addresses()[0]).to_string();
    let shown = host.ipamctl(&["ipam", "show", &format!("--ip={kept}")]);
    assert!(shown.contains("kept"), "{shown}");
}

#[test]
fn check_fails_once_the_store_no_longer_has_the_address() {
    let host = Host::new(Kind::Sqlite);
    host.install(recipe("bridge"));
    let workload = Namespace::new();
    cnitool(&host, "add", &workload);
    let address = bare(&workload.addresses()[0]).to_string();
    host.ipamctl(&["ipam", "release", &format!("--ip={address}")]);
    let mut check = host.command(tool("cnitool"));
    let output = fed(check.args(["check", &host.network, &workload.path()]), "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains(&address),
        "{text}"
    );
    cnitool(&host, "del", &workload);
    assert_eq!(host.held(), 0, "the IPv6 address is given back");
}

#[test]
fn an_interface_of_the_runtime_may_ask_for_an_address() {
    let host = Host::new(Kind::Sqlite);
    let mut config = recipe("bridge");
    config["plugins"][0]["capabilities"]["ips"] = json!(true);
    host.install(config);
    let workload = Namespace::new();
    let mut add = host.command(tool("cnitool"));
    add.env("CAP_ARGS", r#"{"ips":["10.64.0.77/24","fd00:64::77"]}"#);
    done(add.args(["add", &host.network, &workload.path()]));
    assert_eq!(workload.addresses(), ["10.64.0.77/24", "fd00:64::77/112"]);
    cnitool(&host, "del", &workload);
}

/// The configuration of the only plugin as a runtime hands it over.
pub(crate) fn handed_over(host: &Host) -> Value {
    let text = std::fs::read_to_string(host.path("net.d/10-network.conflist")).expect("a file");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let mut config = list["plugins"][0].clone();
    config["name"] = list["name"].clone();
    config["cniVersion"] = list["cniVersion"].clone();
    config
}

#[test]
fn a_host_local_configuration_is_told_which_pools_do_the_same() {
    let host = Host::new(Kind::Sqlite);
    let mut config = recipe("bridge");
    config["plugins"][0]["ipam"]["ranges"] = json!([[{"subnet": "10.71.0.0/24"}]]);
    host.install(config);
    let variables = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/absent"),
        ("CNI_IFNAME", "eth0"),
    ];
    let output = host.plugin("block-ipam", &variables, &handed_over(&host));
    let reply: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(reply["code"], 7, "{reply}");
    let details = reply["details"].as_str().expect("details");
    let (_, manifest) = details.split_once('\n').expect("a manifest");
    let file = host.write("same.yaml", manifest);
    host.ipamctl(&["apply", "-f", &file]);
    let mut config = handed_over(&host);
    config["ipam"]["ranges"] = Value::Null;
    config["ipam"]["ipv4_pools"] = json!(["10.71.0.0/24"]);
    config["ipam"]["gateway"] = Value::Null;
    let output = host.plugin("block-ipam", &variables, &config);
    let reply = said("ADD", &output);
    assert!(reply.contains("\"10.71.0."), "{reply}");
}
