//! Where a call's log goes, before anything else of its configuration is looked at.

use std::path::PathBuf;
use std::str::FromStr;

use tracing::Level;

use crate::cni::config::NetworkConfig;

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file (`log_file_path`), if any.
    pub file: Option<PathBuf>,
    /// The least severe level that the file takes (`log_level`; information by default).
    pub level: Level,
    /// The least severe level that standard error takes: `log_level` where there is no file, warnings by default.
    pub stderr: Level,
}

impl LogSettings {
    /// Reads them from standard input. What cannot be read is left out: a log is no reason to fail.
    pub fn of(stdin: &[u8]) -> LogSettings {
        let config = NetworkConfig::parse(stdin).ok();
        let text = |name| config.as_ref()?.text(name).ok()?;
        let file = text("log_file_path").map(PathBuf::from);
        let given = text("log_level").map(level);
        LogSettings {
            level: given.unwrap_or(Level::INFO),
            stderr: given.filter(|_| file.is_none()).unwrap_or(Level::WARN),
            file,
        }
    }
}

/// Calico's words: `panic` and `fatal` are errors, `warning` is a warning.
fn level(word: &str) -> Level {
    match word.to_ascii_lowercase().as_str() {
        "panic" | "fatal" => Level::ERROR,
        "warning" => Level::WARN,
        word => Level::from_str(word).unwrap_or(Level::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_read_from_either_place_and_never_fail() {
        let table: [(&str, Option<&str>, Level, Level); 6] = [
            ("", None, Level::INFO, Level::WARN),
            (r#"{"ipam":{}}"#, None, Level::INFO, Level::WARN),
            (r#"{"log_level":"Debug"}"#, None, Level::DEBUG, Level::DEBUG),
            (
                r#"{"log_level":"WARNING","log_file_path":"/a"}"#,
                Some("/a"),
                Level::WARN,
                Level::WARN,
            ),
            (
                r#"{"log_level":"info","ipam":{"log_level":"fatal","log_file_path":"/b"}}"#,
                Some("/b"),
                Level::ERROR,
                Level::WARN,
            ),
            (
                r#"{"log_level":7,"log_file_path":[]}"#,
                None,
                Level::INFO,
                Level::WARN,
            ),
        ];
        for (stdin, file, level, stderr) in table {
            let expected = LogSettings {
                file: file.map(PathBuf::from),
                level,
                stderr,
            };
            assert_eq!(LogSettings::of(stdin.as_bytes()), expected, "{stdin}");
        }
    }
}
