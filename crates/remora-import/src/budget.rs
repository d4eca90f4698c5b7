//! One budget for all memory whose size a file determines. Memory for intermediate results is never given back, so that
//! the sum bounds the peak.

/// The memory that importing one file may take.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: u64,
    left_bytes: u64,
}

/// The file needs more memory than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} needs {needed_bytes} bytes of memory, {left_bytes} are left of the {limit_bytes} that loading may use")]
pub struct TooLarge {
    /// The part that does not fit.
    pub what: &'static str,
    /// Bytes that the part needs.
    pub needed_bytes: u64,
    /// Bytes that are left.
    pub left_bytes: u64,
    /// The whole limit.
    pub limit_bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, left_bytes: limit_bytes }
    }

    /// Returns the bytes that may still be taken.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Takes `count * size` bytes before they are allocated.
    pub(crate) fn take(&mut self, count: u64, size: usize, what: &'static str) -> Result<(), TooLarge> {
        let needed_bytes = count.saturating_mul(size as u64);
        match self.left_bytes.checked_sub(needed_bytes) {
            Some(left) => {
                self.left_bytes = left;
                Ok(())
            }
            None => Err(TooLarge { what, needed_bytes, left_bytes: self.left_bytes, limit_bytes: self.limit_bytes }),
        }
    }
}
