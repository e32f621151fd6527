//! What the runtime says about the workload: annotations of its pod, and addresses that are asked for.
//!
//! Runtimes hand over `runtimeConfig` where the configuration declares the capability, and `args` as it stands.

use serde_json::{Map, Value};

use crate::blocks::Address;
use crate::cni::args::asked_address;
use crate::cni::config::members::Members;
use crate::cni::config::network::NetworkConfig;
use crate::cni::error::{CniError, Code};
use crate::workload::Annotations;

/// The capability by which runtimes hand over annotations (containerd and CRI-O).
const POD_ANNOTATIONS: &str = "io.kubernetes.cri.pod-annotations";

/// What the runtime says about the workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// The annotations of its pod.
    pub annotations: Annotations,
    /// The addresses of `runtimeConfig.ips`, else of `args.cni.ips`.
    pub addresses: Vec<Address>,
}

impl Workload {
    /// Reads `runtimeConfig` and `args`.
    ///
    /// # Errors
    /// [`Code::Config`] naming the member at fault, and for `runtimeConfig.ipRanges`, which ask for what is no pool.
    pub fn read(config: &NetworkConfig) -> Result<Workload, CniError> {
        let nothing = Map::new();
        let object = |members: &Members<'_>, name: &str| {
            let map = members.typed(name, as_object, "an object");
            map.map(|map| map.cloned().unwrap_or_else(|| nothing.clone()))
        };
        let root = config.root();
        let runtime = object(&root, "runtimeConfig")?;
        let runtime = Members::new("runtimeConfig.", &runtime);
        refuse_ranges(&runtime)?;
        let args = object(&root, "args")?;
        let cni = object(&Members::new("args.", &args), "cni")?;
        let asked = addresses(&runtime)?;
        Ok(Workload {
            annotations: annotations(&runtime)?,
            addresses: match asked {
                Some(addresses) => addresses,
                None => addresses(&Members::new("args.cni.", &cni))?.unwrap_or_default(),
            },
        })
    }
}

fn as_object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

fn annotations(runtime: &Members<'_>) -> Result<Annotations, CniError> {
    let read = |value: &Value| {
        let entries = value.as_object()?.iter();
        let text =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        entries.map(text).collect()
    };
    let given = runtime.typed(POD_ANNOTATIONS, read, "an object of texts")?;
    Ok(given.unwrap_or_default())
}

/// Reads the member `ips`: addresses with or without a prefix length; `None` for none.
fn addresses(members: &Members<'_>) -> Result<Option<Vec<Address>>, CniError> {
    let texts = members.texts("ips")?;
    let read = |text: &&str| {
        asked_address(text)
            .ok_or_else(|| members.wrong("ips", &format!("wrong: {text:?} is no address")))
    };
    let addresses: Vec<Address> = texts.iter().map(read).collect::<Result<_, _>>()?;
    Ok((!addresses.is_empty()).then_some(addresses))
}

fn refuse_ranges(runtime: &Members<'_>) -> Result<(), CniError> {
    let asked = runtime.value("ipRanges").and_then(Value::as_array);
    if asked.is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let msg =
        "runtimeConfig.ipRanges is for host-local; here addresses come from pools in the store";
    Err(CniError::new(Code::Config, msg).details(
        "remove the capability `ipRanges`, and name pools: in `ipam.ipv4_pools` and `ipam.ipv6_pools`, or by annotation",
    ))
}
