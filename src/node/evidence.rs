//! Looking at a machine for what lives on it: results that runtimes keep, network namespaces and their addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::blocks::Address;
use crate::node::MachineFiles;
use crate::node::alive::{Evidence, Namespace};

/// The type of the file system that network namespaces are files of (Linux: `NSFS_MAGIC`).
const NSFS: rustix::fs::FsWord = 0x6e73_6673;

/// Where a machine shows what lives on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where runtimes keep the results of CNI calls, each that exists.
    pub results: Vec<PathBuf>,
    /// The processes.
    pub processes: PathBuf,
    /// Where the boot id stands.
    pub machine: MachineFiles,
}

impl Places {
    /// Returns where they are on Linux: the folder of the reference library, and the one that CRI-O names.
    pub fn here() -> Places {
        Places {
            results: vec![
                "/var/lib/cni/results".into(),
                "/var/lib/cni/cache/results".into(),
            ],
            processes: "/proc".into(),
            machine: MachineFiles::here(),
        }
    }

    /// Looks at the machine.
    ///
    /// # Errors
    /// A folder that is there and cannot be read: silence must not be taken for nothing.
    pub fn look(&self) -> io::Result<Evidence> {
        let mut results: Option<BTreeMap<String, Namespace>> = None;
        for folder in &self.results {
            if let Some(found) = kept_in(folder)? {
                results.get_or_insert_default().extend(found);
            }
        }
        Ok(Evidence {
            boot: self.machine.boot(),
            results,
            configured: configured(&self.processes)?,
            named: None,
        })
    }
}

/// Returns the results of a folder; `None` if there is no such folder. A file that vanishes meanwhile was there.
fn kept_in(folder: &Path) -> io::Result<Option<BTreeMap<String, Namespace>>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.insert(name, namespace_of(&entry.path()));
    }
    Ok(Some(found))
}

/// The reference library keeps the path of the namespace since version 1.2; before, the result tells it.
fn namespace_of(file: &Path) -> Namespace {
    let kept: Option<Value> = fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(kept) = kept else {
        return Namespace::Unknown;
    };
    let sandboxes = kept["result"]["interfaces"].as_array();
    let mut paths = sandboxes
        .into_iter()
        .flatten()
        .map(|interface| &interface["sandbox"])
        .chain([&kept["netns"]])
        .filter_map(Value::as_str)
        .filter(|path| !path.is_empty());
    paths.next_back().map_or(Namespace::Unknown, |path| {
        match (rustix::fs::statfs(path), Path::new(path).try_exists()) {
            (Ok(system), _) if system.f_type == NSFS => Namespace::There,
            (_, Ok(false)) => Namespace::Gone,
            _ => Namespace::Unknown,
        }
    })
}

/// Returns the addresses that the network namespaces of all processes have, each namespace looked at once.
fn configured(processes: &Path) -> io::Result<BTreeSet<Address>> {
    let mut namespaces = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for entry in fs::read_dir(processes)? {
        let process = entry?.path();
        let is_process = process
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        // A process that ends while it is looked at has nothing any more.
        let Some(namespace) = fs::read_link(process.join("ns/net"))
            .ok()
            .filter(|_| is_process)
        else {
            continue;
        };
        if namespaces.insert(namespace) {
            let text = |name: &str| fs::read_to_string(process.join("net").join(name));
            addresses.extend(ipv4_of(&text("fib_trie").unwrap_or_default()));
            addresses.extend(ipv6_of(&text("if_inet6").unwrap_or_default()));
        }
    }
    Ok(addresses)
}

/// Reads the kernel's routing table: an address stands on a line of its own, and below it `/32 host LOCAL` where it is
/// one of the namespace.
fn ipv4_of(table: &str) -> Vec<Address> {
    let mut addresses = Vec::new();
    let mut last = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Address>().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(last);
        }
    }
    addresses
}

/// Reads the kernel's list of addresses: 32 hexadecimal digits at the start of each line.
fn ipv6_of(table: &str) -> Vec<Address> {
    let digits = table.lines().filter_map(|line| line.split(' ').next());
    let bits = digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok());
    bits.map(|bits| Address::from(IpAddr::V6(Ipv6Addr::from_bits(bits))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn shown(addresses: impl IntoIterator<Item = Address>) -> Vec<String> {
        addresses.into_iter().map(|one| one.to_string()).collect()
    }

    const TABLE: &str = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
        Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.64.0.5\n        /32 host LOCAL\n     |-- 10.64.0.255\n        /32 link BROADCAST\n";

    #[test]
    fn the_kernels_tables_tell_the_addresses_of_a_namespace() {
        assert_eq!(shown(ipv4_of(TABLE)), ["10.64.0.5"]);
        let six = "fd000064000000000000000000000007 02 40 00 80     eth0\nrubbish\n";
        assert_eq!(shown(ipv6_of(six)), ["fd00:64::7"]);
        assert_eq!(shown(ipv4_of("rubbish\n|-- x\n/32 host LOCAL")), [""; 0]);
    }

    #[test]
    fn this_machine_has_its_loopback() {
        let found = Places::here().look().expect("a look").configured;
        assert!(shown(found).contains(&"127.0.0.1".to_owned()));
    }

    #[test]
    fn results_are_read_as_every_version_of_the_library_wrote_them() {
        let dir = tempfile::tempdir().expect("a directory");
        let folder = dir.path().join("results");
        let places = |results: Vec<PathBuf>| Places {
            results,
            processes: dir.path().join("proc"),
            machine: MachineFiles::default(),
        };
        fs::create_dir_all(dir.path().join("proc/7/ns")).expect("made");
        symlink("net:[1]", dir.path().join("proc/7/ns/net")).expect("made");
        let none = places(vec![folder.clone()]).look().expect("a look");
        assert_eq!(
            none.results, None,
            "a folder that is not there says nothing"
        );
        fs::create_dir(&folder).expect("made");
        let table = [
            (
                "new-there",
                r#"{"netns":"/proc/self/ns/net"}"#,
                Namespace::There,
            ),
            (
                "new-gone",
                r#"{"netns":"/run/netns/absent"}"#,
                Namespace::Gone,
            ),
            (
                "old-gone",
                r#"{"result":{"interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/run/netns/absent"}]}}"#,
                Namespace::Gone,
            ),
            ("old-silent", r#"{"result":{"ip4":{}}}"#, Namespace::Unknown),
            (
                "no-namespace",
                r#"{"netns":"/etc/passwd"}"#,
                Namespace::Unknown,
            ),
            ("half", "{", Namespace::Unknown),
        ];
        for (name, text, _) in table {
            fs::write(folder.join(name), text).expect("written");
        }
        let both = places(vec![folder, dir.path().join("absent")]);
        let found = both.look().expect("a look").results.expect("results");
        assert_eq!(found.len(), table.len());
        for (name, _, expected) in table {
            assert_eq!(found[name], expected, "{name}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("written");
        let places = Places {
            results: vec![file],
            ..Places::here()
        };
        places.look().expect_err("a folder is wanted");
    }
}
