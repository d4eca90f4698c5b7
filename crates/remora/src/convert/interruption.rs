//! SIGINT and SIGTERM while something is converted.
//!
//! ```text
//!   reading ──begin_writing──▶ writing
//!      └──signal: the end         └──signal──▶ asked: the work is given up
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

pub struct Interruption(Arc<AtomicU8>);

impl Interruption {
    /// `end` is called on another thread if a signal comes before [`Self::begin_writing`], and must end the process.
    pub fn listen(end: impl FnOnce() + Send + 'static) -> Result<Self, Failure> {
        let state = Arc::new(AtomicU8::new(READING));
        let interruption = Self(state.clone());
        process::when_asked_to_end(move || {
            if state.swap(ASKED, Ordering::SeqCst) == READING {
                end();
            }
        })?;
        Ok(interruption)
    }

    /// From now on there is something to clean up, so that a signal is left to who asks [`Self::has_come`].
    pub fn begin_writing(&self) -> Result<(), Failure> {
        let begun = self.0.compare_exchange(READING, WRITING, Ordering::SeqCst, Ordering::SeqCst);
        begun.map(drop).map_err(|_| interrupted())
    }

    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::SeqCst) == ASKED
    }
}
