//! The handle of a virtual machine, which outlives the pods that it runs in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::ids::{HandleId, NameError};

/// The longest handle of a machine, as for Calico.
const LONGEST: usize = 128;
/// Characters of a hash that must be left for it to tell machines apart: 128 bits.
const SHORTEST_HASH: usize = 22;
/// What stands for a network without a name.
const DEFAULT_NETWORK: &str = "k8s-pod-network";

/// Returns the handle of a virtual machine: `{network}.vmi.{namespace}.{machine}`. Where that is longer than 128
/// bytes it is `{network}.vmi._{hash}` with the SHA-256 of `{namespace}.{machine}` in base64url, cut to 128: what
/// Calico means to do there; its process crashes unless the network's name has about 80 bytes.
///
/// # Errors
/// A name that cannot stand in a key, and a network whose name leaves too little room for the hash.
pub fn vm_handle(network: &str, namespace: &str, machine: &str) -> Result<HandleId, NameError> {
    let network = if network.is_empty() {
        DEFAULT_NETWORK
    } else {
        network
    };
    let name = format!("{namespace}.{machine}");
    let plain = HandleId::new(&format!("{network}.vmi.{name}"));
    match plain {
        Ok(handle) if handle.as_str().len() <= LONGEST => return Ok(handle),
        Err(error) if error.name.len() <= LONGEST => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let prefix = format!("{network}.vmi._");
    let room = LONGEST.saturating_sub(prefix.len());
    if room < SHORTEST_HASH {
        return Err(NameError {
            what: "network name",
            name: network.to_owned(),
            why: "it is too long for the handle of a virtual machine",
        });
    }
    let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(name));
    hash.truncate(room);
    HandleId::new(&format!("{prefix}{hash}"))
}

#[cfg(test)]
mod tests {
    use super::vm_handle;

    fn handle(network: &str, namespace: &str, machine: &str) -> String {
        let handle = vm_handle(network, namespace, machine).expect("a handle");
        handle.as_str().to_owned()
    }

    #[test]
    fn a_short_name_stands_in_the_handle() {
        assert_eq!(handle("", "shop", "vm1"), "k8s-pod-network.vmi.shop.vm1");
        assert_eq!(handle("net", "shop", "vm1"), "net.vmi.shop.vm1");
        let longest = "v".repeat(128 - "net.vmi.shop.".len());
        assert_eq!(handle("net", "shop", &longest).len(), 128);
    }

    #[test]
    fn a_long_name_is_hashed() {
        let machine = "v".repeat(128);
        // From `printf 'shop.vvv...' | openssl sha256 -binary | basenc --base64url`.
        assert_eq!(
            handle("net1", "shop", &machine),
            "net1.vmi._PeafeYYEr7cbtnbzX_tyeDjpVcFEVVmK8cMEzzaFJUk"
        );
        let other = handle("net1", "shop", &"w".repeat(128));
        assert_ne!(handle("net1", "shop", &machine), other);
    }

    #[test]
    fn a_hash_is_cut_where_the_network_needs_the_room_and_never_to_nothing() {
        let machine = "v".repeat(128);
        let cut = handle(&"n".repeat(90), "shop", &machine);
        assert_eq!(cut.len(), 128);
        let refused = vm_handle(&"n".repeat(102), "shop", &machine).expect_err("no room");
        assert_eq!(refused.what, "network name");
    }

    #[test]
    fn a_name_that_cannot_stand_in_a_key_is_refused() {
        for (network, namespace, machine) in
            [("a/b", "c", "d"), ("a", "b c", "d"), ("a", "b", "\n")]
        {
            assert!(vm_handle(network, namespace, machine).is_err());
        }
    }
}
