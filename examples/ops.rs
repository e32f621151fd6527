//! The public operations by JSON lines: one operation in, one result out, on any store.
//!
//! `docs/ops.md` tells the operations. `cargo run --example ops -- --datastore memory: < ops.jsonl`

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use block_ipam::datastore::settings::{Layer, Sources, resolve};
use block_ipam::datastore::{Datastore, Memory, OnAbsent, OpenOptions, open};
use block_ipam::entropy::{Entropy, SystemEntropy};
use block_ipam_testing::ops::Interpreter;
use tokio::io::{AsyncBufReadExt, BufReader};

const USAGE: &str = "\
usage: ops --datastore STORE < OPERATIONS

Reads one operation from each line of standard input and writes its result as a line, both JSON.
STORE is memory:, sqlite:PATH (made where it is not there yet) or etcd:URL[,URL..]; credentials of an etcd come from
ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE, ETCD_USERNAME and ETCD_PASSWORD.
";

/// How long one read or commit may take.
const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = match arguments[..] {
        ["--datastore", text] => text,
        ["--help" | "-h"] => return ended(write!(std::io::stdout(), "{USAGE}")),
        _ => {
            let _ = write!(std::io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    match store(text) {
        Ok(store) => ended(serve(&Interpreter::new(store, Arc::new(SystemEntropy))).await),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ops: {error}");
            ExitCode::from(2)
        }
    }
}

fn store(text: &str) -> Result<Arc<dyn Datastore>, Box<dyn Error>> {
    if text == "memory:" {
        return Ok(Arc::new(Memory::new(SystemEntropy.bits())));
    }
    let sources = Sources {
        given: vec![Layer::flag(text)],
        variable: &|name| std::env::var(name).ok(),
        file: &|_| Ok(None),
    };
    let options = OpenOptions {
        on_absent: OnAbsent::Create,
        timeout: TIMEOUT,
        prefer: None,
        entropy: &SystemEntropy,
    };
    Ok(open(&resolve(&sources)?.settings, &options)?)
}

/// Answers line by line until the input ends. Empty lines are passed over.
async fn serve(interpreter: &Interpreter) -> std::io::Result<()> {
    let mut input = BufReader::new(tokio::io::stdin());
    let mut output = std::io::stdout();
    let mut line = Vec::new();
    while 0 < input.read_until(b'\n', &mut line).await? {
        if !line.trim_ascii().is_empty() {
            let answer = interpreter.answer_line(&line).await;
            writeln!(output, "{answer}")?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

/// Whoever reads the answers may stop reading them.
fn ended(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ops: {error}");
            ExitCode::FAILURE
        }
    }
}
