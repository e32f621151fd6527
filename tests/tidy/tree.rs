//! The files of the repository, without what is built and without the recorded data.

use std::fs;
use std::path::Path;

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// Returns every text file, by path.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    walk("", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Returns the files whose name ends so.
pub(crate) fn ending(suffix: &str) -> Vec<File> {
    files()
        .into_iter()
        .filter(|file| file.path.ends_with(suffix))
        .collect()
}

/// Returns what a file says.
#[track_caller]
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns whether there is such a file or folder.
pub(crate) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &str, files: &mut Vec<File>) {
    let entries =
        fs::read_dir(root().join(folder)).expect("a folder of the repository is readable");
    for entry in entries {
        let entry = entry.expect("an entry of a folder is readable");
        let name = entry
            .file_name()
            .into_string()
            .expect("names in the repository are UTF-8");
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if [".git", "target"].contains(&name.as_str()) || path == "tests/golden" {
            continue;
        }
        if entry.file_type().expect("an entry has a type").is_dir() {
            walk(&path, files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
}
