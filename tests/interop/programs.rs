//! The programs of both sides, and one etcd between them.

use std::env;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use block_ipam_testing::etcd::EtcdServer;
use tempfile::TempDir;

use super::ended::Ended;

/// Whose plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Ours,
    Calicos,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Ours, Side::Calicos];

    pub(crate) const fn other(self) -> Side {
        match self {
            Side::Ours => Side::Calicos,
            Side::Calicos => Side::Ours,
        }
    }
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    calicoctl: PathBuf,
    ipamctl: PathBuf,
    plugin: PathBuf,
    /// Holds Calico's plugin under the name by which it knows what it is.
    links: TempDir,
}

impl Programs {
    /// Finds the programs.
    ///
    /// # Errors
    /// What is missing, and how to give it.
    pub(crate) fn from_environment() -> Result<Programs, String> {
        let given = |name: &str| {
            let path = env::var_os(name).filter(|path| !path.is_empty());
            path.map(PathBuf::from)
                .ok_or(format!("{name} names no program of Calico"))
        };
        let (calicoctl, calico_ipam) = (given("CALICOCTL")?, given("CALICO_IPAM")?);
        let plugin = PathBuf::from(env!("CARGO_BIN_EXE_block-ipam"));
        let ipamctl = plugin.with_file_name("ipamctl");
        for program in [&calicoctl, &calico_ipam, &ipamctl] {
            assert!(program.is_file(), "no program {}", program.display());
        }
        let links = TempDir::new().expect("a folder");
        let target = calico_ipam.canonicalize().expect("a path");
        symlink(target, links.path().join("calico-ipam")).expect("a link");
        Ok(Programs {
            calicoctl,
            ipamctl,
            plugin,
            links,
        })
    }

    fn plugin(&self, side: Side) -> PathBuf {
        match side {
            Side::Ours => self.plugin.clone(),
            Side::Calicos => self.links.path().join("calico-ipam"),
        }
    }
}

/// An etcd on which both work, and what nodes keep in files.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    programs: &'a Programs,
    pub(crate) etcd: EtcdServer,
    folder: TempDir,
}

/// Which attachment a plugin is called for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attachment {
    pub(crate) network: &'static str,
    pub(crate) node: &'static str,
    pub(crate) container: String,
}

impl Attachment {
    pub(crate) fn new(network: &'static str, node: &'static str, container: &str) -> Attachment {
        Attachment {
            network,
            node,
            container: container.to_owned(),
        }
    }
}

impl<'a> Place<'a> {
    /// An etcd with these manifests, laid by calicoctl.
    pub(crate) fn new(programs: &'a Programs, manifests: &str) -> Place<'a> {
        let place = Place {
            programs,
            etcd: EtcdServer::start(),
            folder: TempDir::new().expect("a folder"),
        };
        place.calicoctl_with(&["create"], manifests).done();
        place
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("DATASTORE_TYPE", "etcdv3")
            .env("ETCD_ENDPOINTS", self.etcd.url())
            .env("BLOCK_IPAM_RUN_DIR", self.file("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn calicoctl(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(&self.programs.calicoctl);
        command.args(arguments).arg("--allow-version-mismatch");
        Ended::of(command.output().expect("calicoctl starts"))
    }

    /// The same with a manifest.
    pub(crate) fn calicoctl_with(&self, arguments: &[&str], manifest: &str) -> Ended {
        let file = self.manifest(manifest);
        self.calicoctl(&[arguments, &["-f", &file]].concat())
    }

    /// Runs `calicoctl` with the configuration of a Kubernetes API.
    pub(crate) fn calicoctl_beside_kubernetes(
        &self,
        kubeconfig: &str,
        arguments: &[&str],
    ) -> Ended {
        let path = self.file("kubeconfig");
        std::fs::write(&path, kubeconfig).expect("written");
        let mut command = self.command(&self.programs.calicoctl);
        command
            .args(arguments)
            .arg("--allow-version-mismatch")
            .env("KUBECONFIG", path);
        Ended::of(command.output().expect("calicoctl starts"))
    }

    pub(crate) fn ipamctl(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(&self.programs.ipamctl);
        Ended::of(command.args(arguments).output().expect("ipamctl starts"))
    }

    /// The same with a manifest.
    pub(crate) fn ipamctl_with(&self, arguments: &[&str], manifest: &str) -> Ended {
        let file = self.manifest(manifest);
        self.ipamctl(&[arguments, &["-f", &file]].concat())
    }

    fn manifest(&self, text: &str) -> String {
        let path = self.file("manifest.yaml");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Starts a plugin, with the configuration of Calico that both take.
    pub(crate) fn start(&self, side: Side, verb: &str, attachment: &Attachment) -> Child {
        let (network, node) = (attachment.network, attachment.node);
        let etcd = self.etcd.url();
        let config = format!(
            r#"{{"cniVersion":"1.0.0","name":"{network}","type":"calico","log_level":"error","datastore_type":"etcdv3","etcd_endpoints":"{etcd}","nodename":"{node}","ipam":{{"type":"calico-ipam","assign_ipv4":"true","assign_ipv6":"true"}}}}"#
        );
        let mut child = self
            .command(&self.programs.plugin(side))
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", &attachment.container)
            .env("CNI_NETNS", "/var/run/netns/absent")
            .env("CNI_IFNAME", "eth0")
            .env("CNI_PATH", "/opt/cni/bin")
            .stdin(Stdio::piped())
            .spawn()
            .expect("the plugin starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may be killed before it has read everything.
        let _ = stdin.write_all(config.as_bytes());
        child
    }

    pub(crate) fn call(&self, side: Side, verb: &str, attachment: &Attachment) -> Ended {
        let child = self.start(side, verb, attachment);
        Ended::of(child.wait_with_output().expect("the plugin ends"))
    }

    /// Returns every record below a prefix, by key.
    pub(crate) fn records(&self, prefix: &str) -> Vec<(String, String)> {
        let arguments = ["get", "--prefix", prefix, "-w", "json"];
        let text = self.etcd.etcdctl(&arguments);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let entries = value["kvs"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| {
            use base64::Engine;
            let encoded = value.as_str().unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
            String::from_utf8(bytes.expect("base64")).expect("records are text")
        };
        entries
            .iter()
            .map(|entry| (text(&entry["key"]), text(&entry["value"])))
            .collect()
    }
}
