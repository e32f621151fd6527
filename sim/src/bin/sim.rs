//! Runs seeds of the simulation, or one trace again, and says what broke.

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use block_ipam_sim::fate::theme::Theme;
use block_ipam_sim::fleet::{Fleet, Kind};
use block_ipam_sim::many::{Until, run_seeds};
use block_ipam_sim::run::{Outcome, replay, run_seed};
use block_ipam_sim::trace::Trace;
use block_ipam_sim::weak::weakness;
use clap::{Parser, ValueEnum};

/// Simulates nodes, operators and faults on one store, and checks every invariant after every step.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds to run: one, or the first and the one after the last, as in 0..2000
    #[arg(long, value_parser = range, default_value = "0..2000")]
    seeds: Range<u64>,
    /// Whose programs take part
    #[arg(long, value_enum, default_value_t = Programs::Pure)]
    fleet: Programs,
    /// How many nodes there are; 2 to 4, as the seed says, where it is left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=200))]
    nodes: Option<u32>,
    /// What every run is like, in place of what its seed draws: take-over, late, halves, pools, give-up, rules, cooling or cover
    #[arg(long, value_parser = theme)]
    theme: Option<Theme>,
    /// Leaves out a guard, or decides wrongly, on purpose: the name of a weakness; `all` hunts each
    #[arg(long)]
    weak: Option<String>,
    /// Runs a trace of a file instead
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Tells everything that happens
    #[arg(long)]
    tell: bool,
    /// Writes the trace of a seed to a file
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Leaves out of the trace what is not needed to break the same invariant
    #[arg(long)]
    minimise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Programs {
    /// Ours alone
    Pure,
    /// Ours beside Calico's
    Mixed,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

fn theme(name: &str) -> Result<Theme, String> {
    Theme::by_name(name).ok_or_else(|| format!("no theme {name}"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to be told where standard error is closed.
            let _ = writeln!(io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    let fleet = Fleet {
        kind: match arguments.fleet {
            Programs::Pure => Kind::Pure,
            Programs::Mixed => Kind::Mixed,
        },
        weakness: None,
        nodes: arguments.nodes,
        theme: arguments.theme,
    };
    let fleet = match arguments.weak.as_deref() {
        None => fleet,
        Some("all") => return hunt(arguments, fleet),
        Some(name) => {
            let found = weakness::by_name(name);
            fleet.weak(found.ok_or_else(|| io::Error::other(format!("no weakness {name}")))?)
        }
    };
    let one = arguments.seeds.end == arguments.seeds.start + 1;
    let outcome = match &arguments.replay {
        Some(path) => again(&read(path)?, fleet),
        None if one => run_seed(arguments.seeds.start, fleet),
        None => return many(arguments, fleet),
    };
    let outcome = if arguments.minimise {
        again(&block_ipam_sim::minimise::minimise(&outcome, fleet), fleet)
    } else {
        outcome
    };
    if let Some(path) = &arguments.keep {
        fs::write(path, outcome.trace.to_lines())?;
    }
    let mut out = io::stdout().lock();
    if arguments.tell {
        let mut written = Ok(());
        replay(&outcome.trace, fleet, &mut |line| {
            if written.is_ok() {
                written = writeln!(out, "{line}");
            }
        });
        written?;
    }
    match outcome.violation {
        Some(violation) => {
            writeln!(out, "{violation}")?;
            Ok(ExitCode::FAILURE)
        }
        None => {
            writeln!(
                out,
                "{} choices, nothing broken",
                outcome.trace.choices.len()
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(path: &PathBuf) -> io::Result<Trace> {
    let text = fs::read_to_string(path)?;
    Trace::of_lines(&text).map_err(io::Error::other)
}

fn again(trace: &Trace, fleet: Fleet) -> Outcome {
    replay(trace, fleet, &mut |_| {})
}

/// Looks for the first seed that shows each weakness.
fn hunt(arguments: &Arguments, fleet: Fleet) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for weakness in &weakness::ALL {
        let seeds = arguments.seeds.clone();
        let report = run_seeds(seeds, fleet.weak(weakness), Until::TheFirst);
        match report.broken.first() {
            Some((seed, violation)) => writeln!(out, "{} {seed}: {violation}", weakness.name)?,
            None => writeln!(out, "{} is not caught", weakness.name)?,
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn many(arguments: &Arguments, fleet: Fleet) -> io::Result<ExitCode> {
    let seeds = arguments.seeds.clone();
    let report = run_seeds(seeds.clone(), fleet, Until::TheEnd);
    let mut out = io::stdout().lock();
    for (seed, violation) in &report.broken {
        writeln!(out, "seed {seed}: {violation}")?;
    }
    let (count, broken) = (seeds.end.saturating_sub(seeds.start), report.broken.len());
    writeln!(
        out,
        "{count} seeds, {} choices, {broken} seeds broken",
        report.choices
    )?;
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
