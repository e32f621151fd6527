//! `-f`: files, directories and standard input, as calicoctl takes them.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::manifest::{self, Manifest, Source};

/// Most bytes of one file.
const MOST_BYTES: u64 = 64 << 20;
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// What to read.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// A file with resources in YAML or JSON, or a directory of such; `-` is standard input. May be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: Vec<String>,
    /// Read the directories in a directory too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Do not complain about files and directories without resources
    #[arg(long)]
    skip_empty: bool,
}

impl FileArgs {
    /// Reads all resources, in order of the files.
    pub(crate) fn manifests(&self) -> Result<Vec<Manifest>, Failure> {
        let mut sources = Vec::new();
        for name in &self.filename {
            self.read(name, &mut sources)?;
        }
        if sources.is_empty() {
            if self.skip_empty {
                return Ok(Vec::new());
            }
            let names = self.filename.join(", ");
            let error = format!("no file that ends in .json, .yaml or .yml is in {names}");
            return Err(Failure::refused(error));
        }
        manifest::read(&sources, self.skip_empty)
    }

    fn read(&self, name: &str, sources: &mut Vec<Source>) -> Result<(), Failure> {
        let path = Path::new(name);
        if name != "-" && path.is_dir() {
            return self.read_directory(path, sources);
        }
        sources.push(read_one(name)?);
        Ok(())
    }

    /// Files in order of their names, then what lies deeper.
    fn read_directory(&self, path: &Path, sources: &mut Vec<Source>) -> Result<(), Failure> {
        let failed = |error| unreadable(&path.display().to_string(), &error);
        let entries = std::fs::read_dir(path).map_err(failed)?;
        let paths: Result<Vec<PathBuf>, std::io::Error> =
            entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(failed)?;
        paths.sort();
        for path in &paths {
            let ending = path.extension().and_then(|ending| ending.to_str());
            if !path.is_dir() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                sources.push(read_file(path)?);
            }
        }
        for path in paths.iter().filter(|path| self.recursive && path.is_dir()) {
            self.read_directory(path, sources)?;
        }
        Ok(())
    }
}

/// Reads a file, or standard input where it is called `-`.
pub(crate) fn read_one(name: &str) -> Result<Source, Failure> {
    if name != "-" {
        return read_file(Path::new(name));
    }
    let name = "standard input".to_owned();
    let bytes = limited(&name, std::io::stdin().lock())?;
    Ok(Source { name, bytes })
}

fn read_file(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| unreadable(&name, &error))?;
    let bytes = limited(&name, file)?;
    Ok(Source { name, bytes })
}

fn limited(name: &str, from: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(name, &error))?;
    if MOST_BYTES < bytes.len() as u64 {
        let most = MOST_BYTES >> 20;
        return Err(Failure::refused(format!(
            "{name} is larger than {most} MiB"
        )));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    Failure::refused(format!("{name} cannot be read")).caused_by(error)
}
