//! The two files: our own, read strictly, and calicoctl's, of which we take what we know.

use serde::Deserialize;

use super::{Field, Layer};

/// Reads our own file. A member that it does not know is an error that names it.
pub(super) fn own(text: &str) -> Result<Layer, String> {
    let file: Option<OwnFile> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let file = file.unwrap_or_default();
    Ok(Layer::fields([
        (Field::Datastore, file.datastore.as_deref()),
        (Field::Endpoints, file.etcd_endpoints.as_deref()),
        (Field::CaCertFile, file.etcd_ca_cert_file.as_deref()),
        (Field::CertFile, file.etcd_cert_file.as_deref()),
        (Field::KeyFile, file.etcd_key_file.as_deref()),
        (Field::Username, file.etcd_username.as_deref()),
        (Field::Password, file.etcd_password.as_deref()),
    ]))
}

/// Reads calicoctl's file. Members of other datastores are none of our business.
pub(super) fn calicoctl(text: &str) -> Result<Layer, String> {
    let file: Option<CalicoctlFile> =
        serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let spec = file.and_then(|file| file.spec).unwrap_or_default();
    let fields = [
        (Field::DatastoreType, "datastoreType", spec.datastore_type),
        (Field::Endpoints, "etcdEndpoints", spec.etcd_endpoints),
        (
            Field::DiscoverySrv,
            "etcdDiscoverySrv",
            spec.etcd_discovery_srv,
        ),
        (Field::Username, "etcdUsername", spec.etcd_username),
        (Field::Password, "etcdPassword", spec.etcd_password),
        (Field::CaCertFile, "etcdCACertFile", spec.etcd_ca_cert_file),
        (Field::CertFile, "etcdCertFile", spec.etcd_cert_file),
        (Field::KeyFile, "etcdKeyFile", spec.etcd_key_file),
        (Field::CaCert, "etcdCACert", spec.etcd_ca_cert),
        (Field::Cert, "etcdCert", spec.etcd_cert),
        (Field::Key, "etcdKey", spec.etcd_key),
    ];
    let start = Layer::default();
    Ok(fields
        .into_iter()
        .fold(start, |layer, (field, name, value)| {
            layer.with(field, name, value.as_deref())
        }))
}

/// Reads either: calicoctl's has a `spec`.
pub(super) fn either(text: &str) -> Result<Layer, String> {
    let file: Result<Option<CalicoctlFile>, _> = serde_saphyr::from_str(text);
    match file {
        Ok(Some(CalicoctlFile { spec: Some(_) })) => calicoctl(text),
        Ok(_) | Err(_) => own(text),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnFile {
    datastore: Option<String>,
    etcd_endpoints: Option<String>,
    etcd_ca_cert_file: Option<String>,
    etcd_cert_file: Option<String>,
    etcd_key_file: Option<String>,
    etcd_username: Option<String>,
    etcd_password: Option<String>,
}

#[derive(Deserialize)]
struct CalicoctlFile {
    spec: Option<CalicoctlSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CalicoctlSpec {
    datastore_type: Option<String>,
    etcd_endpoints: Option<String>,
    etcd_discovery_srv: Option<String>,
    etcd_username: Option<String>,
    etcd_password: Option<String>,
    #[serde(rename = "etcdCACertFile")]
    etcd_ca_cert_file: Option<String>,
    etcd_cert_file: Option<String>,
    etcd_key_file: Option<String>,
    #[serde(rename = "etcdCACert")]
    etcd_ca_cert: Option<String>,
    etcd_cert: Option<String>,
    etcd_key: Option<String>,
}
