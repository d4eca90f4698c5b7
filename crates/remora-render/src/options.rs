//! Memory budgets.

/// Memory budgets that the operator of the machine sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RendererOptions {
    /// Graphics memory for geometry in bytes. The root pages of all models are loaded even if they exceed it.
    pub geometry_bytes_max: u64,
    /// Main memory for pages that were read from mapped files, in bytes.
    pub page_memory_bytes_max: u64,
}

impl Default for RendererOptions {
    /// Returns budgets of 2 GiB and 1 GiB.
    fn default() -> Self {
        Self { geometry_bytes_max: 2 << 30, page_memory_bytes_max: 1 << 30 }
    }
}
