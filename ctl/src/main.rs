//! `ipamctl`: wiring only. Verbs are in `verbs`, words leave through `ui`.

mod adopt;
mod cli;
mod context;
mod doctor;
mod dry_run;
mod failure;
mod manifest;
mod output;
mod progress;
mod records;
mod report;
mod similar;
mod store;
mod time;
mod ui;
mod value;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::context::Context;
use crate::store::Choice;
use crate::ui::Ui;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => return ui::help(&help),
    };
    let ui = Ui {
        quiet: cli.global.quiet,
    };
    let is_verbose = cli.global.verbose;
    let choice = Choice {
        datastore: cli.global.datastore,
        config: cli.global.config,
        variable: |name| std::env::var(name).ok(),
    };
    let context = Context::new(ui, choice);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime =
        runtime.expect("a runtime of one thread needs nothing but memory and a poll handle");
    let ended = runtime.block_on(cli::run(&context, &cli.command));
    progress::end();
    let status = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.status())
        }
    };
    if let Some(requests) = context.requests().filter(|_| is_verbose) {
        ui.requests(requests);
    }
    status
}
