//! `ipamctl store doctor`: what ails the store, and what to do about it. It changes nothing.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::doctor::judge::{Check, Status, judge};
use crate::doctor::look::look;
use crate::failure::{Failure, FailureKind};
use crate::output::{self, one_line};
use crate::verbs::ipam_show::Format;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at each endpoint, certificates, the login and its rights, latency, space and alarms, compaction, clocks, and at what
this machine's nodes remember of the store. Ends with status 3 where something is to be done.
Rights are found out by offering writes that cannot happen; nothing is written.

Examples:
  ipamctl store doctor
  ipamctl store doctor -o json | jq '.checks[] | select(.status == \"fail\")'")]
pub(crate) struct DoctorArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Json {
    store: String,
    checks: Vec<CheckJson>,
}

#[derive(Serialize)]
struct CheckJson {
    check: &'static str,
    status: &'static str,
    what: String,
    act: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &DoctorArgs) -> Result<(), Failure> {
    let settings = context.settings()?;
    let store = &context.open(Access::Read).await?.store;
    let facts = look(&settings, store.as_ref()).await;
    let facts = facts.map_err(|error| Failure::refused(error.to_string()))?;
    let checks = judge(&facts, context.now());
    match args.output {
        Format::Table => context.ui.painted(&text(&checks))?,
        Format::Json => {
            let checks = checks.iter().map(|check| CheckJson {
                check: check.name,
                status: check.status.word(),
                what: check.what.clone(),
                act: check.act.clone(),
            });
            let store = settings.to_string();
            let checks = checks.collect();
            context.ui.data(&output::json(&Json { store, checks }))?;
        }
    }
    let found = checks.iter().filter(|check| Status::Warn <= check.status);
    match found.count() {
        0 => Ok(()),
        count => {
            let error = format!("{count} checks found something");
            Err(Failure::new(FailureKind::Found, error))
        }
    }
}

/// One line for each check, below it what to do. The colour says what the word says.
fn text(checks: &[Check]) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (style, word) = (style(check.status), check.status.word());
        let (name, what) = (check.name, one_line(&check.what));
        text += &format!("{style}{word:<4}{style:#}  {name:<width$}  {what}\n");
        if let Some(act) = &check.act {
            text += &format!("      -> {act}\n");
        }
    }
    text
}

const fn style(status: Status) -> Style {
    let colour = match status {
        Status::Ok => AnsiColor::Green,
        Status::Skip => AnsiColor::Cyan,
        Status::Warn => AnsiColor::Yellow,
        Status::Fail => AnsiColor::Red,
    };
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}
