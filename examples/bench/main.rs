//! Measures the library and the plugin beside bare requests of the same etcd, in one run, turn by turn.
//!
//! `bench DIR [--record]`: `ETCD_ENDPOINTS` names one member that has the pools of `pools.yaml`; DIR takes what the run
//! writes, and `BLOCK_IPAM_RUN_DIR` the plugin's hints.
//! What counts are the ratios: the times of two machines, or of one machine on two days, do not compare.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

mod bare;
mod hole;
mod library;
#[path = "../measured/frame.rs"]
mod measured;
mod pairs;
mod plugin;
mod process;
mod rows;
mod samples;
mod start;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bare::BareClient;
use hole::Hole;
use library::Library;
use pairs::Pairs;
use plugin::Programs;
use rows::row;

/// How often each kind of work is measured, after a tenth of that for warming up.
const REQUESTS: u64 = 1000;
const PROCESSES: u64 = 300;
const COLD: u64 = 200;
const BURSTS: u64 = 10;
const STARTS: u64 = 300;
const HOLES: u64 = 50;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the tables stand in the document.
const MARKS: [&str; 2] = ["<!-- measured: begin -->", "<!-- measured: end -->"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (dir, record) = match arguments.as_slice() {
        [dir] => (dir, false),
        [dir, flag] if flag == "--record" => (dir, true),
        _ => {
            eprintln!("bench DIR [--record]");
            return ExitCode::from(2);
        }
    };
    measured::end(measure(Path::new(dir)).await, record.then_some(MARKS))
}

async fn measure(dir: &Path) -> Result<String, String> {
    let endpoint = measured::endpoint()?;
    let mut text = format!("{}.\n\n", table::machine());
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut programs = Programs::beside(&own, &endpoint, dir)?;
    let mut client = BareClient::connect(&endpoint)
        .await
        .map_err(|error| error.to_string())?;
    let mut library = Library::warm(measured::store(&endpoint, TIMEOUT)?).await?;

    eprintln!("{REQUESTS} rounds of requests, {COLD} of first blocks");
    requests(&mut client, &mut library, REQUESTS).await?;
    let in_process = library.take();
    let bare = client.take();
    eprintln!(
        "{PROCESSES} rounds of processes, {BURSTS} of {} at once",
        plugin::AT_ONCE
    );
    processes(&mut programs)?;
    let measured = programs.take();
    eprintln!("{PROCESSES} rounds beside host-local, {STARTS} starts");
    let memory = std::env::var("BLOCK_IPAM_RUN_DIR");
    let memory = memory.map_err(|error| format!("BLOCK_IPAM_RUN_DIR: {error}"))?;
    let pairs = beside_host_local(&programs, &endpoint, dir, Path::new(&memory))?;
    let starts = start::times(programs.plugin(), STARTS)?;
    let hole = Hole::open().await?;
    let run_dir = Path::new(&memory).join("hole");
    let holes = hole::Node::new(programs.plugin(), &hole, &endpoint, run_dir).measure(HOLES)?;

    let rows = [
        &rows::bare_rows(&bare)[..],
        &rows::library_rows(&in_process, &bare),
        &rows::program_rows(&measured),
        &[row("plugin: start to first request", &starts, None, "")],
        &rows::hole_rows(&holes),
        &rows::pair_rows(&pairs),
    ];
    text += &table::markdown(&rows.concat());
    text += &rows::sizes(&programs)?;
    text += &rows::counts(&programs, &measured, dir)?;
    text += &rows::hole_cost(&holes);
    Ok(text)
}

async fn requests(
    client: &mut BareClient,
    library: &mut Library,
    rounds: u64,
) -> Result<(), String> {
    for number in 0..rounds + rounds / 10 {
        if number == rounds / 10 {
            client.take();
            library.take();
        }
        client
            .round(number)
            .await
            .map_err(|error| error.to_string())?;
        library.round(number).await?;
        if number < COLD + rounds / 10 {
            library.cold_round(number).await?;
        }
    }
    Ok(())
}

fn processes(programs: &mut Programs) -> Result<(), String> {
    for number in 0..PROCESSES + PROCESSES / 10 {
        if number == PROCESSES / 10 {
            programs.take();
        }
        programs.round(number)?;
    }
    (0..BURSTS).try_for_each(|number| programs.burst(number))?;
    (0..BURSTS).try_for_each(|number| programs.crowd(number))
}

fn beside_host_local(
    programs: &Programs,
    endpoint: &str,
    disk: &Path,
    memory: &Path,
) -> Result<Pairs, String> {
    if !Programs::has_host_local() {
        return Err("host-local is not installed (Debian: containernetworking-plugins)".to_owned());
    }
    let mut pairs = Pairs::new(programs.plugin(), endpoint, disk, memory)?;
    for number in 0..PROCESSES + PROCESSES / 10 {
        if number == PROCESSES / 10 {
            pairs.forget();
        }
        pairs.round(number)?;
    }
    Ok(pairs)
}
