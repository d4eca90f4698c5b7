//! SIGINT and SIGTERM during a conversion.
//!
//! ```text
//!   reading ──begin_writing──▶ writing
//!      └──signal: the end         └──signal──▶ asked: the conversion is cancelled
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use super::interrupted;
use crate::{failure::Failure, process};

const READING: u8 = 0;
const WRITING: u8 = 1;
const ASKED: u8 = 2;

/// Shared state of a conversion and its signal handler.
pub(crate) struct Interruption(Arc<AtomicU8>);

impl Interruption {
    /// Listens to signals. If one arrives before [`Self::begin_writing`], `end` is called on another thread and must
    /// end the process.
    pub(crate) fn listen(end: impl FnOnce() + Send + 'static) -> Result<Self, Failure> {
        let state = Arc::new(AtomicU8::new(READING));
        let interruption = Self(state.clone());
        process::when_asked_to_end(move || {
            if state.swap(ASKED, Ordering::SeqCst) == READING {
                end();
            }
        })?;
        Ok(interruption)
    }

    /// Leaves signals to the caller of [`Self::has_come`], because there are files to clean up from now on.
    pub(crate) fn begin_writing(&self) -> Result<(), Failure> {
        let begun = self.0.compare_exchange(READING, WRITING, Ordering::SeqCst, Ordering::SeqCst);
        begun.map(drop).map_err(|_| interrupted())
    }

    /// Returns whether a signal has arrived.
    pub(crate) fn has_come(&self) -> bool {
        self.0.load(Ordering::SeqCst) == ASKED
    }
}
