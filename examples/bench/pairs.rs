//! Whole processes beside host-local, which keeps addresses in local files: an ADD and its DEL, on a disk and in memory.
//!
//! host-local serves one machine and waits for no disk: it does not sync what it writes. Ours on a file syncs twice.

use std::path::{Path, PathBuf};

use crate::plugin::{HOST_LOCAL, environment};
use crate::process::Call;
use crate::samples::{Samples, Stopwatch};

/// Where a plugin keeps its addresses.
#[derive(Debug, Clone)]
enum Keeper {
    HostLocal(PathBuf),
    Sqlite(PathBuf),
    Etcd(String),
}

/// One line of the comparison.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) work: &'static str,
    pub(crate) samples: Samples,
    /// The line that it is measured beside.
    pub(crate) beside: Option<&'static str>,
    keeper: Keeper,
}

/// All lines, measured turn by turn.
#[derive(Debug)]
pub(crate) struct Pairs {
    plugin: PathBuf,
    pub(crate) pairs: Vec<Pair>,
}

const MEMORY: &str = "host-local: ADD + DEL, data in memory";
const DISK: &str = "host-local: ADD + DEL, data on the disk";

impl Pairs {
    /// Makes the stores: `disk` and `memory` are folders, `ipamctl` fills the files.
    pub(crate) fn new(
        plugin: &Path,
        endpoint: &str,
        disk: &Path,
        memory: &Path,
    ) -> Result<Pairs, String> {
        let files = [disk, memory].map(|folder| folder.join("pairs.db"));
        for file in &files {
            fill(&plugin.with_file_name("ipamctl"), file)?;
        }
        let [on_disk, in_memory] = files;
        let pair = |work, keeper, beside| Pair {
            work,
            samples: Samples::default(),
            beside,
            keeper,
        };
        let local = |folder: &Path| Keeper::HostLocal(folder.join("pairs"));
        Ok(Pairs {
            plugin: plugin.to_owned(),
            pairs: vec![
                pair(MEMORY, local(memory), None),
                pair(
                    "plugin: ADD + DEL, file in memory",
                    Keeper::Sqlite(in_memory),
                    Some(MEMORY),
                ),
                pair(DISK, local(disk), None),
                pair(
                    "plugin: ADD + DEL, file on the disk",
                    Keeper::Sqlite(on_disk),
                    Some(DISK),
                ),
                pair(
                    "plugin: ADD + DEL, etcd on the disk",
                    Keeper::Etcd(endpoint.to_owned()),
                    Some(DISK),
                ),
            ],
        })
    }

    /// Measures each line once.
    pub(crate) fn round(&mut self, number: u64) -> Result<(), String> {
        let container = format!("pair-{number}");
        for pair in &mut self.pairs {
            let watch = Stopwatch::start();
            for verb in ["ADD", "DEL"] {
                let call = call(&self.plugin, &pair.keeper, verb, &container);
                call.measure(&mut Samples::default())?;
            }
            pair.samples.extend([watch.stop()]);
        }
        Ok(())
    }

    /// Forgets what was measured for warming up.
    pub(crate) fn forget(&mut self) {
        for pair in &mut self.pairs {
            pair.samples = Samples::default();
        }
    }

    /// Returns what was measured of a line.
    pub(crate) fn samples(&self, work: &str) -> Option<&Samples> {
        let pair = self.pairs.iter().find(|pair| pair.work == work);
        pair.map(|pair| &pair.samples)
    }
}

fn fill(ipamctl: &Path, file: &Path) -> Result<(), String> {
    let pools = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bench/pools.yaml");
    let store = format!("sqlite:{}", file.display());
    let mut command = std::process::Command::new(ipamctl);
    let output = command
        .args(["--datastore", &store, "apply", "-f", pools])
        .output();
    let output = output.map_err(|error| format!("{}: {error}", ipamctl.display()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn call(plugin: &Path, keeper: &Keeper, verb: &str, container: &str) -> Call {
    let ipam = match keeper {
        Keeper::HostLocal(folder) => format!(
            r#""type":"host-local","dataDir":"{}","ranges":[[{{"subnet":"10.231.0.0/16"}}]]"#,
            folder.display()
        ),
        Keeper::Sqlite(file) => format!(
            r#""type":"block-ipam","datastore":"sqlite:{}""#,
            file.display()
        ),
        Keeper::Etcd(endpoint) => format!(r#""type":"block-ipam","datastore":"etcd:{endpoint}""#),
    };
    let program = match keeper {
        Keeper::HostLocal(_) => HOST_LOCAL.into(),
        Keeper::Sqlite(_) | Keeper::Etcd(_) => plugin.to_owned(),
    };
    let mut environment = environment(verb, container);
    let run_dir = std::env::var("BLOCK_IPAM_RUN_DIR").unwrap_or_default();
    environment.push(("BLOCK_IPAM_RUN_DIR".to_owned(), run_dir));
    Call {
        program,
        arguments: Vec::new(),
        environment,
        stdin: format!(
            r#"{{"cniVersion":"1.0.0","name":"pairs","type":"bridge","nodename":"pairs","ipam":{{{ipam}}}}}"#
        ),
    }
}
