//! What the programs that measure share: the store they measure on, and what becomes of the text that they end with.

mod record;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::datastore::settings::{EtcdSettings, StoreSettings, TlsSettings};
use block_ipam::datastore::{Datastore, OnAbsent, OpenOptions, open};
use block_ipam::entropy::SystemEntropy;

/// Where the tables stand.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

/// Returns the one member to measure on, as `ETCD_ENDPOINTS` names it.
pub(crate) fn endpoint() -> Result<String, String> {
    std::env::var("ETCD_ENDPOINTS").map_err(|error| format!("ETCD_ENDPOINTS: {error}"))
}

/// Opens the store of one etcd member.
pub(crate) fn store(endpoint: &str, timeout: Duration) -> Result<Arc<dyn Datastore>, String> {
    let settings = EtcdSettings {
        endpoints: vec![endpoint.to_owned()],
        tls: TlsSettings::default(),
        login: None,
    };
    let options = OpenOptions {
        on_absent: OnAbsent::Refuse,
        timeout,
        prefer: None,
        entropy: &SystemEntropy,
    };
    open(&StoreSettings::Etcd(settings), &options).map_err(|error| error.to_string())
}

/// Prints what was measured, and writes it between two marks of the document if `record` names them.
pub(crate) fn end(measured: Result<String, String>, record: Option<[&str; 2]>) -> ExitCode {
    let done = measured.and_then(|text| {
        println!("{text}");
        record.map_or(Ok(()), |marks| {
            record::between(Path::new(DOCUMENT), marks, &text)
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("not measured: {failure}");
            ExitCode::FAILURE
        }
    }
}
