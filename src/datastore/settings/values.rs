//! The settings as values.

use std::fmt;
use std::path::PathBuf;

/// Which store, and all that is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSettings {
    /// A file on this machine.
    Sqlite(PathBuf),
    /// An etcd cluster.
    Etcd(EtcdSettings),
}

/// An etcd cluster, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdSettings {
    /// Each `http://HOST:PORT` or `https://HOST:PORT`; at least one.
    pub endpoints: Vec<String>,
    /// For the endpoints with `https`.
    pub tls: TlsSettings,
    /// For clusters with password authentication.
    pub login: Option<Login>,
}

/// Certificates, each on its own. The certificate and its key come together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Who signed the servers' certificates; the system's authorities if `None`.
    pub ca: Option<Pem>,
    /// The certificate of this client.
    pub cert: Option<Pem>,
    /// Its key.
    pub key: Option<Pem>,
}

/// Where a PEM text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file, which is read again when it changes.
    File(PathBuf),
    /// In the settings themselves.
    Inline(Secret),
}

/// A user of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The form that the `--datastore` flag takes. It names the store without its secrets.
impl fmt::Display for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreSettings::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StoreSettings::Etcd(etcd) => write!(f, "etcd:{}", etcd.endpoints.join(",")),
        }
    }
}
