//! The judge: follows every commit and every answer, and says which invariant broke.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use block_ipam::datastore::{Entry as Stored, Write};

use crate::actor::Answer;
use crate::check::course::{Course, Party};
use crate::check::state::State;
use crate::check::{answers, calico, commits, holdings, pools};
use crate::net::Net;
use crate::operation::Operation;
use crate::wire::{Applied, Fault, Task};

/// An invariant that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name: `p1`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// Says what was seen.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation {
            invariant,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is broken: {}", self.invariant, self.what)
    }
}

/// What the checker knows of the world.
#[derive(Debug, Default)]
pub struct Checker {
    /// The store.
    pub state: State,
    /// The processes.
    pub courses: BTreeMap<Task, Course>,
    /// Handles whose counts others left too high.
    pub blurred: BTreeSet<String>,
    /// Who wrote each affinity last.
    confirmed_by: BTreeMap<(String, Net), Party>,
    /// Whether Calico's programs are there.
    beside_calico: bool,
    /// Handles from whose counts a process of Calico took back too late what was another's by then.
    undone: BTreeSet<String>,
    /// Whether Calico laid a block or a pool over another: what may be held then is no more to be told.
    pub spoiled: bool,
    /// What callers were told that a handle and interface hold, until some of it was given back.
    pub(super) told: BTreeMap<(String, Option<String>), Vec<IpAddr>>,
}

impl Checker {
    /// Begins with a store as somebody left it.
    ///
    /// # Errors
    /// A record that does not parse.
    pub fn begin_with(entries: Vec<Stored>) -> Result<Checker, Violation> {
        let state = State::of(entries).map_err(|what| Violation::new("p12", what))?;
        let blurred = holdings::blurred(&state);
        Ok(Checker {
            state,
            blurred,
            ..Checker::default()
        })
    }

    /// Takes note of a store that went back to an older state: what callers were told is void.
    ///
    /// # Errors
    /// A record that does not parse.
    pub fn restored(&mut self, entries: Vec<Stored>) -> Result<(), Violation> {
        let beside_calico = self.beside_calico;
        *self = Checker {
            beside_calico,
            ..Checker::begin_with(entries)?
        };
        Ok(())
    }

    /// Takes note of a process.
    pub fn begins(&mut self, task: Task, operation: &Operation, party: Party, now: i64) {
        let course = Course::new(operation, party, &self.state, now);
        self.beside_calico |= party == Party::Calico;
        self.courses.insert(task, course);
    }

    /// Takes note of the time that a process's clock shows.
    pub fn steps(&mut self, task: Task, now: i64) {
        if let Some(course) = self.courses.get_mut(&task) {
            course.latest = course.latest.max(now);
        }
    }

    /// Takes note of the fault that a request of a process meets.
    pub fn requests(&mut self, task: Task, fault: Option<Fault>) {
        if let Some(course) = self.courses.get_mut(&task) {
            course.requests(fault);
        }
    }

    /// Judges a commit.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub fn applied(&mut self, applied: &Applied) -> Result<(), Violation> {
        let Some(mut course) = self.courses.remove(&applied.task) else {
            return self.written(&applied.txn.writes);
        };
        let before = self.state.clone();
        let changed = self.state.apply(&applied.txn.writes);
        let changed = changed.map_err(|what| Violation::new("p12", what))?;
        let commit = commits::Commit {
            before: &before,
            after: &self.state,
            changed: &changed,
            course: &course,
            txn: &applied.txn,
            beside_calico: self.beside_calico,
        };
        let judged = match course.party {
            Party::Ours => commit
                .judge()
                .and_then(|()| pools::judge(&commit))
                .and_then(|()| holdings::judge(&commit, &self.blurred)),
            Party::Calico => {
                self.spoiled |= calico::lays_one_over_another(&commit);
                if calico::takes_back_a_count_too_late(&commit) {
                    self.undone.extend(changed.handles.iter().cloned());
                }
                calico::judge(&commit, &self.confirmed_by, &self.undone)
            }
        };
        if course.party == Party::Calico {
            // Between its two writes a count is too high by right.
            self.blurred.extend(holdings::touched(&commit));
        }
        let written = changed.affinities.iter().cloned();
        self.confirmed_by
            .extend(written.map(|key| (key, course.party)));
        let taken: Vec<IpAddr> = changed.added().map(|(_, address, _)| address).collect();
        course.took.extend(&taken);
        course.has.extend(&taken);
        self.courses.insert(applied.task, course);
        self.follow(&changed);
        judged
    }

    /// Takes what somebody wrote past all processes.
    ///
    /// # Errors
    /// A record that does not parse.
    pub fn written(&mut self, writes: &[Write]) -> Result<(), Violation> {
        let changed = self.state.apply(writes);
        changed.map_err(|what| Violation::new("p12", what))?;
        Ok(())
    }

    fn follow(&mut self, changed: &super::state::Changed) {
        let cool_down = self.state.config().cool_down;
        for course in self.courses.values_mut() {
            course.cool_down = course.cool_down.min(cool_down);
            let Some((handle, interface)) = course.operation.holder() else {
                continue;
            };
            let added = changed.added();
            let own = added.filter(|(_, _, entry)| entry.is_of(handle, interface));
            let own: Vec<IpAddr> = own.map(|(_, address, _)| address).collect();
            course.ever_held.extend(own);
        }
        for (address, entry) in changed.removed() {
            for course in self.courses.values_mut() {
                course.has.retain(|has| *has != address);
            }
            let gone = |handle: &str, interface: Option<&str>| entry.is_of(handle, interface);
            self.told
                .retain(|(handle, interface), _| !gone(handle, interface.as_deref()));
        }
    }

    /// Judges what a caller was told.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub fn ended(&mut self, task: Task, answer: &Answer) -> Result<(), Violation> {
        let Some(mut course) = self.courses.remove(&task) else {
            return Ok(());
        };
        course.ended = Some(answer.clone());
        let judged = match course.party {
            Party::Ours => answers::judge(self, &course, answer),
            Party::Calico => Ok(()),
        };
        self.courses.insert(task, course);
        judged
    }
}
