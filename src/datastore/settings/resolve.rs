//! The order of the sources.
//!
//! 1. What was given to the program (flag, network configuration) and then the environment, field by field as Calico does.
//! 2. Our own file, only if those name no store. 3. calicoctl's file, only if that names none either.
//!
//! So the credentials of a file never go to endpoints that it does not name, while a stronger source can add a password.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::layer::Setting;
use super::{
    EtcdSettings, Field, Layer, Login, Pem, Secret, StoreSettings, TlsSettings, endpoints, files,
};

/// Our own file, read by all our programs.
pub const CONFIG_FILE: &str = "/etc/block-ipam/config.yaml";

/// calicoctl's file.
pub const CALICOCTL_FILE: &str = "/etc/calico/calicoctl.cfg";

/// Where settings can stand.
#[expect(missing_debug_implementations, reason = "it holds functions")]
pub struct Sources<'a> {
    /// What was given to this program: a flag, a network configuration; the strongest first.
    pub given: Vec<Layer>,
    /// The environment: the value of a variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The files: the text of one; `None` if there is no such file.
    pub file: &'a dyn Fn(&Path) -> io::Result<Option<String>>,
}

/// The settings, and who decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The settings.
    pub settings: StoreSettings,
    /// The setting that named the store, such as `ETCD_ENDPOINTS` or `datastore in /etc/block-ipam/config.yaml`.
    pub named_by: String,
}

impl Layer {
    /// Reads a file of settings that was named by a flag: ours, or calicoctl's.
    ///
    /// # Errors
    /// [`SettingsError::File`] if it does not parse, or holds a member that our own file does not have.
    pub fn file(path: &Path, text: &str) -> Result<Layer, SettingsError> {
        let layer = files::either(text).map_err(|detail| SettingsError::File {
            path: path.to_owned(),
            detail,
        })?;
        Ok(layer.named_in(&path.display().to_string()))
    }
}

/// Why the settings name no store that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No source says anything about a store. Programs that have a default use it then, and only then.
    #[error(
        "no datastore is configured: give etcd_endpoints, set ETCD_ENDPOINTS, or write datastore into {CONFIG_FILE}"
    )]
    Nothing,
    /// Something is said about etcd, and not where it is.
    #[error("{name} is set, and no source names the endpoints of etcd: set ETCD_ENDPOINTS")]
    NoEndpoints {
        /// The setting.
        name: String,
    },
    /// A setting is wrong, or asks for what we do not have.
    #[error("{name} is not usable: {detail}")]
    Unusable {
        /// The setting.
        name: String,
        /// Why.
        detail: String,
    },
    /// A file cannot be read or does not parse.
    #[error("{} is not usable: {detail}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
}

/// Finds the store that the sources name. A file is read only if nothing stronger names a store.
///
/// # Errors
/// [`SettingsError`].
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, SettingsError> {
    let mut merged = Merged::default();
    for layer in &sources.given {
        merged.add(layer)?;
    }
    merged.add(&Layer::environment(sources.variable))?;
    let parsers: [(&str, Parser); 2] = [
        (CONFIG_FILE, files::own),
        (CALICOCTL_FILE, files::calicoctl),
    ];
    for (path, parse) in parsers {
        if merged.place.is_none() {
            let layer = read(sources, Path::new(path), parse)?;
            merged.add(&layer.named_in(path))?;
        }
    }
    merged.settings()
}

type Parser = fn(&str) -> Result<Layer, String>;

fn read(sources: &Sources<'_>, path: &Path, parse: Parser) -> Result<Layer, SettingsError> {
    let unusable = |detail: String| SettingsError::File {
        path: path.to_owned(),
        detail,
    };
    match (sources.file)(path) {
        Ok(Some(text)) => parse(&text).map_err(unusable),
        Ok(None) => Ok(Layer::default()),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// What the layers say so far, the stronger ones first.
#[derive(Default)]
struct Merged {
    settings: BTreeMap<Field, Setting>,
    /// Which field of the strongest layer that names a store names it.
    place: Option<Field>,
}

impl Merged {
    /// Adds a weaker layer.
    fn add(&mut self, layer: &Layer) -> Result<(), SettingsError> {
        if self.place.is_none() {
            self.place = place_of(layer)?;
            check_type(layer)?;
        }
        for (field, setting) in &layer.settings {
            self.settings
                .entry(*field)
                .or_insert_with(|| setting.clone());
        }
        Ok(())
    }

    fn settings(&self) -> Result<Resolved, SettingsError> {
        let Some(place) = self.place else {
            return Err(match self.settings.values().next() {
                Some(setting) => SettingsError::NoEndpoints {
                    name: setting.name.clone(),
                },
                None => SettingsError::Nothing,
            });
        };
        let named = &self.settings[&place];
        let text = named.value.0.as_str();
        let settings = match (place, text.split_once(':')) {
            (Field::Datastore, Some(("sqlite", path))) if !path.is_empty() => {
                StoreSettings::Sqlite(PathBuf::from(path))
            }
            (Field::Datastore, Some(("etcd", list))) => self.etcd(named, list)?,
            (Field::Datastore, _) => {
                return Err(unusable(
                    named,
                    "it is neither sqlite:PATH nor etcd:URL[,URL..]",
                ));
            }
            (Field::DiscoverySrv, _) => {
                return Err(unusable(
                    named,
                    "endpoints are not looked up in DNS; list them",
                ));
            }
            _ => self.etcd(named, text)?,
        };
        Ok(Resolved {
            settings,
            named_by: named.name.clone(),
        })
    }

    fn etcd(&self, named: &Setting, list: &str) -> Result<StoreSettings, SettingsError> {
        let tls = self.tls()?;
        let scheme = match self.value(Field::Scheme) {
            Some(scheme) => scheme,
            None if tls == TlsSettings::default() => "http",
            None => "https",
        };
        let endpoints =
            endpoints::parse(list, scheme).map_err(|detail| unusable(named, &detail))?;
        Ok(StoreSettings::Etcd(EtcdSettings {
            endpoints,
            tls,
            login: self.login()?,
        }))
    }

    fn tls(&self) -> Result<TlsSettings, SettingsError> {
        let tls = TlsSettings {
            ca: self.pem(Field::CaCertFile, Field::CaCert)?,
            cert: self.pem(Field::CertFile, Field::Cert)?,
            key: self.pem(Field::KeyFile, Field::Key)?,
        };
        if tls.cert.is_some() == tls.key.is_some() {
            return Ok(tls);
        }
        let one = [Field::CertFile, Field::Cert, Field::KeyFile, Field::Key];
        let one = one.iter().find_map(|field| self.settings.get(field));
        Err(unusable(
            one.expect("one of the two is set"),
            "a certificate and its key come together",
        ))
    }

    fn pem(&self, file: Field, inline: Field) -> Result<Option<Pem>, SettingsError> {
        match (self.settings.get(&file), self.settings.get(&inline)) {
            (Some(file), None) => Ok(Some(Pem::File(PathBuf::from(&file.value.0)))),
            (None, Some(inline)) => Ok(Some(Pem::Inline(inline.value.clone()))),
            (None, None) => Ok(None),
            (Some(file), Some(inline)) => {
                Err(unusable(file, &format!("{} is set too", inline.name)))
            }
        }
    }

    /// Calico ignores a user without a password; here it is an error, for the refusal of etcd would be harder to read.
    fn login(&self) -> Result<Option<Login>, SettingsError> {
        match (
            self.settings.get(&Field::Username),
            self.settings.get(&Field::Password),
        ) {
            (Some(user), Some(password)) => Ok(Some(Login {
                user: user.value.0.clone(),
                password: Secret::clone(&password.value),
            })),
            (None, None) => Ok(None),
            (Some(one), None) | (None, Some(one)) => {
                Err(unusable(one, "a user and a password come together"))
            }
        }
    }

    fn value(&self, field: Field) -> Option<&str> {
        self.settings
            .get(&field)
            .map(|setting| setting.value.0.as_str())
    }
}

/// Returns which field of the layer names a store; two of them in one layer contradict each other.
fn place_of(layer: &Layer) -> Result<Option<Field>, SettingsError> {
    let places = [
        Field::Datastore,
        Field::Endpoints,
        Field::Authority,
        Field::DiscoverySrv,
    ];
    let set: Vec<Field> = places
        .into_iter()
        .filter(|field| layer.settings.contains_key(field))
        .collect();
    match set.as_slice() {
        [] => Ok(None),
        [place] => Ok(Some(*place)),
        [first, second, ..] => {
            let other = &layer.settings[second].name;
            Err(unusable(
                &layer.settings[first],
                &format!("{other} is set too"),
            ))
        }
    }
}

fn check_type(layer: &Layer) -> Result<(), SettingsError> {
    let Some(setting) = layer.settings.get(&Field::DatastoreType) else {
        return Ok(());
    };
    match setting.value.0.as_str() {
        "etcdv3" => Ok(()),
        "kubernetes" => {
            let detail =
                "Calico's records are kept in etcd or SQLite here, not in the Kubernetes API";
            Err(unusable(setting, detail))
        }
        other => Err(unusable(
            setting,
            &format!("`{other}` is not known; etcdv3 is"),
        )),
    }
}

fn unusable(setting: &Setting, detail: &str) -> SettingsError {
    SettingsError::Unusable {
        name: setting.name.clone(),
        detail: detail.to_owned(),
    }
}
