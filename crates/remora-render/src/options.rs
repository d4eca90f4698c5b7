//! Budgets of the renderer.

/// What the operator of the machine decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RendererOptions {
    /// What geometry may take of graphics memory, beyond what no picture can do without.
    pub geometry_bytes_max: u64,
    /// What pages of files that were read may take of main memory.
    pub page_memory_bytes_max: u64,
}

impl Default for RendererOptions {
    /// 2 GiB, 1 GiB.
    fn default() -> Self {
        Self { geometry_bytes_max: 2 << 30, page_memory_bytes_max: 1 << 30 }
    }
}
