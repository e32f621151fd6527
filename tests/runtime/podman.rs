//! podman with its CNI backend: real containers from a folder with busybox.

use std::process::Command;

use serde_json::{Value, json};

use super::documented::recipe;
use super::host::{Host, Kind, bare, done, fed};

/// What podman runs: a folder with busybox and names for it.
fn root_file_system(host: &Host) -> String {
    let bin = host.path("rootfs/bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let busybox = done(Command::new("which").arg("busybox"));
    std::fs::copy(busybox.trim(), bin.join("busybox")).expect("busybox-static is installed");
    for name in ["sh", "sleep", "ping", "ip"] {
        std::os::unix::fs::symlink("busybox", bin.join(name)).expect("a link");
    }
    format!("{}:O", host.path("rootfs").display())
}

/// The limits are those that an unprivileged machine may set; runc takes hybrid cgroups, crun does not.
fn settings(host: &Host) -> String {
    let folder = |name: &str| host.path(name).display().to_string();
    let text = format!(
        r#"[containers]
default_ulimits=["nofile=1024:1024","nproc=1000:1000"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
[network]
network_backend="cni"
cni_plugin_dirs=["{}"]
network_config_dir="{}"
"#,
        folder("bin"),
        folder("net.d"),
    );
    host.write("containers.conf", &text)
}

/// A podman with folders of its own. What it runs ends with it.
struct Podman<'a> {
    host: &'a Host,
    root: String,
    settings: String,
}

impl<'a> Podman<'a> {
    fn new(host: &'a Host) -> Podman<'a> {
        Podman {
            host,
            root: root_file_system(host),
            settings: settings(host),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.host.command("podman");
        let folder = |name: &str| self.host.path(name).display().to_string();
        command.env("CONTAINERS_CONF", &self.settings);
        command.args([
            "--root",
            &folder("storage"),
            "--runroot",
            &folder("run-podman"),
            "--log-level=error",
        ]);
        command.args(arguments);
        command
    }

    fn name(&self, container: &str) -> String {
        format!("{}-{container}", self.host.network)
    }

    fn run(&self, container: &str, options: &[&str], program: &[&str]) -> Command {
        let mut command = self.command(&[
            "run",
            "--network",
            &self.host.network,
            "--name",
            &self.name(container),
        ]);
        command
            .args(options)
            .args(["--rootfs", &self.root])
            .args(program);
        command
    }

    /// Starts a container, and returns its addresses.
    #[track_caller]
    fn start(&self, container: &str, options: &[&str]) -> Vec<String> {
        let mut all = vec!["-d"];
        all.extend(options);
        done(&mut self.run(container, &all, &["/bin/sleep", "1000"]));
        let text = done(&mut self.command(&["inspect", &self.name(container)]));
        let inspected: Value = serde_json::from_str(&text).expect("JSON");
        let network = &inspected[0]["NetworkSettings"]["Networks"][&self.host.network];
        ["IPAddress", "GlobalIPv6Address"]
            .map(|name| network[name].as_str().expect("an address").to_owned())
            .to_vec()
    }

    #[track_caller]
    fn remove(&self, container: &str) {
        done(&mut self.command(&["rm", "-f", "-t", "0", &self.name(container)]));
    }
}

impl Drop for Podman<'_> {
    fn drop(&mut self) {
        // Mounts of containers that a failed test left would outlive their folder.
        let _ = self.command(&["rm", "-f", "-a", "-t", "0"]).output();
    }
}

fn host(kind: Kind) -> Host {
    let host = Host::new(kind);
    host.install(recipe("bridge"));
    host
}

#[test]
fn containers_get_their_addresses_and_lose_them_on_removal() {
    let host = host(Kind::Sqlite);
    let podman = Podman::new(&host);
    let first = podman.start("one", &[]);
    let second = podman.start("two", &[]);
    assert_eq!(host.held(), 4, "{first:?} {second:?}");
    for address in &second {
        let family = if address.contains(':') { "-6" } else { "-4" };
        let ping = [
            "exec",
            &podman.name("one"),
            "/bin/ping",
            family,
            "-c",
            "1",
            "-w",
            "10",
            address,
        ];
        done(&mut podman.command(&ping));
    }
    podman.remove("one");
    assert_eq!(host.held(), 2, "those of the other stay");
    podman.remove("two");
    assert_eq!(host.held(), 0);
}

#[test]
fn a_container_may_ask_for_its_address_and_a_taken_one_fails_without_a_trace() {
    let host = host(Kind::Sqlite);
    let podman = Podman::new(&host);
    podman.start("one", &["--ip", "10.64.0.77"]);
    let shown = host.ipamctl(&["ipam", "show", "--ip=10.64.0.77"]);
    assert!(shown.contains("10.64.0.77"), "{shown}");
    assert_eq!(host.held(), 1, "the address that is asked for, alone");
    let refused = fed(
        &mut podman.run("two", &["--rm", "--ip", "10.64.0.77"], &["/bin/sh"]),
        "",
    );
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && text.contains("10.64.0.77"),
        "{text}"
    );
    podman.remove("one");
    assert_eq!(host.held(), 0);
}

#[test]
fn a_container_whose_init_is_killed_loses_its_address() {
    let host = host(Kind::Etcd);
    let podman = Podman::new(&host);
    podman.start("one", &["--rm"]);
    let inspect = ["inspect", "--format", "{{.State.Pid}}", &podman.name("one")];
    let init = done(&mut podman.command(&inspect));
    done(Command::new("kill").args(["-9", init.trim()]));
    super::host::until("the addresses are given back", || host.held() == 0);
}

#[test]
fn two_networks_of_one_container_come_and_go_together() {
    let host = host(Kind::Sqlite);
    let second = format!("{}-b", host.network);
    let text = std::fs::read_to_string(host.path("net.d/10-network.conflist")).expect("a file");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["name"] = json!(second);
    config["plugins"][0]["bridge"] = json!("demo1");
    config["plugins"][0]["ipMasq"] = json!(false);
    // Two networks on one prefix would fight for the route.
    config["plugins"][0]["ipam"]["prefix"] = json!("host");
    config["plugins"][0]["ipam"]["routes"] = json!([]);
    config["plugins"][0]["isGateway"] = json!(false);
    host.write("net.d/20-network.conflist", &config.to_string());
    let podman = Podman::new(&host);
    podman.start("one", &["--network", &second]);
    assert_eq!(host.held(), 4);
    let shown =
        done(&mut podman.command(&["exec", &podman.name("one"), "/bin/ip", "-4", "address"]));
    let held: Vec<&str> = shown
        .split_whitespace()
        .filter(|word| word.starts_with("10.64.0."))
        .collect();
    let addresses = held
        .iter()
        .filter(|word| word.contains('/'))
        .map(|cidr| bare(cidr));
    assert_eq!(
        addresses.collect::<std::collections::BTreeSet<_>>().len(),
        2,
        "{shown}"
    );
    podman.remove("one");
    assert_eq!(host.held(), 0);
}
