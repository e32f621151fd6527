//! How a program ended, and what it printed.

use std::net::IpAddr;
use std::process::{ExitStatus, Output};

use serde_json::Value;

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: String,
    /// Shown where something fails.
    #[expect(dead_code, reason = "read by Debug alone")]
    stderr: String,
    status: ExitStatus,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            status: output.status,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.status.success()
    }

    /// Panics unless it did what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> Ended {
        assert!(self.is_done(), "{self:#?}");
        self
    }

    /// Returns the addresses of a plugin's result.
    #[track_caller]
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let result: Value = serde_json::from_str(&self.stdout).expect("a result is JSON");
        let ips = result["ips"].as_array().expect("a result has addresses");
        let address = |ip: &Value| {
            let text = ip["address"].as_str().expect("an address is a text");
            let (address, _) = text.split_once('/').expect("with a length");
            address.parse().expect("an address")
        };
        ips.iter().map(address).collect()
    }
}
