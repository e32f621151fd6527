//! What a plugin does before its first request: how long it takes, and how many instructions.
//!
//! The store is a listener of this program, which reads frames of HTTP/2 until one begins a request, and answers none.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};

use crate::plugin::environment;
use crate::process::Call;
use crate::samples::{Samples, Stopwatch};

/// What a connection of HTTP/2 begins with, bytes.
const PREFACE: usize = 24;
/// The kind of frame that begins a request.
const HEADERS: u8 = 1;

/// What starts programs and counts their instructions.
const VALGRIND: &str = "valgrind";

/// Measures the time from the start of the process to its first request to the store.
pub(crate) fn times(plugin: &Path, rounds: u64) -> Result<Samples, String> {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        let listener = listener()?;
        let watch = Stopwatch::start();
        let child = call(plugin, Vec::new(), &listener)?.start()?;
        first_request(&listener)?;
        samples.extend([watch.stop()]);
        end(child)?;
    }
    Ok(samples)
}

/// Counts the instructions until then; none where there is no valgrind.
pub(crate) fn instructions(plugin: &Path, dir: &Path) -> Result<Option<u64>, String> {
    let listener = listener()?;
    let arguments = vec![
        "--tool=callgrind".to_owned(),
        format!(
            "--callgrind-out-file={}",
            dir.join("callgrind.out").display()
        ),
        plugin.display().to_string(),
    ];
    let call = call(Path::new(VALGRIND), arguments, &listener)?;
    let Ok(child) = call.start() else {
        return Ok(None);
    };
    first_request(&listener)?;
    let told = end(child)?;
    let line = told.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = line.ok_or_else(|| format!("valgrind told no count: {told}"))?;
    let number = number.trim().parse();
    number.map(Some).map_err(|error| format!("{told}: {error}"))
}

fn listener() -> Result<TcpListener, String> {
    TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())
}

/// Waits for the first request of the first connection.
fn first_request(listener: &TcpListener) -> Result<(), String> {
    let (mut stream, _) = listener.accept().map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("no request came: {error}");
    stream.read_exact(&mut [0; PREFACE]).map_err(failed)?;
    loop {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).map_err(failed)?;
        let [high, middle, low, kind, ..] = frame;
        if kind == HEADERS {
            return Ok(());
        }
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut rest = (&mut stream).take(u64::from(length));
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(failed)?;
    }
}

fn call(program: &Path, arguments: Vec<String>, listener: &TcpListener) -> Result<Call, String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut environment = environment("ADD", "start");
    for name in ["BLOCK_IPAM_RUN_DIR", "PATH"] {
        environment.push((name.to_owned(), std::env::var(name).unwrap_or_default()));
    }
    Ok(Call {
        program: program.to_owned(),
        arguments,
        environment,
        stdin: format!(
            r#"{{"cniVersion":"1.0.0","name":"start","type":"bridge","nodename":"start","ipam":{{"type":"block-ipam","datastore":"etcd:http://{address}"}}}}"#
        ),
    })
}

/// Ends the program at this point, and returns what it said on standard error.
fn end(child: Child) -> Result<String, String> {
    let process = child.id().to_string();
    let killed = Command::new("kill").arg(process).status();
    killed.map_err(|error| error.to_string())?;
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
