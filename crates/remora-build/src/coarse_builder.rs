//! Coarse forms of meshes that are made while others are still read.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::build::{BuildError, BuildOptions, Built, Detail, build_begun, build_mesh, just_built};
use crate::detail::work::Work;
use remora_asset::Asset;
use remora_model::MeshSink;
use remora_model::{Mesh, Model};

/// Give it to an importer as its listener, and then with the model to [`Self::finish`]: what is
/// made of the meshes in between need not be made any more.
pub struct CoarseBuilder {
    detail: Detail,
    primitives_min: u64,
    /// Triangles and points of all meshes; not known, or too few, as long as there is nothing to do.
    announced: OnceLock<u64>,
    made: Mutex<HashMap<usize, Built>>,
}

impl CoarseBuilder {
    /// Makes forms as [`Detail::Coarse`] asks for of models whose meshes have at least `primitives_min` triangles and
    /// points; nothing of any other, which are soon done anyway and may be wanted in full.
    pub fn new(primitives_max: u64, primitives_min: u64) -> Self {
        let detail = Detail::Coarse { primitives_max };
        Self { detail, primitives_min, announced: OnceLock::new(), made: Mutex::default() }
    }

    /// As [`build_asset`](crate::build_asset), from where `self` has come to while the model was read: forms that it has
    /// made of meshes are taken if `options` asks for such.
    pub fn finish(
        &self,
        model: &Model,
        options: &BuildOptions,
        told: &(dyn Fn(f32) + Sync),
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Asset, BuildError> {
        let mut bytes = Vec::new();
        build_begun(model, Some(self), options, told, cancelled, Cursor::new(&mut bytes))?;
        Ok(just_built(bytes))
    }

    /// Whether these are forms such as `detail` asks for.
    pub(super) fn suits(&self, detail: Detail) -> bool {
        self.detail == detail
    }

    /// How many meshes there are forms of that have not been taken.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn take(&self, number: usize) -> Option<Built> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }
}

impl MeshSink for CoarseBuilder {
    fn announced(&self, primitives: u64) {
        if primitives >= self.primitives_min {
            // A second announcement would be of another model, whose meshes are not these.
            let _ = self.announced.set(primitives);
        }
    }

    fn read(&self, number: usize, mesh: &Mesh) {
        let Some(&total) = self.announced.get() else { return };
        let built = build_mesh(mesh, self.detail, total, &Work::unwatched());
        if let Ok(built) = built {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(number, built);
        }
    }
}
