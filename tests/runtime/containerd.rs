//! containerd over the CRI, as a kubelet drives it: sandboxes of pods, with annotations.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::documented::recipe;
use super::host::{Host, Kind, done, tool, until};

/// The image of a sandbox: busybox that sleeps.
const IMAGE: &str = "localhost/pause:1";

/// A containerd with folders of its own. It ends with its value.
struct Containerd<'a> {
    host: &'a Host,
    process: Child,
    config: String,
}

impl<'a> Containerd<'a> {
    fn start(host: &'a Host) -> Containerd<'a> {
        let config = host.write("containerd.toml", &settings(host));
        let process = spawn(host, &config);
        let containerd = Containerd {
            host,
            process,
            config,
        };
        containerd.wait();
        let image = image(host);
        let mut import = host.command("ctr");
        done(import.args([
            "-a",
            &containerd.socket(),
            "-n",
            "k8s.io",
            "images",
            "import",
            &image,
        ]));
        containerd
    }

    fn kill_and_start_again(&mut self) {
        self.process.kill().expect("a child can be killed");
        self.process.wait().expect("a killed child ends");
        self.process = spawn(self.host, &self.config);
        self.wait();
    }

    fn wait(&self) {
        let ready = || {
            self.cri(&["ready"])
                .output()
                .expect("it runs")
                .status
                .success()
        };
        until("containerd is ready", ready);
    }

    fn socket(&self) -> String {
        self.host.path("containerd.sock").display().to_string()
    }

    fn cri(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool("cri"));
        command.arg(self.socket()).args(arguments);
        command
    }

    /// Starts a sandbox and returns its id.
    #[track_caller]
    fn run(&self, pod: &str, annotations: &[&str]) -> String {
        let logs = self.host.path("logs").display().to_string();
        let mut command = self.cri(&["run", pod, "shop", &logs]);
        done(command.args(annotations)).trim().to_owned()
    }

    #[track_caller]
    fn addresses(&self, id: &str) -> Vec<String> {
        let text = done(&mut self.cri(&["addresses", id]));
        text.lines().map(str::to_owned).collect()
    }

    /// Ends a sandbox as a kubelet does, which stops it twice.
    #[track_caller]
    fn remove(&self, id: &str) {
        for verb in ["stop", "stop", "remove"] {
            done(&mut self.cri(&[verb, id]));
        }
    }
}

impl Drop for Containerd<'_> {
    fn drop(&mut self) {
        // Sandboxes outlive a containerd: those of a failed test are ended first.
        let listed = self
            .host
            .command("ctr")
            .args([
                "-a",
                &self.socket(),
                "-n",
                "k8s.io",
                "containers",
                "list",
                "-q",
            ])
            .output();
        let text = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for id in text.unwrap_or_default().lines() {
            let _ = self.cri(&["stop", id]).output();
            let _ = self.cri(&["remove", id]).output();
        }
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}

fn spawn(host: &Host, config: &str) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(host.path("containerd.log"));
    host.command("containerd")
        .args(["-c", config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.expect("a file"))
        .spawn()
        .expect("containerd is installed by `make test-runtime`")
}

/// Machines without the right to raise priorities want `restrict_oom_score_adj`.
fn settings(host: &Host) -> String {
    let folder = |name: &str| host.path(name).display().to_string();
    format!(
        r#"version = 2
root = "{root}"
state = "{state}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{opt}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{bin}"
    conf_dir = "{net}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"#,
        root = folder("root"),
        state = folder("state"),
        socket = folder("containerd.sock"),
        opt = folder("opt"),
        bin = folder("bin"),
        net = folder("net.d"),
    )
}

/// Writes the image as an archive that `docker save` would write, and returns its path.
fn image(host: &Host) -> String {
    let script = r#"
        set -eu
        mkdir -p root/bin layer
        cp "$(command -v busybox)" root/bin/busybox
        ln -s busybox root/bin/sleep
        tar -C root --owner=0 --group=0 -cf layer/layer.tar .
        digest=$(sha256sum < layer/layer.tar | cut -d ' ' -f 1)
        printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sleep","1000000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$digest" > config.json
        printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer/layer.tar"]}]' "$1" > manifest.json
        tar -cf image.tar config.json manifest.json layer/layer.tar
    "#;
    let folder = host.path("image");
    std::fs::create_dir(&folder).expect("a folder");
    done(
        Command::new("sh")
            .args(["-c", script, "sh", IMAGE])
            .current_dir(&folder),
    );
    folder.join("image.tar").display().to_string()
}

#[test]
fn sandboxes_get_their_addresses_and_lose_them_on_removal() {
    let host = Host::new(Kind::Etcd);
    host.install(recipe("bridge"));
    let containerd = Containerd::start(&host);
    let ids = ["web-1", "web-2"].map(|pod| containerd.run(pod, &[]));
    let addresses = ids.each_ref().map(|id| containerd.addresses(id));
    assert_eq!(host.held(), 4, "{addresses:?}");
    let shown = host.ipamctl(&["ipam", "show", &format!("--ip={}", addresses[0][0])]);
    for said in ["web-1", "shop"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    containerd.remove(&ids[0]);
    assert_eq!(host.held(), 2);
    containerd.remove(&ids[1]);
    assert_eq!(host.held(), 0);
}

#[test]
fn annotations_of_a_pod_choose_its_pool_and_its_address() {
    let host = Host::new(Kind::Sqlite);
    let mut config = recipe("ptp");
    config["plugins"][0]["capabilities"] = json!({"io.kubernetes.cri.pod-annotations": true});
    let gateways = config["plugins"][0]["ipam"]["gateway"].as_array_mut();
    gateways.expect("a list").push("10.72.0.1".into());
    host.install(config);
    let file = host.write(
        "blue.yaml",
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: blue-1\n  labels:\n    block-ipam/pool-group: blue\n\
         spec:\n  cidr: 10.72.0.0/26\n  assignmentMode: Manual\n---\n\
         apiVersion: projectcalico.org/v3\nkind: IPReservation\nmetadata:\n  name: blue\nspec:\n  reservedCIDRs: [10.72.0.0/31]\n",
    );
    host.ipamctl(&["apply", "-f", &file]);
    let containerd = Containerd::start(&host);
    let grouped = containerd.run("grouped", &["ipam.cilium.io/ipv4-pool=blue"]);
    assert!(containerd.addresses(&grouped)[0].starts_with("10.72.0."));
    let named = containerd.run(
        "named",
        &[r#"cni.projectcalico.org/ipAddrs=["10.64.0.99"]"#],
    );
    assert_eq!(containerd.addresses(&named), ["10.64.0.99"]);
    for id in [grouped, named] {
        containerd.remove(&id);
    }
    assert_eq!(host.held(), 0);
}

#[test]
fn a_sandbox_survives_its_killed_containerd_and_is_removed_by_the_next() {
    let host = Host::new(Kind::Sqlite);
    host.install(recipe("bridge"));
    let mut containerd = Containerd::start(&host);
    let id = containerd.run("web", &[]);
    let addresses = containerd.addresses(&id);
    containerd.kill_and_start_again();
    assert_eq!(containerd.addresses(&id), addresses);
    host.namespace
        .reaches(addresses[0].parse().expect("an address"));
    containerd.remove(&id);
    assert_eq!(host.held(), 0);
}
