//! The interface through which work on a model begins before all of it is read.

use crate::Mesh;

/// Receives the meshes of a model while an importer still reads the others.
pub trait MeshSink: Sync {
    /// Called once, before the first mesh, with the number of triangles and points of all meshes according to the file.
    /// The meshes may have fewer, and if the file is damaged, there is no model at all.
    fn announced(&self, primitives: u64);

    /// Called with each complete mesh and its index in the model, by threads of the current rayon pool, for several
    /// meshes at once. The importer waits for all calls before it returns.
    fn read(&self, number: usize, mesh: &Mesh);
}
