//! How far something is, in steps of a hundredth: on a terminal one line that changes, elsewhere a line for each step.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

const STEPS: f32 = 100.0;
const RETURN_AND_CLEAR: &str = "\r\x1b[K";

pub struct Progress {
    form: Form,
    /// Held while something is written.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// There is a line on the terminal that is not ended.
    open: bool,
    finished: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Silent,
    Line,
    Lines,
}

/// One of several things that are done after one another.
pub struct Stage<'a> {
    progress: &'a Progress,
    name: &'static str,
    /// One more than the last that was told.
    told: AtomicU32,
}

impl Progress {
    pub fn silent() -> Self {
        Self { form: Form::Silent, state: Mutex::default() }
    }

    /// On standard error; `wanted` where that is no terminal, too.
    pub fn new(wanted: bool) -> Self {
        let form = match (std::io::stderr().is_terminal(), wanted) {
            (true, _) => Form::Line,
            (false, true) => Form::Lines,
            (false, false) => Form::Silent,
        };
        Self { form, state: Mutex::default() }
    }

    pub fn stage(&self, name: &'static str) -> Stage<'_> {
        Stage { progress: self, name, told: AtomicU32::new(0) }
    }

    /// Takes the line away; nothing is told any more.
    pub fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.finished = true;
        if std::mem::take(&mut state.open) {
            let _ = write!(std::io::stderr(), "{RETURN_AND_CLEAR}");
        }
    }
}

impl Stage<'_> {
    /// From 0 to 1, by any thread.
    pub fn tell(&self, fraction: f32) {
        let step = (fraction.clamp(0.0, 1.0) * STEPS) as u32;
        if self.progress.form == Form::Silent || self.told.load(Ordering::Relaxed) > step {
            return;
        }
        let mut state = self.progress.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been quicker.
        if state.finished || self.told.fetch_max(step + 1, Ordering::Relaxed) > step {
            return;
        }
        // A standard error that is closed is no reason to stop.
        let mut out = std::io::stderr();
        let _ = match self.progress.form {
            Form::Line => write!(out, "{RETURN_AND_CLEAR}{} {step:3} %", self.name),
            Form::Lines | Form::Silent => writeln!(out, "{} {step} %", self.name),
        };
        state.open = self.progress.form == Form::Line;
    }
}
