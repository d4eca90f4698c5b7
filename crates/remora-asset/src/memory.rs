//! The bytes of an asset, and the release of memory whose content has been copied elsewhere.

use std::ops::Range;
use std::sync::{Arc, Weak};

/// The owner of the bytes of a file.
pub trait Content: Send + Sync {
    /// Returns the bytes, the same in every call.
    fn bytes(&self) -> &[u8];

    /// Called when these bytes are unlikely to be read again soon, so that a mapped file can release their memory. They
    /// can still be read.
    fn release(&self, range: Range<usize>) {
        let _ = range;
    }
}

impl Content for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A part of an asset whose memory can be released later. It does not keep the asset alive.
#[derive(Clone)]
pub struct PartMemory {
    content: Weak<dyn Content>,
    range: Range<usize>,
}

impl PartMemory {
    pub(super) fn new(content: &Arc<dyn Content>, range: Range<usize>) -> Self {
        Self { content: Arc::downgrade(content), range }
    }

    /// Returns the length of the part.
    pub fn bytes(&self) -> u64 {
        self.range.len() as u64
    }

    /// Releases the memory if the asset still exists.
    pub fn release(self) {
        if let Some(content) = self.content.upgrade() {
            content.release(self.range);
        }
    }
}
