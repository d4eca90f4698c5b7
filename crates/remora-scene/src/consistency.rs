//! A check of everything that a scene derives or stores twice, for tests and fuzz targets.

use glam::DAffine3;

use crate::overrides::EffectiveState;
use crate::scene::Scene;
use crate::transform::is_in_range;

impl Scene {
    /// Panics if ids, links, slots, instances, transforms or states contradict one another. Takes time in proportion to
    /// the scene.
    pub fn assert_consistent(&self) {
        let (mut shown, mut selected, mut below) = (0, 0, 0);
        for (slot, entity) in self.tree.all() {
            let id = entity.id;
            assert_eq!(self.find(id), Some(slot), "{id:?} leads to its slot");
            for child in self.tree.children(slot) {
                assert_eq!(self.tree.entity(child).parent, Some(slot), "a child of {id:?} knows its parent");
                below += 1;
            }
            let above = entity.parent.map(|parent| self.tree.entity(parent).derived);
            let state_above = above.map_or(EffectiveState::DEFAULT, |above| above.state);
            let mut state = EffectiveState::derive(entity.overrides, entity.enabled, state_above);
            let world = above.map_or(DAffine3::IDENTITY, |above| above.world) * entity.local;
            let derived = entity.derived;
            if is_in_range(&world) {
                assert_eq!(derived.world, world, "{id:?} stands where its parents put it");
            } else {
                state.enabled = false;
            }
            assert!(is_in_range(&derived.world), "{id:?} is in range");
            assert_eq!(derived.state, state, "{id:?} has the state that follows from those above");
            assert_eq!(derived.depth, above.map_or(0, |above| above.depth + 1), "depth of {id:?}");
            if let Some(instance) = entity.instance {
                let instance = self.instances.get(instance).expect("an entity's instance is there");
                assert_eq!((instance.entity, instance.world, instance.state), (id, derived.world, derived.state));
                let meshes = self.model(instance.model).map_or(0, |asset| asset.meshes().len());
                assert!((instance.mesh as usize) < meshes, "the mesh of {id:?} is there");
                shown += 1;
            }
            if let Some(at) = entity.selection_at {
                assert_eq!(self.selection_overrides[at as usize], slot, "{id:?} knows its place among the selected");
                selected += 1;
            }
        }
        let with_parent = self.tree.all().filter(|(_, entity)| entity.parent.is_some()).count();
        assert_eq!(below, with_parent, "each entity is a child of its parent once");
        assert_eq!((shown, selected), (self.instances.len(), self.selection_overrides.len()));
        assert!(self.tree.len() <= self.entities_max);
    }
}
