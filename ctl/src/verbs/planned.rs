//! What a dry run tells.

use crate::context::{Access, Context};
use crate::failure::Failure;

/// Prints what would have been written and deleted.
pub(super) async fn show(context: &Context) -> Result<(), Failure> {
    let planned = context.open(Access::DryRun).await?.planned();
    let lines = planned.into_iter().map(|line| line + "\n");
    context.ui.data(&lines.collect::<String>())
}
