//! What is said of the measurements: the rows of the table and the sentences below it.

use std::path::Path;

use crate::bare::Bare;
use crate::hole;
use crate::library;
use crate::pairs::{Pair, Pairs};
use crate::plugin::{self, Programs};
use crate::samples::Samples;
use crate::start;
use crate::table::{Beside, Row};

/// What an assignment may take of a bare read and a bare transaction, and a plugin's of the floor program.
const MOST_IN_PROCESS: f64 = 1.5;
const MOST_OF_FLOOR: f64 = 1.3;

/// What an endpoint that swallows packets may cost, milliseconds.
const MOST_OF_HOLE: f64 = 300.0;

pub(crate) fn pair_rows(pairs: &Pairs) -> Vec<Row> {
    let one = |pair: &Pair| {
        let other = pair.beside.and_then(|work| pairs.samples(work));
        let beside = other.map(|other| Beside::new(&pair.samples, other, "host-local's", None));
        row(pair.work, &pair.samples, beside, "")
    };
    pairs.pairs.iter().map(one).collect()
}

pub(crate) fn hole_rows(holes: &hole::Measured) -> [Row; 2] {
    [
        row(
            "plugin: ADD, the endpoint it used last of three swallows packets",
            &holes.first,
            Some(Beside::new(&holes.first, &holes.next, "the next ADD", None)),
            "",
        ),
        row("plugin: the ADD after that", &holes.next, None, ""),
    ]
}

pub(crate) fn hole_cost(holes: &hole::Measured) -> String {
    let cost = holes.first.p99() - holes.next.median();
    let held = if cost < MOST_OF_HOLE {
        format!("at most {MOST_OF_HOLE}")
    } else {
        format!("**above {MOST_OF_HOLE}**")
    };
    format!(
        "An endpoint of three that swallows packets costs the ADD that finds out {cost:.0} ms ({held}; p99 beside the median of the next), and the ADDs after it nothing.\n"
    )
}

/// What is counted, not timed.
pub(crate) fn counts(
    programs: &Programs,
    measured: &plugin::Measured,
    dir: &Path,
) -> Result<String, String> {
    let adds = measured.crowd_each.count();
    let more = measured.crowd_requests;
    let until = start::instructions(programs.plugin(), dir)?;
    let until = until.ok_or("valgrind is not installed (Debian: valgrind)")?;
    let millions = |number: u64| format!("{}.{}", number / 1_000_000, number % 1_000_000 / 100_000);
    Ok(format!(
        "\nOf {adds} ADDs in crowds of {} on one node, all were served, with {more} requests beyond the two of each: conflicts, and looks for another block.\n\
         A plugin executes {} million instructions from its start to its first request (callgrind).\n",
        plugin::CROWD,
        millions(until),
    ))
}

pub(crate) fn row(
    work: &'static str,
    samples: &Samples,
    beside: Option<Beside>,
    calico: &'static str,
) -> Row {
    Row {
        work,
        samples: samples.clone(),
        beside,
        calico,
    }
}

pub(crate) fn bare_rows(bare: &Bare) -> [Row; 4] {
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

pub(crate) fn library_rows(library: &library::Measured, bare: &Bare) -> [Row; 4] {
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

pub(crate) fn program_rows(programs: &plugin::Measured) -> Vec<Row> {
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
    vec![
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
        row(
            "plugin: 250 ADDs at once on one node",
            &programs.crowd,
            Some(Beside::new(&programs.crowd, add, "one ADD", None)),
            "",
        ),
        row("plugin: each of these 250", &programs.crowd_each, None, ""),
    ]
}

pub(crate) fn sizes(programs: &Programs) -> Result<String, String> {
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
