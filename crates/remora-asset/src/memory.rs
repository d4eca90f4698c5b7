//! The bytes that an asset lies in, and giving up the memory of those that have been copied elsewhere.

use std::ops::Range;
use std::sync::{Arc, Weak};

/// What holds the bytes of a file.
pub trait Content: Send + Sync {
    /// Always the same.
    fn bytes(&self) -> &[u8];

    /// These bytes will hardly be read again soon: a mapped file need not keep them in memory. Reading them again works
    /// nevertheless.
    fn release(&self, range: Range<usize>) {
        let _ = range;
    }
}

impl Content for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A part of an asset that can be released later on. Does not keep the asset.
#[derive(Clone)]
pub struct PartMemory {
    content: Weak<dyn Content>,
    range: Range<usize>,
}

impl PartMemory {
    pub(super) fn new(content: &Arc<dyn Content>, range: Range<usize>) -> Self {
        Self { content: Arc::downgrade(content), range }
    }

    pub fn bytes(&self) -> u64 {
        self.range.len() as u64
    }

    pub fn release(self) {
        if let Some(content) = self.content.upgrade() {
            content.release(self.range);
        }
    }
}
