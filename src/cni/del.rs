//! DEL: gives back what the interface holds. Unknown is success; a broken part of the configuration that does not
//! concern it is no obstacle.

use crate::assign::ReleaseHandle;
use crate::blocks::Address;
use crate::cni::args::Args;
use crate::cni::call::{Call, Shown};
use crate::cni::config::{DEFAULT_TIMEOUT, previous_blocks};
use crate::cni::error::CniError;
use crate::cni::session::{Restored, Session};
use crate::ids::HandleId;

/// The addresses that were given back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenBack(pub Vec<Address>);

impl Shown for GivenBack {
    fn shown(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Releases what the interface holds.
///
/// # Errors
/// [`CniError`] where the store is not known, away, or says no.
pub async fn del(call: &Call<'_>) -> Result<GivenBack, CniError> {
    let node = call.node().ok();
    let timeout = call.config.timeout().unwrap_or(DEFAULT_TIMEOUT);
    let mut session = Session::open(call, node.as_ref(), Restored::Serves, timeout).await?;
    let hinted = std::mem::take(&mut session.hint.blocks);
    let mut look_at = session.hint.clone();
    look_at.blocks = previous_blocks(call.config);
    look_at.blocks.extend(&hinted);
    session.hint.blocks = hinted;
    let request = ReleaseHandle {
        handle: call.attachment.handle.clone(),
        interface: Some(call.attachment.interface.clone()),
    };
    let released = session
        .allocator
        .release_by_handle(&request, &look_at)
        .await;
    let mut released = released.map_err(|error| session.explain(&error))?;
    if released.is_empty() {
        released = release_old_style(call, &session).await?;
    }
    session.remember([]);
    Ok(GivenBack(released))
}

/// Calico of the v2 era named handles otherwise. They are looked for only where the handle of today holds nothing, so that
/// the ordinary DEL does not pay for them.
async fn release_old_style(call: &Call<'_>, session: &Session) -> Result<Vec<Address>, CniError> {
    let args =
        Args::parse(call.environment.get("CNI_ARGS").unwrap_or_default()).unwrap_or_default();
    let name = match (args.namespace, args.pod) {
        (Some(namespace), Some(pod)) => format!("{namespace}.{pod}"),
        _ => call.attachment.container.clone(),
    };
    let Ok(handle) = HandleId::new(&name) else {
        return Ok(Vec::new());
    };
    let request = ReleaseHandle {
        handle,
        interface: None,
    };
    let released = session
        .allocator
        .release_by_handle(&request, &session.hint)
        .await;
    released.map_err(|error| session.explain(&error))
}
