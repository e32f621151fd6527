//! The table of results, as people and `docs/performance.md` get it.

use std::fmt::Write;
use std::process::Command;

use crate::samples::Samples;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) work: &'static str,
    pub(crate) samples: Samples,
    /// How much of what it may be of which other work.
    pub(crate) beside: Option<Beside>,
    /// What Calico takes for it, in words.
    pub(crate) calico: &'static str,
}

/// A ratio and the most it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) ratio: f64,
    pub(crate) of: &'static str,
    pub(crate) most: Option<f64>,
}

impl Beside {
    /// Compares the medians of two kinds of work of one run.
    pub(crate) fn new(
        own: &Samples,
        other: &Samples,
        of: &'static str,
        most: Option<f64>,
    ) -> Beside {
        Beside {
            ratio: own.median() / other.median(),
            of,
            most,
        }
    }

    fn text(self) -> String {
        let limit = match self.most {
            Some(most) if self.ratio <= most => format!(" (at most {most})"),
            Some(most) => format!(" (**above {most}**)"),
            None => String::new(),
        };
        format!("{:.2} x {}{limit}", self.ratio, self.of)
    }
}

/// Returns the rows as Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | times | median ms | p99 ms | beside | Calico |\n| --- | ---: | ---: | ---: | --- | --- |\n",
    );
    for row in rows {
        let beside = row.beside.map(Beside::text).unwrap_or_default();
        let samples = &row.samples;
        let (count, median, p99) = (samples.count(), samples.median(), samples.p99());
        writeln!(
            text,
            "| {} | {count} | {median:.2} | {p99:.2} | {beside} | {} |",
            row.work, row.calico
        )
        .expect("writing to a text cannot fail");
    }
    text
}

/// Returns what the machine is, in one line.
pub(crate) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let etcd = Command::new("etcd")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let etcd = etcd
        .lines()
        .next()
        .unwrap_or("etcd of unknown version")
        .replace("etcd Version: ", "etcd ");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let kernel = kernel.trim();
    format!(
        "{model}, {cores} cores, Linux {kernel}, load {load} before the run; {etcd}, one member on loopback with a disk"
    )
}
