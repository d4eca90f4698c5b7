//! Coarse forms of meshes that are made while others are still read.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::build::{Built, Detail, build_mesh};
use crate::detail::work::Work;
use crate::listener::Listener;
use crate::model::Mesh;

/// Give it to an importer as its listener, and then with the model to [`Asset::from_model_begun`](super::Asset): what is
/// made of the meshes in between need not be made any more.
pub struct Early {
    detail: Detail,
    primitives_min: u64,
    /// Triangles and points of all meshes; not known, or too few, as long as there is nothing to do.
    announced: OnceLock<u64>,
    made: Mutex<HashMap<usize, Built>>,
}

impl Early {
    /// Makes forms as [`Detail::Coarse`] asks for of models whose meshes have at least `primitives_min` triangles and
    /// points; nothing of any other, which are soon done anyway and may be wanted in full.
    pub fn new(primitives_max: u64, primitives_min: u64) -> Self {
        let detail = Detail::Coarse { primitives_max };
        Self { detail, primitives_min, announced: OnceLock::new(), made: Mutex::default() }
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

impl Listener for Early {
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
