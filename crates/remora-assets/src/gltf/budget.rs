//! One purse for all memory whose size a file decides. Nothing is given back: what is taken for an intermediate
//! result stays taken, so that the sum bounds the peak.

use super::LoadError;

#[derive(Debug)]
pub(super) struct Budget {
    limit_bytes: u64,
    left_bytes: u64,
}

impl Budget {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, left_bytes: limit_bytes }
    }

    pub(super) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Takes `count * size` bytes, before they are allocated.
    pub(super) fn take(&mut self, count: u64, size: usize, what: &'static str) -> Result<(), LoadError> {
        let needed_bytes = count.saturating_mul(size as u64);
        match self.left_bytes.checked_sub(needed_bytes) {
            Some(left) => {
                self.left_bytes = left;
                Ok(())
            }
            None => Err(LoadError::TooLarge {
                what,
                needed_bytes,
                left_bytes: self.left_bytes,
                limit_bytes: self.limit_bytes,
            }),
        }
    }
}
