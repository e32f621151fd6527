//! The plugin and the programs that it is measured beside, as whole processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bare::FLOOR_KEY;
use crate::process::Call;
use crate::samples::{Samples, Stopwatch};

/// Debian's plugin that keeps addresses in local files: what no cluster costs.
pub(crate) const HOST_LOCAL: &str = "/usr/lib/cni/host-local";
/// How many processes a node starts when all its workloads come at once.
pub(crate) const AT_ONCE: u64 = 110;
/// How many a large node starts.
pub(crate) const CROWD: u64 = 250;
/// Requests of an ADD that nobody disturbs.
const LEAST_REQUESTS: u64 = 2;

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) floor: Samples,
    pub(crate) add: Samples,
    pub(crate) add_both: Samples,
    pub(crate) del: Samples,
    pub(crate) at_once: Samples,
    /// All of a crowd together, and each of it from its start to its end.
    pub(crate) crowd: Samples,
    pub(crate) crowd_each: Samples,
    /// Requests of the crowds beyond those that each ADD needs: conflicts, and blocks that were full.
    pub(crate) crowd_requests: u64,
}

/// The programs.
#[derive(Debug)]
pub(crate) struct Programs {
    plugin: PathBuf,
    floor: PathBuf,
    endpoint: String,
    dir: PathBuf,
    measured: Measured,
}

impl Programs {
    /// Takes the programs beside this one's folder.
    pub(crate) fn beside(own: &Path, endpoint: &str, dir: &Path) -> Result<Programs, String> {
        let examples = own.parent().ok_or("this program lies in no folder")?;
        let plugin = examples.with_file_name("block-ipam");
        let floor = examples.join("floor");
        for program in [&plugin, &floor] {
            if !program.exists() {
                return Err(format!("{} is not built: make bench", program.display()));
            }
        }
        Ok(Programs {
            plugin,
            floor,
            endpoint: endpoint.to_owned(),
            dir: dir.to_owned(),
            measured: Measured::default(),
        })
    }

    pub(crate) fn has_host_local() -> bool {
        Path::new(HOST_LOCAL).exists()
    }

    /// Measures each program once, one after the other.
    pub(crate) fn round(&mut self, number: u64) -> Result<(), String> {
        self.floor().measure(&mut self.measured.floor)?;
        let container = format!("process-{number}");
        self.call("ADD", &container, "false")
            .measure(&mut self.measured.add)?;
        self.call("DEL", &container, "false")
            .measure(&mut self.measured.del)?;
        self.call("ADD", &container, "true")
            .measure(&mut self.measured.add_both)?;
        self.call("DEL", &container, "true")
            .measure(&mut Samples::default())?;
        Ok(())
    }

    /// Starts an ADD for each of [`AT_ONCE`] workloads before it awaits any, then releases all.
    pub(crate) fn burst(&mut self, number: u64) -> Result<(), String> {
        let calls = |verb: &str| -> Vec<Call> {
            (0..AT_ONCE)
                .map(|one| self.call(verb, &format!("burst-{number}-{one}"), "false"))
                .collect()
        };
        let (adds, dels) = (calls("ADD"), calls("DEL"));
        let watch = Stopwatch::start();
        let children = adds
            .iter()
            .map(Call::start)
            .collect::<Result<Vec<_>, _>>()?;
        std::iter::zip(&adds, children)
            .try_for_each(|(call, child)| call.finish(child).map(drop))?;
        self.measured.at_once.extend([watch.stop()]);
        dels.iter()
            .try_for_each(|call| call.measure(&mut Samples::default()))
    }

    /// Starts an ADD for each of [`CROWD`] workloads at once and awaits each by itself, then releases all.
    pub(crate) fn crowd(&mut self, number: u64) -> Result<(), String> {
        let calls = |verb: &str| -> Vec<Call> {
            let container = |one| format!("crowd-{number}-{one}");
            let call = |one| self.call(verb, &container(one), "false").logged();
            (0..CROWD).map(call).collect()
        };
        let (adds, dels) = (calls("ADD"), calls("DEL"));
        let watch = Stopwatch::start();
        let ended = std::thread::scope(|scope| {
            let one = |call| scope.spawn(move || alone(call));
            let running: Vec<_> = adds.iter().map(one).collect();
            let joined = running
                .into_iter()
                .map(|one| one.join().map_err(|_| "a thread".to_owned())?);
            joined.collect::<Result<Vec<_>, String>>()
        })?;
        self.measured.crowd.extend([watch.stop()]);
        for (spent, requests) in ended {
            self.measured.crowd_each.extend([spent]);
            self.measured.crowd_requests += requests.saturating_sub(LEAST_REQUESTS);
        }
        dels.iter()
            .try_for_each(|call| call.measure(&mut Samples::default()))
    }

    /// Returns the plugin.
    pub(crate) fn plugin(&self) -> &Path {
        &self.plugin
    }

    /// Returns what was measured since the last call.
    pub(crate) fn take(&mut self) -> Measured {
        std::mem::take(&mut self.measured)
    }

    /// Returns the peak memory of an ADD by the plugin and of the floor program, KiB: the most of some runs.
    pub(crate) fn peak_memory(&self) -> Result<(u64, u64), String> {
        let (mut plugin, mut floor) = (0, 0);
        for number in 0..20 {
            let container = format!("memory-{number}");
            plugin = plugin.max(self.call("ADD", &container, "true").peak_memory()?);
            floor = floor.max(self.floor().peak_memory()?);
            self.call("DEL", &container, "true")
                .measure(&mut Samples::default())?;
        }
        Ok((plugin, floor))
    }

    /// Returns the sizes of the plugin and of the floor program, bytes.
    pub(crate) fn sizes(&self) -> Result<(u64, u64), String> {
        let size = |path: &Path| {
            std::fs::metadata(path)
                .map(|file| file.len())
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok((size(&self.plugin)?, size(&self.floor)?))
    }

    fn floor(&self) -> Call {
        Call {
            program: self.floor.clone(),
            arguments: vec![self.endpoint.clone(), FLOOR_KEY.to_owned()],
            environment: Vec::new(),
            stdin: String::new(),
        }
    }

    fn call(&self, verb: &str, container: &str, v6: &str) -> Call {
        let ipam = format!(r#"{{"type":"block-ipam","assign_ipv4":"true","assign_ipv6":"{v6}"}}"#);
        let mut call = Call {
            program: self.plugin.clone(),
            arguments: Vec::new(),
            environment: environment(verb, container),
            stdin: format!(
                r#"{{"cniVersion":"1.0.0","name":"bench","type":"bridge","nodename":"bench","etcd_endpoints":"{}","ipam":{ipam}}}"#,
                self.endpoint
            ),
        };
        let run_dir = std::env::var("BLOCK_IPAM_RUN_DIR");
        let run_dir = run_dir.unwrap_or_else(|_| self.dir.join("run").display().to_string());
        call.environment
            .push(("BLOCK_IPAM_RUN_DIR".to_owned(), run_dir));
        call
    }
}

/// Runs a call to its end; returns how long that took, and how many requests its log tells.
fn alone(call: &Call) -> Result<(Duration, u64), String> {
    let watch = Stopwatch::start();
    let said = call.finish(call.start()?)?;
    let spent = watch.stop();
    let words = said.split_whitespace();
    let mut requests = words.filter_map(|word| word.strip_prefix("requests=")?.parse().ok());
    let requests = requests
        .next_back()
        .ok_or_else(|| format!("no requests in the log: {said}"))?;
    Ok((spent, requests))
}

pub(crate) fn environment(verb: &str, container: &str) -> Vec<(String, String)> {
    let fixed = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", "/run/netns/bench"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
        (
            "CNI_ARGS",
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME=bench",
        ),
    ];
    fixed
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
