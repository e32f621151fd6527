//! Changing one resource by its manifest: read, change the document, write it back if nobody changed it meanwhile.

use block_ipam::resources::Kind;
use block_ipam::resources::plans::{Mode, Written};

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::manifest;
use crate::records;
use crate::value::Value;
use crate::verbs::{documents, write};

/// How often it is tried while others change the same resource.
const MOST_TRIES: usize = 5;

/// Changes a resource.
pub(super) async fn edit(
    context: &Context,
    kind: Kind,
    name: &str,
    mut change: impl FnMut(Value) -> Result<Value, Failure>,
) -> Result<Written, Failure> {
    let store = &context.open(Access::Write).await?.store;
    let names = [name.to_owned()];
    for tries in 1.. {
        let mut listing = records::resources(store.as_ref(), kind, &names).await?;
        if let Some(corrupt) = listing.corrupt.pop() {
            let error = format!("record {} is corrupt: {}", corrupt.key, corrupt.detail);
            return Err(Failure::refused(error));
        }
        let found = listing.found.pop();
        let found =
            found.ok_or_else(|| Failure::refused(format!("{kind} `{name}` does not exist")))?;
        let old = documents::manifest(&found)?;
        let new = change(old)?;
        let manifest = manifest::one(&new).map_err(|errors| {
            let errors = errors.iter().map(ToString::to_string);
            Failure::refused(format!("{kind} `{name}` is refused")).details(errors)
        })?;
        if (manifest.kind, manifest.name.as_str()) != (kind, name) {
            let error = format!("{kind} `{name}` keeps its kind and its name");
            return Err(Failure::refused(error));
        }
        // A revision that the change itself names is the operator's, and is not tried again.
        let is_seen = manifest.expected == Some(found.revision);
        match write::write(context, &manifest, Mode::Replace).await {
            Err(failure) if failure.is_conflict() && is_seen && tries < MOST_TRIES => {}
            written => return written,
        }
    }
    unreachable!("the last try returns")
}
