//! Any environment and any standard input as a call of the plugin: whatever comes in, a CNI reply comes out.
//!
//! The input is `NAME=VALUE` lines, an empty line, and standard input.
#![no_main]

use std::sync::Arc;

use block_ipam::clock::SystemClock;
use block_ipam::cni::config::NetworkConfig;
use block_ipam::cni::store::{OpenStore, Use};
use block_ipam::cni::{self, CniError, Context, Environment, Machine};
use block_ipam::datastore::settings::StoreSettings;
use block_ipam::datastore::{Datastore, Memory};
use block_ipam::entropy::SystemEntropy;
use libfuzzer_sys::fuzz_target;

/// A store without records. What the input says of stores is not looked at.
#[derive(Debug)]
struct Empty;

impl OpenStore for Empty {
    fn select(&self, _: &NetworkConfig, _: &Environment) -> Result<StoreSettings, CniError> {
        Ok(StoreSettings::Sqlite("memory".into()))
    }

    fn open(&self, _: &StoreSettings, _: Use<'_>) -> Result<Arc<dyn Datastore>, CniError> {
        Ok(Arc::new(Memory::new(1)))
    }
}

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (head, stdin) = text.split_once("\n\n").unwrap_or((&text, ""));
    let variables = head.lines().filter_map(|line| line.split_once('='));
    // `run_dir` would write wherever the input says.
    if stdin.contains("run_dir") {
        return;
    }
    let environment: Environment = variables.collect();
    let context = Context {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        stores: Arc::new(Empty),
        machine: Machine {
            run_dir: "/nonexistent/run".into(),
            ..Machine::default()
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime of one thread starts");
    let reply = runtime.block_on(cni::run(&environment, stdin.as_bytes(), &context));
    let value = serde_json::from_str::<serde_json::Value>(&reply.stdout);
    match reply.exit {
        0 => assert!(reply.stdout.is_empty() || value.is_ok(), "{}", reply.stdout),
        _ => {
            let value = value.expect("an error is one JSON object");
            assert!(value["code"].is_u64() && value["msg"].is_string() && value["cniVersion"].is_string());
        }
    }
});
