//! What a failed call prints, and the one table from refusals and store errors to codes.

use std::fmt::Write as _;

use serde::Serialize;

use crate::allocator::AllocatorError;
use crate::cni::go_time::go_time;
use crate::cni::manifest;
use crate::cni::version::CniVersion;
use crate::datastore::DatastoreError;
use crate::refusal::{PoolReason, PoolVerdict, Refusal};

/// The codes of failed calls. Below 100 they are the specification's, from 100 on ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The plugin does not speak the version of the configuration, or that version lacks the verb.
    IncompatibleVersion,
    /// An environment variable is missing or bad.
    Environment,
    /// Standard input cannot be read, or the store understood the request and said no.
    Io,
    /// The configuration is no JSON object, or a record that the request needs does not parse.
    Decode,
    /// The network configuration is wrong.
    Config,
    /// The network namespace is the plugin's own.
    Namespace,
    /// The store is away, or others were faster each time: try again.
    TryAgain,
    /// STATUS: an ADD could not be served now.
    NotAvailable,
    /// No pool admits the request.
    NoAdmissiblePool,
    /// Pools admit the request, and have no address left.
    Exhausted,
    /// The node owns as many blocks as it may.
    BlockLimit,
    /// The address asked for is held by somebody.
    AddressTaken,
    /// The address asked for lies in no usable pool.
    OutsidePools,
    /// The name of the node is unknown, unusable or not its own.
    NodeIdentity,
    /// The store is older than what this node has seen of it.
    StoreWentBack,
    /// CHECK: the interface does not hold what its ADD gave.
    NotHeld,
    /// A bug of ours.
    Internal,
}

impl Code {
    /// Returns the number in the reply.
    pub const fn number(self) -> u32 {
        match self {
            Code::IncompatibleVersion => 1,
            Code::Environment => 4,
            Code::Io => 5,
            Code::Decode => 6,
            Code::Config => 7,
            Code::Namespace => 8,
            Code::TryAgain => 11,
            Code::NotAvailable => 50,
            Code::NoAdmissiblePool => 100,
            Code::Exhausted => 101,
            Code::BlockLimit => 102,
            Code::AddressTaken => 103,
            Code::OutsidePools => 104,
            Code::NodeIdentity => 105,
            Code::StoreWentBack => 106,
            Code::NotHeld => 107,
            Code::Internal => 999,
        }
    }
}

/// Why a call failed, in the words of the specification: a code, a sentence, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CniError {
    /// The code.
    pub code: Code,
    /// What went wrong, with the value at fault.
    pub msg: String,
    /// More of it: the way out, a manifest, each endpoint with its error. May be empty.
    pub details: String,
}

impl CniError {
    /// Returns an error without details.
    pub fn new(code: Code, msg: impl Into<String>) -> CniError {
        CniError {
            code,
            msg: msg.into(),
            details: String::new(),
        }
    }

    /// The same with details.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> CniError {
        self.details = details.into();
        self
    }

    /// Returns message and details in one text.
    pub fn sentence(&self) -> String {
        let texts = [self.msg.as_str(), &self.details];
        let said = texts.into_iter().filter(|text| !text.is_empty());
        said.collect::<Vec<_>>().join(": ")
    }

    /// Returns the reply, as the reference library prints it: indented by four blanks, without a newline.
    pub fn render(&self, version: CniVersion) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            cni_version: &'static str,
            code: u32,
            msg: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            details: &'a str,
        }
        crate::cni::result::indented(&Wire {
            cni_version: version.text(),
            code: self.code.number(),
            msg: &self.msg,
            details: &self.details,
        })
    }
}

impl From<&AllocatorError> for CniError {
    fn from(error: &AllocatorError) -> CniError {
        match error {
            AllocatorError::Refused(refusal) => refusal.into(),
            AllocatorError::Store(store) => store.into(),
            AllocatorError::Contention { .. } | AllocatorError::Deadline { .. } => {
                CniError::new(Code::TryAgain, error.to_string())
            }
        }
    }
}

impl From<&Refusal> for CniError {
    fn from(refusal: &Refusal) -> CniError {
        let code = match refusal {
            Refusal::NoPool(_) | Refusal::NoAdmissiblePool { .. } | Refusal::BadPool { .. } => {
                Code::NoAdmissiblePool
            }
            Refusal::Exhausted { .. } | Refusal::NoAutoAllocation { .. } => Code::Exhausted,
            Refusal::BlockLimit { .. } => Code::BlockLimit,
            Refusal::AddressTaken { .. }
            | Refusal::OtherAssignment { .. }
            | Refusal::NotAssigned(_)
            | Refusal::HandleFull { .. }
            | Refusal::HoldsNothing(_)
            | Refusal::StrictAffinity { .. }
            | Refusal::OtherBlockSize { .. }
            | Refusal::OtherOwner { .. }
            | Refusal::NoAlternateOwner(_) => Code::AddressTaken,
            Refusal::UnknownNode(_) | Refusal::SharedName(_) => Code::NodeIdentity,
            Refusal::OutsidePools(_) => Code::OutsidePools,
            Refusal::Corrupt(_) => Code::Decode,
            Refusal::OpenGateway { .. }
            | Refusal::Rule(_)
            | Refusal::Change(_)
            | Refusal::Range(_) => Code::Config,
        };
        CniError::new(code, refusal.to_string()).details(way_out(refusal))
    }
}

fn way_out(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoAdmissiblePool { pools, .. } | Refusal::Exhausted { pools, .. }
            if pools.iter().any(wants_namespace) =>
        {
            "labels of namespaces are known to Kubernetes alone, which is not asked; \
             name the pool by annotation, or in `ipam.ipv4_pools` or `ipam.ipv6_pools`"
                .to_owned()
        }
        Refusal::NoPool(family) => format!(
            "apply a pool with `ipamctl apply -f FILE`:\n{}",
            manifest::example_pool(*family)
        ),
        Refusal::Exhausted { family, .. } => format!(
            "add a pool, or see who holds the addresses with `ipamctl ipam show --show-blocks` ({family})"
        ),
        Refusal::BlockLimit { .. } => {
            "raise it with `ipamctl ipam configure --max-blocks-per-host=N`".to_owned()
        }
        Refusal::Corrupt(_) => "`ipamctl ipam check` lists every such record".to_owned(),
        Refusal::UnknownNode(_) => {
            "make one with `ipamctl node register`, or give the name it has in `ipam.nodename`"
                .to_owned()
        }
        Refusal::SharedName(shared) => format!(
            "give one of the two machines a name of its own (`ipam.nodename`); where the other one is gone for good, wait until \
             {}, or forget it with `ipamctl node resync {}`",
            go_time(shared.until),
            shared.node
        ),
        Refusal::OpenGateway { gateway, .. } => format!(
            "apply this with `ipamctl apply -f FILE`:\n{}",
            manifest::reservation(*gateway)
        ),
        _ => String::new(),
    }
}

const fn wants_namespace(verdict: &PoolVerdict) -> bool {
    matches!(verdict.reason, PoolReason::NamespaceSelector(_))
}

impl From<&DatastoreError> for CniError {
    fn from(error: &DatastoreError) -> CniError {
        let code = match error {
            DatastoreError::Unavailable { .. }
            | DatastoreError::Indeterminate { .. }
            | DatastoreError::Compacted(_) => Code::TryAgain,
            DatastoreError::Corrupt { .. } => Code::Decode,
            DatastoreError::Rejected { .. } => Code::Io,
        };
        CniError::new(code, error.to_string()).details(causes(error))
    }
}

/// Returns the causes below an error, outermost first.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let separator = if text.is_empty() { "" } else { ": " };
        write!(text, "{separator}{cause}").expect("writing to a string does not fail");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
