//! `ipamctl delete`.

use block_ipam::allocator::{Allocator, AllocatorError};
use block_ipam::ids::ResourceName;
use block_ipam::refusal::Refusal;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{delete_pool, delete_reservation};
use block_ipam::resources::{ChangeRefusal, Kind};
use block_ipam::revision::Revision;

use crate::context::{Access, Context};
use crate::failure::{Failure, FailureKind};
use crate::manifest;
use crate::verbs::{kinds::parse, write};

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// What to delete: ippool or ipreservation
    #[arg(required_unless_present = "filename")]
    kind: Option<String>,
    /// Names
    #[arg(required_unless_present = "filename", conflicts_with = "filename")]
    names: Vec<String>,
    /// Delete what stands in a file of YAML or JSON; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "kind")]
    filename: Vec<String>,
    /// Do not complain about what does not exist
    #[arg(long)]
    skip_not_exists: bool,
}

pub(crate) async fn run(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let targets = targets(args)?;
    let mut kinds = targets.iter().map(|(kind, ..)| *kind);
    if let Some(kind) = kinds.find(|kind| !matches!(kind, Kind::Pool | Kind::Reservation)) {
        return Err(not_deletable(kind));
    }
    let allocator = &context.open(Access::Write).await?.allocator;
    let mut refused = 0;
    for (kind, name, expected) in &targets {
        let request = Delete {
            name: ResourceName::stored(name),
            expected: *expected,
        };
        match delete(allocator, *kind, &request).await {
            Ok(()) => context.ui.status(&format!("Deleted {kind} {name}")),
            Err(Deletion::NotFound(_)) if args.skip_not_exists => {
                context.ui.status(&format!("Not there: {kind} {name}"));
            }
            Err(Deletion::NotFound(failure) | Deletion::Failed(failure)) => {
                if failure.kind == FailureKind::Unreachable {
                    return Err(failure);
                }
                context.ui.failure(&failure);
                refused += 1;
            }
        }
    }
    match refused {
        0 => Ok(()),
        _ => Err(Failure::told()),
    }
}

enum Deletion {
    NotFound(Failure),
    Failed(Failure),
}

async fn delete(allocator: &Allocator, kind: Kind, request: &Delete) -> Result<(), Deletion> {
    let deleted = match kind {
        Kind::Pool => {
            allocator
                .run(|view, now| delete_pool(view, request, now))
                .await
        }
        Kind::Reservation => {
            allocator
                .run(|view, now| delete_reservation(view, request, now))
                .await
        }
        Kind::Node | Kind::Config => return Err(Deletion::Failed(not_deletable(kind))),
    };
    deleted.map_err(|error| match &error {
        AllocatorError::Refused(Refusal::Change(ChangeRefusal::NotFound(..))) => {
            Deletion::NotFound(error.into())
        }
        _ => Deletion::Failed(error.into()),
    })
}

fn not_deletable(kind: Kind) -> Failure {
    Failure::usage(format!("{kind} cannot be deleted by this command"))
}

type Target = (Kind, String, Option<Revision>);

fn targets(args: &DeleteArgs) -> Result<Vec<Target>, Failure> {
    let Some(kind) = &args.kind else {
        let manifests = manifest::read(&write::sources(&args.filename)?)?;
        let targets = manifests.into_iter();
        return Ok(targets
            .map(|found| (found.kind, found.name, found.expected))
            .collect());
    };
    let kind = parse(kind)?;
    Ok(args
        .names
        .iter()
        .map(|name| (kind, name.clone(), None))
        .collect())
}
