//! The machine id: what stays as long as a machine is installed. The system's, else one of ours that is made and kept.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::assign::NodeMachine;
use crate::entropy::Entropy;

/// Most bytes of a file that are looked at.
const LONGEST_FILE: u64 = 4096;

/// Where the ids of a machine stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFiles {
    /// The system's machine id: the first of these that has one.
    pub system: Vec<PathBuf>,
    /// Ours, where the system has none.
    pub own: PathBuf,
    /// The boot id of the kernel.
    pub boot: PathBuf,
}

impl MachineFiles {
    /// Returns where they stand on Linux.
    pub fn here() -> MachineFiles {
        MachineFiles {
            system: vec!["/etc/machine-id".into(), "/var/lib/dbus/machine-id".into()],
            own: "/var/lib/block-ipam/machine-id".into(),
            boot: "/proc/sys/kernel/random/boot_id".into(),
        }
    }

    /// Returns the machine; `None` where it has no id.
    pub fn read(&self) -> Option<NodeMachine> {
        let mut files = self.system.iter().chain([&self.own]);
        files.find_map(|path| id(path)).map(|machine| NodeMachine {
            machine,
            boot: self.boot(),
        })
    }

    /// Returns the boot id.
    pub fn boot(&self) -> Option<String> {
        id(&self.boot)
    }

    /// Returns the machine. One without an id is given one, which is kept across starts.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read_or_make(&self, entropy: &dyn Entropy) -> io::Result<NodeMachine> {
        if let Some(machine) = self.read() {
            return Ok(machine);
        }
        make(&self.own, entropy)?;
        self.read()
            .ok_or_else(|| io::Error::other(format!("{} holds no id", self.own.display())))
    }
}

/// What images carry until their first start (`uninitialized`), and what is too short, is no id.
fn id(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST_FILE).read_to_string(&mut text).ok()?;
    let text = text.trim();
    let plain = |c: char| c.is_ascii_hexdigit() || c == '-';
    (32 <= text.len() && text.chars().all(plain)).then(|| text.to_ascii_lowercase())
}

/// Writes a new id whole or not at all. Of several processes that do so at once one wins, and all read its id.
fn make(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let text = format!("{:016x}{:016x}\n", entropy.bits(), entropy.bits());
    let draft = path.with_extension(format!("{:016x}", entropy.bits()));
    fs::write(&draft, text)?;
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // What stands there and is no id would stay for ever.
        Err(_) if id(path).is_none() => fs::remove_file(path),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    const ID: &str = "0123456789abcdef0123456789ABCDEF";

    fn files(directory: &Path) -> MachineFiles {
        MachineFiles {
            system: vec![directory.join("etc"), directory.join("dbus")],
            own: directory.join("state/own"),
            boot: directory.join("boot"),
        }
    }

    #[test]
    fn the_systems_id_comes_before_ours_and_what_is_none_is_passed_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = files(dir.path());
        assert_eq!(files.read(), None);
        for none in [
            "",
            "uninitialized\n",
            "abc",
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            fs::write(&files.system[0], none).expect("written");
            assert_eq!(files.read(), None, "{none}");
        }
        fs::write(&files.system[1], format!("{ID}\n")).expect("written");
        let machine = files.read().expect("an id");
        assert_eq!(
            (machine.machine, machine.boot),
            (ID.to_ascii_lowercase(), None)
        );
        fs::write(&files.boot, "01234567-89ab-cdef-0123-456789abcdef\n").expect("written");
        let boot = files.read().expect("an id").boot;
        assert_eq!(
            boot.as_deref(),
            Some("01234567-89ab-cdef-0123-456789abcdef")
        );
        assert!(!files.own.exists(), "reading makes none");
    }

    #[test]
    fn an_id_that_is_made_is_kept_and_all_read_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = files(dir.path());
        let made = || files.read_or_make(&SystemEntropy).expect("an id").machine;
        let ids: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(made)).collect();
            makers
                .into_iter()
                .map(|maker| maker.join().expect("joined"))
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(made(), ids[0]);
        let left = fs::read_dir(dir.path().join("state"))
            .expect("listed")
            .count();
        assert_eq!(left, 1, "no draft is left behind");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("state"), "").expect("written");
        files(dir.path())
            .read_or_make(&SystemEntropy)
            .expect_err("no id");
    }
}
