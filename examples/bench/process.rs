//! Whole processes: started, fed, awaited and measured as a container runtime sees them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::samples::{Samples, Stopwatch};

/// A program with its environment and its standard input.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) stdin: String,
}

impl Call {
    /// Runs it to its end and adds how long that took.
    pub(crate) fn measure(&self, samples: &mut Samples) -> Result<(), String> {
        let watch = Stopwatch::start();
        let child = self.start()?;
        self.finish(child)?;
        samples.extend([watch.stop()]);
        Ok(())
    }

    /// Runs it to its end and returns its peak memory in KiB, by reading it as fast as the machine can until the process ends.
    pub(crate) fn peak_memory(&self) -> Result<u64, String> {
        let child = self.start()?;
        let status = Path::new("/proc")
            .join(child.id().to_string())
            .join("status");
        let mut peak = 0;
        while let Some(now) = std::fs::read_to_string(&status)
            .ok()
            .as_deref()
            .and_then(high_water)
        {
            peak = peak.max(now);
        }
        self.finish(child)?;
        Ok(peak)
    }

    /// Starts it and feeds it; [`Call::finish`] awaits it.
    pub(crate) fn start(&self) -> Result<Child, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // A program that does not read its input may be gone already.
        let written = stdin.write_all(self.stdin.as_bytes());
        written
            .or_else(|error| {
                if error.kind() == std::io::ErrorKind::BrokenPipe {
                    Ok(())
                } else {
                    Err(error)
                }
            })
            .map_err(failed)?;
        Ok(child)
    }

    /// Returns the same call with its line of the log on standard error.
    pub(crate) fn logged(mut self) -> Call {
        self.stdin = self.stdin.replacen('{', r#"{"log_level":"info","#, 1);
        self
    }

    /// Awaits it, and returns what it wrote to standard error; fails with all it said where it did not succeed.
    pub(crate) fn finish(&self, child: Child) -> Result<String, String> {
        let output = child
            .wait_with_output()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!(
            "{}: {}: {}",
            self.program.display(),
            output.status,
            String::from_utf8_lossy(&said)
        ))
    }
}

/// Returns the peak of the resident set that a `status` file tells, KiB; none once the process has ended.
fn high_water(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
