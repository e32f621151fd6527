//! What a call is about: one interface of one container in one network.

use crate::cni::environment::Environment;
use crate::cni::error::{CniError, Code};
use crate::ids::HandleId;

/// Most characters of an interface name (Linux: IFNAMSIZ without the closing zero).
const LONGEST_INTERFACE: usize = 15;

/// One interface of one container in one network, each name checked by the rules of the specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// `CNI_CONTAINERID`.
    pub container: String,
    /// `CNI_IFNAME`.
    pub interface: String,
    /// Who holds the addresses: `{network}.{containerID}`, as Calico's plugin writes it.
    pub handle: HandleId,
}

/// What a call is about, as the log names it.
pub trait Subject {
    /// Returns the handle; of a whole network `{network}.*`.
    fn holder(&self) -> &str;
    /// Returns the interface, if it is about one.
    fn interface(&self) -> Option<&str>;
}

impl Subject for Attachment {
    fn holder(&self) -> &str {
        self.handle.as_str()
    }

    fn interface(&self) -> Option<&str> {
        Some(&self.interface)
    }
}

/// A network as a whole, on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    holders: String,
}

impl Network {
    /// Returns the network of a name that was checked.
    pub fn new(name: &str) -> Network {
        Network {
            name: name.to_owned(),
            holders: format!("{name}.*"),
        }
    }
}

impl Subject for Network {
    fn holder(&self) -> &str {
        &self.holders
    }

    fn interface(&self) -> Option<&str> {
        None
    }
}

impl Attachment {
    /// Reads the attachment of a call.
    ///
    /// # Errors
    /// [`Code::Environment`] for a bad container id or interface name; [`Code::Config`] where the handle would be too long.
    pub fn of(network: &str, environment: &Environment) -> Result<Attachment, CniError> {
        let container = environment.get("CNI_CONTAINERID").unwrap_or_default();
        let interface = environment.get("CNI_IFNAME").unwrap_or_default();
        check_container(container)?;
        check_interface(interface)?;
        let handle = HandleId::new(&format!("{network}.{container}"))
            .map_err(|error| CniError::new(Code::Config, error.to_string()))?;
        Ok(Attachment {
            container: container.to_owned(),
            interface: interface.to_owned(),
            handle,
        })
    }
}

/// Checks the name of a network.
///
/// # Errors
/// [`Code::Config`] where it is missing or has other than letters, digits, `_`, `.` and `-`.
pub fn check_network(name: &str) -> Result<(), CniError> {
    if name.is_empty() {
        Err(CniError::new(Code::Config, "missing network name"))
    } else if is_identifier(name) {
        Ok(())
    } else {
        let msg = "invalid characters found in network name";
        Err(CniError::new(Code::Config, msg).details(name))
    }
}

fn check_container(id: &str) -> Result<(), CniError> {
    if is_identifier(id) {
        Ok(())
    } else {
        let msg = "invalid characters in CNI_CONTAINERID";
        Err(CniError::new(Code::Environment, msg).details(id))
    }
}

fn check_interface(name: &str) -> Result<(), CniError> {
    let wrong = if LONGEST_INTERFACE < name.len() {
        "CNI_IFNAME is longer than 15 characters"
    } else if name == "." || name == ".." {
        "CNI_IFNAME is . or .."
    } else if name
        .chars()
        .any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
    {
        "CNI_IFNAME contains / or : or white space"
    } else {
        return Ok(());
    };
    Err(CniError::new(Code::Environment, wrong).details(name))
}

/// The specification: a letter or digit, then letters, digits, `_`, `.` and `-`.
fn is_identifier(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
}
