//! What an ADD asks for: the workload's annotations, what the runtime names, and the configuration, in this order.

use crate::allocator::AllocatorError;
use crate::assign::{Assign, NamedBy};
use crate::blocks::Address;
use crate::cni::args::Args;
use crate::cni::config::{NetworkConfig, Options, Workload};
use crate::cni::error::{CniError, Code};
use crate::refusal::Refusal;
use crate::workload::{self, Choice, ChoiceError, two_of_a_family};

/// Returns what an ADD asks for. The addresses that it names are those of the annotation, else of `runtimeConfig.ips`,
/// else of `args.cni.ips`, else of `IP` in `CNI_ARGS`: the conventions of the specification.
///
/// # Errors
/// [`Code::Config`] naming the annotation or member at fault.
pub fn choose(config: &NetworkConfig, options: &Options, args: &Args) -> Result<Choice, CniError> {
    let said = Workload::read(config)?;
    let (v4, v6) = (options.v4.clone(), options.v6.clone());
    let mut choice =
        workload::choose(&said.annotations, v4, v6).map_err(|error| refused(&error))?;
    if choice.addresses.is_empty() {
        choice.addresses = asked(said.addresses, args)?;
    }
    Ok(choice)
}

fn asked(addresses: Vec<Address>, args: &Args) -> Result<Vec<Address>, CniError> {
    if addresses.is_empty() {
        return Ok(args.ip.into_iter().collect());
    }
    match two_of_a_family(&addresses) {
        None => Ok(addresses),
        Some(family) => {
            let msg = format!("the runtime asks for two {family} addresses {addresses:?}");
            Err(CniError::new(Code::Config, msg)
                .details("an interface gets at most one address of each family"))
        }
    }
}

fn refused(error: &ChoiceError) -> CniError {
    let details = match error {
        ChoiceError::WithoutIpam => {
            "remove it and name addresses of pools with `cni.projectcalico.org/ipAddrs`, or use a network without IPAM"
        }
        ChoiceError::Unreadable { .. } | ChoiceError::TwoAddresses(_) => "",
    };
    CniError::new(Code::Config, error.to_string()).details(details)
}

/// Adds to a failed request who named the pool that cannot serve it, where that is not the configuration.
#[must_use]
pub fn with_source(told: CniError, error: &AllocatorError, request: &Assign) -> CniError {
    let AllocatorError::Refused(Refusal::BadPool { family, .. }) = error else {
        return told;
    };
    match request.wanted(*family).named_by {
        NamedBy::Request => told,
        by @ NamedBy::Annotation(_) => told.details(format!("the pool is named by {by}")),
    }
}
