//! World boxes and counts of what a scene holds. Hidden parts are included.

use remora_asset::WorldBounds;

use crate::instance::Instance;
use crate::scene::Scene;

impl Scene {
    /// Returns the world box around all instances.
    pub fn bounds(&self) -> WorldBounds {
        self.union_of_bounds(self.instances.iter())
    }

    /// Returns the number of triangles of all instances.
    pub fn triangles(&self) -> u64 {
        self.instances.iter().fold(0, |sum, instance| sum.saturating_add(self.mesh(instance).triangles))
    }

    /// Returns the number of points of all instances.
    pub fn points(&self) -> u64 {
        self.instances.iter().fold(0, |sum, instance| sum.saturating_add(self.mesh(instance).points))
    }

    /// Returns the number of instances, which is that of entities with a mesh.
    pub fn parts(&self) -> usize {
        self.instances.len()
    }

    /// Returns the world box around everything at and below an entity.
    pub(crate) fn bounds_of_subtree(&self, slot: u32) -> WorldBounds {
        self.union_of_bounds(self.instances_of_subtree(slot))
    }

    /// Iterates over the instances at and below an entity.
    pub(crate) fn instances_of_subtree(&self, slot: u32) -> impl Iterator<Item = &Instance> {
        let instances = self.tree.subtree(slot).filter_map(|at| self.tree.entity(at).instance);
        instances.filter_map(|instance| self.instances.get(instance))
    }

    pub(crate) fn instance_bounds(&self, instance: &Instance) -> WorldBounds {
        self.mesh(instance).bounds().transformed(&instance.world)
    }

    fn union_of_bounds<'a>(&self, instances: impl Iterator<Item = &'a Instance>) -> WorldBounds {
        instances.fold(WorldBounds::EMPTY, |bounds, instance| bounds.union(self.instance_bounds(instance)))
    }
}
