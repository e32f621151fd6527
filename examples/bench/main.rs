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
mod library;
#[path = "../measured/frame.rs"]
mod measured;
mod plugin;
mod process;
mod samples;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bare::{Bare, BareClient};
use library::Library;
use plugin::Programs;
use samples::Samples;
use table::{Beside, Row};

/// How often each kind of work is measured, after a tenth of that for warming up.
const REQUESTS: u64 = 1000;
const PROCESSES: u64 = 300;
const COLD: u64 = 200;
const BURSTS: u64 = 10;

const TIMEOUT: Duration = Duration::from_secs(5);

/// What an assignment may take of a bare read and a bare transaction, and a plugin's of the floor program.
const MOST_IN_PROCESS: f64 = 1.5;
const MOST_OF_FLOOR: f64 = 1.3;

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

    let rows = [
        &bare_rows(&bare)[..],
        &library_rows(&in_process, &bare),
        &program_rows(&programs.take()),
    ];
    text += &table::markdown(&rows.concat());
    text += &sizes(&programs)?;
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
    (0..BURSTS).try_for_each(|number| programs.burst(number))
}

fn row(work: &'static str, samples: &Samples, beside: Option<Beside>, calico: &'static str) -> Row {
    Row {
        work,
        samples: samples.clone(),
        beside,
        calico,
    }
}

fn bare_rows(bare: &Bare) -> [Row; 4] {
    [
        row("bare linearizable read, 4 KiB", &bare.read, None, ""),
        row("bare put, 4 KiB", &bare.put, None, ""),
        row(
            "bare transaction of three keys",
            &bare.transaction,
            None,
            "",
        ),
        row("bare read + transaction", &bare.both, None, ""),
    ]
}

fn library_rows(library: &library::Measured, bare: &Bare) -> [Row; 4] {
    let beside = |own, most| Some(Beside::new(own, &bare.both, "read + transaction", most));
    let most = Some(MOST_IN_PROCESS);
    let (add, both) = (&library.add, &library.add_both);
    let (del, cold) = (&library.del, &library.cold);
    [
        row(
            "library: warm ADD",
            add,
            beside(add, most),
            "5.5 ms, 10 requests",
        ),
        row(
            "library: warm ADD, dual stack",
            both,
            beside(both, most),
            "8.7 ms, 20 requests",
        ),
        row("library: DEL", del, beside(del, most), "2.7 ms, 9 requests"),
        row(
            "library: first block of a node",
            cold,
            beside(cold, None),
            "8.7 ms, 15 requests",
        ),
    ]
}

fn program_rows(programs: &plugin::Measured) -> Vec<Row> {
    let beside = |own| {
        Some(Beside::new(
            own,
            &programs.floor,
            "floor program",
            Some(MOST_OF_FLOOR),
        ))
    };
    let (add, both, del) = (&programs.add, &programs.add_both, &programs.del);
    let together = Beside::new(&programs.at_once, add, "one ADD", None);
    let mut rows = vec![
        row("floor program", &programs.floor, None, ""),
        row("plugin: warm ADD", add, beside(add), "28.7 ms"),
        row(
            "plugin: warm ADD, dual stack",
            both,
            beside(both),
            "30.5 ms",
        ),
        row("plugin: DEL", del, beside(del), "27.0 ms"),
        row(
            "plugin: 110 ADDs at once on one node",
            &programs.at_once,
            Some(together),
            "3270 ms",
        ),
    ];
    if Programs::has_host_local() {
        rows.push(row(
            "host-local: ADD, local files, no cluster",
            &programs.host_local,
            None,
            "",
        ));
    } else {
        eprintln!(
            "host-local is not installed (Debian: containernetworking-plugins): its row is left out"
        );
    }
    rows
}

fn sizes(programs: &Programs) -> Result<String, String> {
    let (plugin_memory, floor_memory) = programs.peak_memory()?;
    let (plugin_size, floor_size) = programs.sizes()?;
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    Ok(format!(
        "\n| | plugin | floor program | Calico |\n| --- | ---: | ---: | ---: |\n| binary, MB | {} | {} | 96 |\n| peak memory of an ADD, MB | {} | {} | 48 |\n",
        megabytes(plugin_size),
        megabytes(floor_size),
        megabytes(plugin_memory * 1024),
        megabytes(floor_memory * 1024),
    ))
}
