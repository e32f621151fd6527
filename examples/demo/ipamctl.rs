//! `ipamctl` as an operator types it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// The built `ipamctl` on one store.
#[derive(Debug)]
pub(crate) struct Ipamctl {
    program: PathBuf,
    store: String,
}

impl Ipamctl {
    pub(crate) fn new(store: &str) -> Result<Ipamctl, Failure> {
        Ok(Ipamctl {
            program: built("ipamctl")?,
            store: store.to_owned(),
        })
    }

    /// Runs a command and prints it with what it says.
    pub(crate) fn show(&self, arguments: &[&str]) -> Result<(), Failure> {
        print!("{}", self.run(arguments)?);
        Ok(())
    }

    /// The same up to the first empty line.
    pub(crate) fn show_first_table(&self, arguments: &[&str]) -> Result<(), Failure> {
        let said = self.run(arguments)?;
        for line in said.lines().take_while(|line| !line.is_empty()) {
            println!("{line}");
        }
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let typed = arguments.join(" ");
        println!("$ ipamctl {typed}");
        let output = Command::new(&self.program)
            .args(["--datastore", &self.store])
            .args(arguments)
            .output()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let (data, sentences) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        if output.status.success() {
            Ok(format!("{data}{sentences}"))
        } else {
            Err(format!("ipamctl {typed}: {}: {sentences}", output.status))
        }
    }
}

/// Returns the path of a program that was built with this one.
pub(crate) fn built(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let folder = own.parent().and_then(Path::parent);
    let path = folder.map(|folder| folder.join(name));
    path.filter(|path| path.exists())
        .ok_or_else(|| format!("{name} is not built: make demo"))
}
