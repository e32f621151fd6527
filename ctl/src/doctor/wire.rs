//! What an endpoint says beside etcd's protocol, on the same port: the certificate that it shows, the date of its answers,
//! and its quota among its metrics. What is not said is not known; none of it is a failure.

use std::sync::Arc;
use std::time::Duration;

use block_ipam::clock::{Clock as _, SystemClock, Timestamp};
use block_ipam::datastore::settings::TlsSettings;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::doctor::certificates;
use crate::doctor::facts::{Clock, Spoken};

/// Of all that is asked of one endpoint.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Most bytes of an answer; metrics are some hundred thousand.
const MOST_BYTES: u64 = 8 << 20;
const QUOTA: &str = "etcd_server_quota_backend_bytes ";

/// How far two clocks may be apart without anybody knowing: dates are of whole seconds.
const GRAIN: Duration = Duration::from_secs(1);

/// Asks an endpoint.
pub(super) async fn ask(endpoint: &str, settings: &TlsSettings) -> Spoken {
    let mut spoken = Spoken {
        endpoint: endpoint.to_owned(),
        ..Spoken::default()
    };
    let asked = tokio::time::timeout(TIMEOUT, fill(&mut spoken, settings)).await;
    if asked.is_err() && endpoint.starts_with("https://") && spoken.certificate.is_none() {
        spoken.certificate = Some(Err(format!("no answer within {TIMEOUT:?}")));
    }
    spoken
}

async fn fill(spoken: &mut Spoken, settings: &TlsSettings) {
    let endpoint = spoken.endpoint.clone();
    let Some((scheme, place)) = endpoint.split_once("://") else {
        return;
    };
    let Some((host, _)) = place.rsplit_once(':') else {
        return;
    };
    if scheme == "https" {
        match shake_hands(place, host, settings).await {
            Ok(stream) => {
                let chain = stream.get_ref().1.peer_certificates();
                spoken.certificate = Some(certificates::first_end(chain.unwrap_or_default()));
                spoken.clock = clock(stream, host).await;
            }
            Err(error) => spoken.certificate = Some(Err(error)),
        }
        if let Ok(stream) = shake_hands(place, host, settings).await {
            spoken.quota = quota(stream, host).await;
        }
        return;
    }
    if let Ok(stream) = TcpStream::connect(place).await {
        spoken.clock = clock(stream, host).await;
    }
    if let Ok(stream) = TcpStream::connect(place).await {
        spoken.quota = quota(stream, host).await;
    }
}

async fn shake_hands(
    place: &str,
    host: &str,
    settings: &TlsSettings,
) -> Result<TlsStream<TcpStream>, String> {
    let config = config(settings)?;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let stream = TcpStream::connect(place).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector.connect(name, stream).await;
    connected.map_err(|error| error.to_string())
}

/// The same trust as the requests of etcd's protocol have.
fn config(settings: &TlsSettings) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &settings.ca {
        Some(ca) => roots.add_parsable_certificates(certificates::read(ca)?),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut config = match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates::read(cert)?;
            let key = PrivateKeyDer::from_pem_slice(&certificates::bytes(key)?);
            let key = key.map_err(|error| format!("the client's key: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client's certificate: {error}"))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn clock(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Option<Clock> {
    let before = SystemClock.now();
    let answer = get(stream, host, "/version").await?;
    let after = SystemClock.now();
    distance(&answer, before, after)
}

/// Returns how far the date of an answer is from the time in which it was asked for.
fn distance(answer: &str, before: Timestamp, after: Timestamp) -> Option<Clock> {
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    let date = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then_some(value.trim())
    })?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let date = Timestamp::from_seconds(date.as_second());
    let behind = before.since(date.plus(GRAIN));
    if behind.is_zero() {
        Some(Clock::Ahead(date.since(after)))
    } else {
        Some(Clock::Behind(behind))
    }
}

async fn quota(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Option<u64> {
    let answer = get(stream, host, "/metrics").await?;
    let value = answer.lines().find_map(|line| line.strip_prefix(QUOTA))?;
    whole(value.trim())
}

/// Reads a number as Go prints it: `2.147483648e+09`.
fn whole(text: &str) -> Option<u64> {
    let number: f64 = text.parse().ok()?;
    let rounded = format!("{number:.0}");
    rounded.parse().ok()
}

/// Asks once. HTTP 1.0 has neither chunks nor connections that stay.
async fn get(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    path: &str,
) -> Option<String> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    // Go ends such a connection without the farewell that TLS wants: what came until then counts.
    let _ = stream.take(MOST_BYTES).read_to_end(&mut answer).await;
    String::from_utf8(answer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_as_far_as_its_whole_seconds_tell() {
        let answer = |date: &str| format!("HTTP/1.0 200 OK\r\nDate: {date}\r\n\r\nDate: x");
        let now = |seconds: i64| Timestamp::from_seconds(1_000_000_000 + seconds);
        let seconds = Duration::from_secs;
        let table = [
            (0, Some(Clock::Ahead(seconds(0)))),
            (1, Some(Clock::Ahead(seconds(0)))),
            (2, Some(Clock::Behind(seconds(1)))),
            (-7, Some(Clock::Ahead(seconds(7)))),
            (9, Some(Clock::Behind(seconds(8)))),
        ];
        for (ours, expected) in table {
            let told = answer("Sun, 09 Sep 2001 01:46:40 GMT");
            assert_eq!(distance(&told, now(ours), now(ours)), expected, "{ours}");
        }
        assert_eq!(distance(&answer("soon"), now(0), now(0)), None);
        assert_eq!(
            distance("HTTP/1.0 404 Not Found\r\n\r\n", now(0), now(0)),
            None
        );
    }

    #[test]
    fn numbers_are_read_as_go_prints_them() {
        assert_eq!(whole("2.147483648e+09"), Some(2_147_483_648));
        assert_eq!(whole("0"), Some(0));
        assert_eq!(whole("-1"), None);
        assert_eq!(whole("NaN"), None);
    }
}
