//! STATUS: could an ADD be served now? The decision of an ADD, made and not committed.
//!
//! **Invariant:** nothing is written, neither to the store nor to the node's files, and at most three reads are made.

use crate::assign::Assign;
use crate::cni::attachment::Network;
use crate::cni::call::{Call, Shown};
use crate::cni::config::Options;
use crate::cni::error::{CniError, Code};
use crate::cni::session::{Purpose, Session};
use crate::ids::{HandleId, NodeName};

/// Most reads. A search that is not over then has found nothing that speaks
/// against an ADD.
const MOST_READS: usize = 3;

/// An ADD could be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available(pub String);

impl Shown for Available {
    fn shown(&self) -> String {
        self.0.clone()
    }
}

/// Asks whether an ADD could be served.
///
/// # Errors
/// [`Code::NotAvailable`] with what an ADD would answer; [`Code::Config`] for what is wrong in the configuration.
pub async fn status(call: &Call<'_, Network>) -> Result<Available, CniError> {
    available(call).await.map_err(|error| match error.code {
        Code::Config => error,
        _ => not_available(&error),
    })
}

fn not_available(error: &CniError) -> CniError {
    let msg = format!("no address can be given: {}", error.msg);
    let code = format!("an ADD would fail with code {}", error.code.number());
    let details = [code.as_str(), &error.details];
    let said = details.into_iter().filter(|text| !text.is_empty());
    CniError::new(Code::NotAvailable, msg).details(said.collect::<Vec<_>>().join("\n"))
}

async fn available(call: &Call<'_, Network>) -> Result<Available, CniError> {
    let options = Options::read(&call.config.ipam()?)?;
    let node = call.node()?;
    if options.v4.count + options.v6.count == 0 {
        return Ok(Available("nothing is assigned".to_owned()));
    }
    let timeout = call.config.timeout()?;
    let session = Session::open(call, Some(&node), Purpose::Look, timeout).await?;
    let session = session.on_terms(call, &options.gateways);
    let request = request(&options, node);
    let grant = session
        .allocator
        .dry_run(&request, &session.hint, MOST_READS)
        .await;
    let grant = grant.map_err(|error| session.explain(&error))?;
    Ok(Available(grant.map_or_else(
        || "not known: the search takes longer".to_owned(),
        |_| "available".to_owned(),
    )))
}

/// What an ADD would ask for, in nobody's name.
fn request(options: &Options, node: NodeName) -> Assign {
    Assign {
        handle: None,
        v4: options.v4.clone(),
        v6: options.v6.clone(),
        ..Assign::workload(node, HandleId::stored("status"))
    }
}
