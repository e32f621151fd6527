//! The settings of one source, as it spells them.

use std::collections::BTreeMap;

use super::Secret;

/// One setting, whatever a source calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `sqlite:PATH` or `etcd:URL[,URL..]`: ours alone.
    Datastore,
    /// `etcdv3`; Calico also knows `kubernetes`.
    DatastoreType,
    /// URLs of etcd, separated by commas.
    Endpoints,
    /// `HOST:PORT` of etcd: Calico's old form.
    Authority,
    /// `http` or `https`, with the old form.
    Scheme,
    /// A domain whose SRV records name the endpoints.
    DiscoverySrv,
    /// The file of the authorities.
    CaCertFile,
    /// The file of the certificate.
    CertFile,
    /// The file of its key.
    KeyFile,
    /// The authorities themselves, as PEM.
    CaCert,
    /// The certificate itself.
    Cert,
    /// Its key itself.
    Key,
    /// The user of etcd.
    Username,
    /// The password.
    Password,
}

impl Field {
    /// All of them.
    pub const ALL: [Field; 14] = [
        Field::Datastore,
        Field::DatastoreType,
        Field::Endpoints,
        Field::Authority,
        Field::Scheme,
        Field::DiscoverySrv,
        Field::CaCertFile,
        Field::CertFile,
        Field::KeyFile,
        Field::CaCert,
        Field::Cert,
        Field::Key,
        Field::Username,
        Field::Password,
    ];

    /// Returns its name in a network configuration and in our own file.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Datastore => "datastore",
            Field::DatastoreType => "datastore_type",
            Field::Endpoints => "etcd_endpoints",
            Field::Authority => "etcd_authority",
            Field::Scheme => "etcd_scheme",
            Field::DiscoverySrv => "etcd_discovery_srv",
            Field::CaCertFile => "etcd_ca_cert_file",
            Field::CertFile => "etcd_cert_file",
            Field::KeyFile => "etcd_key_file",
            Field::CaCert => "etcd_ca_cert",
            Field::Cert => "etcd_cert",
            Field::Key => "etcd_key",
            Field::Username => "etcd_username",
            Field::Password => "etcd_password",
        }
    }

    /// Returns its name in the environment; `None` where Calico has none.
    fn variable(self) -> Option<String> {
        match self {
            Field::Datastore
            | Field::Authority
            | Field::Scheme
            | Field::CaCert
            | Field::Cert
            | Field::Key => None,
            Field::DatastoreType
            | Field::Endpoints
            | Field::DiscoverySrv
            | Field::CaCertFile
            | Field::CertFile
            | Field::KeyFile
            | Field::Username
            | Field::Password => Some(self.name().to_uppercase()),
        }
    }
}

/// A value and what it is called where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    /// Hidden from logs, for it may be the password.
    pub(super) value: Secret,
}

/// The settings of one source. An empty value is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    pub(super) settings: BTreeMap<Field, Setting>,
}

impl Layer {
    /// Takes the text of the flag `--datastore`.
    pub fn flag(text: &str) -> Layer {
        Layer::default().with(Field::Datastore, "--datastore", Some(text))
    }

    /// Takes the fields of a network configuration, or of our own file.
    pub fn fields<'a>(fields: impl IntoIterator<Item = (Field, Option<&'a str>)>) -> Layer {
        let start = Layer::default();
        fields.into_iter().fold(start, |layer, (field, value)| {
            layer.with(field, field.name(), value)
        })
    }

    /// Takes Calico's variables: of each the one with the prefix `CALICO_` first, as Calico does.
    pub fn environment(variable: &dyn Fn(&str) -> Option<String>) -> Layer {
        let mut layer = Layer::default();
        for field in Field::ALL {
            let Some(name) = field.variable() else {
                continue;
            };
            for name in [name.clone(), format!("CALICO_{name}")] {
                layer = layer.with(field, &name, variable(&name).as_deref());
            }
        }
        layer
    }

    /// The same with this setting, if it has a value.
    #[must_use]
    pub(super) fn with(mut self, field: Field, name: &str, value: Option<&str>) -> Layer {
        let value = value.map(str::trim).filter(|value| !value.is_empty());
        if let Some(value) = value {
            let setting = Setting {
                name: name.to_owned(),
                value: Secret(value.to_owned()),
            };
            self.settings.insert(field, setting);
        }
        self
    }

    /// The same with the file added to the name of each setting.
    pub(super) fn named_in(mut self, file: &str) -> Layer {
        for setting in self.settings.values_mut() {
            setting.name = format!("{} in {file}", setting.name);
        }
        self
    }
}
