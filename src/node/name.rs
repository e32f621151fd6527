//! The name of this node.
//!
//! A wrong name mixes up two nodes' blocks, hence nothing is guessed where a source was named and failed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ids::{NameError, NodeName};

/// Most bytes of a file that are read for a name.
const LONGEST_FILE: u64 = 4096;

/// What configuration says about the name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    /// The name itself.
    pub nodename: Option<String>,
    /// A file that holds it.
    pub nodename_file: Option<PathBuf>,
    /// Calico's deprecated member, looked at after the file.
    pub hostname: Option<String>,
}

/// What the machine says about the name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The file that Calico's node agent writes. It may be absent.
    pub nodename_file: PathBuf,
    /// The host name.
    pub hostname: Option<String>,
}

impl Host {
    /// Looks at the machine that the program runs on.
    pub fn here() -> Host {
        let hostname = trimmed(Path::new("/proc/sys/kernel/hostname"));
        Host {
            nodename_file: "/var/lib/calico/nodename".into(),
            hostname: hostname.ok().filter(|name| !name.is_empty()),
        }
    }
}

/// Why the node has no name.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file that configuration names cannot be read.
    #[error("node name file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file that configuration names holds nothing.
    #[error("node name file {} is empty", .0.display())]
    Empty(PathBuf),
    /// The name cannot be one.
    #[error(transparent)]
    Unusable(#[from] NameError),
    /// No source has a name.
    #[error("the node has no name: no `nodename`, no file, no NODENAME, no host name")]
    Unknown,
}

/// Returns the name of the node: configuration, file, environment (`NODENAME`), host name in lower case.
///
/// # Errors
/// [`IdentityError`].
pub fn resolve(
    configured: &Configured,
    environment: Option<&str>,
    host: &Host,
) -> Result<NodeName, IdentityError> {
    let name = match &configured.nodename {
        Some(name) => Some(name.clone()),
        None => from_files(configured, host)?
            .or_else(|| configured.hostname.clone())
            .or_else(|| environment.map(str::to_owned))
            .or_else(|| host.hostname.as_deref().map(lower)),
    };
    let name = name.ok_or(IdentityError::Unknown)?;
    Ok(NodeName::new(name.trim())?)
}

/// The file of the configuration must be there; Calico's own file need not.
fn from_files(configured: &Configured, host: &Host) -> Result<Option<String>, IdentityError> {
    let Some(path) = &configured.nodename_file else {
        return Ok(trimmed(&host.nodename_file)
            .ok()
            .filter(|name| !name.is_empty()));
    };
    let name = trimmed(path).map_err(|source| IdentityError::Unreadable {
        path: path.clone(),
        source,
    })?;
    if name.is_empty() {
        return Err(IdentityError::Empty(path.clone()));
    }
    Ok(Some(name))
}

/// A newline at the end is no part of the name (Calico's plugin keeps it, and then finds no such node).
fn trimmed(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

fn lower(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[track_caller]
    fn check(configured: &Configured, environment: Option<&str>, host: &Host, expected: &str) {
        let shown = match resolve(configured, environment, host) {
            Ok(name) => name.to_string(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected);
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_source_stands_in_for_those_before_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("nodename");
        fs::write(&file, " from-file\n").expect("a file");
        let bare = Host {
            nodename_file: dir.path().join("none"),
            hostname: text("Host.Example\n"),
        };
        let calico = Host {
            nodename_file: file.clone(),
            ..bare.clone()
        };
        let none = Configured::default();
        let deprecated = Configured {
            hostname: text("from-hostname"),
            ..none.clone()
        };
        let filed = Configured {
            nodename_file: Some(file),
            ..deprecated.clone()
        };
        let named = Configured {
            nodename: text("From-Config"),
            ..filed.clone()
        };
        check(&named, Some("env"), &calico, "From-Config");
        check(&filed, Some("env"), &bare, "from-file");
        check(&deprecated, Some("env"), &calico, "from-file");
        check(&deprecated, Some("env"), &bare, "from-hostname");
        check(&none, Some("env"), &bare, "env");
        check(&none, None, &bare, "host.example");
        check(
            &none,
            None,
            &Host::default(),
            "error: the node has no name: no `nodename`, no file, no NODENAME, no host name",
        );
    }

    #[test]
    fn a_file_that_was_named_must_hold_a_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("nodename");
        let host = Host {
            hostname: text("h"),
            ..Host::default()
        };
        let configured = Configured {
            nodename_file: Some(path.clone()),
            ..Configured::default()
        };
        let shown = path.display();
        check(
            &configured,
            None,
            &host,
            &format!("error: node name file {shown} cannot be read"),
        );
        fs::write(&path, "\n").expect("a file");
        check(
            &configured,
            None,
            &host,
            &format!("error: node name file {shown} is empty"),
        );
        fs::write(&path, "a/b").expect("a file");
        check(
            &configured,
            None,
            &host,
            "error: node name \"a/b\" is not usable: it contains `/`, which separates the segments of a key",
        );
    }
}
