//! Polls a session until it reaches a state.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use crate::{
    clock::{self, Deadline},
    failure::{Failure, Status},
    output,
};

/// Time between two polls: half of the interval of the original service's clients.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time before the second poll. A session with an idle host is Ready by then.
const INTERVAL_FIRST: Duration = Duration::from_millis(50);

/// Consecutive polls that may find the service unreachable; a control plane that restarts is back earlier.
const ABSENCES_MAX: u32 = 30;

/// Polls with `look` while `continues`, for `time_max` at most, and returns the last state. `show` is called with each
/// state that continues and the time since the start.
pub(crate) fn until<T>(
    mut seen: T,
    time_max: Duration,
    continues: impl Fn(&T) -> bool,
    look: impl Fn() -> Result<T, Failure>,
    mut show: impl FnMut(&T, Duration),
) -> Result<T, Failure> {
    let deadline = Deadline::after(time_max);
    let mut absences = 0;
    let mut interval = INTERVAL_FIRST;
    while continues(&seen) {
        show(&seen, deadline.passed());
        if !deadline.pause(interval) {
            let seconds = time_max.as_secs();
            let message = format!("the session is not Ready after {seconds} s; it keeps starting, and its lease runs");
            return Err(Failure::new(Status::TimedOut, message));
        }
        interval = (interval * 2).min(INTERVAL);
        if let Some(next) = unless_away(look(), &mut absences)? {
            seen = next;
        }
    }
    Ok(seen)
}

/// Polls with `look` while `continues`, without a time limit, and returns the last state. `show` is called with every
/// state, the last included.
pub(crate) fn unbounded<T>(
    mut seen: T,
    continues: impl Fn(&T) -> bool,
    look: impl Fn() -> Result<T, Failure>,
    mut show: impl FnMut(&T) -> Result<(), Failure>,
) -> Result<T, Failure> {
    let mut absences = 0;
    loop {
        show(&seen)?;
        if !continues(&seen) {
            return Ok(seen);
        }
        clock::pause(INTERVAL);
        if let Some(next) = unless_away(look(), &mut absences)? {
            seen = next;
        }
    }
}

/// Returns the state; `None` if the service could not be reached and there are attempts left.
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

/// Progress on standard error while a command waits: one line that changes on a terminal, a line per change elsewhere.
pub(crate) struct Progress<'a> {
    id: &'a str,
    is_terminal: bool,
    shown: String,
}

impl<'a> Progress<'a> {
    /// Creates the display for the session with an id.
    pub(crate) fn new(id: &'a str) -> Self {
        Self { id, is_terminal: std::io::stderr().is_terminal(), shown: String::new() }
    }

    /// Shows a status and the time since the start.
    pub(crate) fn show(&mut self, status: &str, passed: Duration) {
        let id = self.id;
        if self.is_terminal {
            let line = format!("{id} is {status} ({} s)", passed.as_secs());
            // A closed standard error must not stop the command.
            let _ = write!(std::io::stderr().lock(), "\r{line}");
            self.shown = line;
        } else if self.shown != status {
            output::notice(format_args!("{id} is {status}"));
            self.shown = status.to_owned();
        }
    }
}

/// Clears the line for the output that follows.
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
    fn polling_ends_when_the_state_is_reached() {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            Ok(looks.get())
        };
        let mut shown = Vec::new();
        let last = until(0, Duration::from_mins(1), |seen| *seen < 2, look, |seen, _| shown.push(*seen));
        assert_eq!((last, shown), (Ok(2), vec![0, 1]));
    }

    #[test]
    fn a_short_absence_of_the_service_is_tolerated_and_a_long_one_is_not() {
        let away = || Err::<(), _>(Failure::new(Status::Unreachable, "no answer"));
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
    fn polling_ends_at_its_time_limit() {
        let never = until((), Duration::ZERO, |()| true, || panic!("no time was left"), |(), _| {});
        assert_eq!(never.unwrap_err().status, Status::TimedOut);
    }
}
