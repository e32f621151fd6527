//! DEL: gives back what the interface holds. Unknown is success; a broken part of the configuration that does not
//! concern it is no obstacle.

use crate::assign::ReleaseHandle;
use crate::blocks::Address;
use crate::cni::args::Args;
use crate::cni::call::{Call, Shown};
use crate::cni::config::{DEFAULT_TIMEOUT, previous_blocks};
use crate::cni::error::CniError;
use crate::cni::session::{Purpose, Session};
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
    let mut session = Session::open(call, node.as_ref(), Purpose::GiveBack, timeout).await?;
    let hinted = std::mem::take(&mut session.hint.blocks);
    let mut look_at = session.hint.clone();
    look_at.blocks = previous_blocks(call.config);
    look_at.blocks.extend(&hinted);
    session.hint.blocks = hinted;
    let request = ReleaseHandle {
        handle: call.attachment.handle.clone(),
        interface: Some(call.attachment.interface.clone()),
        aliases: old_style(call).into_iter().collect(),
    };
    let released = session
        .allocator
        .release_by_handle(&request, &look_at)
        .await;
    let released = released.map_err(|error| session.explain(&error))?;
    session.remember([]);
    Ok(GivenBack(released.released))
}

/// Calico of the v2 era named handles `{namespace}.{pod}`, or `{containerID}` without a pod. A name that could be a
/// handle of today, of another container in some network, is left alone.
fn old_style(call: &Call<'_>) -> Option<HandleId> {
    let args =
        Args::parse(call.environment.get("CNI_ARGS").unwrap_or_default()).unwrap_or_default();
    let container = &call.attachment.container;
    let name = match (args.namespace, args.pod) {
        (Some(namespace), _) if call.config.name().is_ok_and(|network| network == namespace) => {
            None
        }
        (Some(namespace), Some(pod)) => Some(format!("{namespace}.{pod}")),
        _ if container.contains('.') => None,
        _ => Some(container.clone()),
    };
    HandleId::new(&name?).ok()
}
