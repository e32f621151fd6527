//! Until when certificates are valid.

use block_ipam::clock::Timestamp;
use block_ipam::datastore::settings::{Pem, TlsSettings};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_cert::der::Decode;

use crate::doctor::facts::Certificate;

/// Returns the end of each certificate of the settings: of several in one file that which ends first.
pub(super) fn of(settings: &TlsSettings) -> Vec<Certificate> {
    let named = [("client", &settings.cert), ("authority", &settings.ca)];
    let given = named.into_iter().filter_map(|(of, pem)| {
        let pem = pem.as_ref()?;
        let until = read(pem).and_then(|chain| first_end(&chain));
        Some(Certificate { of, until })
    });
    given.collect()
}

/// Returns the certificates of a PEM text.
pub(super) fn read(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(pem)?).collect();
    certificates.map_err(|error| format!("{}: {error}", name(pem)))
}

/// Returns what a PEM holds.
pub(super) fn bytes(pem: &Pem) -> Result<Vec<u8>, String> {
    match pem {
        Pem::Inline(text) => Ok(text.0.as_bytes().to_vec()),
        Pem::File(path) => std::fs::read(path).map_err(|error| format!("{}: {error}", name(pem))),
    }
}

fn name(pem: &Pem) -> String {
    match pem {
        Pem::Inline(_) => "the settings".to_owned(),
        Pem::File(path) => path.display().to_string(),
    }
}

/// Returns when the first of a chain ends.
pub(super) fn first_end(chain: &[CertificateDer<'_>]) -> Result<Timestamp, String> {
    let mut first: Option<Timestamp> = None;
    for certificate in chain {
        let end = end(certificate)?;
        first = Some(first.map_or(end, |first| first.min(end)));
    }
    first.ok_or_else(|| "there is no certificate in it".to_owned())
}

fn end(certificate: &[u8]) -> Result<Timestamp, String> {
    let parsed = x509_cert::Certificate::from_der(certificate);
    let parsed = parsed.map_err(|error| format!("a certificate cannot be read: {error}"))?;
    let end = parsed.tbs_certificate().validity().not_after;
    let seconds = end.to_unix_duration().as_secs();
    Ok(Timestamp::from_seconds(
        i64::try_from(seconds).unwrap_or(i64::MAX),
    ))
}
