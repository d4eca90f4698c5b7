//! Looking at a session again and again.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use crate::{
    clock::{self, Deadline},
    failure::{Failure, Status},
    output,
};

/// Half of what the original service's clients wait.
const INTERVAL: Duration = Duration::from_secs(1);
/// A session with a warm host is Ready before anybody has looked twice.
const INTERVAL_FIRST: Duration = Duration::from_millis(50);

/// Looks that may find nobody, one after the other: a control plane that restarts is back before.
const ABSENCES_MAX: u32 = 30;

pub struct Follow;

impl Follow {
    /// Looks while `goes_on`; what was seen last. `look` is told each state and how long it has taken so far.
    pub fn until<T>(
        mut seen: T,
        time_max: Duration,
        goes_on: impl Fn(&T) -> bool,
        look: impl Fn() -> Result<T, Failure>,
        mut show: impl FnMut(&T, Duration),
    ) -> Result<T, Failure> {
        let deadline = Deadline::after(time_max);
        let mut absences = 0;
        let mut interval = INTERVAL_FIRST;
        while goes_on(&seen) {
            show(&seen, deadline.passed());
            if !deadline.pause(interval) {
                let seconds = time_max.as_secs();
                let message = format!("it has not become Ready within {seconds} s; it goes on, and so does its lease");
                return Err(Failure::new(Status::TimedOut, message));
            }
            interval = (interval * 2).min(INTERVAL);
            if let Some(next) = unless_away(look(), &mut absences)? {
                seen = next;
            }
        }
        Ok(seen)
    }

    /// Looks while `goes_on`, however long that is; what was seen last, which has been shown too.
    pub fn for_ever<T>(
        mut seen: T,
        goes_on: impl Fn(&T) -> bool,
        look: impl Fn() -> Result<T, Failure>,
        mut show: impl FnMut(&T) -> Result<(), Failure>,
    ) -> Result<T, Failure> {
        let mut absences = 0;
        loop {
            show(&seen)?;
            if !goes_on(&seen) {
                return Ok(seen);
            }
            clock::pause(INTERVAL);
            if let Some(next) = unless_away(look(), &mut absences)? {
                seen = next;
            }
        }
    }
}

/// What was seen; `None` if the service could not be reached, and that not for too long yet.
fn unless_away<T>(looked: Result<T, Failure>, absences: &mut u32) -> Result<Option<T>, Failure> {
    match looked {
        Err(Failure { status: Status::Unreachable, .. }) if *absences < ABSENCES_MAX => {
            *absences += 1;
            Ok(None)
        }
        looked => {
            *absences = 0;
            looked.map(Some)
        }
    }
}

/// What somebody who waits sees, on standard error: one line on a terminal, a line per change in a log.
pub struct Progress<'a> {
    id: &'a str,
    is_terminal: bool,
    shown: String,
}

impl<'a> Progress<'a> {
    pub fn new(id: &'a str) -> Self {
        Self { id, is_terminal: std::io::stderr().is_terminal(), shown: String::new() }
    }

    pub fn show(&mut self, status: &str, passed: Duration) {
        let id = self.id;
        if self.is_terminal {
            let line = format!("{id} is {status} ({} s)", passed.as_secs());
            // What cannot be shown is not missed.
            let _ = write!(std::io::stderr().lock(), "\r{line}");
            self.shown = line;
        } else if self.shown != status {
            output::notice(format_args!("{id} is {status}"));
            self.shown = status.to_owned();
        }
    }
}

/// Leaves the line to what comes next.
impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr().lock(), "\r{}\r", " ".repeat(self.shown.chars().count()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn it_looks_until_there_is_nothing_to_wait_for() {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            Ok(looks.get())
        };
        let mut shown = Vec::new();
        let last = Follow::until(0, Duration::from_secs(60), |seen| *seen < 2, look, |seen, _| shown.push(*seen));
        assert_eq!((last, shown), (Ok(2), vec![0, 1]));
    }

    #[test]
    fn a_service_that_is_away_for_a_moment_is_waited_for_and_one_that_is_gone_is_not() {
        let away = || Err::<(), _>(Failure::new(Status::Unreachable, "nobody is there"));
        let mut absences = 0;
        for _ in 0..ABSENCES_MAX {
            assert_eq!(unless_away(away(), &mut absences), Ok(None));
        }
        assert_eq!(unless_away(away(), &mut absences), away().map(Some));
        absences = ABSENCES_MAX;
        assert_eq!(unless_away(Ok(()), &mut absences), Ok(Some(())));
        assert_eq!(absences, 0);
        let refused = Failure::new(Status::Refused, "no");
        assert_eq!(unless_away(Err::<(), _>(refused.clone()), &mut absences), Err(refused));
    }

    #[test]
    fn it_does_not_wait_longer_than_it_was_told() {
        let never = Follow::until((), Duration::ZERO, |()| true, || panic!("no time was left"), |(), _| {});
        assert_eq!(never.unwrap_err().status, Status::TimedOut);
    }
}
