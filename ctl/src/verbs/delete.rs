//! `ipamctl delete`: pools with what is empty in them, reservations, nodes with their blocks.

use block_ipam::affinity::surrender::{InUse, Surrender, Surrendered, Which};
use block_ipam::allocator::{Allocator, AllocatorError};
use block_ipam::ids::{NodeName, ResourceName};
use block_ipam::refusal::Refusal;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{delete_reservation, disable_pool, forget_pool};
use block_ipam::resources::{ChangeRefusal, Kind};
use block_ipam::revision::Revision;

use crate::context::{Access, Context, Opened};
use crate::failure::{Failure, FailureKind};
use crate::verbs::files::FileArgs;
use crate::verbs::kinds::{self, Noun};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A pool in which addresses are held is refused and stays as it was. With --force it goes as calicoctl lets it go: its
addresses stay held in blocks of nobody, in no pool, until their workloads end; whoever makes a pool over them gets
their blocks with it.

Examples:
  ipamctl delete ippool spare
  ipamctl delete ippool rack1 --dry-run
  ipamctl delete -f pools.yaml --skip-not-exists")]
pub(crate) struct DeleteArgs {
    /// What to delete: ippool, ipreservation or node
    #[arg(required_unless_present = "filename")]
    kind: Option<String>,
    /// Names
    #[arg(required_unless_present = "filename", conflicts_with = "filename")]
    names: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Do not complain about what does not exist
    #[arg(long)]
    skip_not_exists: bool,
    /// Delete a pool although addresses in it are held
    #[arg(long)]
    force: bool,
    /// Taken, and needed for nothing: as calicoctl, this verb does not ask
    #[arg(short, long, hide = true)]
    yes: bool,
    /// Show what would be written and deleted, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What to delete.
struct Target {
    kind: Kind,
    name: String,
    expected: Option<Revision>,
}

pub(crate) async fn run(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let targets = targets(args)?;
    if targets.iter().any(|target| target.kind == Kind::Config) {
        let error = format!(
            "{} cannot be deleted: `ipamctl ipam configure` changes it",
            Kind::Config
        );
        return Err(Failure::usage(error));
    }
    let opened = context.open(Access::write_unless(args.dry_run)).await?;
    let (mut deleted, mut refused) = (Vec::new(), 0);
    for target in &targets {
        let (kind, name) = (target.kind, &target.name);
        match delete(context, opened, args, target).await {
            Ok(()) => {
                if !args.dry_run {
                    context.ui.status(&format!("Deleted {kind} {name}"));
                }
                deleted.push(kind.to_string());
            }
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
    if args.dry_run {
        super::planned::show(context).await?;
    } else if !deleted.is_empty() {
        let count = deleted.len();
        deleted.dedup();
        let kind = if deleted.len() == 1 {
            format!(" '{}'", deleted[0])
        } else {
            String::new()
        };
        context
            .ui
            .result(&format!("Successfully deleted {count}{kind} resource(s)"))?;
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

impl From<AllocatorError> for Deletion {
    fn from(error: AllocatorError) -> Deletion {
        match &error {
            AllocatorError::Refused(Refusal::Change(ChangeRefusal::NotFound(..))) => {
                Deletion::NotFound(error.into())
            }
            _ => Deletion::Failed(error.into()),
        }
    }
}

async fn delete(
    context: &Context,
    opened: &Opened,
    args: &DeleteArgs,
    target: &Target,
) -> Result<(), Deletion> {
    let allocator = &opened.allocator;
    let request = Delete {
        name: ResourceName::stored(&target.name),
        expected: target.expected,
    };
    match target.kind {
        Kind::Pool if args.force => told(context, args, &force_pool(allocator, &request).await?),
        Kind::Pool => {
            // What would be refused is refused before anything is disabled or given up.
            opened.rehearsal().delete_pool(&request).await?;
            let drained = allocator.delete_pool(&request).await?;
            told(context, args, &drained.surrendered);
        }
        Kind::Reservation => {
            let decide = |view: &_, now| delete_reservation(view, &request, now);
            allocator.run(decide).await?;
        }
        Kind::Node => told(context, args, &delete_node(allocator, &target.name).await?),
        Kind::Config => {}
    }
    Ok(())
}

/// As calicoctl deletes a pool: what is in use becomes nobody's and stays held.
async fn force_pool(allocator: &Allocator, request: &Delete) -> Result<Surrendered, Deletion> {
    let cidr = allocator
        .run(|view, now| disable_pool(view, request, now))
        .await?;
    let which = Surrender {
        which: Which::Inside(cidr),
        in_use: InUse::Disown,
    };
    let surrendered = allocator.surrender(&which).await?;
    let rest = Delete {
        name: request.name.clone(),
        expected: None,
    };
    allocator
        .run(|view, now| forget_pool(view, &rest, now))
        .await?;
    Ok(surrendered)
}

async fn delete_node(allocator: &Allocator, name: &str) -> Result<Surrendered, Deletion> {
    let deleted = allocator.delete_node(&NodeName::stored(name)).await?;
    if !deleted.had_record && deleted.surrendered.is_nothing() {
        let refusal = ChangeRefusal::NotFound(Kind::Node, name.to_owned());
        return Err(Deletion::NotFound(Refusal::Change(refusal).into()));
    }
    Ok(deleted.surrendered)
}

/// Says what became of blocks, where there were any.
fn told(context: &Context, args: &DeleteArgs, surrendered: &Surrendered) {
    let counted = |count: usize, what: &str| (0 < count).then(|| format!("{count} {what}"));
    let parts = [
        counted(surrendered.deleted.len(), "empty blocks deleted"),
        counted(
            surrendered.dropped.len(),
            "affinities without a block dropped",
        ),
        counted(
            surrendered.disowned.len(),
            "blocks in use are nobody's now, and their addresses stay held",
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !args.dry_run && !parts.is_empty() {
        context.ui.status(&format!("Blocks: {}", parts.join(", ")));
    }
}

fn targets(args: &DeleteArgs) -> Result<Vec<Target>, Failure> {
    let Some(kind) = &args.kind else {
        let manifests = args.files.manifests()?.into_iter();
        return Ok(manifests
            .map(|found| Target {
                kind: found.kind,
                name: found.name,
                expected: found.expected,
            })
            .collect());
    };
    let Noun::Resource(kind) = kinds::parse(kind)? else {
        return Err(
            Failure::usage("BlockAffinity cannot be deleted by this command")
                .hint("`ipamctl ipam repair` drops affinities that stand for nothing"),
        );
    };
    let names = args.names.iter();
    Ok(names
        .map(|name| Target {
            kind,
            name: name.clone(),
            expected: None,
        })
        .collect())
}
