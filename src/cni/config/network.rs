//! The network configuration as a whole: version, name, and where each of our members stands.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::cni::attachment::check_network;
use crate::cni::config::members::Members;
use crate::cni::error::{CniError, Code};
use crate::cni::version::CniVersion;
use crate::node::Configured;

/// How long a whole call may take where the configuration does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest `timeout`, seconds. Runtimes give up on a plugin after minutes.
const LONGEST_TIMEOUT: f64 = 600.0;

/// A network configuration.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    root: Map<String, Value>,
}

impl NetworkConfig {
    /// Reads the text.
    ///
    /// # Errors
    /// [`Code::Decode`] where it is no JSON object.
    pub fn parse(stdin: &[u8]) -> Result<NetworkConfig, CniError> {
        let decode = |what: String| {
            CniError::new(
                Code::Decode,
                format!("error unmarshall network config: {what}"),
            )
        };
        match serde_json::from_slice(stdin) {
            Ok(Value::Object(root)) => Ok(NetworkConfig { root }),
            Ok(_) => Err(decode("it is no JSON object".to_owned())),
            Err(error) => Err(decode(error.to_string())),
        }
    }

    /// Returns `cniVersion`.
    ///
    /// # Errors
    /// [`Code::IncompatibleVersion`] where the plugin does not speak it, [`Code::Config`] where it is no text.
    pub fn version(&self) -> Result<CniVersion, CniError> {
        let text = self.root().text("cniVersion")?.unwrap_or_default();
        CniVersion::parse(text).ok_or_else(|| {
            let spoken: Vec<&str> = CniVersion::ALL.into_iter().map(CniVersion::text).collect();
            let listed = spoken.join("\" \"");
            CniError::new(Code::IncompatibleVersion, "incompatible CNI versions").details(format!(
                "config is \"{text}\", plugin supports [\"{listed}\"]"
            ))
        })
    }

    /// Returns `name`, the name of the network.
    ///
    /// # Errors
    /// [`Code::Config`] where it is missing or has characters that the specification does not allow.
    pub fn name(&self) -> Result<&str, CniError> {
        let name = self.root().text("name")?.unwrap_or_default();
        check_network(name)?;
        Ok(name)
    }

    /// Returns the members outside `ipam`.
    pub const fn root(&self) -> Members<'_> {
        Members::new("", &self.root)
    }

    /// Returns the members of `ipam`.
    ///
    /// # Errors
    /// [`Code::Config`] where there is no such object.
    pub fn ipam(&self) -> Result<Members<'_>, CniError> {
        let object = self.root().typed("ipam", Value::as_object, "an object")?;
        object.map(|map| Members::new("ipam.", map)).ok_or_else(|| {
            CniError::new(
                Code::Config,
                "the network configuration has no `ipam` section",
            )
        })
    }

    /// Returns a text from `ipam`, else from outside of it (where Calico has it).
    ///
    /// # Errors
    /// [`Code::Config`] where it is no text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, CniError> {
        let inside = match self.ipam() {
            Ok(ipam) => ipam.text(name)?,
            Err(_) => None,
        };
        match inside {
            Some(text) => Ok(Some(text)),
            None => self.root().text(name),
        }
    }

    /// Returns what is said about the name of the node.
    ///
    /// # Errors
    /// [`Code::Config`] where a member has a wrong type.
    pub fn node(&self) -> Result<Configured, CniError> {
        let owned = |name| self.text(name).map(|text| text.map(str::to_owned));
        Ok(Configured {
            nodename: owned("nodename")?,
            nodename_file: owned("nodename_file")?.map(Into::into),
            hostname: owned("hostname")?,
        })
    }

    /// Returns how long the whole call may take.
    ///
    /// # Errors
    /// [`Code::Config`] where `ipam.timeout` is no number of seconds above 0 and up to 600.
    pub fn timeout(&self) -> Result<Duration, CniError> {
        let read = |value: &Value| {
            let seconds = value.as_f64()?;
            (0.0 < seconds && seconds <= LONGEST_TIMEOUT).then(|| Duration::from_secs_f64(seconds))
        };
        let given = match self.ipam() {
            Ok(ipam) => ipam.typed("timeout", read, "a number of seconds up to 600")?,
            Err(_) => None,
        };
        Ok(given.unwrap_or(DEFAULT_TIMEOUT))
    }
}
