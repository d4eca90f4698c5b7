//! What can be begun with a model before all of it is read.

use crate::Mesh;

/// Hears of a model's meshes while an importer still reads the others.
pub trait MeshSink: Sync {
    /// Once, before the first mesh: the triangles and points of all meshes together, as the file announces them. What is
    /// read may be less or, if the file is wrong, no model at all.
    fn announced(&self, primitives: u64);

    /// A mesh is complete, and will have this number in the model. Called by threads of the current rayon pool, for
    /// several meshes at once; the importer waits for it before it returns.
    fn read(&self, number: usize, mesh: &Mesh);
}
