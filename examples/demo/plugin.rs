//! The plugin as a container runtime starts it: parameters in the environment, the network configuration on standard input.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Failure;
use crate::cluster::Workload;
use crate::ipamctl::built;

/// The built plugin and what every call of it gets.
#[derive(Debug)]
pub(crate) struct Plugin {
    program: PathBuf,
    store: String,
    run_dir: PathBuf,
}

impl Plugin {
    pub(crate) fn new(store: &str, dir: &Path) -> Result<Plugin, Failure> {
        Ok(Plugin {
            program: built("block-ipam")?,
            store: store.to_owned(),
            run_dir: dir.join("run"),
        })
    }

    /// Returns the addresses that an ADD of the workload answers with.
    pub(crate) fn add(&self, workload: &Workload) -> Result<Vec<String>, Failure> {
        let answer = self.call("ADD", workload)?;
        let answer: Value =
            serde_json::from_slice(&answer).map_err(|error| format!("answer of ADD: {error}"))?;
        let addresses = answer["ips"].as_array().into_iter().flatten();
        let texts = addresses.filter_map(|ip| ip["address"].as_str());
        Ok(texts
            .filter_map(|text| text.split('/').next())
            .map(str::to_owned)
            .collect())
    }

    /// Releases what the workload holds.
    pub(crate) fn del(&self, workload: &Workload) -> Result<(), Failure> {
        let answer = self.call("DEL", workload)?;
        if answer.is_empty() {
            Ok(())
        } else {
            Err(format!("DEL said {}", String::from_utf8_lossy(&answer)))
        }
    }

    fn call(&self, verb: &str, workload: &Workload) -> Result<Vec<u8>, Failure> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut child = Command::new(&self.program)
            .env_clear()
            .env("BLOCK_IPAM_RUN_DIR", &self.run_dir)
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", &workload.container)
            .env("CNI_NETNS", format!("/run/netns/{}", workload.name))
            .env("CNI_IFNAME", "eth0")
            .env("CNI_PATH", "/opt/cni/bin")
            .env(
                "CNI_ARGS",
                format!(
                    "IgnoreUnknown=1;K8S_POD_NAMESPACE=demo;K8S_POD_NAME={}",
                    workload.name
                ),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        stdin
            .write_all(self.network(workload).to_string().as_bytes())
            .map_err(failed)?;
        drop(stdin);
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let logged = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!(
            "{verb} of {} on {}: {}: {said}{logged}",
            workload.name, workload.node, output.status
        ))
    }

    fn network(&self, workload: &Workload) -> Value {
        json!({
            "cniVersion": "1.0.0",
            "name": "demo",
            "type": "bridge",
            "nodename": workload.node,
            "ipam": { "type": "block-ipam", "datastore": self.store, "assign_ipv4": "true", "assign_ipv6": "true" },
        })
    }
}
