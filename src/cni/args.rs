//! `CNI_ARGS`: `KEY=VALUE;KEY=VALUE`, in any order. Runtimes send another order at each call.

use crate::blocks::{Address, Cidr};
use crate::cni::error::{CniError, Code};

/// The arguments that the plugin looks at. Others are an error unless `IgnoreUnknown` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// The address asked for (`IP`).
    pub ip: Option<Address>,
    /// The pod (`K8S_POD_NAME`).
    pub pod: Option<String>,
    /// Its namespace (`K8S_POD_NAMESPACE`).
    pub namespace: Option<String>,
}

/// Arguments that runtimes send and nothing here needs.
const KNOWN: [&str; 3] = [
    "K8S_POD_INFRA_CONTAINER_ID",
    "K8S_POD_UID",
    "CNI_TEST_NAMESPACE",
];

impl Args {
    /// Reads the text of `CNI_ARGS`.
    ///
    /// # Errors
    /// [`Code::Environment`] for a part without `=`, a bad address, and unknown keys without `IgnoreUnknown`.
    pub fn parse(text: &str) -> Result<Args, CniError> {
        let mut args = Args::default();
        let mut ignore_unknown = false;
        let mut unknown = Vec::new();
        for pair in text.split(';').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| bad(&format!("invalid pair {pair:?}")))?;
            let value = Some(value).filter(|value| !value.is_empty());
            match key {
                "IgnoreUnknown" => ignore_unknown = flag(pair, value)?,
                "IP" => args.ip = value.map(|value| address(pair, value)).transpose()?,
                "K8S_POD_NAME" => args.pod = value.map(str::to_owned),
                "K8S_POD_NAMESPACE" => args.namespace = value.map(str::to_owned),
                key if KNOWN.contains(&key) => {}
                _ => unknown.push(pair),
            }
        }
        if ignore_unknown || unknown.is_empty() {
            Ok(args)
        } else {
            Err(bad(&format!("unknown args {unknown:?}"))
                .details("IgnoreUnknown=1 in CNI_ARGS makes them pass"))
        }
    }
}

/// Reads an address with or without a prefix length, as the conventions of the specification have both.
pub fn asked_address(text: &str) -> Option<Address> {
    let bare = match text.split_once('/') {
        Some((bare, _)) => Cidr::parse_masking(text).ok().map(|_| bare)?,
        None => text,
    };
    bare.parse().ok()
}

fn address(pair: &str, value: &str) -> Result<Address, CniError> {
    asked_address(value).ok_or_else(|| {
        bad(&format!(
            "error parsing value of pair {pair:?}: invalid IP address: {value}"
        ))
    })
}

fn flag(pair: &str, value: Option<&str>) -> Result<bool, CniError> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        Some("1" | "true") => Ok(true),
        None | Some("0" | "false") => Ok(false),
        Some(_) => Err(bad(&format!(
            "error parsing value of pair {pair:?}: neither true nor false"
        ))),
    }
}

fn bad(what: &str) -> CniError {
    CniError::new(Code::Environment, format!("CNI_ARGS: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(text: &str, expected: &Expect) {
        let shown = match Args::parse(text) {
            Ok(args) => format!("{:?} {:?} {:?}", args.ip, args.namespace, args.pod),
            Err(error) => format!("{}: {}", error.code.number(), error.msg),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn arguments_are_read_in_any_order() {
        let ours = r#"None Some("shop") Some("web-1")"#;
        for text in [
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_UID=u",
            "K8S_POD_NAME=web-1;COLOUR=red;K8S_POD_NAMESPACE=shop;IgnoreUnknown=true",
            "K8S_POD_INFRA_CONTAINER_ID=c;;K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=shop;IP=;",
        ] {
            let args = Args::parse(text).expect("a good text");
            assert_eq!(
                format!("{:?} {:?} {:?}", args.ip, args.namespace, args.pod),
                ours,
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_comes_with_or_without_a_length() {
        check("IP=10.95.0.12", &expect!["Some(10.95.0.12) None None"]);
        check("IP=10.95.0.12/24", &expect!["Some(10.95.0.12) None None"]);
        check("IP=fd00:95::9", &expect!["Some(fd00:95::9) None None"]);
        check(
            "IP=10.95.0.12/33",
            &expect![[
                r#"4: CNI_ARGS: error parsing value of pair "IP=10.95.0.12/33": invalid IP address: 10.95.0.12/33"#
            ]],
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(
            "IP=banana",
            &expect![[
                r#"4: CNI_ARGS: error parsing value of pair "IP=banana": invalid IP address: banana"#
            ]],
        );
        check(
            "COLOUR=red;K8S_POD_NAME=a",
            &expect![[r#"4: CNI_ARGS: unknown args ["COLOUR=red"]"#]],
        );
        check(
            "nonsense",
            &expect![[r#"4: CNI_ARGS: invalid pair "nonsense""#]],
        );
        check(
            "IgnoreUnknown=maybe",
            &expect![[
                r#"4: CNI_ARGS: error parsing value of pair "IgnoreUnknown=maybe": neither true nor false"#
            ]],
        );
    }
}
