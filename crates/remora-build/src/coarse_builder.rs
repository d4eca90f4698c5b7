//! Coarse meshes that are built while the importer still reads others.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::build::{build_with, open_built};
use super::mesh::{Built, build_mesh};
use super::options::{BuildError, BuildOptions, Detail};
use crate::detail::work::Work;
use remora_asset::Asset;
use remora_model::MeshSink;
use remora_model::{Mesh, Model};

/// Builds coarse meshes while an importer, whose sink it is, still reads others. [`Self::finish`] then builds the
/// asset.
pub struct CoarseBuilder {
    detail: Detail,
    primitives_min: u64,
    /// Triangles and points of all meshes; empty until the importer announces enough of them.
    announced: OnceLock<u64>,
    built: Mutex<HashMap<usize, Built>>,
}

impl CoarseBuilder {
    /// Returns a builder for [`Detail::Coarse`] with `primitives_max`. It ignores models with less than
    /// `primitives_min` triangles and points, which are quick to build and may be needed in full.
    pub fn new(primitives_max: u64, primitives_min: u64) -> Self {
        let detail = Detail::Coarse { primitives_max };
        Self { detail, primitives_min, announced: OnceLock::new(), built: Mutex::default() }
    }

    /// Builds an asset of the model whose meshes were read, as [`build_asset`](crate::build_asset) does. The meshes
    /// that are built already are used if `options` asks for the same detail.
    ///
    /// # Errors
    ///
    /// The model is too large for the format, or `cancelled` has returned true.
    pub fn finish(
        &self,
        model: &Model,
        options: &BuildOptions,
        progress: &(dyn Fn(f32) + Sync),
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Asset, BuildError> {
        let mut bytes = Vec::new();
        build_with(model, Some(self), options, progress, cancelled, Cursor::new(&mut bytes))?;
        Ok(open_built(bytes))
    }

    /// Returns whether the meshes are built with this detail.
    pub(super) fn suits(&self, detail: Detail) -> bool {
        self.detail == detail
    }

    /// Returns how many meshes are built and not taken.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.built.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn take(&self, number: usize) -> Option<Built> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }
}

impl MeshSink for CoarseBuilder {
    fn announced(&self, primitives: u64) {
        if primitives >= self.primitives_min {
            // A second announcement would belong to another model with other meshes.
            let _ = self.announced.set(primitives);
        }
    }

    fn read(&self, number: usize, mesh: &Mesh) {
        let Some(&total) = self.announced.get() else { return };
        let built = build_mesh(mesh, self.detail, total, &Work::unwatched());
        if let Ok(built) = built {
            self.built.lock().unwrap_or_else(PoisonError::into_inner).insert(number, built);
        }
    }
}
