//! Times of many calls, as people want to read them.

use std::fmt;
use std::time::Duration;

use crate::samples::Samples;

/// How long each of many calls took, and all of them together.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) what: &'static str,
    pub(crate) each: Samples,
    pub(crate) wall: Duration,
    pub(crate) at_once: usize,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, wall) = (self.each.count(), self.wall.as_secs_f64());
        let (median, p99) = (self.each.median(), self.each.p99());
        let how = match self.at_once {
            1 => "one after the other".to_owned(),
            at_once => format!("up to {at_once} processes at once, waiting included"),
        };
        write!(
            f,
            "{count} {} in {wall:.2} s, {how}: p50 {median:.1} ms, p99 {p99:.1} ms",
            self.what
        )
    }
}
