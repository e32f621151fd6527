//! `ipamctl datastore migrate lock|unlock`: what scripts for calicoctl do around splitting and releasing. Nothing is locked.

use crate::context::Context;

/// Verbs of calicoctl's `datastore`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DatastoreCommand {
    /// Taken for calicoctl's sake
    #[command(subcommand)]
    Migrate(MigrateCommand),
}

/// Those verbs of `datastore migrate` that stand around others.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MigrateCommand {
    /// Locks nothing
    Lock,
    /// Unlocks nothing
    Unlock,
}

/// Says so, and lets the script go on.
pub(crate) fn run(context: &Context) {
    context.ui.status(
        "Nothing was locked or unlocked: a split is one transaction, and releases compare what reports saw",
    );
}
