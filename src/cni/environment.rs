//! The environment of a call: what the runtime asks for, and which variables each verb needs.
//!
//! Nothing here reads the process: the program hands the variables in.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::cni::error::{CniError, Code};
use crate::cni::version::CniVersion;

/// The environment variables of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes variables as the operating system has them. Bytes that are no UTF-8 become U+FFFD, which no name allows.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        let text = |raw: OsString| raw.to_string_lossy().into_owned();
        Environment(
            variables
                .into_iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// Returns the value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Environment {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Environment(variables.into_iter().map(owned).collect())
    }
}

/// What a runtime can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Assign addresses.
    Add,
    /// Give them back.
    Del,
    /// Are they still there?
    Check,
    /// Could an ADD be served?
    Status,
    /// Give back what no valid attachment holds.
    Gc,
    /// Which versions are spoken?
    Version,
}

impl Verb {
    /// Returns the verb of `CNI_COMMAND`.
    ///
    /// # Errors
    /// [`Code::Environment`] where it is missing or unknown.
    pub fn of(environment: &Environment) -> Result<Verb, CniError> {
        match environment.get("CNI_COMMAND") {
            Some("ADD") => Ok(Verb::Add),
            Some("DEL") => Ok(Verb::Del),
            Some("CHECK") => Ok(Verb::Check),
            Some("STATUS") => Ok(Verb::Status),
            Some("GC") => Ok(Verb::Gc),
            Some("VERSION") => Ok(Verb::Version),
            Some(other) => Err(CniError::new(
                Code::Environment,
                format!("unknown CNI_COMMAND: {other}"),
            )),
            None => Err(missing(&["CNI_COMMAND"])),
        }
    }

    /// Returns the text of `CNI_COMMAND`.
    pub const fn text(self) -> &'static str {
        match self {
            Verb::Add => "ADD",
            Verb::Del => "DEL",
            Verb::Check => "CHECK",
            Verb::Status => "STATUS",
            Verb::Gc => "GC",
            Verb::Version => "VERSION",
        }
    }

    /// Returns the variables that a call must have. `CNI_PATH` is not among them: an IPAM plugin calls nobody.
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Verb::Add | Verb::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            Verb::Del => &["CNI_CONTAINERID", "CNI_IFNAME"],
            Verb::Status | Verb::Gc | Verb::Version => &[],
        }
    }

    /// Returns the version of the specification that brought the verb.
    pub const fn since(self) -> CniVersion {
        match self {
            Verb::Add | Verb::Del | Verb::Version => CniVersion::V0_1_0,
            Verb::Check => CniVersion::V0_4_0,
            Verb::Status | Verb::Gc => CniVersion::V1_1_0,
        }
    }

    /// Checks that the variables which the verb needs are there.
    ///
    /// # Errors
    /// [`Code::Environment`] naming all that are missing.
    pub fn check(self, environment: &Environment) -> Result<(), CniError> {
        let absent: Vec<&str> = self
            .required()
            .iter()
            .copied()
            .filter(|name| environment.get(name).is_none())
            .collect();
        if absent.is_empty() {
            Ok(())
        } else {
            Err(missing(&absent))
        }
    }
}

fn missing(names: &[&str]) -> CniError {
    CniError::new(
        Code::Environment,
        format!("required env variables [{}] missing", names.join(",")),
    )
}
