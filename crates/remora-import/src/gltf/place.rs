//! The position of a primitive in a file.

use super::error::GltfError;

/// A primitive's position in the file, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) mesh: u32,
    pub(super) primitive: usize,
}

impl Place {
    pub(super) fn invalid(self, what: impl Into<String>) -> GltfError {
        GltfError::invalid(format!("mesh {}, primitive {}", self.mesh, self.primitive), what)
    }
}
