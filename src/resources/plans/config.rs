//! Writing the configuration, compared with what was read: of two operators the later is told about the earlier.

use crate::plan::{Change, Context, Guard, RecordId, Seen, Step, Stop, View, Want};
use crate::resources::plans::put::{Mode, Put, Subject, Written, commit};
use crate::resources::refused::Kind;
use crate::resources::{Config, config_rules};

/// The only name that the configuration can have.
pub const NAME: &str = "default";

/// Plans to write the configuration. A record that does not parse is replaced: it stops every assignment.
pub fn put_config(view: &View, request: &Put<Config>, _: Context) -> Step<Written> {
    plan(view, request).into()
}

fn plan(view: &View, request: &Put<Config>) -> Result<Step<Written>, Stop> {
    let subject = Subject {
        kind: Kind::Config,
        name: NAME,
        record: RecordId::Config,
    };
    let faults = config_rules::validate(&request.value);
    if !faults.is_empty() {
        return Err(subject.invalid(faults));
    }
    match &view.config {
        None => Err(Stop::Read(vec![Want::Record(RecordId::Config)])),
        Some(Seen::Absent) if request.mode == Mode::Replace => Err(subject.not_found()),
        Some(Seen::Absent) => {
            let guard = Guard::Absent(RecordId::Config);
            let change = Change::PutConfig(request.value.clone());
            Ok(commit(vec![guard], change, Written::Created))
        }
        Some(Seen::Corrupt(corrupt)) => {
            let guard = Guard::At(RecordId::Config, corrupt.revision);
            let change = Change::PutConfig(request.value.clone());
            Ok(commit(vec![guard], change, Written::Replaced))
        }
        Some(Seen::Present(old)) => {
            let new = Config {
                unknown: old.value.unknown.clone(),
                ..request.value.clone()
            };
            if request.mode == Mode::Create && new != old.value {
                return Err(subject.exists());
            }
            subject.replace(request, old, new, Change::PutConfig)
        }
    }
}
