//! The hint as a file below `/run`: `{directory}/{hash of the store}/{node}.json`.
//!
//! **Invariant:** the file is disposable. Wrong, missing or half read, it costs a read, never correctness; hence no fsync,
//! and what does not parse is taken for absent and written anew.

mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::allocator::Hint;
use crate::ids::NodeName;
use wire::{decode, encode};

/// Longest part of a node's name that stands in a file name; `NAME_MAX` is 255 bytes.
const LONGEST_STEM: usize = 180;

/// Where the files of one node and one store are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFiles {
    directory: PathBuf,
    stem: String,
}

impl NodeFiles {
    /// Returns the place below `run_dir` for a store (by its address) and a node.
    pub fn new(run_dir: &Path, store: &str, node: &NodeName) -> NodeFiles {
        NodeFiles {
            directory: run_dir.join(format!("{:016x}", fnv1a(store.as_bytes()))),
            stem: file_stem(node.as_str()),
        }
    }

    /// Returns the file of the hint.
    pub fn hint(&self) -> PathBuf {
        self.directory.join(format!("{}.json", self.stem))
    }

    /// Returns the file that processes of the node queue on.
    pub fn lock(&self) -> PathBuf {
        self.directory.join(format!("{}.lock", self.stem))
    }

    /// Returns the file that says that the store went back. It stands until somebody removes it.
    pub fn went_back(&self) -> PathBuf {
        self.directory.join(format!("{}.went-back", self.stem))
    }

    /// Returns the folder of this store's files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the hint; the empty one where there is none that parses.
    pub fn load(&self) -> Hint {
        fs::read(self.hint())
            .ok()
            .and_then(|bytes| decode(&bytes))
            .unwrap_or_default()
    }

    /// Writes the hint: whole or not at all, for others read it at any moment.
    ///
    /// # Errors
    /// Those of the file system. A caller goes on without.
    pub fn save(&self, hint: &Hint) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let draft = self
            .directory
            .join(format!("{}.{}", self.stem, std::process::id()));
        fs::write(&draft, encode(hint))?;
        fs::rename(&draft, self.hint()).inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
    }
}

/// What one node remembers of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The file of the hint.
    pub file: PathBuf,
    /// The hint; the empty one where there is none that parses.
    pub hint: Hint,
    /// Where a call noted that the store went back: the file, and how.
    pub went_back: Option<(PathBuf, String)>,
}

/// Returns what the nodes of this machine remember of all stores below a folder, in order of the files. Nothing is
/// remembered where there is no such folder.
///
/// # Errors
/// Those of the file system: a folder that may not be read.
pub fn remembered(run_dir: &Path) -> io::Result<Vec<Remembered>> {
    let mut stems = BTreeSet::new();
    for store in entries(run_dir)?.iter().filter(|path| path.is_dir()) {
        let files = entries(store)?.into_iter();
        let told = files.filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("json" | "went-back"))
        });
        stems.extend(told.map(|path| path.with_extension("")));
    }
    let of = |stem: PathBuf| {
        let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
        let (file, word) = (beside("json"), beside("went-back"));
        let hint = fs::read(&file).ok().and_then(|bytes| decode(&bytes));
        let said = fs::read_to_string(&word).ok();
        Remembered {
            file,
            hint: hint.unwrap_or_default(),
            went_back: said.map(|said| (word, said)),
        }
    };
    Ok(stems.into_iter().map(of).collect())
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Letters, digits, `-`, `_` and inner dots stay; all else is written as `%XX`. Long names end in a hash.
fn file_stem(node: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut stem = String::new();
    for (index, byte) in node.bytes().enumerate() {
        if plain(byte) && (byte != b'.' || 0 < index) {
            stem.push(char::from(byte));
        } else {
            stem.push_str(&format!("%{byte:02X}"));
        }
    }
    if LONGEST_STEM < stem.len() {
        stem.truncate(LONGEST_STEM);
        stem.push_str(&format!("~{:016x}", fnv1a(node.as_bytes())));
    }
    stem
}

/// FNV-1a of 64 bits: the same in every build, unlike the hash of the standard library.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::Searched;
    use crate::assign::searched::End;
    use crate::assign::shortage::Limit;
    use crate::blocks::{BlockCidr, Cidr};
    use crate::clock::Timestamp;
    use crate::refusal::PoolUse;
    use crate::revision::Revision;

    fn files(run_dir: &Path, node: &str) -> NodeFiles {
        let node = NodeName::new(node).expect("a node name");
        NodeFiles::new(run_dir, "sqlite:/x", &node)
    }

    fn hint() -> Hint {
        let block = |text: &str| text.parse::<BlockCidr>().expect("a block");
        Hint {
            blocks: vec![block("10.64.0.0/26"), block("fd00::/122")],
            endpoint: Some("http://127.0.0.1:2379".to_owned()),
            revision: Revision(u64::MAX),
            cluster: 14_841_639_068_965_178_418,
            searched: vec![refused(), borrowed()],
        }
    }

    fn refused() -> Searched {
        let used = PoolUse {
            blocks: u128::MAX,
            own: 1,
            cooling: 2,
            corrupt: vec!["/a".to_owned()],
            ..PoolUse::default()
        };
        Searched {
            wishes: "0f".repeat(32).parse().expect("a fingerprint"),
            basis: "a1".repeat(32).parse().expect("a fingerprint"),
            own: vec!["fd00::/122".parse().expect("a block")],
            since: Timestamp::from_nanos(-1),
            until: Timestamp::from_nanos(i64::MAX),
            end: End::Refused {
                pools: vec!["fd00::/64".parse::<Cidr>().expect("a CIDR")],
                limit: Limit::Blocks { owned: 3, limit: 2 },
                found: 0,
                uses: vec![used],
            },
        }
    }

    fn borrowed() -> Searched {
        let blocks = vec!["10.64.0.64/26".parse().expect("a block")];
        Searched {
            end: End::Borrowed(blocks),
            ..refused()
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = files(dir.path(), "node-1");
        assert_eq!(files.load(), Hint::default());
        files.save(&hint()).expect("saved");
        files.save(&hint()).expect("saved again");
        assert_eq!(files.load(), hint());
        let left = fs::read_dir(files.hint().parent().expect("a directory")).expect("listed");
        assert_eq!(left.count(), 1, "no draft is left behind");
    }

    #[test]
    fn what_does_not_parse_is_taken_for_absent() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = files(dir.path(), "node-1");
        files.save(&hint()).expect("saved");
        let good = fs::read_to_string(files.hint()).expect("read");
        for bad in [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            good.replace("\"version\":2", "\"version\":1"),
            good.replace("\"cluster\"", "\"cluster2\""),
            good.replace("10.64.0.0/26", "10.64.0.1/26"),
            good.replace("0f0f", "0g0f"),
            good.replace("0f0f", "0f0"),
            good.replace("\"found\":0,", ""),
            good.replace("10.64.0.64/26", "10.64.0.65/26"),
            good[..good.len() - 2].to_owned(),
        ] {
            fs::write(files.hint(), &bad).expect("written");
            assert_eq!(files.load(), Hint::default(), "{bad}");
        }
        fs::write(files.hint(), good).expect("written");
        assert_eq!(files.load(), hint());
    }

    #[test]
    fn what_all_nodes_remember_of_all_stores_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(remembered(&dir.path().join("absent")).expect("none"), []);
        let (first, second) = (files(dir.path(), "a.b"), files(dir.path(), "c"));
        first.save(&hint()).expect("saved");
        fs::write(second.went_back(), "it is older").expect("written");
        fs::write(second.lock(), "").expect("written");
        fs::write(dir.path().join("stray.json"), "{}").expect("written");
        let told = remembered(dir.path()).expect("read");
        let expected = [
            Remembered {
                file: first.hint(),
                hint: hint(),
                went_back: None,
            },
            Remembered {
                file: second.hint(),
                hint: Hint::default(),
                went_back: Some((second.went_back(), "it is older".to_owned())),
            },
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn every_node_name_makes_a_file_name_of_its_own() {
        let long = "n".repeat(253);
        let other = format!("{}m", "n".repeat(252));
        let names = [
            "a",
            "A",
            ".",
            "..",
            "...",
            "a%2F",
            "%",
            "k\u{e4}se",
            "a\\b",
            &long,
            &other,
        ];
        let mut stems: Vec<String> = names.into_iter().map(file_stem).collect();
        for stem in &stems {
            assert!(
                stem.len() <= 200 && !stem.starts_with('.') && !stem.contains('/'),
                "{stem}"
            );
        }
        stems.sort();
        stems.dedup();
        assert_eq!(stems.len(), names.len());
    }

    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
