//! Progress in steps of one percent: one line that changes on a terminal, a line per step elsewhere.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

const STEPS: f32 = 100.0;
const RETURN_AND_CLEAR: &str = "\r\x1b[K";

/// The display of progress.
pub(crate) struct Progress {
    form: Form,
    /// Locked while a line is written.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The line on the terminal has no end yet.
    open: bool,
    finished: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Silent,
    Line,
    Lines,
}

/// One of several consecutive steps of the work.
pub(crate) struct Stage<'a> {
    progress: &'a Progress,
    name: &'static str,
    /// One more than the last percentage that was shown.
    told: AtomicU32,
}

impl Progress {
    /// Returns a display that shows nothing.
    pub(crate) fn silent() -> Self {
        Self { form: Form::Silent, state: Mutex::default() }
    }

    /// Returns a display on standard error, which is silent if that is not a terminal unless `wanted`.
    pub(crate) fn new(wanted: bool) -> Self {
        let form = match (std::io::stderr().is_terminal(), wanted) {
            (true, _) => Form::Line,
            (false, true) => Form::Lines,
            (false, false) => Form::Silent,
        };
        Self { form, state: Mutex::default() }
    }

    /// Starts a step of the work.
    pub(crate) fn stage(&self, name: &'static str) -> Stage<'_> {
        Stage { progress: self, name, told: AtomicU32::new(0) }
    }

    /// Removes the line and ends the display.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.finished = true;
        if std::mem::take(&mut state.open) {
            let _ = write!(std::io::stderr(), "{RETURN_AND_CLEAR}");
        }
    }
}

impl Stage<'_> {
    /// Shows the completed fraction, from 0 to 1. Any thread may call it.
    pub(crate) fn tell(&self, fraction: f32) {
        let step = (fraction.clamp(0.0, 1.0) * STEPS) as u32;
        if self.progress.form == Form::Silent || self.told.load(Ordering::Relaxed) > step {
            return;
        }
        let mut state = self.progress.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have shown this step already.
        if state.finished || self.told.fetch_max(step + 1, Ordering::Relaxed) > step {
            return;
        }
        // A closed standard error must not stop the work.
        let mut out = std::io::stderr();
        let _ = match self.progress.form {
            Form::Line => write!(out, "{RETURN_AND_CLEAR}{} {step:3} %", self.name),
            Form::Lines | Form::Silent => writeln!(out, "{} {step} %", self.name),
        };
        state.open = self.progress.form == Form::Line;
    }
}
