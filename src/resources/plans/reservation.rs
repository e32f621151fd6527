//! Writing and deleting a reservation. What is assigned already stays assigned.

use crate::ids::ResourceName;
use crate::plan::{
    Change, Context, Guard, Listing, RecordId, Recorded, Scope, Step, Stop, View, Want,
};
use crate::refusal::Refusal;
use crate::resources::Reservation;
use crate::resources::plans::pool_delete::Delete;
use crate::resources::plans::put::{Put, Subject, Written, carried, commit};
use crate::resources::refused::Kind;

/// Plans to write a reservation, guarded by its revision or its absence.
pub fn put_reservation(view: &View, request: &Put<Reservation>, _: Context) -> Step<Written> {
    plan_put(view, request).into()
}

/// Plans to delete a reservation, guarded by its revision.
pub fn delete_reservation(view: &View, request: &Delete, _: Context) -> Step<()> {
    plan_delete(view, request).into()
}

fn plan_put(view: &View, request: &Put<Reservation>) -> Result<Step<Written>, Stop> {
    let value = &request.value;
    let name = ResourceName::stored(&value.metadata.name);
    let subject = subject(&name);
    let existing = found(view, &name)?;
    let metadata = existing.map(|existing| &existing.value.metadata);
    subject.admit(request, metadata, &value.metadata)?;
    let Some(old) = existing else {
        let guard = Guard::Absent(subject.record);
        let change = Change::PutReservation(value.clone());
        return Ok(commit(vec![guard], change, Written::Created));
    };
    let new = Reservation {
        metadata: carried(&old.value.metadata, value.metadata.clone()),
        unknown_spec: old.value.unknown_spec.clone(),
        unknown: old.value.unknown.clone(),
        ..value.clone()
    };
    subject.replace(request, old, new, Change::PutReservation)
}

fn plan_delete(view: &View, request: &Delete) -> Result<Step<()>, Stop> {
    let subject = subject(&request.name);
    let old = found(view, &request.name)?.ok_or_else(|| subject.not_found())?;
    subject.expect(old.revision, request.expected)?;
    let guard = Guard::At(subject.record.clone(), old.revision);
    let change = Change::DeleteReservation(request.name.clone());
    Ok(commit(vec![guard], change, ()))
}

fn subject(name: &ResourceName) -> Subject<'_> {
    Subject {
        kind: Kind::Reservation,
        name: name.as_str(),
        record: RecordId::Reservation(name.clone()),
    }
}

/// One that does not parse is found too: overwriting it unseen would lose what somebody wrote.
fn found<'a>(
    view: &'a View,
    name: &ResourceName,
) -> Result<Option<&'a Recorded<Reservation>>, Stop> {
    let listing: &Listing<_, _> = view
        .reservations
        .as_ref()
        .ok_or_else(|| Stop::Read(vec![Want::Scope(Scope::Reservations)]))?;
    let own = format!("/{name}");
    match listing
        .corrupt
        .iter()
        .find(|found| found.key.ends_with(&own))
    {
        Some(corrupt) => Err(Refusal::Corrupt(vec![corrupt.clone()]).into()),
        None => Ok(listing.records.get(name)),
    }
}
