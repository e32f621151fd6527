//! One call on its way: what it is about, what it saw of the store, and its line in the log.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::{Instrument, Span};

use crate::clock::Timestamp;
use crate::cni::attachment::{Attachment, Subject};
use crate::cni::config::NetworkConfig;
use crate::cni::environment::{Environment, Verb};
use crate::cni::error::{CniError, Code};
use crate::cni::observed::{Observed, Sighting};
use crate::cni::run::Context;
use crate::ids::NodeName;
use crate::node;

/// One call: of ADD, DEL and CHECK about an attachment, of STATUS and GC about a network.
#[derive(Debug)]
pub struct Call<'a, S = Attachment> {
    /// What is asked.
    pub verb: Verb,
    /// The network configuration.
    pub config: &'a NetworkConfig,
    /// The environment.
    pub environment: &'a Environment,
    /// What it rests on.
    pub context: &'a Context,
    /// What it is about.
    pub attachment: S,
    /// When it began.
    pub began: Timestamp,
    store: OnceLock<Arc<Observed>>,
}

/// A value that the log shows.
pub trait Shown {
    /// Returns it as text.
    fn shown(&self) -> String;
}

impl<'a, S: Subject> Call<'a, S> {
    /// Begins a call.
    pub fn new(
        verb: Verb,
        config: &'a NetworkConfig,
        environment: &'a Environment,
        context: &'a Context,
        attachment: S,
    ) -> Call<'a, S> {
        Call {
            verb,
            config,
            environment,
            context,
            attachment,
            began: context.clock.now(),
            store: OnceLock::new(),
        }
    }

    /// Returns the name of this node.
    ///
    /// # Errors
    /// [`Code::NodeIdentity`] where no source has a usable one, [`Code::Config`] for a member of a wrong type.
    pub fn node(&self) -> Result<NodeName, CniError> {
        let configured = self.config.node()?;
        let environment = self.environment.get("NODENAME");
        node::resolve(&configured, environment, &self.context.machine.host).map_err(|error| {
            CniError::new(Code::NodeIdentity, error.to_string())
                .details(crate::cni::error::causes(&error))
        })
    }

    /// Notes the store that the call talks to.
    pub fn watch(&self, store: &Arc<Observed>) {
        let _ = self.store.set(Arc::clone(store));
    }

    /// Returns what was seen of the store.
    pub fn sighting(&self) -> Sighting {
        self.store
            .get()
            .map(|store| store.sighting())
            .unwrap_or_default()
    }

    /// Does the work of the call within its deadline, and writes its one line to the log.
    ///
    /// # Errors
    /// Those of the work, or [`Code::TryAgain`] when the time is over.
    pub async fn within<T: Shown>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, CniError>>,
    ) -> Result<T, CniError> {
        let work = work.instrument(self.span());
        let result = match tokio::time::timeout(timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(self.too_late(timeout)),
        };
        self.log(&result, self.spent());
        result
    }

    /// Returns how long the call has taken so far.
    pub fn spent(&self) -> Duration {
        self.context.clock.now().since(self.began)
    }

    /// Returns what each line that is logged on the way carries: the runtime's trace, where it sends one. Whether a line
    /// is written is a matter of its own level.
    fn span(&self) -> Span {
        let trace = self.environment.get("TRACEPARENT");
        trace.map_or_else(Span::none, |trace| tracing::error_span!("call", trace))
    }

    fn too_late(&self, timeout: Duration) -> CniError {
        let msg = format!("no answer within {} s", timeout.as_secs_f64());
        CniError::new(Code::TryAgain, msg).details(self.sighting().trouble.unwrap_or_default())
    }

    fn log<T: Shown>(&self, result: &Result<T, CniError>, spent: Duration) {
        let verb = self.verb.text();
        let (handle, interface) = (self.attachment.holder(), self.attachment.interface());
        let node = self
            .node()
            .map_or_else(|_| "?".to_owned(), |node| node.to_string());
        let requests = self.sighting().requests;
        let milliseconds = spent.as_millis();
        let trace = self.environment.get("TRACEPARENT");
        match result {
            Ok(value) => {
                let result = value.shown();
                tracing::info!(
                    verb,
                    handle,
                    interface,
                    node,
                    result,
                    requests,
                    milliseconds,
                    trace
                );
            }
            Err(error) => {
                let (code, result) = (error.code.number(), &error.msg);
                tracing::warn!(
                    verb,
                    handle,
                    interface,
                    node,
                    code,
                    result,
                    requests,
                    milliseconds,
                    trace
                );
            }
        }
    }
}
