//! `tests/golden/calicoctl.md` read: files, and invocations with what they printed.

use std::path::PathBuf;

/// The recorded runs.
pub(super) struct Recording {
    /// The files that `-f` names.
    pub(super) files: Vec<(String, String)>,
    /// What `ipam check -o r1.json` wrote.
    pub(super) report: String,
    pub(super) invocations: Vec<Invocation>,
}

/// One invocation.
#[derive(Default)]
pub(super) struct Invocation {
    pub(super) section: String,
    /// The heading, with what is said about it in brackets; for manifests on stdin, what they are.
    pub(super) title: String,
    pub(super) arguments: Vec<String>,
    pub(super) stdin: Option<String>,
    pub(super) status: i32,
    pub(super) stdout: String,
}

impl Recording {
    pub(super) fn read() -> Recording {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/calicoctl.md");
        let text = std::fs::read_to_string(path).expect("the recording");
        let mut recording = Recording {
            files: Vec::new(),
            report: String::new(),
            invocations: Vec::new(),
        };
        let mut lines = text.lines();
        let (mut section, mut file, mut is_report) = (String::new(), None, false);
        while let Some(line) = lines.next() {
            if let Some(title) = line.strip_prefix("## ") {
                title.clone_into(&mut section);
            } else if let Some(title) = line.strip_prefix("### ") {
                recording
                    .invocations
                    .push(Invocation::titled(&section, title));
            } else if let Some(kind) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                let body = body.join("\n");
                match (kind, recording.invocations.last_mut()) {
                    ("yaml", _) => recording.files.extend(file.take().map(|name| (name, body))),
                    ("json", _) if is_report => recording.report = body,
                    ("stdout", Some(last)) => last.stdout = body,
                    _ => {}
                }
            } else if let Some(last) = recording.invocations.last_mut() {
                is_report |= line.starts_with("Report file");
                last.see(line);
                let same = line.strip_prefix("exit 0, stdout as for `calicoctl ");
                if let Some(earlier) = same.and_then(|rest| rest.split('`').next()) {
                    let earlier = format!("`calicoctl {earlier}`");
                    let all = recording.invocations.iter().rev().skip(1);
                    let earlier = all
                        .filter(|one| one.status == 0)
                        .find(|one| one.title.starts_with(&earlier));
                    let stdout = earlier.expect("the earlier one").stdout.clone();
                    recording.invocations.last_mut().expect("this one").stdout = stdout;
                }
            } else if let Some(name) = line
                .strip_prefix('`')
                .and_then(|line| line.strip_suffix('`'))
            {
                file = Some(name.to_owned());
            }
        }
        recording
    }
}

impl Invocation {
    fn titled(section: &str, title: &str) -> Invocation {
        let command = title.strip_prefix("`calicoctl ").expect("an invocation");
        let command = command.split('`').next().expect("a command");
        Invocation {
            section: section.to_owned(),
            title: title.to_owned(),
            arguments: words(command),
            ..Invocation::default()
        }
    }

    fn see(&mut self, line: &str) {
        if let Some(stdin) = line
            .strip_prefix("stdin: `")
            .and_then(|line| line.strip_suffix('`'))
        {
            self.title = format!("{}, given {stdin}", self.title);
            self.stdin = Some(stdin.to_owned());
        } else if let Some(status) = line.strip_prefix("exit ") {
            let digits: String = status.chars().take_while(char::is_ascii_digit).collect();
            self.status = digits.parse().expect("a status");
        }
    }
}

/// The words of a command, of which one may stand in quotes and templates in braces.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted, mut depth) = (Vec::new(), String::new(), false, 0);
    for letter in command.chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted && depth == 0 => words.push(std::mem::take(&mut word)),
            _ => {
                depth +=
                    i32::from(letter == '{' && !is_quoted) - i32::from(letter == '}' && !is_quoted);
                word.push(letter);
            }
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
