//! Certificates: where they are read, and whether their files changed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use etcd_client::{Certificate, Identity, TlsOptions};

use crate::datastore::OpenError;
use crate::datastore::settings::{Pem, TlsSettings};

/// What tells one state of the files from another: of each its time and its length.
pub(super) type Stamp = [Option<(SystemTime, u64)>; 3];

/// Reads the certificates.
///
/// # Errors
/// [`OpenError`] where a file cannot be read, or a certificate comes without its key.
pub(super) fn load(settings: &TlsSettings) -> Result<TlsOptions, OpenError> {
    let options = match &settings.ca {
        Some(ca) => TlsOptions::new().ca_certificate(Certificate::from_pem(text(ca)?)),
        None => TlsOptions::new().with_native_roots(),
    };
    match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => {
            Ok(options.identity(Identity::from_pem(text(cert)?, text(key)?)))
        }
        (None, None) => Ok(options),
        (Some(_), None) => Err(alone("certificate", "key")),
        (None, Some(_)) => Err(alone("key", "certificate")),
    }
}

/// Looks at the files without reading them.
pub(super) fn stamp(settings: &TlsSettings) -> Stamp {
    [&settings.ca, &settings.cert, &settings.key].map(|pem| match pem {
        Some(Pem::File(path)) => stamp_of(path),
        Some(Pem::Inline(_)) | None => None,
    })
}

fn stamp_of(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn text(pem: &Pem) -> Result<Vec<u8>, OpenError> {
    match pem {
        Pem::Inline(text) => Ok(text.0.as_bytes().to_vec()),
        Pem::File(path) => fs::read(path).map_err(|error| OpenError::File {
            path: path.clone(),
            detail: error.to_string(),
        }),
    }
}

fn alone(given: &str, missing: &str) -> OpenError {
    OpenError::Setting {
        name: format!("etcd client {given}"),
        detail: format!("it comes without its {missing}"),
    }
}
