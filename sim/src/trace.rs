//! What the scheduler chose, as data: a run is a list of choices, and a file of them is replayed as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::operation::Operation;
use crate::wire::{Fault, Task};

/// One choice of the scheduler. A choice that means nothing, for its process is not there, is passed over: so a part of
/// a trace is a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Choice {
    /// An actor begins an operation, in a process of its own.
    Begin {
        /// The process.
        task: Task,
        /// The actor: `ours:n1`.
        actor: String,
        /// What it is asked.
        operation: Operation,
    },
    /// A process goes on to its next request, wait or end.
    Step {
        /// The process.
        task: Task,
        /// What happens to the request that goes.
        fault: Option<Fault>,
    },
    /// A process dies.
    Crash {
        /// The process.
        task: Task,
    },
    /// A commit that was held back arrives.
    Arrive {
        /// Which, by the order of sending.
        place: usize,
    },
    /// So many milliseconds pass.
    Pass {
        /// How many.
        millis: u64,
    },
    /// The clock of an actor's machine jumps.
    Jump {
        /// The actor.
        actor: String,
        /// By so many seconds.
        seconds: i64,
    },
    /// The store forgets all old versions but those of the last so many revisions.
    Compact {
        /// How many.
        keep: u64,
    },
    /// The store is restored as it was so many revisions ago. Every process dies with its connection.
    Restore {
        /// How many.
        back: u64,
    },
    /// A newer program adds a member to a block that nobody here knows.
    Mark {
        /// The block.
        block: String,
    },
}

/// How a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// The seed of everything that processes draw.
    pub seed: u64,
    /// What the store holds, by key.
    pub store: BTreeMap<String, String>,
}

/// A run as data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// How it begins.
    pub beginning: Beginning,
    /// What happens then.
    pub choices: Vec<Choice>,
}

impl Trace {
    /// Spells it, a line for the beginning and one for each choice.
    ///
    /// # Panics
    /// Never: everything in it has a spelling.
    pub fn to_lines(&self) -> String {
        let spelled = "a trace has a spelling";
        let mut lines = serde_json::to_string(&self.beginning).expect(spelled);
        for choice in &self.choices {
            lines.push('\n');
            lines.push_str(&serde_json::to_string(choice).expect(spelled));
        }
        lines.push('\n');
        lines
    }

    /// Reads what [`Trace::to_lines`] spells.
    ///
    /// # Errors
    /// The first line that means nothing, with its number.
    pub fn of_lines(text: &str) -> Result<Trace, String> {
        let mut lines = (1..).zip(text.lines());
        let wrong = |number: usize, error: serde_json::Error| format!("line {number}: {error}");
        let (_, first) = lines.next().ok_or("an empty trace")?;
        let beginning = serde_json::from_str(first).map_err(|error| wrong(1, error))?;
        let choices = lines
            .map(|(number, line)| serde_json::from_str(line).map_err(|error| wrong(number, error)));
        Ok(Trace {
            beginning,
            choices: choices.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_as_it_was_spelled() {
        let choices = vec![
            Choice::Begin {
                task: 1,
                actor: "ours:n1".to_owned(),
                operation: Operation::CheckAndRepair,
            },
            Choice::Step {
                task: 1,
                fault: Some(Fault::OldView(2)),
            },
        ];
        let store = [("/a".to_owned(), "{}".to_owned())].into();
        let trace = Trace {
            beginning: Beginning { seed: 7, store },
            choices,
        };
        assert_eq!(Trace::of_lines(&trace.to_lines()), Ok(trace));
        assert!(Trace::of_lines("{}\n?").is_err());
    }
}
