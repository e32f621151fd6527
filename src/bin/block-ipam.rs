//! The CNI plugin: wiring only. Reads environment and standard input, and prints what [`cni::run`] says.
//!
//! **Invariant:** whatever happens, a runtime reads a CNI reply on standard output: a bug too, for it is printed by the
//! panic hook, which runs in builds that abort as well.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use block_ipam::clock::SystemClock;
use block_ipam::cni::environment::Verb;
use block_ipam::cni::log::LogSettings;
use block_ipam::cni::store::ConfiguredStores;
use block_ipam::cni::{self, Context, Environment, Machine, Reply};
use block_ipam::entropy::SystemEntropy;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Most bytes of standard input. Network configurations have some thousands.
const MOST_STDIN: u64 = 16 * 1024 * 1024;

const ABOUT: &str = "block-ipam: an IPAM plugin for container runtimes (CNI 0.1.0 to 1.1.0).\n\
    A runtime calls it with CNI_COMMAND and its companions in the environment and a network\n\
    configuration on standard input. The tool for people is ipamctl.\n";

fn main() -> ExitCode {
    if let Some("-v" | "--version" | "version") = std::env::args().nth(1).as_deref() {
        return print(&Reply::success(format!("{}\n", env!("CARGO_PKG_VERSION"))));
    }
    std::panic::set_hook(Box::new(|info| {
        print(&Reply::panicked(&info.to_string()));
        end(1);
    }));
    let environment = Environment::new(std::env::vars_os());
    if environment.get("CNI_COMMAND").is_none() {
        let _ = io::stderr().write_all(ABOUT.as_bytes());
    }
    match read_stdin(&environment) {
        Ok(stdin) => serve(&environment, &stdin),
        Err(error) => print(&Reply::unreadable_stdin(&error)),
    }
}

/// Reads standard input where the verb has any: people who start the program by hand are not kept waiting.
fn read_stdin(environment: &Environment) -> io::Result<Vec<u8>> {
    let mut stdin = Vec::new();
    if !matches!(Verb::of(environment), Ok(Verb::Version) | Err(_)) {
        let read = io::stdin()
            .lock()
            .take(MOST_STDIN + 1)
            .read_to_end(&mut stdin)?;
        if MOST_STDIN < read as u64 {
            return Err(io::Error::other(format!("more than {MOST_STDIN} bytes")));
        }
    }
    Ok(stdin)
}

fn serve(environment: &Environment, stdin: &[u8]) -> ExitCode {
    start_log(&LogSettings::of(stdin));
    let context = Context {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        stores: Arc::new(ConfiguredStores),
        machine: Machine::here(environment),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread starts");
    let reply = runtime.block_on(cni::run(environment, stdin, &context));
    let exit = print(&reply);
    // A store call that outlives its deadline is not waited for.
    runtime.shutdown_background();
    exit
}

fn start_log(settings: &LogSettings) {
    let on_stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_filter(LevelFilter::from_level(settings.stderr));
    let opened = settings.file.as_deref().map(open_log).transpose();
    let in_file = opened.as_ref().ok().and_then(Option::as_ref).map(|file| {
        tracing_subscriber::fmt::layer()
            .with_writer(Arc::clone(file))
            .with_ansi(false)
            .with_target(false)
            .with_filter(LevelFilter::from_level(settings.level))
    });
    tracing_subscriber::registry()
        .with(on_stderr)
        .with(in_file)
        .init();
    if let (Err(error), Some(file)) = (&opened, &settings.file) {
        tracing::warn!(file = %file.display(), %error, "the log file cannot be written");
    }
}

/// Lines of several processes do not mix: each is one write at the end of the file.
fn open_log(path: &Path) -> io::Result<Arc<File>> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map(Arc::new)
}

/// A reply that nobody can read is a failure: the runtime then calls DEL.
fn print(reply: &Reply) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(reply.stdout.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => ExitCode::from(reply.exit),
        Err(_) => ExitCode::FAILURE,
    }
}

#[expect(clippy::exit, reason = "after a bug nothing else must be printed")]
fn end(status: i32) {
    std::process::exit(status);
}
