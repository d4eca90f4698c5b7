//! One purse for all memory whose size a file decides. Nothing is given back: what is taken for an intermediate
//! result stays taken, so that the sum bounds the peak.

#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: u64,
    left_bytes: u64,
}

/// What would not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} needs {needed_bytes} bytes of memory, {left_bytes} are left of the {limit_bytes} that loading may use")]
pub struct TooLarge {
    pub what: &'static str,
    pub needed_bytes: u64,
    pub left_bytes: u64,
    pub limit_bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, left_bytes: limit_bytes }
    }

    pub(crate) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Takes `count * size` bytes, before they are allocated.
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
