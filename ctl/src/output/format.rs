//! `-o`: how resources are printed, as calicoctl has it.

use std::str::FromStr;

/// How to print resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// The columns that matter most.
    Table,
    /// All columns.
    Wide,
    /// Manifests that `apply` takes.
    Yaml,
    /// The same in JSON.
    Json,
    /// KIND/NAME, one a line.
    Name,
    /// These columns.
    Columns(Vec<String>),
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        // calicoctl takes a template behind an equals sign or behind a blank.
        let text = match text {
            "go-template" | "go-template-file" => &format!("{text}="),
            text => text,
        };
        match text.split_once('=') {
            Some(("custom-columns", columns)) if !columns.is_empty() => {
                let columns = columns
                    .split(',')
                    .map(|column| column.trim().to_ascii_uppercase());
                return Ok(Format::Columns(columns.collect()));
            }
            Some(("go-template" | "go-template-file", _)) => {
                return Err(
                    "templates of Go are not supported: `-o json` and jq print the same, or `-o custom-columns=NAME,..`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        Ok(match text {
            "table" | "ps" => Format::Table,
            "wide" => Format::Wide,
            "yaml" => Format::Yaml,
            "json" => Format::Json,
            "name" => Format::Name,
            _ => {
                let known = "table, wide, yaml, json, name, custom-columns=NAME,..";
                return Err(format!("known are {known}"));
            }
        })
    }
}
