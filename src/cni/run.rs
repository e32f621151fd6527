//! One call from environment and standard input to reply. No process globals inside.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::cni::attachment::{Attachment, Network};
use crate::cni::call::Call;
use crate::cni::config::{DEFAULT_TIMEOUT, NetworkConfig};
use crate::cni::environment::{Environment, Verb};
use crate::cni::error::{CniError, Code};
use crate::cni::machine::Machine;
use crate::cni::store::OpenStore;
use crate::cni::version::CniVersion;
use crate::cni::{add, check, del, gc, status, versions};
use crate::entropy::Entropy;

/// What a call rests on beside its input.
#[derive(Debug, Clone)]
pub struct Context {
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Draws random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// Opens stores.
    pub stores: Arc<dyn OpenStore>,
    /// The machine.
    pub machine: Machine,
}

/// What the plugin prints, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text for standard output.
    pub stdout: String,
    /// 0 for success, 1 for a failure.
    pub exit: u8,
}

impl Reply {
    /// A success with this text.
    pub const fn success(stdout: String) -> Reply {
        Reply { stdout, exit: 0 }
    }

    /// A failure, told in the words of a version.
    pub fn failure(error: &CniError, version: CniVersion) -> Reply {
        Reply {
            stdout: error.render(version),
            exit: 1,
        }
    }

    /// Standard input could not be read.
    pub fn unreadable_stdin(error: &std::io::Error) -> Reply {
        let error = CniError::new(Code::Io, format!("error reading from stdin: {error}"));
        Reply::failure(&error, CniVersion::NEWEST)
    }

    /// The program met a bug of ours.
    pub fn panicked(what: &str) -> Reply {
        let error = CniError::new(Code::Internal, format!("bug in block-ipam: {what}"));
        Reply::failure(&error, CniVersion::NEWEST)
    }
}

/// Serves one call.
pub async fn run(environment: &Environment, stdin: &[u8], context: &Context) -> Reply {
    let verb = match Verb::of(environment) {
        Ok(Verb::Version) => return Reply::success(versions::reply()),
        Ok(verb) => verb,
        Err(error) => return Reply::failure(&error, CniVersion::NEWEST),
    };
    let config = match verb
        .check(environment)
        .and_then(|()| NetworkConfig::parse(stdin))
    {
        Ok(config) => config,
        Err(error) => return refused(verb, &error, CniVersion::NEWEST),
    };
    let version = config.version().unwrap_or(CniVersion::NEWEST);
    let admitted = match admit(verb, &config, environment) {
        Ok(admitted) => admitted,
        Err(error) => return refused(verb, &error, version),
    };
    match serve(admitted, &config, environment, context).await {
        Ok(stdout) => Reply::success(stdout),
        Err(error) => Reply::failure(&error, version),
    }
}

/// A call that is refused before it begins has its line in the log too.
fn refused(verb: Verb, error: &CniError, version: CniVersion) -> Reply {
    let (verb, code, result) = (verb.text(), error.code.number(), &error.msg);
    tracing::warn!(verb, code, result);
    Reply::failure(error, version)
}

/// A call whose input can be served.
#[derive(Debug)]
struct Admitted {
    verb: Verb,
    version: CniVersion,
    about: About,
    timeout: Duration,
}

#[derive(Debug)]
enum About {
    Attachment(Attachment),
    Network(Network),
}

/// The order of the checks is that of the reference library.
fn admit(
    verb: Verb,
    config: &NetworkConfig,
    environment: &Environment,
) -> Result<Admitted, CniError> {
    let network = config.name()?;
    let version = config.version()?;
    if version < verb.since() {
        let msg = format!("config version does not allow {}", verb.text());
        return Err(CniError::new(Code::IncompatibleVersion, msg));
    }
    let about = match verb {
        Verb::Add | Verb::Del | Verb::Check => {
            About::Attachment(Attachment::of(network, environment)?)
        }
        Verb::Status | Verb::Gc | Verb::Version => About::Network(Network::new(network)),
    };
    let timeout = match verb {
        Verb::Del => config.timeout().unwrap_or(DEFAULT_TIMEOUT),
        _ => config.timeout()?,
    };
    Ok(Admitted {
        verb,
        version,
        about,
        timeout,
    })
}

async fn serve(
    admitted: Admitted,
    config: &NetworkConfig,
    environment: &Environment,
    context: &Context,
) -> Result<String, CniError> {
    let Admitted {
        verb,
        version,
        about,
        timeout,
    } = admitted;
    match about {
        About::Attachment(attachment) => {
            let call = Call::new(verb, config, environment, context, attachment);
            match verb {
                Verb::Add => {
                    let success = call.within(timeout, add::add(&call)).await?;
                    return Ok(success.render(version));
                }
                Verb::Del => call.within(timeout, del::del(&call)).await.map(drop)?,
                _ => call.within(timeout, check::check(&call)).await.map(drop)?,
            }
        }
        About::Network(network) => {
            let call = Call::new(verb, config, environment, context, network);
            match verb {
                Verb::Status => call
                    .within(timeout, status::status(&call))
                    .await
                    .map(drop)?,
                Verb::Gc => call.within(timeout, gc::gc(&call)).await.map(drop)?,
                _ => return Ok(versions::reply()),
            }
        }
    }
    Ok(String::new())
}
